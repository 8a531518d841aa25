/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_SOURCE_H
#define MAPE_LOADER_PROVISION_SOURCE_H

#include "answer.h"
#include "credentials.h"
#include "opts.h"

/* Who can be asked, in the order in which they are unless the user gives another. */
enum prov_source {
	PROV_BY_HAND, /* --rule */
	PROV_DHCPV6,
	PROV_OCN,
	PROV_JPNE,
	PROV_HB46PP,
	PROV_BUILTIN,
	PROV_SOURCES
};

const char *prov_source_name(enum prov_source source);
bool prov_source_parse(const char *name, enum prov_source *source);

/* What is asked. */
struct prov_request {
	const struct prov_opts *opts;
	const struct credentials *credentials;
	const char *device;	    /* the WAN, through which to ask */
	struct mape_prefix prefix;  /* of the line, as far as it is known without a rule */
	const char *token;	    /* HB46PP: of the last answer, or "" */
};

/* A document as it came; text, in which secrets of this line may be. */
struct prov_reply {
	char *bytes; /* for free() */
	size_t len;
	char server[PROV_NAME_MAX]; /* host name, "" if it came from no server */
	bool verified;		    /* the server has proved who it is */
};

/* Gets a document: any result, err() unless PROV_OK. */
typedef enum prov_result prov_fetch(const struct prov_request *request, struct prov_reply *reply);
/* Reads one, see parsers.h. */
typedef enum prov_result prov_parse(const void *bytes, size_t len, struct prov_answer *answer);

/* NULL for those that are no documents, and fetch also for what was not built in. */
prov_fetch *prov_source_fetch(enum prov_source source);
prov_parse *prov_source_parser(enum prov_source source);

/* The document of PROV_DHCPV6: what --s46 says, or the environment of a script of odhcp6c. */
prov_fetch s46_fetch;

#endif
