/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_HTTP_H
#define MAPE_LOADER_PROVISION_HTTP_H

#include "opt.h"
#include "provision/source.h"

/* One GET over IPv6, out of the line's own device. */
struct http_get {
	const char *url; /* is not quoted in messages: there may be a secret in it */
	bool verify;	 /* https only, and the server has to prove who it is */
	const char *device;
	const char *ca_file; /* NULL: the system's */
	const struct opt_list *resolvers;
	unsigned int timeout_s;
};

struct http_reply {
	long status;
	char *bytes; /* for free() */
	size_t len;
	char host[PROV_NAME_MAX];
	char *location; /* absolute URL of a redirection, or NULL; for free() */
};

/* PROV_OK whatever the status; PROV_SILENT, PROV_NO_SERVER, PROV_NO_DNS or PROV_BAD with err().
 * Always http_reply_free() it. */
enum prov_result http_get(const struct http_get *get, struct http_reply *reply);
void http_reply_free(struct http_reply *reply);

/* What a status other than 200 means; err() names the host. */
enum prov_result http_refusal(const struct http_reply *reply);

/* The host of a URL. 0, or -1 with err(). */
int http_host(const char *url, char host[PROV_NAME_MAX]);

#endif
