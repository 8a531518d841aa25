// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "dns.h"

#include <arpa/nameser.h>
#include <netdb.h>
#include <resolv.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

#define ANSWER_MAX  8192
#define TIMEOUT_S   2 /* for one try */
#define TRIES	    2
#define HB46PP_NAME "4over6.info"

static struct addrinfo *read_address(const char *text)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_DGRAM };
	struct addrinfo *found = NULL;
	int error = getaddrinfo(text, "53", &hints, &found);

	if (error)
		err("Give an address, for a link-local one with its device: fe80::1%eth2",
		    "--resolver '%s': %s", text, gai_strerror(error));
	return error ? NULL : found;
}

/* The C library keeps servers with an IPv6 address apart from the others, and frees them. */
static int use_resolver(struct __res_state *state, int i, const char *text)
{
	struct addrinfo *found = read_address(text);
	struct sockaddr_in6 *copy;

	if (!found)
		return -1;
	if (found->ai_family == AF_INET) {
		memcpy(&state->nsaddr_list[i], found->ai_addr, sizeof(state->nsaddr_list[i]));
	} else {
		copy = malloc(sizeof(*copy));
		if (!copy) {
			freeaddrinfo(found);
			return err(NULL, "out of memory");
		}
		memcpy(copy, found->ai_addr, sizeof(*copy));
		free(state->_u._ext.nsaddrs[i]);
		state->_u._ext.nsaddrs[i] = copy;
		state->nsaddr_list[i].sin_family = 0;
	}
	freeaddrinfo(found);
	return 0;
}

static int open_resolver(struct __res_state *state, const struct opt_list *resolvers)
{
	memset(state, 0, sizeof(*state));
	if (res_ninit(state))
		return err(NULL, "the resolver library cannot be started");
	state->retrans = TIMEOUT_S;
	state->retry = TRIES;
	for (unsigned int i = 0; i < resolvers->n; i++) {
		if (i == MAXNS) {
			warn("only the first %d --resolver are used", MAXNS);
			break;
		}
		if (use_resolver(state, i, resolvers->v[i])) {
			res_nclose(state);
			return -1;
		}
		state->nscount = i + 1;
	}
	return 0;
}

static enum prov_result query(const struct opt_list *resolvers, const char *name, int type,
			      uint8_t answer[ANSWER_MAX], size_t *len)
{
	enum prov_result result = PROV_OK;
	struct __res_state state;
	int n;

	if (open_resolver(&state, resolvers))
		return PROV_NO_DNS;
	n = res_nquery(&state, name, ns_c_in, type, answer, ANSWER_MAX);
	if (n < 0 && (state.res_h_errno == HOST_NOT_FOUND || state.res_h_errno == NO_DATA))
		result = PROV_NO_SERVER;
	else if (n < 0 || n > ANSWER_MAX)
		result = PROV_NO_DNS;
	res_nclose(&state);
	*len = n > 0 ? n : 0;
	return result;
}

static enum prov_result failed(enum prov_result result, const char *name)
{
	if (result == PROV_NO_DNS && !err_text())
		err("Name the DNS server of the line with --resolver.",
		    "the DNS server does not answer the question for %s", name);
	return result;
}

enum prov_result dns_addresses(const struct opt_list *resolvers, const char *name,
			       struct in6_addr addrs[DNS_ADDRESSES_MAX], size_t *n)
{
	uint8_t answer[ANSWER_MAX];
	enum prov_result result;
	size_t len;

	err_clear();
	result = query(resolvers, name, ns_t_aaaa, answer, &len);
	if (!result)
		result = dns_parse_aaaa(answer, len, addrs, n);
	if (result == PROV_NO_SERVER || result == PROV_NOTHING)
		return err("Is it the DNS server of the line that is asked? See --resolver.",
			   "the DNS knows no IPv6 address of %s", name),
		       PROV_NO_SERVER;
	return failed(result, name);
}

enum prov_result dns_hb46pp(const struct opt_list *resolvers, struct hb46pp_server *server)
{
	uint8_t answer[ANSWER_MAX];
	enum prov_result result;
	size_t len;

	err_clear();
	result = query(resolvers, HB46PP_NAME, ns_t_txt, answer, &len);
	if (!result)
		result = dns_parse_hb46pp(answer, len, server);
	if (result == PROV_NO_SERVER || result == PROV_NOTHING)
		return err("Only the DNS server of the line knows one: is it the one that is "
			   "asked? See --resolver.",
			   "the DNS names no provisioning server (TXT of " HB46PP_NAME ")"),
		       PROV_NO_SERVER;
	return failed(result, HB46PP_NAME);
}
