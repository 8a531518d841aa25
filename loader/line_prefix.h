/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_LINE_PREFIX_H
#define MAPE_LOADER_LINE_PREFIX_H

#include "net/link.h"
#include "rule_opts.h"

/*
 * Finds the line's prefix on the machine, by which rule it is, and derives the line: a prefix that
 * was delegated to this router, else the global, non-temporary, non-deprecated addresses of the
 * WAN. Candidates without a rule do not count as long as another one has one; several with
 * different results are an error that lists them. 0, or -1 with err().
 */
int line_discover(const struct rule_opts *opts, const struct link_info *wan,
		  struct mape_line *line);

/*
 * The prefix that stands for the line where no rule is known yet: the first of those that
 * line_discover() looks at. 0, or -1 with err() if there is none.
 */
int line_first_prefix(const struct link_info *wan, struct mape_prefix *prefix);

#endif
