// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "http.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "err.h"

#define CONNECT_TIMEOUT_S 10L

struct target {
	char host[PROV_NAME_MAX]; /* an IPv6 address without brackets */
	char port[8];
};

static int get_part(CURLU *u, CURLUPart part, char *buf, size_t size)
{
	char *value = NULL;
	bool fits = !curl_url_get(u, part, &value, CURLU_DEFAULT_PORT) && strlen(value) < size;

	if (fits)
		strcpy(buf, value);
	curl_free(value);
	return fits ? 0 : -1;
}

static int split_url(const char *url, struct target *t)
{
	CURLU *u = curl_url();
	int ret = -1;

	if (u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
	    !get_part(u, CURLUPART_HOST, t->host, sizeof(t->host)) &&
	    !get_part(u, CURLUPART_PORT, t->port, sizeof(t->port)))
		ret = 0;
	curl_url_cleanup(u);
	if (ret)
		return err(NULL, "the URL of the server is broken");
	if (t->host[0] == '[') {
		memmove(t->host, t->host + 1, strlen(t->host));
		t->host[strcspn(t->host, "]")] = '\0';
	}
	return 0;
}

int http_host(const char *url, char host[PROV_NAME_MAX])
{
	struct target t;

	if (split_url(url, &t))
		return -1;
	memcpy(host, t.host, sizeof(t.host));
	return 0;
}

/* Asks the line's DNS rather than leave it to libcurl, which knows no other than the system's. */
static enum prov_result resolve(const struct http_get *get, const struct target *t,
				struct curl_slist **list)
{
	struct in6_addr addrs[DNS_ADDRESSES_MAX];
	char entry[PROV_NAME_MAX + 16 + DNS_ADDRESSES_MAX * (INET6_ADDRSTRLEN + 3)];
	enum prov_result result;
	size_t n, used;

	if (inet_pton(AF_INET6, t->host, addrs) == 1)
		return PROV_OK;
	result = dns_addresses(get->resolvers, t->host, addrs, &n);
	if (result)
		return result;
	used = snprintf(entry, sizeof(entry), "%s:%s:", t->host, t->port);
	for (size_t i = 0; i < n; i++) {
		char text[INET6_ADDRSTRLEN];

		inet_ntop(AF_INET6, &addrs[i], text, sizeof(text));
		used += snprintf(entry + used, sizeof(entry) - used, "%s[%s]", i ? "," : "", text);
	}
	*list = curl_slist_append(NULL, entry);
	return *list ? PROV_OK : (err(NULL, "out of memory"), PROV_BAD);
}

/* Called by libcurl; taking less than it offers ends the transfer. */
static size_t take_body(char *data, size_t size, size_t n, void *arg)
{
	struct http_reply *reply = arg;
	char *bigger;

	if (reply->len + size * n > PROV_DOCUMENT_MAX)
		return 0;
	bigger = realloc(reply->bytes, reply->len + size * n + 1);
	if (!bigger)
		return 0;
	reply->bytes = bigger;
	memcpy(reply->bytes + reply->len, data, size * n);
	reply->len += size * n;
	return size * n;
}

static void set_options(CURL *curl, const struct http_get *get, struct http_reply *reply,
			char device[64], char message[CURL_ERROR_SIZE])
{
	const char *protocols = get->verify ? "https" : "http,https";

	snprintf(device, 64, "if!%s", get->device);
	curl_easy_setopt(curl, CURLOPT_URL, get->url);
	curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(curl, CURLOPT_IPRESOLVE, (long)CURL_IPRESOLVE_V6);
	curl_easy_setopt(curl, CURLOPT_INTERFACE, device);
	/* a proxy of the environment would not be on this line */
	curl_easy_setopt(curl, CURLOPT_PROXY, "");
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, CONNECT_TIMEOUT_S);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)get->timeout_s);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, get->verify ? 1L : 0L);
	curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, get->verify ? 2L : 0L);
	if (get->ca_file)
		curl_easy_setopt(curl, CURLOPT_CAINFO, get->ca_file);
	curl_easy_setopt(curl, CURLOPT_USERAGENT, "mape-xdp/" MAPE_VERSION);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, reply);
	curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message);
}

static enum prov_result failed(CURLcode code, const struct http_get *get, const char *host,
			       const char *message)
{
	const char *text = message[0] ? message : curl_easy_strerror(code);

	switch (code) {
	case CURLE_WRITE_ERROR:
		err(NULL, "%s sends more than %d bytes", host, PROV_DOCUMENT_MAX);
		return PROV_BAD;
	case CURLE_PEER_FAILED_VERIFICATION:
		err("Is the clock right? See `date`. If the server has an authority of its own, "
		    "name it with --ca-file.",
		    "%s does not prove who it is: %s", host, text);
		return PROV_SILENT;
	case CURLE_SSL_CACERT_BADFILE:
		err("Install ca-certificates, or name a file with --ca-file.",
		    "no certificate authorities: %s", text);
		return PROV_SILENT;
	default:
		err(NULL, "no answer from %s through %s: %s", host, get->device, text);
		return PROV_SILENT;
	}
}

static enum prov_result perform(CURL *curl, const struct http_get *get, struct curl_slist *address,
				struct http_reply *reply)
{
	struct curl_slist *headers = curl_slist_append(NULL, "Accept: application/json");
	char message[CURL_ERROR_SIZE] = "", device[64];
	char *location = NULL;
	CURLcode code;

	set_options(curl, get, reply, device, message);
	curl_easy_setopt(curl, CURLOPT_RESOLVE, address);
	curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	if (code)
		return failed(code, get, reply->host, message);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &reply->status);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
	reply->location = location ? strdup(location) : NULL;
	return PROV_OK;
}

enum prov_result http_get(const struct http_get *get, struct http_reply *reply)
{
	struct curl_slist *address = NULL;
	enum prov_result result;
	struct target target;
	CURL *curl;

	memset(reply, 0, sizeof(*reply));
	if (split_url(get->url, &target))
		return PROV_BAD;
	memcpy(reply->host, target.host, sizeof(reply->host));
	result = resolve(get, &target, &address);
	if (result)
		return result;
	curl = curl_easy_init();
	result = curl ? perform(curl, get, address, reply) :
			(err(NULL, "libcurl cannot be started"), PROV_BAD);
	curl_easy_cleanup(curl);
	curl_slist_free_all(address);
	return result;
}

void http_reply_free(struct http_reply *reply)
{
	free(reply->bytes);
	free(reply->location);
	memset(reply, 0, sizeof(*reply));
}

enum prov_result http_refusal(const struct http_reply *reply)
{
	bool refused = reply->status >= 400 && reply->status < 500;

	err(refused ? "Is this line one of that provider's, and is the code right? The question "
		      "has to leave through the line itself." :
		      NULL,
	    "%s answered with status %ld", reply->host, reply->status);
	return refused ? PROV_REFUSED : reply->status >= 500 ? PROV_SILENT : PROV_BAD;
}
