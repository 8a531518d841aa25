/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_TIMEOUTS_H
#define MAPE_LOADER_TIMEOUTS_H

#include <mape/config.h>

#include "opt.h"

/* Idle seconds until a session ends, as attach --timeout NAME=SECONDS sets them. */

#define TIMEOUT_NAMES "tcp-opening, tcp-established, tcp-closing, udp, icmp"

/* Is this a NAME=SECONDS that the RFCs allow? 0, or -1 with err(). For struct opt. */
int timeout_check(const char *word);

/* The defaults, and what the words change of them; all have been checked. */
void timeouts_set(struct mape_config *config, const struct opt_list *words);

#endif
