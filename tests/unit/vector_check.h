/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a published example expects, compared with what user space or BPF made of it. */
#ifndef VECTOR_CHECK_H
#define VECTOR_CHECK_H

#include "vectors.h"

#define N_VECTORS (sizeof(vectors) / sizeof(vectors[0]))

/* How many bits of the prefix the rule uses; an example without a rule only has an address. */
static inline int vector_need(const struct vector *v)
{
	return v->has_rule ? v->rule_ip6_len + v->ea_len : 64;
}

static inline int vector_psid_len(const struct vector *v)
{
	int len = v->rule_ip4_len + v->ea_len - 32;

	if (v->has_rule && v->ea_len)
		return len > 0 ? len : 0;
	return v->psid_len < 0 ? 16 : v->psid_len;
}

static inline int vector_offset(const struct vector *v)
{
	return v->psid_offset < 0 ? 0 : v->psid_offset;
}

/* The rule; where the source has none, one that leads to its IPv4 address and PSID. */
static inline struct mape_fmr vector_fmr(const struct vector *v)
{
	struct mape_fmr fmr = {
		.ip6 = v->rule_ip6,
		.ip6_len = v->rule_ip6_len,
		.ip4 = v->has_rule ? v->rule_ip4 : v->ip4,
		.ip4_len = v->has_rule ? v->rule_ip4_len : 32,
		.ea_len = v->ea_len,
		.psid = !v->ea_len && v->psid > 0 ? v->psid : 0,
		.psid_offset = vector_offset(v),
		.psid_len = vector_psid_len(v),
		.iid = v->iid,
	};

	return fmr;
}

static inline void vector_check_owner(const struct vector *v, __u32 ip4, __u16 psid)
{
	if (v->has_ip4)
		assert_int_equal(ip4, v->ip4);
	if (v->psid >= 0)
		assert_int_equal(psid, v->psid);
}

static inline void vector_check_ce(const struct vector *v, struct mape_ip6 ce)
{
	if (!v->has_ce)
		return;
	if (!v->iid_only)
		assert_int_equal(ce.hi, v->ce.hi);
	assert_int_equal(ce.lo, v->ce.lo);
}

static inline void vector_check_range(const struct mape_portset *ps, __u32 i, const int range[2])
{
	__u16 first, last;

	mape_portset_range(ps, i, &first, &last);
	assert_int_equal(first, range[0]);
	assert_int_equal(last, range[1]);
}

static inline void vector_check_ports(const struct vector *v, const struct mape_portset *ps)
{
	__u32 ranges = mape_portset_ranges(ps);

	if (v->port_count >= 0)
		assert_int_equal(mape_portset_published(ps), v->port_count);
	if (v->all_ranges)
		assert_int_equal(ranges, v->n_head);
	for (int i = 0; i < v->n_head; i++)
		vector_check_range(ps, i, v->head[i]);
	for (int i = 0; i < v->n_tail; i++)
		vector_check_range(ps, ranges - v->n_tail + i, v->tail[i]);
}

#endif
