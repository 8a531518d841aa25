// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* loader/net against the running kernel, in a network namespace of its own. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../loader/err.h"
#include "../../loader/net/addr.h"
#include "../../loader/net/link.h"
#include "../../loader/net/netns.h"
#include "../../loader/net/nl.h"
#include "../../loader/net/route.h"
#include "../../loader/net/sysctl.h"

#define assert_ok(call) \
	do { \
		if (call) \
			fail_msg("%s: %s", #call, err_text()); \
	} while (0)

static bool isolated;
static struct link_info a, b;

/* A veth pair t0/t1 with ARP and so with duplicate address detection. */
static int setup(void **state)
{
	struct veth_spec spec = { .name = "t0", .peer = "t1", .mtu = 1460, .ifalias = "test pair" };

	(void)state;
	if (!isolated || link_random_mac(spec.mac) || link_random_mac(spec.peer_mac))
		return 0;
	if (link_create_veth(&spec) || link_get("t0", &a) || link_get("t1", &b))
		return -1;
	return memcmp(a.mac, spec.mac, 6) || memcmp(b.mac, spec.peer_mac, 6) ? -1 : 0;
}

static int teardown(void **state)
{
	struct link_info gone;

	(void)state;
	if (!isolated)
		return 0;
	if (link_delete(a.ifindex) || link_delete(a.ifindex))
		return -1;
	err_clear();
	return link_find("t1", &gone) == 1 ? 0 : -1;
}

static void need_namespace(void)
{
	if (!isolated) {
		print_message("no right to make a network namespace\n");
		skip();
	}
}

static void enable_arp(const char *name)
{
	struct ifreq ifr = { 0 };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	snprintf(ifr.ifr_name, sizeof(ifr.ifr_name), "%s", name);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &ifr), 0);
	ifr.ifr_flags &= ~IFF_NOARP;
	assert_int_equal(ioctl(fd, SIOCSIFFLAGS, &ifr), 0);
	close(fd);
}

static void test_link(void **state)
{
	struct link_info *list, now;
	size_t n;
	bool gro;

	(void)state;
	need_namespace();
	assert_string_equal(a.kind, "veth");
	assert_string_equal(a.ifalias, "test pair");
	assert_string_equal(b.ifalias, "test pair");
	assert_int_equal(a.mtu, 1460);
	assert_int_equal(b.mtu, 1460);
	assert_int_equal(a.peer, b.ifindex);
	assert_false(a.peer_elsewhere);
	assert_true(a.flags & b.flags & IFF_NOARP);
	assert_false(a.flags & IFF_UP);
	assert_int_equal(a.type, 1);
	assert_false(a.carrier);

	assert_ok(link_set_up(a.ifindex, true));
	assert_ok(link_set_up(b.ifindex, true));
	assert_ok(link_set_mtu(a.ifindex, 1400));
	assert_ok(link_find_index(a.ifindex, &now));
	assert_true(now.flags & IFF_UP);
	assert_true(now.carrier);
	assert_int_equal(now.mtu, 1400);

	assert_ok(link_list(0, &list, &n));
	assert_int_equal(n, 3); /* and lo */
	free(list);
	assert_ok(link_list(a.ifindex, &list, &n));
	assert_int_equal(n, 0);
	free(list);

	assert_ok(link_set_gro("t0", true));
	assert_ok(link_get_gro("t0", &gro));
	assert_true(gro);
	assert_ok(link_set_gro("t0", false));
	assert_ok(link_get_gro("t0", &gro));
	assert_false(gro);
}

static void test_link_errors(void **state)
{
	struct veth_spec again = { .name = "t0", .peer = "t9", .mtu = 1460, .mac = { 2 },
				   .peer_mac = { 2, 1 } };
	struct link_info info;

	(void)state;
	need_namespace();
	assert_int_equal(link_get("nosuch0", &info), -1);
	assert_string_equal(err_text(), "there is no interface 'nosuch0'");
	assert_non_null(strstr(err_hint(), " t0"));
	assert_int_equal(link_find("a-name-that-is-far-too-long", &info), 1);
	assert_int_equal(link_find_index(99999, &info), 1);
	assert_int_equal(link_create_veth(&again), -1);
	assert_non_null(strstr(err_text(), "File exists"));
	assert_int_equal(link_find("t9", &info), 1);
	/* The kernel's own words are part of the error. */
	assert_int_equal(link_set_mtu(a.ifindex, 1), -1);
	assert_non_null(strstr(err_text(), "mtu less than device minimum"));
}

static void test_addr6(void **state)
{
	struct in6_addr ce, other;
	struct addr6_info info;

	(void)state;
	need_namespace();
	inet_pton(AF_INET6, "2001:db8::1", &ce);
	inet_pton(AF_INET6, "2001:db8::2", &other);
	enable_arp("t0");
	enable_arp("t1");

	/* Without carrier detection does not start. */
	assert_ok(addr6_add(a.ifindex, &ce));
	assert_int_equal(addr6_wait_dad(a.ifindex, &ce, 50), ADDR_DAD_TIMEOUT);
	assert_ok(link_set_up(a.ifindex, true));
	assert_ok(link_set_up(b.ifindex, true));
	assert_int_equal(addr6_wait_dad(a.ifindex, &ce, 5000), ADDR_DAD_OK);
	assert_ok(addr6_find(a.ifindex, &ce, &info));
	assert_int_equal(info.prefix_len, 128);
	assert_int_equal(info.scope, RT_SCOPE_UNIVERSE);
	assert_true(info.deprecated);
	assert_false(info.tentative);
	assert_int_equal(info.valid_s, UINT32_MAX);
	assert_int_equal(info.preferred_s, 0);
	assert_int_equal(info.proto, NL_PROTO_MAPE);

	/* The same address at the other end of the wire. */
	assert_ok(addr6_add(b.ifindex, &ce));
	assert_int_equal(addr6_wait_dad(b.ifindex, &ce, 5000), ADDR_DAD_DUPLICATE);
	assert_int_equal(addr6_wait_dad(b.ifindex, &other, 5000), ADDR_DAD_GONE);

	assert_int_equal(addr6_add(a.ifindex, &ce), -1);
	assert_non_null(strstr(err_text(), "2001:db8::1/128"));
	assert_ok(addr6_del(b.ifindex, &ce, 128));
	assert_ok(addr6_del(b.ifindex, &ce, 128));
	assert_int_equal(addr6_find(b.ifindex, &ce, &info), 1);
}

static void test_addr4(void **state)
{
	struct in_addr addr, other;
	bool has;

	(void)state;
	need_namespace();
	inet_pton(AF_INET, "192.0.0.2", &addr);
	inet_pton(AF_INET, "192.0.0.3", &other);
	assert_ok(addr4_add(a.ifindex, addr));
	assert_ok(addr4_has(a.ifindex, addr, &has));
	assert_true(has);
	assert_ok(addr4_has(a.ifindex, other, &has));
	assert_false(has);
	assert_ok(addr4_has(b.ifindex, addr, &has));
	assert_false(has);
	assert_ok(addr4_del(a.ifindex, addr));
	assert_ok(addr4_del(a.ifindex, addr));
}

static void test_route4(void **state)
{
	struct in_addr addr, any = {};
	struct route4 *r;
	size_t n;

	(void)state;
	need_namespace();
	inet_pton(AF_INET, "192.0.0.2", &addr);
	assert_ok(link_set_up(b.ifindex, true));
	assert_ok(link_set_up(a.ifindex, true));
	assert_ok(addr4_add(a.ifindex, addr));
	assert_ok(route4_defaults(RT_TABLE_MAIN, &r, &n));
	assert_int_equal(n, 0);
	free(r);
	assert_ok(route4_add_default(a.ifindex, 512, RT_TABLE_MAIN, any));
	assert_ok(route4_add_default(b.ifindex, 100, RT_TABLE_MAIN, any));
	assert_ok(route4_add_default(a.ifindex, 7, 10000, any));
	assert_int_equal(route4_add_default(a.ifindex, 512, RT_TABLE_MAIN, any), -1);
	assert_non_null(strstr(err_hint(), "--metric"));

	assert_ok(route4_defaults(RT_TABLE_MAIN, &r, &n));
	assert_int_equal(n, 2);
	assert_int_equal(r[0].metric, 100);
	assert_int_equal(r[1].metric, 512);
	assert_int_equal(r[1].ifindex, a.ifindex);
	assert_int_equal(r[1].proto, NL_PROTO_MAPE);
	assert_int_equal(r[1].type, RTN_UNICAST);
	free(r);
	assert_ok(route4_defaults(10000, &r, &n));
	assert_int_equal(n, 1);
	assert_int_equal(r[0].table, 10000);
	free(r);

	assert_ok(route4_del_default(b.ifindex, 512, RT_TABLE_MAIN)); /* not that one's */
	assert_ok(route4_del_default(a.ifindex, 512, RT_TABLE_MAIN));
	assert_ok(route4_del_default(a.ifindex, 512, RT_TABLE_MAIN));
	assert_ok(route4_defaults(RT_TABLE_MAIN, &r, &n));
	assert_int_equal(n, 1);
	free(r);
}

static void add_unreachable6(const char *prefix, uint8_t len, uint32_t metric)
{
	struct in6_addr dst;
	NL_BUFFER(buf);
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;

	inet_pton(AF_INET6, prefix, &dst);
	nlh = nl_start(buf, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rtm, sizeof(*rtm));
	rtm->rtm_family = AF_INET6;
	rtm->rtm_dst_len = len;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_type = RTN_UNREACHABLE;
	mnl_attr_put(nlh, RTA_DST, sizeof(dst), &dst);
	mnl_attr_put_u32(nlh, RTA_PRIORITY, metric);
	assert_int_equal(nl_request(nlh), 0);
}

static void test_route6(void **state)
{
	char text[INET6_ADDRSTRLEN];
	struct route6 *r;
	size_t n;

	(void)state;
	need_namespace();
	add_unreachable6("2001:db8:400:5600::", 56, 1024);
	add_unreachable6("2001:db8:400:5600::", 56, 2048);
	add_unreachable6("fd00:1::", 48, 1024);
	add_unreachable6("2001:db8::", 32, 1024);
	assert_ok(route6_delegated(&r, &n));
	assert_int_equal(n, 1);
	assert_int_equal(r[0].prefix_len, 56);
	inet_ntop(AF_INET6, &r[0].dst, text, sizeof(text));
	assert_string_equal(text, "2001:db8:400:5600::");
	free(r);
}

static void test_sysctl(void **state)
{
	char value[SYSCTL_VALUE_MAX];
	long number;

	(void)state;
	need_namespace();
	assert_ok(sysctl_write("net/ipv4/conf/t0/rp_filter", "2"));
	assert_ok(sysctl_read("net/ipv4/conf/t0/rp_filter", value, sizeof(value)));
	assert_string_equal(value, "2");
	assert_ok(sysctl_read_int("net/ipv4/conf/t0/rp_filter", &number));
	assert_int_equal(number, 2);
	assert_false(sysctl_exists("net/ipv4/conf/nosuch0/rp_filter"));
	assert_int_equal(sysctl_write("net/ipv4/conf/nosuch0/rp_filter", "2"), -1);
	assert_int_equal(sysctl_write("net/ipv4/conf/t0/rp_filter", "many"), -1);
	assert_non_null(strstr(err_text(), "'many'"));
}

static void test_netns(void **state)
{
	struct netns here, initial = { .inode = 4026531840, .initial = true };
	const char *name;
	char id[NETNS_ID_MAX], foreign[NETNS_ID_MAX];

	(void)state;
	assert_ok(netns_current(&here));
	assert_ok(netns_instance_id("mape0", id));
	assert_true(netns_owns_id(&here, id, &name));
	assert_string_equal(name, "mape0");
	snprintf(foreign, sizeof(foreign), "%llu-mape0", (unsigned long long)here.inode + 1);
	assert_false(netns_owns_id(&here, foreign, &name));
	assert_true(netns_owns_id(&initial, "mape0", &name));
	assert_true(netns_owns_id(&initial, "2-home", &name));
	assert_string_equal(name, "2-home");
	assert_false(netns_owns_id(&initial, foreign, &name));
	if (isolated)
		assert_false(here.initial);
}

static void test_mac(void **state)
{
	uint8_t mac[6], back[6];
	char text[LINK_MAC_TEXT];

	(void)state;
	assert_ok(link_random_mac(mac));
	assert_int_equal(mac[0] & 3, 2);
	assert_ok(link_mac_parse(link_mac_format(mac, text), back));
	assert_memory_equal(mac, back, 6);
	assert_int_equal(link_mac_parse("02:00:00:00:00", back), -1);
	assert_int_equal(link_mac_parse("02:00:00:00:00:0g", back), -1);
	assert_int_equal(link_mac_parse("02:00:00:00:00:000", back), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_link, setup, teardown),
		cmocka_unit_test_setup_teardown(test_link_errors, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addr6, setup, teardown),
		cmocka_unit_test_setup_teardown(test_addr4, setup, teardown),
		cmocka_unit_test_setup_teardown(test_route4, setup, teardown),
		cmocka_unit_test(test_route6),
		cmocka_unit_test_setup_teardown(test_sysctl, setup, teardown),
		cmocka_unit_test(test_netns),
		cmocka_unit_test(test_mac),
	};

	isolated = !unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
