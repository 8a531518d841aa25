// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* From the plan to the one record that the datapath reads. */
#include <arpa/inet.h>
#include <string.h>

#include "plan.h"
#include "timeouts.h"

void plan_config(const struct plan *plan, const struct link_info *tun,
		 const struct link_info *exit_end, struct mape_config *c)
{
	const struct attach_opts *o = plan->opts;
	uint32_t ip4 = htonl(plan->line.ip4);

	memset(c, 0, sizeof(*c));
	c->magic = MAPE_MAGIC;
	c->abi = MAPE_ABI;
	c->flags = (plan->fast_path ? MAPE_FAST_PATH : 0) |
		   (plan->tcp_offload ? MAPE_TCP_OFFLOAD : 0) | (plan->napt ? 0 : MAPE_NO_NAPT);
	c->mtu = plan->mtu;
	memcpy(c->ip4, &ip4, 4);
	c->ip4_len = plan->line.ip4_len;
	c->wan_ifindex = plan->wan.ifindex;
	c->tun_ifindex = tun->ifindex;
	c->exit_ifindex = exit_end->ifindex;
	c->ports = plan->line.ports;
	mape_ip6_store(c->ce, plan->line.ce);
	c->br_count = plan->line.br_count;
	for (uint32_t i = 0; i < c->br_count; i++)
		mape_ip6_store(c->br[i], plan->line.br[i]);
	memcpy(c->tun_mac, tun->mac, 6);
	c->filtering = o->filtering;
	c->mark_mask = o->mark_mask;
	c->mark_shift = c->mark_mask ? __builtin_ctz(c->mark_mask) : 0;
	c->host_ports = o->host_ports;
	c->host_rate = o->host_rate;
	/* Only there may a stranger send to a port, so only there can he be mistaken for a new one. */
	c->rest_s = o->filtering == MAPE_FILTER_ENDPOINT ? o->rest : 0;
	c->fmr_count = plan->mesh.n;
	if (plan->mesh.mode == MESH_ON)
		c->flags |= MAPE_MESH;
	c->source_count = plan->sources.n;
	outer_config(&o->outer, c);
	timeouts_set(c, &o->timeouts);
}
