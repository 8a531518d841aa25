/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Port sets bit by bit, as RFC 7597 draws them: slow, and written without looking at portset.h. */
#ifndef PORTSET_REFERENCE_H
#define PORTSET_REFERENCE_H

#include <stdbool.h>

/* Is this a port of the set with offset a, PSID length k? Port 0 is left out. */
static inline bool reference_in_set(int a, int k, int psid, int port)
{
	bool excluded = a > 0;

	for (int i = 0; i < a; i++)
		if (port & 1 << (15 - i))
			excluded = false;
	for (int i = 0; i < k; i++)
		if (!(port & 1 << (15 - a - i)) != !(psid & 1 << (k - 1 - i)))
			return false;
	return !excluded && port;
}

#endif
