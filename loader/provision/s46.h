/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_S46_H
#define MAPE_LOADER_PROVISION_S46_H

#include "answer.h"

/* What the two forms of softwire options (RFC 7598) have in common. */

/* The sub-option S46_PORTPARAMS, or the words for it. */
struct s46_ports {
	bool given;
	uint8_t offset;
	uint8_t psid_len;
	uint16_t psid; /* left-justified, unlike everywhere else */
};

/* An empty rule of DHCPv6. */
struct mape_rule s46_rule(void);

/*
 * Completes a rule by its ports and drops what the sender should have left zero. Without port
 * parameters the offset is 6 for a shared address (RFC 7597, section 5.1) and 0 for one that is
 * not. 0, or -1 with err().
 */
int s46_finish(struct mape_rule *rule, const struct s46_ports *ports);

#endif
