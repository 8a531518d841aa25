// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "nl.h"

static const void *payload(const struct nlattr *a, size_t len)
{
	return a && mnl_attr_get_payload_len(a) >= len ? mnl_attr_get_payload(a) : NULL;
}

static void fill_addr6(struct addr6_info *info, const struct ifaddrmsg *ifa,
		       const struct nlattr **tb, const struct in6_addr *addr)
{
	const struct ifa_cacheinfo *lifetime = payload(tb[IFA_CACHEINFO], sizeof(*lifetime));

	info->ifindex = (int)ifa->ifa_index;
	info->addr = *addr;
	info->prefix_len = ifa->ifa_prefixlen;
	info->scope = ifa->ifa_scope;
	info->flags = payload(tb[IFA_FLAGS], 4) ? mnl_attr_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	info->tentative = info->flags & IFA_F_TENTATIVE;
	info->dadfailed = info->flags & IFA_F_DADFAILED;
	info->deprecated = info->flags & IFA_F_DEPRECATED;
	info->temporary = info->flags & IFA_F_TEMPORARY;
	info->preferred_s = lifetime ? lifetime->ifa_prefered : UINT32_MAX;
	info->valid_s = lifetime ? lifetime->ifa_valid : UINT32_MAX;
	info->proto = payload(tb[IFA_PROTO], 1) ? mnl_attr_get_u8(tb[IFA_PROTO]) : 0;
}

static int add_addr6(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_list *list = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1];
	const struct in6_addr *addr;
	struct addr6_info *info;
	int ifindex = *(const int *)list->filter;

	nl_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	/* With a peer address IFA_LOCAL is ours; without, there is IFA_ADDRESS only. */
	addr = payload(tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS], sizeof(*addr));
	if (ifa->ifa_family != AF_INET6 || !addr || (ifindex && (int)ifa->ifa_index != ifindex))
		return MNL_CB_OK;
	info = nl_list_add(list);
	if (!info)
		return MNL_CB_ERROR;
	fill_addr6(info, ifa, tb, addr);
	return MNL_CB_OK;
}

static int dump(int family, mnl_cb_t cb, struct nl_list *list)
{
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	nlh = nl_start(buf, RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(*ifa));
	ifa->ifa_family = family;
	return nl_dump(nlh, cb, list);
}

int addr6_list(int ifindex, struct addr6_info **addrs, size_t *n)
{
	struct nl_list list = { .size = sizeof(**addrs), .filter = &ifindex };
	int rc = dump(AF_INET6, add_addr6, &list);

	if (rc)
		return nl_err(rc, NULL, "cannot list IPv6 addresses");
	*addrs = list.v;
	*n = list.n;
	return 0;
}

int addr6_find(int ifindex, const struct in6_addr *addr, struct addr6_info *info)
{
	struct addr6_info *v = NULL;
	size_t n = 0;
	int rc = 1;

	if (addr6_list(ifindex, &v, &n))
		return -1;
	for (size_t i = 0; i < n && rc; i++) {
		if (!memcmp(&v[i].addr, addr, sizeof(*addr))) {
			*info = v[i];
			rc = 0;
		}
	}
	free(v);
	return rc;
}

int addr6_add(int ifindex, const struct in6_addr *addr)
{
	/* Deprecated now, valid for ever. */
	const struct ifa_cacheinfo lifetime = { .ifa_prefered = 0, .ifa_valid = UINT32_MAX };
	char text[INET6_ADDRSTRLEN];
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;
	int rc;

	nlh = nl_start(buf, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = 128;
	ifa->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof(*addr), addr);
	mnl_attr_put(nlh, IFA_ADDRESS, sizeof(*addr), addr);
	mnl_attr_put_u32(nlh, IFA_FLAGS, IFA_F_NOPREFIXROUTE);
	mnl_attr_put(nlh, IFA_CACHEINFO, sizeof(lifetime), &lifetime);
	mnl_attr_put_u8(nlh, IFA_PROTO, NL_PROTO_MAPE);
	rc = nl_request(nlh);
	if (!rc)
		return 0;
	inet_ntop(AF_INET6, addr, text, sizeof(text));
	return nl_err(rc, rc == -EACCES || rc == -EPERM
			      ? "run mape-xdp as root, and see that IPv6 is on there (sysctl "
				"net.ipv6.conf.*.disable_ipv6)"
			      : NULL,
		      "cannot add %s/128 to interface %d", text, ifindex);
}

int addr6_del(int ifindex, const struct in6_addr *addr, uint8_t prefix_len)
{
	char text[INET6_ADDRSTRLEN];
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;
	int rc;

	nlh = nl_start(buf, RTM_DELADDR, 0, &ifa, sizeof(*ifa));
	ifa->ifa_family = AF_INET6;
	ifa->ifa_prefixlen = prefix_len;
	ifa->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof(*addr), addr);
	mnl_attr_put(nlh, IFA_ADDRESS, sizeof(*addr), addr);
	rc = nl_request(nlh);
	/* ENXIO: IPv6 was switched off on the interface, and its addresses with it. */
	if (!rc || rc == -EADDRNOTAVAIL || rc == -ENODEV || rc == -ENXIO)
		return 0;
	inet_ntop(AF_INET6, addr, text, sizeof(text));
	return nl_err(rc, NULL, "cannot delete %s/%u from interface %d", text, prefix_len, ifindex);
}

/* ---- IPv4 ---- */

static int request4(uint16_t type, uint16_t flags, int ifindex, struct in_addr addr)
{
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	struct ifaddrmsg *ifa;

	nlh = nl_start(buf, type, flags, &ifa, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 32;
	ifa->ifa_index = (uint32_t)ifindex;
	mnl_attr_put(nlh, IFA_LOCAL, sizeof(addr), &addr);
	mnl_attr_put(nlh, IFA_ADDRESS, sizeof(addr), &addr);
	return nl_request(nlh);
}

int addr4_add(int ifindex, struct in_addr addr)
{
	int rc = request4(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr);

	return rc ? nl_err(rc, NULL, "cannot add %s/32 to interface %d", inet_ntoa(addr), ifindex)
		  : 0;
}

int addr4_del(int ifindex, struct in_addr addr)
{
	int rc = request4(RTM_DELADDR, 0, ifindex, addr);

	if (!rc || rc == -EADDRNOTAVAIL || rc == -ENODEV)
		return 0;
	return nl_err(rc, NULL, "cannot delete %s/32 from interface %d", inet_ntoa(addr), ifindex);
}

static int add_addr4(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_list *list = arg;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1];
	struct addr4_info *info;
	const void *local;

	nl_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	local = payload(tb[IFA_LOCAL], sizeof(info->addr));
	if (ifa->ifa_family != AF_INET || (int)ifa->ifa_index != *(const int *)list->filter || !local)
		return MNL_CB_OK;
	info = nl_list_add(list);
	if (!info)
		return MNL_CB_ERROR;
	memcpy(&info->addr, local, sizeof(info->addr));
	info->prefix_len = ifa->ifa_prefixlen;
	return MNL_CB_OK;
}

int addr4_list(int ifindex, struct addr4_info **addrs, size_t *n)
{
	struct nl_list list = { .size = sizeof(**addrs), .filter = &ifindex };
	int rc = dump(AF_INET, add_addr4, &list);

	if (rc)
		return nl_err(rc, NULL, "cannot list IPv4 addresses");
	*addrs = list.v;
	*n = list.n;
	return 0;
}

struct wanted4 {
	int ifindex;
	struct in_addr addr;
};

/* Adds an (empty) entry for each match. */
static int match_addr4(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_list *list = arg;
	const struct wanted4 *wanted = list->filter;
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFA_MAX + 1];
	const void *local;

	nl_attrs(nlh, sizeof(*ifa), tb, IFA_MAX);
	local = payload(tb[IFA_LOCAL], sizeof(wanted->addr));
	if (ifa->ifa_family != AF_INET || (int)ifa->ifa_index != wanted->ifindex || !local ||
	    memcmp(local, &wanted->addr, sizeof(wanted->addr)))
		return MNL_CB_OK;
	return nl_list_add(list) ? MNL_CB_OK : MNL_CB_ERROR;
}

int addr4_has(int ifindex, struct in_addr addr, bool *has)
{
	const struct wanted4 wanted = { ifindex, addr };
	struct nl_list list = { .size = 1, .filter = &wanted };
	int rc = dump(AF_INET, match_addr4, &list);

	*has = list.n;
	free(list.v);
	return rc ? nl_err(rc, NULL, "cannot list IPv4 addresses") : 0;
}

int addr4_find_in(int ifindex, uint32_t prefix, uint8_t len, struct in_addr *addr)
{
	uint32_t mask = len ? ~0U << (32 - len) : 0;
	struct addr4_info *addrs = NULL;
	size_t n = 0;

	if (addr4_list(ifindex, &addrs, &n))
		return -1;
	addr->s_addr = 0;
	for (size_t i = 0; i < n && !addr->s_addr; i++)
		if ((ntohl(addrs[i].addr.s_addr) & mask) == prefix)
			*addr = addrs[i].addr;
	free(addrs);
	return 0;
}
