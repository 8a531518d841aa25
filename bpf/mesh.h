/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Mesh (RFC 7597 section 5): other CEs of the domain are reached without the BR, by the forwarding
 * rules in `fmrs`. Who owns an address and a port is arithmetic, the same in both directions.
 *
 * The port of an ICMP query or of an error about one is its id, as it is for a BR: so whoever
 * computes the owner, of a request or of its answer, computes the same one.
 */
#ifndef MAPE_BPF_MESH_H
#define MAPE_BPF_MESH_H

#include "maps.h"
#include "parse.h"
#include <mape/arith.h>

static __always_inline __u32 addr4_number(const __u8 *addr)
{
	__be32 n;

	__builtin_memcpy(&n, addr, 4);
	return bpf_ntohl(n);
}

static __always_inline const struct mape_fmr *fmr_find(const __u8 *addr)
{
	struct mape_prefix4 key = { .len = 32 };

	__builtin_memcpy(key.addr, addr, 4);
	return bpf_map_lookup_elem(&fmrs, &key);
}

/* Does any CE of this rule own the port? Not the ports that RFC 7597 section 5.1 excludes. */
static __always_inline bool fmr_has_port(const struct mape_fmr *fmr, __u16 port)
{
	__u32 m = (MAPE_PORT_BITS - fmr->psid_offset - fmr->psid_len) & 31;
	struct mape_portset ps;
	__u16 psid = fmr->psid;

	if (!fmr->psid_len)
		return true; /* the address is not shared: whatever the port, it is that CE's */
	if (fmr->ea_len)
		psid = (port >> m) & mape_low_bits(fmr->psid_len);
	mape_portset_init(&ps, fmr->psid_offset, fmr->psid_len, psid);
	return mape_portset_index(&ps, port) >= 0;
}

/*
 * The other end of the tunnel for what this session sends: the CE that owns the remote address and
 * port, else the BR. Never ourselves. Kept in the session, where the fast path finds it; set by
 * every outbound packet on the kernel path, so before a session can be offloaded.
 *
 * Not static, like the next one: the verifier then checks it once, not for each of its callers'
 * states.
 */
__noinline int mesh_route(const struct mape_flow *wanted, struct mape_session *s)
{
	const struct mape_config *cfg = mape_config();
	const struct mape_fmr *fmr;
	struct mape_flow flow;
	__u8 far[16];
	__u16 port;

	if (!cfg || !wanted || !s)
		return 0;
	flow = *wanted;
	port = flow.proto == MAPE_PROTO_ICMP ? s->ext_port : flow.rem_port;
	fmr = fmr_find(flow.rem_addr);
	__builtin_memcpy(far, cfg->br[0], 16);
	if (fmr && fmr_has_port(fmr, port))
		mape_ip6_store(far, mape_fmr_ce(fmr, addr4_number(flow.rem_addr), port));
	if (addr6_equal(far, cfg->ce))
		__builtin_memcpy(far, cfg->br[0], 16);
	__builtin_memcpy(s->far, far, 16);
	return 0;
}

/*
 * May this packet, parsed, come from the CE with the outer source `wire` (RFC 7597 section 8.1)? An
 * outcome that drops, or MAPE_KERNEL_IN.
 */
__noinline int mesh_check(const struct mape_ip6 *wire, const struct mape_pkt *p)
{
	const struct mape_fmr *fmr;
	struct mape_portset ports;
	struct mape_owner owner;
	struct mape_ip6 src;
	__u32 ip4;
	__u16 port;

	if (!wire || !p)
		return MAPE_IN_NOT_BR;
	src = mape_ip6_load(wire);
	ip4 = addr4_number(p->far);
	port = p->flow.proto == MAPE_PROTO_ICMP ? p->flow.int_port : p->flow.rem_port;
	fmr = fmr_find(p->far);
	if (!fmr || !mape_ip6_in(src, fmr->ip6, fmr->ip6_len))
		return MAPE_IN_NOT_BR;
	if (!addr4_equal(p->far, p->flow.rem_addr))
		return MAPE_IN_MESH_ADDRESS; /* an error that a third party sends */
	if (mape_fmr_source_ok(fmr, src, ip4, port))
		return MAPE_KERNEL_IN;
	owner = mape_fmr_owner(fmr, src);
	mape_portset_init(&ports, fmr->psid_offset, fmr->psid_len, owner.psid);
	return owner.ip4 == (ip4 & mape_ip4_mask(owner.ip4_len)) &&
			       mape_portset_index(&ports, port) < 0 ?
		       MAPE_IN_MESH_PORT :
		       MAPE_IN_MESH_ADDRESS;
}

#endif
