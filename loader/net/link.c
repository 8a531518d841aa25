// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "../err.h"
#include "nl.h"
#include "sysctl.h"

static void get_string(char *to, size_t size, const struct nlattr *a)
{
	if (a && !mnl_attr_validate(a, MNL_TYPE_STRING))
		snprintf(to, size, "%.*s", (int)mnl_attr_get_payload_len(a), mnl_attr_get_str(a));
}

static uint32_t get_u32(const struct nlattr *a)
{
	return a && !mnl_attr_validate(a, MNL_TYPE_U32) ? mnl_attr_get_u32(a) : 0;
}

/* What depends on the kind of interface. */
static void read_kind(struct link_info *info, const struct nlattr *linkinfo)
{
	const struct nlattr *tb[IFLA_INFO_MAX + 1], *data[IFLA_BR_MAX + 1];

	if (!linkinfo)
		return;
	nl_nested(linkinfo, tb, IFLA_INFO_MAX);
	get_string(info->kind, sizeof(info->kind), tb[IFLA_INFO_KIND]);
	if (!tb[IFLA_INFO_DATA])
		return;
	nl_nested(tb[IFLA_INFO_DATA], data, IFLA_BR_MAX);
	if (!strcmp(info->kind, "bridge") && data[IFLA_BR_VLAN_FILTERING])
		info->vlan_filtering = mnl_attr_get_u8(data[IFLA_BR_VLAN_FILTERING]);
	if (!strcmp(info->kind, "vlan") && data[IFLA_VLAN_ID])
		info->vlan_id = mnl_attr_get_u16(data[IFLA_VLAN_ID]);
}

static void read_xdp(struct link_info *info, const struct nlattr *xdp)
{
	const struct nlattr *tb[IFLA_XDP_MAX + 1];

	if (!xdp)
		return;
	nl_nested(xdp, tb, IFLA_XDP_MAX);
	/* IFLA_XDP_PROG_ID is missing while there is one program in each mode. */
	info->xdp_prog_id = get_u32(tb[IFLA_XDP_PROG_ID]);
	if (!info->xdp_prog_id)
		info->xdp_prog_id = get_u32(tb[IFLA_XDP_DRV_PROG_ID]);
}

static int add_link(const struct nlmsghdr *nlh, void *arg)
{
	struct nl_list *list = arg;
	const struct ifinfomsg *ifi = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[IFLA_MAX + 1];
	struct link_info *info;

	nl_attrs(nlh, sizeof(*ifi), tb, IFLA_MAX);
	if (list->filter && (int)get_u32(tb[IFLA_MASTER]) != *(const int *)list->filter)
		return MNL_CB_OK;
	info = nl_list_add(list);
	if (!info)
		return MNL_CB_ERROR;
	info->ifindex = ifi->ifi_index;
	info->flags = ifi->ifi_flags;
	info->type = ifi->ifi_type;
	info->mtu = get_u32(tb[IFLA_MTU]);
	info->master = (int)get_u32(tb[IFLA_MASTER]);
	info->peer = (int)get_u32(tb[IFLA_LINK]);
	info->peer_elsewhere = tb[IFLA_LINK_NETNSID] != NULL;
	info->group = get_u32(tb[IFLA_GROUP]);
	info->carrier = tb[IFLA_CARRIER] && mnl_attr_get_u8(tb[IFLA_CARRIER]);
	get_string(info->name, sizeof(info->name), tb[IFLA_IFNAME]);
	get_string(info->ifalias, sizeof(info->ifalias), tb[IFLA_IFALIAS]);
	get_string(info->qdisc, sizeof(info->qdisc), tb[IFLA_QDISC]);
	info->has_mac = tb[IFLA_ADDRESS] && mnl_attr_get_payload_len(tb[IFLA_ADDRESS]) == 6;
	if (info->has_mac)
		memcpy(info->mac, mnl_attr_get_payload(tb[IFLA_ADDRESS]), 6);
	read_kind(info, tb[IFLA_LINKINFO]);
	read_xdp(info, tb[IFLA_XDP]);
	return MNL_CB_OK;
}

int link_list(int master, struct link_info **links, size_t *n)
{
	NL_BUFFER(buf);
	struct nl_list list = { .size = sizeof(**links), .filter = master ? &master : NULL };
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;
	int rc;

	nlh = nl_start(buf, RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(*ifi));
	rc = nl_dump(nlh, add_link, &list);
	if (rc)
		return nl_err(rc, NULL, "cannot list interfaces");
	*links = list.v;
	*n = list.n;
	return 0;
}

/* By name, or, if that is NULL, by index. */
static int find(const char *name, int ifindex, struct link_info *info)
{
	NL_BUFFER(buf);
	struct nl_list list = { .size = sizeof(*info) };
	struct nlmsghdr *nlh;
	struct ifinfomsg *ifi;
	int rc;

	if (name && (!name[0] || strlen(name) >= IFNAMSIZ))
		return 1;
	nlh = nl_start(buf, RTM_GETLINK, 0, &ifi, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	if (name)
		mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	rc = nl_dump(nlh, add_link, &list);
	if (rc == -ENODEV || (!rc && !list.n))
		return 1;
	if (rc && name)
		return nl_err(rc, NULL, "cannot look up interface '%s'", name);
	if (rc)
		return nl_err(rc, NULL, "cannot look up interface %d", ifindex);
	memcpy(info, list.v, sizeof(*info));
	free(list.v);
	return 0;
}

int link_find(const char *name, struct link_info *info)
{
	return find(name, 0, info);
}

int link_find_index(int ifindex, struct link_info *info)
{
	return ifindex > 0 ? find(NULL, ifindex, info) : 1;
}

int link_get(const char *name, struct link_info *info)
{
	char hint[512] = "interfaces here:";
	struct link_info *links = NULL;
	size_t n = 0;
	int rc = link_find(name, info);

	if (rc <= 0)
		return rc;
	link_list(0, &links, &n);
	for (size_t i = 0; i < n; i++) {
		size_t used = strlen(hint);

		snprintf(hint + used, sizeof(hint) - used, " %s", links[i].name);
	}
	free(links);
	return err(hint, "there is no interface '%s'", name);
}

const char *link_mac_format(const uint8_t mac[6], char *buf)
{
	snprintf(buf, LINK_MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2],
		 mac[3], mac[4], mac[5]);
	return buf;
}

int link_mac_parse(const char *text, uint8_t mac[6])
{
	int end = -1;

	if (strlen(text) != LINK_MAC_TEXT - 1)
		return -1;
	sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &mac[0], &mac[1], &mac[2], &mac[3],
	       &mac[4], &mac[5], &end);
	return end == LINK_MAC_TEXT - 1 ? 0 : -1;
}

int link_random_mac(uint8_t mac[6])
{
	if (getrandom(mac, 6, 0) != 6)
		return err_sys(errno, NULL, "cannot get random bytes for a MAC address");
	mac[0] = (mac[0] & ~0x01) | 0x02;
	return 0;
}

uint32_t link_mtu6(const struct link_info *link)
{
	char key[64 + IFNAMSIZ];
	long mtu;

	snprintf(key, sizeof(key), "net/ipv6/conf/%s/mtu", link->name);
	if (!sysctl_exists(key) || sysctl_read_int(key, &mtu)) {
		err_clear();
		return link->mtu;
	}
	return mtu > 0 && (uint32_t)mtu < link->mtu ? (uint32_t)mtu : link->mtu;
}
