// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "shape.h"

#include <arpa/inet.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "net/addr.h"

const char *const tunnel_words[] = { "map-e", "lw4o6", "ipip", "ds-lite", NULL };

/* The B4's own address: RFC 6333 section 5.7. */
#define B4_ADDRESS "192.0.0.2"

static bool read_ip4(const char *text, uint32_t *ip4, uint32_t *len)
{
	const char *slash = strchrnul(text, '/');

	*len = MAPE_IP4_BITS;
	return mape_read_ip4(text, slash - text, ip4) &&
	       (!*slash || mape_read_num(slash + 1, strlen(slash + 1), MAPE_IP4_BITS, len)) &&
	       mape_ip4_in(*ip4, *ip4 & mape_ip4_mask(*len), *len);
}

int shape_check_ip4(const char *text)
{
	uint32_t ip4, len;

	if (!read_ip4(text, &ip4, &len))
		return err("Write it as in 203.0.113.5 or 203.0.113.0/29.",
			   "option '--ip4': '%s' is neither an IPv4 address nor a prefix", text);
	if (!len || ip4 & ~mape_ip4_mask(len))
		return err("A prefix has zeros behind its length.",
			   "option '--ip4': '%s' has host bits", text);
	return 0;
}

int shape_check_local(const char *text)
{
	struct mape_ip6 addr;

	if (mape_read_ip6(text, strlen(text), &addr) && mape_ip6_is_host(addr))
		return 0;
	return err("Write it as in 2001:db8::1.", "option '--local': '%s' is not an IPv6 address",
		   text);
}

/* The first address of the WAN that a peer elsewhere can know us by. */
static int own_address(const struct link_info *wan, char text[INET6_ADDRSTRLEN])
{
	struct addr6_info *addrs;
	bool found = false;
	size_t n;

	if (addr6_list(wan->ifindex, &addrs, &n))
		return -1;
	for (size_t i = 0; i < n && !found; i++) {
		const struct addr6_info *a = &addrs[i];

		found = a->scope == RT_SCOPE_UNIVERSE && !a->temporary && !a->deprecated &&
			!a->dadfailed;
		if (found)
			inet_ntop(AF_INET6, &a->addr, text, INET6_ADDRSTRLEN);
	}
	free(addrs);
	return found ? 0 :
		       err("Is IPv6 up on the line? Or name the address with --local.",
			   "%s has no global IPv6 address", wan->name);
}

static int check_options(const struct shape_opts *o, const struct rule_opts *rule)
{
	const char *name = tunnel_words[o->tunnel];
	bool shared = o->psid || o->psid_len || o->psid_offset;

	if (rule->rules.n)
		return err("Leave out --rule; --local and --ip4 take its place.",
			   "--rule is for MAP-E, not for --tunnel %s", name);
	if (o->tunnel == TUNNEL_DS_LITE && o->ip4)
		return err("The addresses of the LAN go through the tunnel as they are.",
			   "--ip4 means nothing with --tunnel ds-lite");
	if (o->tunnel != TUNNEL_DS_LITE && !o->ip4)
		return err("Say which IPv4 address the provider has given to the line: --ip4 "
			   "ADDRESS",
			   "--tunnel %s needs --ip4", name);
	if (o->tunnel != TUNNEL_LW4O6 && shared)
		return err("Leave out --psid, --psid-len and --psid-offset.",
			   "--tunnel %s has no port set", name);
	if (o->tunnel == TUNNEL_LW4O6 && strchr(o->ip4, '/'))
		return err("Give the address alone.", "--tunnel lw4o6 has one address, not '%s'",
			   o->ip4);
	return o->psid && !o->psid_len ? err("Give --psid-len too.",
					     "--psid %u means nothing without its length", o->psid) :
					 0;
}

/*
 * The IPv6 side: a whole address; or, of lw4o6, the prefix of the binding, from which the address
 * follows as in MAP-E (RFC 7596 section 5.1).
 */
static int find_local(const struct shape_opts *o, const char *prefix, const struct link_info *wan,
		      char text[MAPE_PREFIX_STRLEN])
{
	char address[INET6_ADDRSTRLEN];
	struct mape_ip6 local;

	if (prefix && (o->local || o->tunnel != TUNNEL_LW4O6))
		return err("Give our address in the tunnel with --local.",
			   "--prefix means nothing with %s%s",
			   o->local ? "--local" : "--tunnel ",
			   o->local ? "" : tunnel_words[o->tunnel]);
	if (prefix) {
		struct mape_prefix p;
		struct mape_error error;

		if (mape_prefix_parse(prefix, &p, &error))
			return err(mape_rule_explain(error.code).hint, "%s: %s",
				   mape_rule_explain(error.code).text, error.detail);
		mape_prefix6_str(p.ip6, p.len, text);
		return 0;
	}
	if (!o->local && own_address(wan, address))
		return -1;
	mape_read_ip6(o->local ? o->local : address, strlen(o->local ? o->local : address), &local);
	mape_prefix6_str(local, MAPE_IP6_BITS, text);
	return 0;
}

int shape_plan(const struct shape_opts *o, const struct rule_opts *rule, const char *prefix,
	       const struct link_info *wan, struct shape_line *line)
{
	const char *ip4 = o->tunnel == TUNNEL_DS_LITE ? B4_ADDRESS : o->ip4;
	int used;

	if (check_options(o, rule) || find_local(o, prefix, wan, line->prefix))
		return -1;
	used = snprintf(line->text, sizeof(line->text), "ipv6=%s,ipv4=%s,ea=0,offset=%u",
			line->prefix, ip4, o->psid_offset);
	if (o->psid_len)
		snprintf(line->text + used, sizeof(line->text) - used, ",psidlen=%u,psid=%u",
			 o->psid_len, o->psid);
	line->rule = *rule;
	line->rule.rules.v[0] = line->text;
	line->rule.rules.n = 1;
	return 0;
}

int shape_check_map_e(const struct shape_opts *o)
{
	if (!o->local && !o->ip4 && !o->psid && !o->psid_len && !o->psid_offset)
		return 0;
	return err("A MAP-E line is described by --rule; or name the kind with --tunnel.",
		   "--local, --ip4 and --psid are for other tunnels than MAP-E");
}

bool shape_has_napt(enum tunnel tunnel, const struct mape_line *line)
{
	return tunnel != TUNNEL_DS_LITE && line->ip4_len == MAPE_IP4_BITS;
}
