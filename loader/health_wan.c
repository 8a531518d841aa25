// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The IPv6 side: is the line there, are we reachable on it, is there a way to the BR? */
#include <arpa/inet.h>
#include <linux/neighbour.h>
#include <string.h>

#include "br_reach.h"
#include "err.h"
#include "facts.h"
#include "health.h"
#include "net/addr.h"
#include "net/link.h"

/* The WAN under the index that the datapath uses. 0, 1 if it is gone, or -1 with err(). */
static int find_wan(const struct health_ctx *ctx, struct link_info *wan)
{
	return link_find_index(ctx->config.wan_ifindex, wan);
}

/* Without it, one finding says all. */
static bool wan_is_there(const struct health_ctx *ctx)
{
	struct link_info wan;
	int ret = find_wan(ctx, &wan);

	err_clear();
	return !ret;
}

enum health health_wan(struct health_ctx *ctx)
{
	const char *name = instance_setting(ctx->instance, "wan");
	struct link_info wan;
	int ret = find_wan(ctx, &wan);

	if (ret < 0)
		return health_err(ctx);
	if (ret)
		return health_say(ctx, HEALTH_BAD,
				  "the WAN %s is gone, and its hook with it. When it is back: "
				  "mape-xdp detach, and attach again",
				  name);
	if (!(wan.flags & IFF_UP) || !wan.carrier)
		return health_say(ctx, HEALTH_BAD, "the WAN %s is down. Look at the cable, or: "
						   "ip link set %s up",
				  wan.name, wan.name);
	if (fact_hook(ctx->instance, "wan_hook") != HOOK_TC && !wan.xdp_prog_id)
		return health_say(ctx, HEALTH_BAD,
				  "somebody has removed the XDP hook of %s: mape-xdp detach, and "
				  "attach again",
				  wan.name);
	return health_say(ctx, HEALTH_OK, "the WAN %s is up", wan.name);
}

enum health health_mtu(struct health_ctx *ctx)
{
	uint32_t need = ctx->config.mtu + TUNNEL_OVERHEAD, mtu;
	struct link_info wan;

	if (find_wan(ctx, &wan)) {
		err_clear();
		return HEALTH_NONE;
	}
	mtu = link_mtu6(&wan);
	if (mtu < need)
		return health_say(ctx, HEALTH_BAD,
				  "full packets do not fit: the tunnel's MTU %u needs %u on %s, which "
				  "has %u. Attach again with --mtu %u --replace",
				  ctx->config.mtu, need, wan.name, mtu, mtu - TUNNEL_OVERHEAD);
	return health_say(ctx, HEALTH_OK, "the tunnel's MTU is %u, that of %s %u", ctx->config.mtu,
			  wan.name, mtu);
}

enum health health_ce_address(struct health_ctx *ctx)
{
	struct addr6_info info;
	char text[INET6_ADDRSTRLEN];
	struct in6_addr ce;
	int ret;

	if (!wan_is_there(ctx))
		return HEALTH_NONE;
	memcpy(&ce, ctx->config.ce, sizeof(ce));
	inet_ntop(AF_INET6, &ce, text, sizeof(text));
	ret = addr6_find(ctx->config.wan_ifindex, &ce, &info);
	if (ret < 0)
		return health_err(ctx);
	if (ret)
		return health_say(ctx, HEALTH_BAD,
				  "the CE address %s is not on the WAN any more, so the line does not "
				  "find us: mape-xdp detach, and attach again",
				  text);
	if (info.dadfailed)
		return health_say(ctx, HEALTH_BAD,
				  "another device on the line has the CE address %s, probably a home "
				  "gateway that does MAP-E. Only one of the two can: switch it off "
				  "there",
				  text);
	return health_say(ctx, HEALTH_OK, "the CE address %s is on the WAN", text);
}

/* The first BR is the one that is sent to. */
static void first_br(const struct health_ctx *ctx, struct in6_addr *br, char text[INET6_ADDRSTRLEN])
{
	memcpy(br, ctx->config.br[0], sizeof(*br));
	inet_ntop(AF_INET6, br, text, INET6_ADDRSTRLEN);
}

enum health health_br_route(struct health_ctx *ctx)
{
	char text[INET6_ADDRSTRLEN];
	struct br_route route;
	struct link_info dev;
	struct in6_addr br;

	if (!wan_is_there(ctx))
		return HEALTH_NONE;
	first_br(ctx, &br, text);
	if (br_route_get(&br, &route))
		return health_err(ctx);
	if (!route.ifindex)
		return health_say(ctx, HEALTH_BAD,
				  "there is no IPv6 route to the border relay %s. Look for the line's "
				  "default route: ip -6 route",
				  text);
	if (route.ifindex == (int)ctx->config.wan_ifindex)
		return health_say(ctx, HEALTH_OK, "the border relay %s is routed over the WAN",
				  text);
	if (link_find_index(route.ifindex, &dev)) {
		err_clear();
		strcpy(dev.name, "?");
	}
	return health_say(ctx, HEALTH_BAD,
			  "the border relay %s is routed over %s, not over the WAN %s. Route it there: "
			  "ip -6 route",
			  text, dev.name, instance_setting(ctx->instance, "wan"));
}

enum health health_neighbour(struct health_ctx *ctx)
{
	char text[INET6_ADDRSTRLEN];
	struct br_route route;
	struct in6_addr br;
	uint16_t state;

	first_br(ctx, &br, text);
	if (br_route_get(&br, &route))
		return health_err(ctx);
	if (!route.ifindex)
		return HEALTH_NONE;
	if (br_neighbour_state(route.ifindex, &route.next, &state))
		return health_err(ctx);
	inet_ntop(AF_INET6, &route.next, text, sizeof(text));
	if (state & NUD_FAILED)
		return health_say(ctx, HEALTH_BAD,
				  "the next hop %s does not answer neighbour discovery. Is the line "
				  "connected?",
				  text);
	return health_say(ctx, HEALTH_OK, "the next hop %s %s", text,
			  state == NUD_NONE ? "has not been asked for yet" : "is known");
}

/* Generic XDP behind GRO leaves wrong segment sizes in the packets that it passes on. */
enum health health_gro(struct health_ctx *ctx)
{
	struct link_info wan;
	bool on;

	if (fact_hook(ctx->instance, "wan_hook") != HOOK_XDP_GENERIC || find_wan(ctx, &wan)) {
		err_clear();
		return HEALTH_NONE;
	}
	if (link_get_gro(wan.name, &on))
		return health_err(ctx);
	if (on)
		return health_say(ctx, HEALTH_BAD,
				  "GRO is on, which breaks bulk transfers through the generic XDP hook "
				  "of %s: ethtool -K %s gro off",
				  wan.name, wan.name);
	return health_say(ctx, HEALTH_OK, "GRO is off, as the generic XDP hook of %s needs it",
			  wan.name);
}
