// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"

static uint32_t attr_u32(const struct nlattr *a, uint32_t otherwise)
{
	return a && mnl_attr_get_payload_len(a) >= sizeof(uint32_t) ? mnl_attr_get_u32(a)
								     : otherwise;
}

/* ---- IPv4 default routes ---- */

static int add_route4(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_list *list = arg;
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_MAX + 1];
	struct route4 *r;
	uint32_t table;

	nl_attrs(nlh, sizeof(*rtm), tb, RTA_MAX);
	table = attr_u32(tb[RTA_TABLE], rtm->rtm_table);
	if (rtm->rtm_family != AF_INET || rtm->rtm_dst_len || rtm->rtm_flags & RTM_F_CLONED ||
	    table != *(const uint32_t *)list->filter)
		return MNL_CB_OK;
	r = nl_list_add(list);
	if (!r)
		return MNL_CB_ERROR;
	r->table = table;
	r->ifindex = (int)attr_u32(tb[RTA_OIF], 0);
	r->metric = attr_u32(tb[RTA_PRIORITY], 0);
	r->proto = rtm->rtm_protocol;
	r->type = rtm->rtm_type;
	if (tb[RTA_GATEWAY] && mnl_attr_get_payload_len(tb[RTA_GATEWAY]) == sizeof(r->gateway))
		memcpy(&r->gateway, mnl_attr_get_payload(tb[RTA_GATEWAY]), sizeof(r->gateway));
	return MNL_CB_OK;
}

static int by_metric(const void *a, const void *b)
{
	const struct route4 *x = a, *y = b;

	return x->metric < y->metric ? -1 : x->metric > y->metric;
}

int route4_defaults(uint32_t table, struct route4 **routes, size_t *n)
{
	NL_BUFFER(buf);
	struct nl_list list = { .size = sizeof(struct route4), .filter = &table };
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int rc;

	nlh = nl_start(buf, RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rc = nl_dump(nlh, add_route4, &list);
	if (rc)
		return nl_err(rc, NULL, "cannot list IPv4 routes");
	if (list.n)
		qsort(list.v, list.n, list.size, by_metric);
	*routes = list.v;
	*n = list.n;
	return 0;
}

static struct nlmsghdr *default_request(void *buf, uint16_t type, uint16_t flags, int ifindex,
					uint32_t metric, uint32_t table)
{
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	nlh = nl_start(buf, type, flags, &rtm, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	/* The header has room for small tables only; RTA_TABLE counts. */
	rtm->rtm_table = table < 256 ? table : RT_TABLE_UNSPEC;
	rtm->rtm_protocol = NL_PROTO_MAPE;
	rtm->rtm_scope = RT_SCOPE_UNIVERSE;
	rtm->rtm_flags = RTNH_F_ONLINK;
	rtm->rtm_type = RTN_UNICAST;
	mnl_attr_put_u32(nlh, RTA_GATEWAY, htonl(TUNNEL_GATEWAY));
	mnl_attr_put_u32(nlh, RTA_TABLE, table);
	mnl_attr_put_u32(nlh, RTA_OIF, (uint32_t)ifindex);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	return nlh;
}

int route4_add_default(int ifindex, uint32_t metric, uint32_t table, struct in_addr src)
{
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	int rc;

	nlh = default_request(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, ifindex, metric, table);
	if (src.s_addr)
		mnl_attr_put_u32(nlh, RTA_PREFSRC, src.s_addr);
	rc = nl_request(nlh);
	if (rc == -EEXIST)
		return nl_err(rc, "choose another place for it with --metric or --table, or use "
				  "--no-route",
			      "cannot add an IPv4 default route with metric %u to table %u", metric,
			      table);
	return rc ? nl_err(rc, NULL, "cannot add an IPv4 default route with metric %u to table %u",
			   metric, table)
		  : 0;
}

int route4_del_default(int ifindex, uint32_t metric, uint32_t table)
{
	NL_BUFFER(buf);
	int rc = nl_request(default_request(buf, RTM_DELROUTE, 0, ifindex, metric, table));

	if (!rc || rc == -ESRCH || rc == -ENODEV)
		return 0;
	return nl_err(rc, NULL, "cannot delete the IPv4 default route with metric %u in table %u",
		      metric, table);
}

/* ---- IPv6 routes ---- */

static int add_route6(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_MAX + 1];
	struct route6 *r;
	uint32_t table;

	nl_attrs(nlh, sizeof(*rtm), tb, RTA_MAX);
	table = attr_u32(tb[RTA_TABLE], rtm->rtm_table);
	if (rtm->rtm_family != AF_INET6 || rtm->rtm_flags & RTM_F_CLONED || table != RT_TABLE_MAIN)
		return MNL_CB_OK;
	r = nl_list_add(arg);
	if (!r)
		return MNL_CB_ERROR;
	if (tb[RTA_DST] && mnl_attr_get_payload_len(tb[RTA_DST]) == sizeof(r->dst))
		memcpy(&r->dst, mnl_attr_get_payload(tb[RTA_DST]), sizeof(r->dst));
	r->prefix_len = rtm->rtm_dst_len;
	r->table = table;
	r->ifindex = (int)attr_u32(tb[RTA_OIF], 0);
	r->metric = attr_u32(tb[RTA_PRIORITY], 0);
	r->proto = rtm->rtm_protocol;
	r->type = rtm->rtm_type;
	return MNL_CB_OK;
}

int route6_list(struct route6 **routes, size_t *n)
{
	NL_BUFFER(buf);
	struct nl_list list = { .size = sizeof(struct route6) };
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int rc;

	nlh = nl_start(buf, RTM_GETROUTE, NLM_F_DUMP, &rtm, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rc = nl_dump(nlh, add_route6, &list);
	if (rc)
		return nl_err(rc, NULL, "cannot list IPv6 routes");
	*routes = list.v;
	*n = list.n;
	return 0;
}

static bool looks_delegated(const struct route6 *r)
{
	return (r->type == RTN_UNREACHABLE || r->type == RTN_BLACKHOLE || r->type == RTN_PROHIBIT) &&
	       r->prefix_len >= 48 && r->prefix_len <= 64 && (r->dst.s6_addr[0] & 0xe0) == 0x20;
}

static bool same_prefix(const struct route6 *a, const struct route6 *b)
{
	return a->prefix_len == b->prefix_len && !memcmp(&a->dst, &b->dst, sizeof(a->dst));
}

int route6_delegated(struct route6 **routes, size_t *n)
{
	struct route6 *v = NULL;
	size_t all = 0, kept = 0;

	if (route6_list(&v, &all))
		return -1;
	for (size_t i = 0; i < all; i++) {
		size_t k = 0;

		while (k < kept && !same_prefix(&v[k], &v[i]))
			k++;
		if (k == kept && looks_delegated(&v[i]))
			v[kept++] = v[i];
	}
	*routes = v;
	*n = kept;
	return 0;
}
