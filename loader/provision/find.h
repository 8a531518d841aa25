/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_FIND_H
#define MAPE_LOADER_PROVISION_FIND_H

#include "net/link.h"
#include "rule_opts.h"
#include "source.h"

/* What one source has said about the line. */
struct prov_attempt {
	enum prov_source source;
	bool ok;
	bool cached;	/* said earlier, and not asked now */
	uint64_t age_s; /* since it was said */
	char *why, *hint; /* unless ok; hint may be NULL */
};

/* A line as the sources have it. */
struct prov_found {
	enum prov_source source;
	enum prov_method method;
	struct mape_line line;	     /* if the method is usable, see prov_usable() */
	struct prov_answer *answer;  /* NULL from PROV_BY_HAND and PROV_BUILTIN */
	char server[PROV_NAME_MAX];  /* host name, or "" */
	bool verified;		     /* the server has proved who it is */
	bool cached;
	uint64_t age_s;
	struct prov_attempt attempts[PROV_SOURCES]; /* in the order of asking */
	size_t n_attempts;
};

/* Can this command carry IPv4 that way? */
bool prov_usable(enum prov_method method);

/*
 * Asks the sources of opts->from, or all, one after the other, up to the first that knows a usable
 * way for the line. If none does, the first that knows any way counts. prefix: of the line, NULL
 * if it is to be found on the machine. 0, or -1 with err(). Always prov_found_free() it.
 */
int prov_find(const struct prov_opts *opts, const struct rule_opts *rule,
	      const struct link_info *wan, const char *prefix, struct prov_found *found);
void prov_found_free(struct prov_found *found);

/* Forgets what sources (those of opts->from, or all) have said. 0, or -1 with err(). */
int prov_forget(const struct prov_opts *opts, const struct link_info *wan);

#endif
