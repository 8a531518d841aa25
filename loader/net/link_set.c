// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/sockios.h>
#include <linux/veth.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../err.h"
#include "link.h"
#include "nl.h"

/* One end of a pair: its family header and attributes. */
static void put_end(struct nlmsghdr *nlh, struct ifinfomsg *ifi, const char *name,
		    const uint8_t mac[6], uint32_t mtu)
{
	ifi->ifi_flags = IFF_NOARP;
	ifi->ifi_change = IFF_NOARP;
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_ADDRESS, 6, mac);
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
}

static int create_pair(const struct veth_spec *spec)
{
	NL_BUFFER(buf);
	struct nlattr *linkinfo, *data, *peer;
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;

	nlh = nl_start(buf, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(*ifi));
	put_end(nlh, ifi, spec->name, spec->mac, spec->mtu);
	linkinfo = mnl_attr_nest_start(nlh, IFLA_LINKINFO);
	mnl_attr_put_strz(nlh, IFLA_INFO_KIND, "veth");
	data = mnl_attr_nest_start(nlh, IFLA_INFO_DATA);
	peer = mnl_attr_nest_start(nlh, VETH_INFO_PEER);
	ifi = mnl_nlmsg_put_extra_header(nlh, sizeof(*ifi));
	put_end(nlh, ifi, spec->peer, spec->peer_mac, spec->mtu);
	mnl_attr_nest_end(nlh, peer);
	mnl_attr_nest_end(nlh, data);
	mnl_attr_nest_end(nlh, linkinfo);
	return nl_request(nlh);
}

static int set_alias(const char *name, const char *ifalias)
{
	NL_BUFFER(buf);
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;
	int rc;

	nlh = nl_start(buf, RTM_SETLINK, 0, &ifi, sizeof(*ifi));
	mnl_attr_put_strz(nlh, IFLA_IFNAME, name);
	mnl_attr_put(nlh, IFLA_IFALIAS, strnlen(ifalias, LINK_ALIAS_MAX - 1), ifalias);
	rc = nl_request(nlh);
	return rc ? nl_err(rc, NULL, "cannot set the alias of %s", name) : 0;
}

int link_create_veth(const struct veth_spec *spec)
{
	int rc = create_pair(spec);

	if (rc == -EEXIST)
		return nl_err(rc, "choose another name with --name, or remove the interface",
			      "cannot make interfaces %s and %s", spec->name, spec->peer);
	if (rc == -EOPNOTSUPP)
		return nl_err(rc, "the kernel needs CONFIG_VETH (OpenWrt: package kmod-veth)",
			      "cannot make a veth pair");
	if (rc)
		return nl_err(rc, NULL, "cannot make interfaces %s and %s", spec->name, spec->peer);
	if (!spec->ifalias)
		return 0;
	return set_alias(spec->name, spec->ifalias) ? -1 : set_alias(spec->peer, spec->ifalias);
}

int link_set_up(int ifindex, bool up)
{
	NL_BUFFER(buf);
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;
	int rc;

	nlh = nl_start(buf, RTM_NEWLINK, 0, &ifi, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	ifi->ifi_change = IFF_UP;
	ifi->ifi_flags = up ? IFF_UP : 0;
	rc = nl_request(nlh);
	return rc ? nl_err(rc, NULL, "cannot set interface %d %s", ifindex, up ? "up" : "down") : 0;
}

int link_set_mtu(int ifindex, uint32_t mtu)
{
	NL_BUFFER(buf);
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;
	int rc;

	nlh = nl_start(buf, RTM_NEWLINK, 0, &ifi, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	mnl_attr_put_u32(nlh, IFLA_MTU, mtu);
	rc = nl_request(nlh);
	return rc ? nl_err(rc, NULL, "cannot set the MTU of interface %d to %u", ifindex, mtu) : 0;
}

int link_delete(int ifindex)
{
	NL_BUFFER(buf);
	struct ifinfomsg *ifi;
	struct nlmsghdr *nlh;
	int rc;

	nlh = nl_start(buf, RTM_DELLINK, 0, &ifi, sizeof(*ifi));
	ifi->ifi_index = ifindex;
	rc = nl_request(nlh);
	return rc && rc != -ENODEV ? nl_err(rc, NULL, "cannot delete interface %d", ifindex) : 0;
}

/* 0 or a negative errno. */
static int ethtool(const char *name, uint32_t cmd, uint32_t *data)
{
	struct ethtool_value value = { .cmd = cmd, .data = *data };
	struct ifreq ifr = { .ifr_data = (void *)&value };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	rc = ioctl(fd, SIOCETHTOOL, &ifr) ? -errno : 0;
	close(fd);
	*data = value.data;
	return rc;
}

int link_get_gro(const char *name, bool *on)
{
	uint32_t value = 0;
	int rc = ethtool(name, ETHTOOL_GGRO, &value);

	*on = value;
	return rc ? err_sys(-rc, NULL, "cannot read the GRO setting of %s", name) : 0;
}

int link_set_gro(const char *name, bool on)
{
	uint32_t value = on;
	int rc = ethtool(name, ETHTOOL_SGRO, &value);

	return rc ? err_sys(-rc, NULL, "cannot switch GRO of %s %s", name, on ? "on" : "off") : 0;
}
