/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_FAULT_H
#define MAPE_LOADER_FAULT_H

/*
 * Injected failures for tests. Only in builds with -DMAPE_FAULTS, elsewhere nothing.
 *
 * MAPE_FAULT=N makes the Nth fault point of the process return -1 with err();
 * MAPE_FAULT=N:kill makes it end the process as kill -9 does.
 */
#ifdef MAPE_FAULTS
int fault_point(const char *name);
#else
static inline int fault_point(const char *name)
{
	(void)name;
	return 0;
}
#endif

#endif
