// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "br_reach.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "net/nl.h"

static int add_route(const struct nlmsghdr *nlh, void *arg)
{
	const struct rtmsg *rtm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[RTA_MAX + 1];
	struct nl_list *list = arg;
	struct br_route *r = nl_list_add(list);

	if (!r)
		return MNL_CB_ERROR;
	nl_attrs(nlh, sizeof(*rtm), tb, RTA_MAX);
	if (rtm->rtm_type != RTN_UNICAST || !tb[RTA_OIF])
		return MNL_CB_OK;
	r->ifindex = (int)mnl_attr_get_u32(tb[RTA_OIF]);
	r->next = *(const struct in6_addr *)list->filter;
	if (tb[RTA_GATEWAY] && mnl_attr_get_payload_len(tb[RTA_GATEWAY]) == sizeof(r->next))
		memcpy(&r->next, mnl_attr_get_payload(tb[RTA_GATEWAY]), sizeof(r->next));
	return MNL_CB_OK;
}

int br_route_get(const struct in6_addr *br, struct br_route *route)
{
	NL_BUFFER(buf);
	struct nl_list list = { .size = sizeof(*route), .filter = br };
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	int rc;

	memset(route, 0, sizeof(*route));
	nlh = nl_start(buf, RTM_GETROUTE, 0, &rtm, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rtm->rtm_dst_len = 128;
	mnl_attr_put(nlh, RTA_DST, sizeof(*br), br);
	rc = nl_dump(nlh, add_route, &list);
	if (!rc && list.n)
		*route = *(struct br_route *)list.v;
	free(list.v);
	/* Routes that refuse answer with their error. */
	if (!rc || rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -EACCES || rc == -EINVAL)
		return 0;
	return nl_err(rc, NULL, "cannot look up the route to the border relay");
}

struct wanted {
	int ifindex;
	struct in6_addr addr;
};

static int add_neighbour(const struct nlmsghdr *nlh, void *arg)
{
	const struct ndmsg *ndm = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[NDA_MAX + 1];
	struct nl_list *list = arg;
	const struct wanted *wanted = list->filter;
	uint16_t *state;

	nl_attrs(nlh, sizeof(*ndm), tb, NDA_MAX);
	if (ndm->ndm_ifindex != wanted->ifindex || !tb[NDA_DST] ||
	    mnl_attr_get_payload_len(tb[NDA_DST]) != sizeof(wanted->addr) ||
	    memcmp(mnl_attr_get_payload(tb[NDA_DST]), &wanted->addr, sizeof(wanted->addr)))
		return MNL_CB_OK;
	state = nl_list_add(list);
	if (!state)
		return MNL_CB_ERROR;
	*state = ndm->ndm_state;
	return MNL_CB_OK;
}

int br_neighbour_state(int ifindex, const struct in6_addr *addr, uint16_t *state)
{
	NL_BUFFER(buf);
	struct wanted wanted = { ifindex, *addr };
	struct nl_list list = { .size = sizeof(*state), .filter = &wanted };
	struct nlmsghdr *nlh;
	struct ndmsg *ndm;
	int rc;

	nlh = nl_start(buf, RTM_GETNEIGH, NLM_F_DUMP, &ndm, sizeof(*ndm));
	ndm->ndm_family = AF_INET6;
	rc = nl_dump(nlh, add_neighbour, &list);
	*state = !rc && list.n ? *(uint16_t *)list.v : NUD_NONE;
	free(list.v);
	return rc ? nl_err(rc, NULL, "cannot list IPv6 neighbours") : 0;
}
