// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* OCN Virtual Connect: the answer of the rule server. */
#include <json-c/json.h>

#include "document.h"
#include "err.h"
#include "parsers.h"

static const char ocn_shared[] = "OCN-VirtualConnect";
const char ocn_fixed[] = "OCN-VirtualConnect-fixed";

/* Prefix and length have keys of their own here. */
static int read_prefixes(struct json_object *entry, struct mape_rule *rule)
{
	uint32_t ip6_len, ip4_len;

	if (document_ip6(entry, "ipv6Prefix", &rule->ip6) ||
	    document_u32(entry, "ipv6PrefixLength", MAPE_IP6_BITS, &ip6_len) ||
	    document_ip4(entry, "ipv4Prefix", &rule->ip4) ||
	    document_u32(entry, "ipv4PrefixLength", MAPE_IP4_BITS, &ip4_len))
		return -1;
	rule->ip6_len = ip6_len;
	rule->ip4_len = ip4_len;
	return 0;
}

/* The length of the PSID is not sent, it follows from the EA bits. */
static int read_entry(struct json_object *entry, struct prov_answer *answer)
{
	struct mape_rule rule = {
		.iid = MAPE_IID_DRAFT03,
		.confidence = MAPE_CONF_PROVIDER,
		.provider = document_get(entry, "hostName") ? ocn_fixed : ocn_shared,
		.br_count = 1,
	};
	uint32_t ea, offset;

	if (read_prefixes(entry, &rule) ||
	    document_u32(entry, "eaBitLength", MAPE_EA_MAX, &ea) ||
	    document_u32(entry, "psIdOffset", 15, &offset) ||
	    document_ip6(entry, "brIpv6Address", &rule.br[0]))
		return -1;
	if (rule.provider == ocn_fixed && !document_string(entry, "hostName"))
		return -1;
	rule.ea_len = ea;
	rule.psid_offset = offset;
	rule.psid_len = mape_ea_psid_len(rule.ip4_len, ea);
	return prov_answer_add(answer, &rule, true);
}

static enum prov_result read_list(struct json_object *root, struct prov_answer *answer)
{
	struct json_object *list;

	if (!json_object_object_length(root))
		return err(NULL, "the server knows no rule for this line"), PROV_NOTHING;
	list = document_array(root, "basicMapRules");
	if (!list)
		return PROV_BAD;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (read_entry(json_object_array_get_idx(list, i), answer))
			return err_context("basicMapRules[%zu]", i), PROV_BAD;
	}
	if (!answer->n_rules)
		return err(NULL, "the server knows no rule for this line"), PROV_NOTHING;
	prov_answer_offer(answer, PROV_MAP_E);
	return PROV_OK;
}

enum prov_result ocn_parse(const void *bytes, size_t len, struct prov_answer *answer)
{
	struct json_object *root = document_parse(bytes, len);
	enum prov_result result = root ? read_list(root, answer) : PROV_BAD;

	json_object_put(root);
	return result;
}
