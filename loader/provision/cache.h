/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_CACHE_H
#define MAPE_LOADER_PROVISION_CACHE_H

#include "rule/text.h"
#include "timing.h"

/*
 * What a source has said last about a line, kept over a restart: the document itself, which is
 * parsed anew each time, so that nothing is believed for being in the file. One file for each WAN
 * and source, readable by root only.
 */
struct prov_cache {
	struct prov_timing timing;
	uint64_t fetched;		 /* seconds since 1970 */
	char prefix[MAPE_PREFIX_STRLEN]; /* the line it was said about */
	char token[PROV_TOKEN_LEN + 1];	 /* HB46PP, "" if there is none */
	struct prov_reply reply;	 /* bytes NULL: nothing, or it was dropped */
};

/* Reads STATE_DIR/[NETNS-]WAN.SOURCE.json. A file that is not there, or damaged, is like nothing
 * said yet (the latter with a warning). 0, or -1 with err(). Always prov_cache_free() it. */
int prov_cache_load(struct prov_cache *c, const char *dir, const char *wan,
		    enum prov_source source);
/* Replaces the file at once, after making the directory. 0, or -1 with err(). */
int prov_cache_save(const struct prov_cache *c, const char *dir, const char *wan,
		    enum prov_source source);
/* 0 even if there is none; -1 with err(). */
int prov_cache_remove(const char *dir, const char *wan, enum prov_source source);
void prov_cache_drop(struct prov_cache *c); /* the document */
void prov_cache_free(struct prov_cache *c);

#endif
