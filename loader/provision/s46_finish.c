// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "s46.h"

#include "err.h"

#define OFFSET_DEFAULT 6
#define OFFSET_MAX     15 /* RFC 7598, section 4.5 */

struct mape_rule s46_rule(void)
{
	return (struct mape_rule){
		.iid = MAPE_IID_RFC7597,
		.confidence = MAPE_CONF_PROVIDER,
		.provider = "DHCPv6",
	};
}

/* With EA bits the PSID is in them, and a length given beside them can only repeat it. */
static int set_psid(struct mape_rule *rule, const struct s46_ports *ports)
{
	uint32_t from_ea = mape_ea_psid_len(rule->ip4_len, rule->ea_len);

	if (ports->psid_len > MAPE_PORT_BITS)
		return err(NULL, "a PSID of %u bits", ports->psid_len);
	if (rule->ea_len) {
		if (ports->psid_len && ports->psid_len != from_ea)
			return err(NULL, "a PSID of %u bits, but the EA bits hold one of %u",
				   ports->psid_len, from_ea);
		rule->psid_len = from_ea;
		return 0;
	}
	rule->psid_len = ports->psid_len;
	rule->psid_explicit = ports->psid_len;
	rule->psid = ports->psid_len ? ports->psid >> (MAPE_PORT_BITS - ports->psid_len) : 0;
	return 0;
}

int s46_finish(struct mape_rule *rule, const struct s46_ports *ports)
{
	if (rule->ip6_len > MAPE_IP6_BITS || rule->ip4_len > MAPE_IP4_BITS ||
	    rule->ea_len > MAPE_EA_MAX || ports->offset > OFFSET_MAX)
		return err(NULL, "impossible lengths: IPv6 /%u, IPv4 /%u, %u EA bits, offset %u",
			   rule->ip6_len, rule->ip4_len, rule->ea_len, ports->offset);
	rule->ip6 = mape_ip6_prefix(rule->ip6, rule->ip6_len);
	rule->ip4 &= mape_ip4_mask(rule->ip4_len);
	if (set_psid(rule, ports))
		return -1;
	rule->psid_offset = ports->given ? ports->offset : rule->psid_len ? OFFSET_DEFAULT : 0;
	return prov_rule_check(rule);
}
