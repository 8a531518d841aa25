// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What each kind of rule server wants to be asked. */
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns.h"
#include "err.h"
#include "http.h"
#include "online.h"

#define TIMEOUT_S	  30
#define GATEWAY_TIMEOUT_S 3
#define URL_MAX		  2048
#define REDIRECTIONS_MAX  3

/* HB46PP, section 3.3. The vendor id is the one of the specification for those who have none. */
#define VENDOR	   "acde48-v6pc_swg_hgw"
#define CAPABILITY "map_e,lw4o6,ipip,dslite,hubspoke"

static struct http_get make_get(const struct prov_request *request, const char *url, bool verify)
{
	return (struct http_get){
		.url = url,
		.verify = verify,
		.device = request->device,
		.ca_file = request->opts->ca_file,
		.resolvers = &request->opts->resolvers,
		.timeout_s = TIMEOUT_S,
	};
}

/* Hands the body over, if the status is that of one. */
static enum prov_result take_body(struct http_reply *got, bool verified, struct prov_reply *reply)
{
	if (got->status != 200)
		return http_refusal(got);
	reply->bytes = got->bytes ?: calloc(1, 1);
	reply->len = got->len;
	reply->verified = verified;
	memcpy(reply->server, got->host, sizeof(reply->server));
	got->bytes = NULL;
	return reply->bytes ? PROV_OK : (err(NULL, "out of memory"), PROV_BAD);
}

static enum prov_result fetch_verified(const struct prov_request *request, const char *url,
				       struct prov_reply *reply)
{
	struct http_get get = make_get(request, url, true);
	struct http_reply got;
	enum prov_result result = http_get(&get, &got);

	if (!result)
		result = take_body(&got, true, reply);
	http_reply_free(&got);
	return result;
}

/* The server knows lines by their /64, or by the /56 that was delegated. */
enum prov_result ocn_fetch(const struct prov_request *request, struct prov_reply *reply)
{
	int len = request->prefix.len > 56 ? 64 : 56;
	struct mape_ip6 ip6 = mape_ip6_prefix(request->prefix.ip6, len);
	enum prov_result result;
	char url[URL_MAX];

	if (!request->credentials->ocn[0])
		return err("If OCN has given you a code, write 'ocn CODE' into the file of "
			   "--credentials.",
			   "the rule server wants a code"),
		       PROV_UNSET;
	snprintf(url, sizeof(url),
		 "https://rule.map.ocn.ad.jp/?ipv6Prefix=%x:%x:%x:%x::&ipv6PrefixLength=%d&code=%s",
		 (unsigned int)(ip6.hi >> 48), (unsigned int)(ip6.hi >> 32 & 0xffff),
		 (unsigned int)(ip6.hi >> 16 & 0xffff), (unsigned int)(ip6.hi & 0xffff), len,
		 request->credentials->ocn);
	result = fetch_verified(request, url, reply);
	explicit_bzero(url, sizeof(url));
	return result;
}

/* A home gateway that is at it already has our CE address. Most lines have none: no answer is the
 * usual case, and not worth waiting for. */
static void look_for_gateway(const struct prov_request *request)
{
	struct http_get get = make_get(
		request, "http://ntt.setup:8888/enabler.ipv4/check?callback=hgw", false);
	struct http_reply got;
	bool active = false;

	get.timeout_s = GATEWAY_TIMEOUT_S;
	if (!http_get(&get, &got) && got.status == 200 && got.bytes &&
	    !jpne_parse_gateway(got.bytes, got.len, &active) && active)
		warn("the home gateway runs MAP-E itself: both would use the same address. Switch "
		     "it off there (IPv4 over IPv6), or leave IPv4 to it");
	err_clear();
	http_reply_free(&got);
}

enum prov_result jpne_fetch(const struct prov_request *request, struct prov_reply *reply)
{
	enum prov_result result;
	char url[URL_MAX];

	if (!request->credentials->jpne[0])
		return err("If JPNE has given you a token, write 'jpne TOKEN' into the file of "
			   "--credentials.",
			   "the rule server wants a token"),
		       PROV_UNSET;
	look_for_gateway(request);
	snprintf(url, sizeof(url), "https://api.enabler.ne.jp/%s/get_rules?callback=v6plus",
		 request->credentials->jpne);
	result = fetch_verified(request, url, reply);
	explicit_bzero(url, sizeof(url));
	return result;
}

/* "0.1.0" as the specification allows it. */
static const char *version(char buf[33])
{
	snprintf(buf, 33, "%s", MAPE_VERSION);
	for (char *c = buf; *c; c++)
		if (*c < '0' || *c > '9')
			*c = '_';
	return buf;
}

/* Name and password go to nobody but the server that the user has named. */
static bool may_log_in(const struct prov_request *request, const char *url, bool verify)
{
	const char *server = request->credentials->hb46pp.server;
	char host[PROV_NAME_MAX];

	return server[0] && verify && !http_host(url, host) && !strcasecmp(host, server);
}

static int make_hb46pp_url(const struct prov_request *request, const char *base, bool verify,
			   char url[URL_MAX])
{
	const struct credentials *c = request->credentials;
	char number[33];
	int n;

	n = snprintf(url, URL_MAX, "%s%cvendorid=%s&product=mape-xdp&version=%s&capability=%s%s%s",
		     base, strchr(base, '?') ? '&' : '?', VENDOR, version(number), CAPABILITY,
		     request->token[0] ? "&token=" : "", request->token);
	if (n < URL_MAX && may_log_in(request, base, verify))
		n += snprintf(url + n, URL_MAX - n, "&user=%s&pass=%s", c->hb46pp.user,
			      c->hb46pp.password);
	return n < URL_MAX ? 0 : err(NULL, "the URL of the server is too long");
}

/* Follows redirections. Each goes on from what the server says, with our parameters unless it has
 * some already. */
static enum prov_result follow(const struct prov_request *request, struct hb46pp_server *server,
			       struct prov_reply *reply)
{
	char url[URL_MAX];

	if (make_hb46pp_url(request, server->url, server->verify, url))
		return PROV_BAD;
	for (int i = 0;; i++) {
		struct http_get get = make_get(request, url, server->verify);
		struct http_reply got;
		enum prov_result result = http_get(&get, &got);
		bool redirected = !result && got.status == 307 && got.location, too_long;

		if (!redirected || i == REDIRECTIONS_MAX) {
			if (!result)
				result = take_body(&got, server->verify, reply);
			http_reply_free(&got);
			return result;
		}
		if (!strchr(got.location, '?'))
			too_long = make_hb46pp_url(request, got.location, server->verify, url);
		else
			too_long = snprintf(url, sizeof(url), "%s", got.location) >= URL_MAX;
		http_reply_free(&got);
		if (too_long)
			return err(NULL, "the URL of the server is too long"), PROV_BAD;
	}
}

enum prov_result hb46pp_fetch(const struct prov_request *request, struct prov_reply *reply)
{
	struct hb46pp_server server;
	enum prov_result result = dns_hb46pp(&request->opts->resolvers, &server);

	return result ? result : follow(request, &server, reply);
}

int online_resolve_br(const struct prov_opts *opts, const char *name, struct mape_rule *rule)
{
	struct in6_addr addrs[DNS_ADDRESSES_MAX];
	size_t n;

	if (dns_addresses(&opts->resolvers, name, addrs, &n))
		return -1;
	rule->br_count = n < MAPE_BR_MAX ? n : MAPE_BR_MAX;
	for (size_t i = 0; i < rule->br_count; i++)
		rule->br[i] = mape_ip6_load(&addrs[i]);
	return prov_rule_check(rule);
}
