// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "rule_out.h"

#include <inttypes.h>

#include "out.h"
#include "rule/text.h"

static void brs_out(const struct mape_line *line)
{
	char buf[MAPE_IP6_STRLEN];

	out_array("br", "border relay");
	for (uint32_t i = 0; i < line->br_count; i++)
		out_str(NULL, NULL, mape_ip6_str(line->br[i], buf));
	out_array_end();
}

static void numbers_out(const struct mape_rule *rule)
{
	char ip6[MAPE_PREFIX_STRLEN], ip4[MAPE_IP4_STRLEN + 4];

	out_object("rule", "rule");
	out_str("ipv6_prefix", "IPv6 prefix", mape_prefix6_str(rule->ip6, rule->ip6_len, ip6));
	out_str("ipv4_prefix", "IPv4 prefix", mape_prefix4_str(rule->ip4, rule->ip4_len, ip4));
	out_u64("ea_len", "EA bits", rule->ea_len);
	out_u64("psid_offset", "PSID offset", rule->psid_offset);
	out_u64("psid_len", "PSID length", rule->psid_len);
	out_object_end();
}

static void ranges_json(const struct mape_portset *ps)
{
	out_array("ranges", NULL);
	for (uint32_t i = 0; i < mape_portset_ranges(ps); i++) {
		uint16_t first, last;

		mape_portset_range(ps, i, &first, &last);
		out_array(NULL, NULL);
		out_u64(NULL, NULL, first);
		out_u64(NULL, NULL, last);
		out_array_end();
	}
	out_array_end();
}

/* Two ranges at the start and the last one: with JSON there is a way to get all. */
static void ranges_text(const struct mape_portset *ps)
{
	uint32_t count = mape_portset_ranges(ps);
	uint16_t first, last;

	out_array(NULL, "port ranges");
	for (uint32_t i = 0; i < count; i++) {
		if (i == 2 && count > 3) {
			out_str(NULL, NULL, "...");
			i = count - 1;
		}
		mape_portset_range(ps, i, &first, &last);
		out_fmt(NULL, NULL, "%u-%u", first, last);
	}
	out_array_end();
}

static void ports_out(const struct mape_portset *ps)
{
	uint32_t published = mape_portset_published(ps), ranges = mape_portset_ranges(ps);

	if (out_is_json()) {
		out_object("ports", NULL);
		out_u64("count", NULL, published);
		ranges_json(ps);
		out_object_end();
		return;
	}
	out_fmt(NULL, "ports", "%" PRIu32 " in %" PRIu32 " %s of %" PRIu32 "%s", published, ranges,
		ranges == 1 ? "range" : "ranges", published / ranges,
		published == ps->count ? "" : " (port 0 is never used)");
	ranges_text(ps);
}

void rule_out(const struct mape_line *line, uint32_t mtu)
{
	char ip6[MAPE_PREFIX_STRLEN], ip4[MAPE_IP4_STRLEN + 4];

	out_str("provider", "provider", line->rule.provider);
	out_str("confidence", "confidence", mape_confidence_name(line->rule.confidence));
	out_str("iid", "address format", mape_iid_name(line->rule.iid));
	brs_out(line);
	numbers_out(&line->rule);
	out_str("end_user_prefix", "end-user prefix",
		mape_prefix6_str(line->prefix, line->prefix_len, ip6));
	out_str("ipv4", "IPv4",
		line->ip4_len < MAPE_IP4_BITS ? mape_prefix4_str(line->ip4, line->ip4_len, ip4) :
						mape_ip4_str(line->ip4, ip4));
	out_u64("psid", "PSID", line->psid);
	out_str("ce_ipv6", "CE address", mape_ip6_str(line->ce, ip6));
	ports_out(&line->ports);
	out_u64("mtu", "MTU", mtu);
}
