// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <time.h>

#include "../err.h"
#include "addr.h"
#include "nl.h"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

/* Throws away what has come: a notification only says that it is time to look again. */
static void drain(struct mnl_socket *s)
{
	char buf[4096];

	while (mnl_socket_recvfrom(s, buf, sizeof(buf)) >= 0 || errno == ENOBUFS)
		;
}

/* enum addr_dad as of now; TIMEOUT: not decided yet. */
static int state(int ifindex, const struct in6_addr *addr)
{
	struct addr6_info info;
	int rc = addr6_find(ifindex, addr, &info);

	if (rc)
		return rc < 0 ? -1 : ADDR_DAD_GONE;
	if (info.dadfailed)
		return ADDR_DAD_DUPLICATE;
	return info.tentative ? ADDR_DAD_TIMEOUT : ADDR_DAD_OK;
}

static int watch(struct mnl_socket *s, int ifindex, const struct in6_addr *addr, long deadline)
{
	struct pollfd fd = { .fd = mnl_socket_get_fd(s), .events = POLLIN };

	for (;;) {
		int now = state(ifindex, addr);
		long left = deadline - now_ms();

		if (now != ADDR_DAD_TIMEOUT || left <= 0)
			return now;
		if (poll(&fd, 1, (int)left) < 0 && errno != EINTR)
			return err_sys(errno, NULL, "cannot wait for netlink notifications");
		drain(s);
	}
}

int addr6_wait_dad(int ifindex, const struct in6_addr *addr, unsigned int timeout_ms)
{
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | SOCK_NONBLOCK);
	int rc;

	if (!s)
		return err_sys(errno, NULL, "cannot open a netlink socket");
	/* Listening starts before the first look, so that no change falls in between. */
	if (mnl_socket_bind(s, RTMGRP_IPV6_IFADDR, MNL_SOCKET_AUTOPID) < 0)
		rc = err_sys(errno, NULL, "cannot listen for address changes");
	else
		rc = watch(s, ifindex, addr, now_ms() + timeout_ms);
	mnl_socket_close(s);
	return rc;
}
