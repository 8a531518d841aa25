/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_LINK_H
#define MAPE_LOADER_NET_LINK_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Network interfaces. Functions that return int give 0, or -1 with err(). */

#define LINK_ALIAS_MAX 256

struct link_info {
	int ifindex;
	char name[IFNAMSIZ];
	char kind[IFNAMSIZ];	/* "veth", "bridge", ...; "" for hardware */
	uint32_t mtu;
	uint32_t flags;		/* IFF_* */
	uint16_t type;		/* ARPHRD_* */
	uint8_t mac[6];		/* zero if has_mac is not set */
	bool has_mac;		/* the link-layer address has 6 bytes */
	int master;		/* ifindex of the bridge or bond it belongs to, or 0 */
	int peer;		/* IFLA_LINK: other end of a veth, device below a VLAN; 0: none */
	bool peer_elsewhere;	/* `peer` is an index in another network namespace */
	char ifalias[LINK_ALIAS_MAX];
	bool carrier;
	char qdisc[IFNAMSIZ];	/* root queueing discipline */
	bool vlan_filtering;	/* of a bridge */
	uint16_t vlan_id;	/* of a VLAN device, else 0 */
	uint32_t xdp_prog_id;	/* program in native or generic mode, 0: none */
	uint32_t group;
};

/* link_get() fails with a hint that lists the interfaces; link_find() returns 1 and no err() if
 * there is no such interface. */
int link_get(const char *name, struct link_info *info);
int link_find(const char *name, struct link_info *info);
int link_find_index(int ifindex, struct link_info *info);

/* MTU for IPv6: the interface's, or a lower one that router advertisements or a sysctl have set. */
uint32_t link_mtu6(const struct link_info *link);

/* All interfaces; with master != 0 only the ports of that bridge. *links is for free(). */
int link_list(int master, struct link_info **links, size_t *n);

/*
 * A veth pair, both ends down, without ARP, in one request. The kernel ignores IFLA_IFALIAS when
 * it makes an interface but not the MAC: the (random) MACs are what identifies the pair as ours
 * from its first instant, so record them in the journal before. ifalias is set right after, on
 * both ends, and says to people whose interface this is.
 */
struct veth_spec {
	const char *name, *peer;
	uint32_t mtu;
	const char *ifalias;
	uint8_t mac[6], peer_mac[6];
};

int link_create_veth(const struct veth_spec *spec);

/* A random locally administered unicast MAC. */
int link_random_mac(uint8_t mac[6]);

int link_set_up(int ifindex, bool up);
int link_set_mtu(int ifindex, uint32_t mtu);
int link_delete(int ifindex);		/* gone already is 0 */

/* Generic receive offload. name: see link_info. */
int link_get_gro(const char *name, bool *on);
int link_set_gro(const char *name, bool on);

/* "02:00:5e:..", at least 18 bytes; and back: 0 or -1 without err(). */
#define LINK_MAC_TEXT 18
const char *link_mac_format(const uint8_t mac[6], char *buf);
int link_mac_parse(const char *text, uint8_t mac[6]);

#endif
