/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_ASK_H
#define MAPE_LOADER_PROVISION_ASK_H

#include "source.h"

/* What a source says now, or has said last and still means. */
struct prov_saying {
	struct prov_answer *answer; /* for free() */
	char server[PROV_NAME_MAX];
	bool verified;
	bool cached;
	uint64_t age_s;
};

/*
 * Asks a source of documents, unless its last answer is about the same line and not due for
 * renewal. A source that fails to answer keeps its word, with a warning; see timing.h. Any result,
 * with err() unless PROV_OK.
 */
enum prov_result prov_ask(enum prov_source source, const struct prov_request *request,
			  struct prov_saying *saying);

#endif
