// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The BR's options, its TUN device and its raw socket. */
#ifndef LAB_BR_SETUP_H
#define LAB_BR_SETUP_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "br_rule.h"

enum {
	BR_SOCKET_BUFFER = 16 << 20
};

struct br_setup {
	struct br_rule rule;
	struct in6_addr address;
	const char *tun_name, *stats_path;
	int mtu; /* of the TUN device: longest inner packet towards a CE */
};

static void br_die(const char *what)
{
	fprintf(stderr, "br: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void br_usage(const char *why)
{
	fprintf(stderr,
		"br: %s\n"
		"usage: br --tun NAME --address BR --rule-v6 P/LEN --rule-v4 P/LEN --ea N --offset N\n"
		"          [--psid-len N --psid N] [--iid draft03|rfc7597] [--mtu N] --stats FILE\n",
		why);
	exit(2);
}

static int br_open_tun(const char *name, int mtu)
{
	struct ifreq ifr = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK), ctl = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0)
		br_die("/dev/net/tun");
	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	if (ioctl(fd, TUNSETIFF, &ifr))
		br_die("cannot make the TUN device");
	ifr.ifr_mtu = mtu;
	if (ioctl(ctl, SIOCSIFMTU, &ifr))
		br_die("cannot set the MTU of the TUN device");
	ifr.ifr_flags = IFF_UP;
	if (ioctl(ctl, SIOCSIFFLAGS, &ifr))
		br_die("cannot set the TUN device up");
	close(ctl);
	return fd;
}

static int br_open_raw(const struct in6_addr *address)
{
	static const int report[] = {IPV6_RECVHOPLIMIT, IPV6_RECVTCLASS, IPV6_RECVDSTOPTS,
				     IPV6_RECVHOPOPTS, IPV6_RECVRTHDR};
	struct sockaddr_in6 sin6 = {.sin6_family = AF_INET6, .sin6_addr = *address};
	int one = 1, size = BR_SOCKET_BUFFER, hops = 64,
	    fd = socket(AF_INET6, SOCK_RAW, IPPROTO_IPIP);

	if (fd < 0)
		br_die("raw socket");
	for (size_t i = 0; i < sizeof(report) / sizeof(*report); i++)
		if (setsockopt(fd, IPPROTO_IPV6, report[i], &one, sizeof(one)))
			br_die("raw socket option");
	if (setsockopt(fd, IPPROTO_IPV6, IPV6_UNICAST_HOPS, &hops, sizeof(hops)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size)))
		br_die("raw socket option");
	if (bind(fd, (struct sockaddr *)&sin6, sizeof(sin6)))
		br_die("the BR's address");
	return fd;
}

static void br_read_prefix(int family, const char *text, void *address, int *len)
{
	char copy[INET6_ADDRSTRLEN + 4], *slash;

	snprintf(copy, sizeof(copy), "%s", text);
	slash = strchr(copy, '/');
	if (!slash)
		br_usage("a prefix needs a length");
	*slash = 0;
	*len = atoi(slash + 1);
	if (inet_pton(family, copy, address) != 1 || *len < 0 ||
	    *len > (family == AF_INET ? 32 : 128))
		br_usage("not a prefix");
}

static void br_read_option(struct br_setup *setup, int opt, const char *arg)
{
	struct br_rule *r = &setup->rule;
	struct in_addr v4;

	switch (opt) {
	case 't':
		setup->tun_name = arg;
		break;
	case 's':
		setup->stats_path = arg;
		break;
	case 'm':
		setup->mtu = atoi(arg);
		break;
	case 'e':
		r->ea_len = atoi(arg);
		break;
	case 'o':
		r->offset = atoi(arg);
		break;
	case 'k':
		r->psid_len = atoi(arg);
		break;
	case 'p':
		r->psid = atoi(arg);
		break;
	case 'i':
		r->rfc_iid = !strcmp(arg, "rfc7597");
		break;
	case '6':
		br_read_prefix(AF_INET6, arg, &r->v6, &r->v6_len);
		break;
	case '4':
		br_read_prefix(AF_INET, arg, &v4, &r->v4_len);
		r->v4 = ntohl(v4.s_addr);
		break;
	case 'a':
		if (inet_pton(AF_INET6, arg, &setup->address) != 1)
			br_usage("--address is not an IPv6 address");
		break;
	default:
		br_usage("unknown option");
	}
}

static void br_read_options(struct br_setup *setup, int argc, char **argv)
{
	static const struct option options[] = {
		{"tun", 1, 0, 't'},     {"stats", 1, 0, 's'},   {"mtu", 1, 0, 'm'},
		{"address", 1, 0, 'a'}, {"rule-v6", 1, 0, '6'}, {"rule-v4", 1, 0, '4'},
		{"ea", 1, 0, 'e'},      {"offset", 1, 0, 'o'},  {"psid-len", 1, 0, 'k'},
		{"psid", 1, 0, 'p'},    {"iid", 1, 0, 'i'},     {0},
	};
	int opt;

	setup->mtu = 1460;
	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1)
		br_read_option(setup, opt, optarg);
	if (!setup->tun_name || !setup->stats_path || !setup->rule.v6_len)
		br_usage("--tun, --stats and --rule-v6 are needed");
	if (br_embedded_len(&setup->rule))
		setup->rule.psid_len = br_embedded_len(&setup->rule);
	if (setup->rule.offset < 0 || setup->rule.psid_len < 0 ||
	    setup->rule.offset + setup->rule.psid_len > 16)
		br_usage("impossible port set");
}

#endif
