// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* JPNE (v6plus, and BIGLOBE's lines on the same server): the answers of its "enabler" API. */
#include <json-c/json.h>
#include <string.h>

#include "document.h"
#include "err.h"
#include "jsonp.h"
#include "parsers.h"

#define OFFSET_MAX 15

static struct json_object *parse(const void *bytes, size_t len)
{
	const char *json;
	size_t json_len;

	return jsonp_cut(bytes, len, &json, &json_len) ? NULL : document_parse(json, json_len);
}

static int read_entry(struct json_object *entry, const struct mape_ip6 *br, uint32_t line_len,
		      struct prov_answer *answer)
{
	struct mape_rule rule = {
		.iid = MAPE_IID_DRAFT03,
		.confidence = MAPE_CONF_PROVIDER,
		.provider = "JPNE",
		.br = { *br },
		.br_count = 1,
	};
	uint32_t ea, offset;

	if (document_prefix6(entry, "ipv6", &rule.ip6, &rule.ip6_len) ||
	    document_prefix4(entry, "ipv4", &rule.ip4, &rule.ip4_len) ||
	    document_u32(entry, "ea_length", MAPE_EA_MAX, &ea) ||
	    document_u32(entry, "psid_offset", OFFSET_MAX, &offset))
		return -1;
	if (rule.ip6_len + ea != line_len)
		return err(NULL, "a rule of %u bits and %u EA bits in a domain of /%u lines",
			   rule.ip6_len, ea, line_len);
	rule.ea_len = ea;
	rule.psid_offset = offset;
	rule.psid_len = mape_ea_psid_len(rule.ip4_len, ea);
	return prov_answer_add(answer, &rule, true);
}

static enum prov_result read_rules(struct json_object *root, struct prov_answer *answer)
{
	struct json_object *list;
	struct mape_ip6 br;
	uint32_t line_len;

	if (!json_object_object_length(root))
		return err(NULL, "the server knows no rule for this line"), PROV_NOTHING;
	list = document_array(root, "fmr");
	if (!list || document_ip6(root, "dmr", &br) ||
	    document_u32(root, "ipv6_fixlen", MAPE_IP6_BITS, &line_len) ||
	    !document_string(root, "id"))
		return PROV_BAD;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (read_entry(json_object_array_get_idx(list, i), &br, line_len, answer))
			return err_context("fmr[%zu]", i), PROV_BAD;
	}
	if (!answer->n_rules)
		return err(NULL, "the server knows no rule for this line"), PROV_NOTHING;
	prov_answer_offer(answer, PROV_MAP_E);
	return PROV_OK;
}

enum prov_result jpne_parse(const void *bytes, size_t len, struct prov_answer *answer)
{
	struct json_object *root = parse(bytes, len);
	enum prov_result result = root ? read_rules(root, answer) : PROV_BAD;

	json_object_put(root);
	return result;
}

enum prov_result jpne_parse_gateway(const void *bytes, size_t len, bool *active)
{
	struct json_object *root = parse(bytes, len);
	const char *status = root ? document_string(root, "status") : NULL;
	enum prov_result result = PROV_BAD;

	if (status && (!strcmp(status, "ON") || !strcmp(status, "OFF"))) {
		*active = !strcmp(status, "ON");
		result = PROV_OK;
	} else if (status) {
		err(NULL, "\"status\" is neither ON nor OFF");
	}
	json_object_put(root);
	return result;
}
