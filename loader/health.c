// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "health.h"

#include <json-c/json.h>
#include <net/if_arp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "facts.h"
#include "net/link.h"
#include "net/route.h"
#include "net/sysctl.h"

enum health health_say(struct health_ctx *ctx, enum health health, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(ctx->text, sizeof(ctx->text), fmt, ap);
	va_end(ap);
	return health;
}

enum health health_err(struct health_ctx *ctx)
{
	health_say(ctx, HEALTH_BAD, "%s", err_text());
	err_clear();
	return HEALTH_BAD;
}

static enum health check_lan(struct health_ctx *ctx)
{
	size_t n = fact_lan_count(ctx->instance);
	struct link_info link;

	if (!n)
		return health_say(ctx, HEALTH_OK,
				  "attached without LAN: every packet takes the kernel path");
	for (size_t i = 0; i < n; i++) {
		const char *name = fact_lan(ctx->instance, i);
		int ret = link_find(name, &link);

		if (ret < 0)
			return health_err(ctx);
		if (ret)
			return health_say(ctx, HEALTH_BAD,
					  "the LAN %s is gone, and its hook with it. When it is back: "
					  "mape-xdp detach, and attach again",
					  name);
	}
	return health_say(ctx, HEALTH_OK, n > 1 ? "the LAN devices are there" : "the LAN is there");
}

static enum health check_forwarding(struct health_ctx *ctx)
{
	long on;

	if (sysctl_read_int("net/ipv4/ip_forward", &on))
		return health_err(ctx);
	if (!on && fact_lan_count(ctx->instance))
		return health_say(ctx, HEALTH_BAD,
				  "IPv4 forwarding is off, so LAN hosts get nowhere: "
				  "sysctl -w net.ipv4.ip_forward=1");
	return health_say(ctx, HEALTH_OK, "IPv4 forwarding is %s", on ? "on" : "off");
}

/* Our default route has to be there, and to be the preferred one. */
static enum health judge_routes(struct health_ctx *ctx, const struct route4 *routes, size_t n)
{
	const char *name = "the tunnel";
	struct link_info link;
	size_t ours = 0;

	if (!link_find_index(ctx->config.tun_ifindex, &link))
		name = link.name;
	err_clear();
	while (ours < n && routes[ours].ifindex != (int)ctx->config.tun_ifindex)
		ours++;
	if (ours == n)
		return health_say(ctx, HEALTH_BAD,
				  "no default route leads into %s, so nothing uses the tunnel: "
				  "ip route add default via " TUNNEL_GATEWAY_TEXT " dev %s onlink "
				  "metric %s table %s",
				  name, name, instance_setting(ctx->instance, "metric"),
				  instance_setting(ctx->instance, "table"));
	if (ours)
		return health_say(ctx, HEALTH_BAD,
				  "a default route with metric %u is preferred to the one into %s "
				  "(metric %u). Remove it, or attach with a smaller --metric",
				  routes[0].metric, name, routes[ours].metric);
	return health_say(ctx, HEALTH_OK, "the default route leads into %s", name);
}

static enum health check_route(struct health_ctx *ctx)
{
	struct route4 *routes;
	enum health health;
	size_t n;

	if (json_object_get_boolean(fact_setting(ctx->instance, "no-route")))
		return HEALTH_NONE;
	if (route4_defaults(json_object_get_int64(fact_setting(ctx->instance, "table")), &routes,
			    &n))
		return health_err(ctx);
	health = judge_routes(ctx, routes, n);
	free(routes);
	return health;
}

/* Segments of the fast path are missing in what conntrack sees of a TCP connection. */
static enum health check_conntrack(struct health_ctx *ctx)
{
	bool offload = ctx->config.flags & MAPE_TCP_OFFLOAD;
	long liberal;

	if (!(ctx->config.flags & MAPE_FAST_PATH))
		return HEALTH_NONE;
	if (!sysctl_exists(TCP_LIBERAL_KEY))
		return health_say(ctx, HEALTH_OK, "conntrack is not in use");
	if (sysctl_read_int(TCP_LIBERAL_KEY, &liberal))
		return health_err(ctx);
	if (!offload)
		return health_say(ctx, HEALTH_BAD,
				  "TCP stays on the kernel path, because conntrack checks windows: "
				  "attach again without --no-sysctl");
	if (!liberal)
		return health_say(ctx, HEALTH_BAD,
				  "conntrack checks TCP windows again, so the end of offloaded "
				  "connections is invalid to it: "
				  "sysctl -w net.netfilter.nf_conntrack_tcp_be_liberal=1");
	return health_say(ctx, HEALTH_OK, "conntrack is liberal about TCP windows");
}

static int count_hookless(const struct link_info *ports, size_t n, const struct link_info **first)
{
	int hookless = 0;

	for (size_t i = 0; i < n; i++) {
		if (ports[i].xdp_prog_id)
			continue;
		if (!hookless++)
			*first = &ports[i];
	}
	return hookless;
}

/* An XDP hook sits on the bridge's ports, and ports come and go. */
static enum health judge_ports(struct health_ctx *ctx, const char *lan)
{
	struct link_info bridge, *ports = NULL;
	const struct link_info *first = NULL;
	enum health health = HEALTH_OK;
	size_t n = 0;
	int ret = link_find(lan, &bridge);

	if (ret > 0)
		return HEALTH_OK; /* check_lan() tells */
	if (!ret && bridge.type != ARPHRD_ETHER)
		return HEALTH_OK; /* has none and needs none */
	if (!ret && strcmp(bridge.kind, "bridge"))
		health = count_hookless(&bridge, 1, &first) ? HEALTH_BAD : HEALTH_OK;
	else if (ret || link_list(bridge.ifindex, &ports, &n))
		return health_err(ctx);
	else if (count_hookless(ports, n, &first))
		health = HEALTH_BAD;
	if (health == HEALTH_BAD)
		health_say(ctx, HEALTH_BAD,
			   "%s has no XDP hook (any more), so its hosts are on the kernel path: "
			   "mape-xdp detach, and attach again",
			   first->name);
	free(ports);
	return health;
}

static enum health check_lan_hooks(struct health_ctx *ctx)
{
	enum health health = HEALTH_OK;

	if (!(ctx->config.flags & MAPE_FAST_PATH) ||
	    fact_hook(ctx->instance, "lan_hook") == HOOK_TC)
		return HEALTH_NONE;
	for (size_t i = 0; i < fact_lan_count(ctx->instance) && health == HEALTH_OK; i++)
		health = judge_ports(ctx, fact_lan(ctx->instance, i));
	return health == HEALTH_OK ?
		       health_say(ctx, HEALTH_OK, "every LAN port has its XDP hook") :
		       health;
}

/* Virtual senders leave checksums half done; native XDP loses that fact on redirect. */
static enum health check_checksums(struct health_ctx *ctx)
{
	if (!(ctx->config.flags & MAPE_FAST_PATH) ||
	    fact_hook(ctx->instance, "lan_hook") == HOOK_TC)
		return HEALTH_NONE;
	return health_say(ctx, HEALTH_OK,
			  "the LAN hook is XDP: right for hosts behind a wire; guests and containers "
			  "(veth, tap) need --lan-hook tc, or ethtool -K DEVICE tx off inside them");
}

const struct health_check health_checks[] = {
	{ "wan", health_wan },
	{ "mtu", health_mtu },
	{ "ce-address", health_ce_address },
	{ "br-route", health_br_route },
	{ "neighbour", health_neighbour },
	{ "lan", check_lan },
	{ "lan-hooks", check_lan_hooks },
	{ "forwarding", check_forwarding },
	{ "route", check_route },
	{ "conntrack", check_conntrack },
	{ "gro", health_gro },
	{ "checksums", check_checksums },
	{},
};
