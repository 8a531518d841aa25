/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_RULE_OUT_H
#define MAPE_LOADER_RULE_OUT_H

#include <stdint.h>

#include "rule/rule.h"

/*
 * Describes a line with out_*(), as the keys of the current object. The ranges and ports.count are
 * the published set, see portset.h for port 0. mtu: of the tunnel, in bytes.
 */
void rule_out(const struct mape_line *line, uint32_t mtu);

#endif
