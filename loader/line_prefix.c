// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "line_prefix.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "net/addr.h"
#include "net/route.h"

#define CANDIDATES_MAX 16

struct candidates {
	char text[CANDIDATES_MAX][INET6_ADDRSTRLEN + 4];
	size_t n;
};

static void add_candidate(struct candidates *c, const struct in6_addr *addr, int len)
{
	char text[INET6_ADDRSTRLEN], whole[INET6_ADDRSTRLEN + 4];

	inet_ntop(AF_INET6, addr, text, sizeof(text));
	snprintf(whole, sizeof(whole), "%s/%d", text, len);
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->text[i], whole))
			return;
	if (c->n < CANDIDATES_MAX)
		strcpy(c->text[c->n++], whole);
}

static int delegated_prefixes(struct candidates *c)
{
	struct route6 *routes;
	size_t n;

	if (route6_delegated(&routes, &n))
		return -1;
	for (size_t i = 0; i < n; i++)
		add_candidate(c, &routes[i].dst, routes[i].prefix_len);
	free(routes);
	return 0;
}

/* An address stands for the /64 that the router advertisement told. */
static int wan_addresses(struct candidates *c, int ifindex)
{
	struct addr6_info *addrs;
	size_t n;

	if (addr6_list(ifindex, &addrs, &n))
		return -1;
	for (size_t i = 0; i < n; i++) {
		const struct addr6_info *a = &addrs[i];
		struct in6_addr net = a->addr;

		if (a->scope != RT_SCOPE_UNIVERSE || a->temporary || a->deprecated ||
		    a->dadfailed || (a->addr.s6_addr[0] & 0xe0) != 0x20)
			continue;
		memset(&net.s6_addr[8], 0, 8);
		add_candidate(c, &net, 64);
	}
	free(addrs);
	return 0;
}

static bool same_line(const struct mape_line *a, const struct mape_line *b)
{
	return mape_ip6_eq(a->ce, b->ce) && a->ip4 == b->ip4 && a->psid == b->psid;
}

/* 1: none of them has a rule. */
static int choose(const struct rule_opts *opts, const struct candidates *c, struct mape_line *line)
{
	struct mape_line found[CANDIDATES_MAX];
	char list[CANDIDATES_MAX * 64] = "";
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		if (line_from_options(opts, c->text[i], &found[n]))
			continue;
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s%s", n ? ", " : "",
			 c->text[i]);
		if (n == 0 || !same_line(&found[0], &found[n]))
			n++;
	}
	if (n == 0)
		return 1;
	if (n > 1)
		return err("Say which with --prefix.", "several prefixes have a MAP-E rule: %s",
			   list);
	err_clear();
	*line = found[0];
	return 0;
}

static int no_prefix(const struct link_info *wan)
{
	return err("Is IPv6 up on the line? `ip -6 addr show` should list a global address. Or "
		   "name the prefix with --prefix.",
		   "%s has no global IPv6 address and no prefix was delegated", wan->name);
}

int line_first_prefix(const struct link_info *wan, struct mape_prefix *prefix)
{
	struct candidates c = {};
	struct mape_error error;

	if (delegated_prefixes(&c) || (!c.n && wan_addresses(&c, wan->ifindex)))
		return -1;
	if (!c.n)
		return no_prefix(wan);
	return mape_prefix_parse(c.text[0], prefix, &error) ? err(NULL, "%s", error.detail) : 0;
}

int line_discover(const struct rule_opts *opts, const struct link_info *wan,
		  struct mape_line *line)
{
	struct candidates delegated = {}, addresses = {};
	int ret = 1;

	if (delegated_prefixes(&delegated) || wan_addresses(&addresses, wan->ifindex))
		return -1;
	if (delegated.n)
		ret = choose(opts, &delegated, line);
	if (ret > 0 && addresses.n)
		ret = choose(opts, &addresses, line);
	if (ret <= 0)
		return ret;
	if (!delegated.n && !addresses.n)
		return no_prefix(wan);
	/* The error of the last candidate stands: it says what is wrong with that prefix. */
	return err_context("looking for the line's prefix on %s", wan->name);
}
