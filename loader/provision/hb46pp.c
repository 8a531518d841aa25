// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HB46PP ("v6mig-1", version 1.1): the answer of the provisioning server. */
#include <json-c/json.h>
#include <string.h>

#include "document.h"
#include "err.h"
#include "parsers.h"
#include "rule/text.h"

#define TTL_MAX	   604800 /* section 3.4 */
#define OFFSET_MAX 15

static const char provider[] = "HB46PP";

static struct mape_rule empty_rule(enum mape_iid iid)
{
	return (struct mape_rule){
		.iid = iid,
		.confidence = MAPE_CONF_PROVIDER,
		.provider = provider,
	};
}

static int read_map_rule(struct json_object *entry, struct mape_rule rule, bool mesh,
			 struct prov_answer *answer)
{
	uint32_t ea, offset;

	if (document_prefix6(entry, "ipv6", &rule.ip6, &rule.ip6_len) ||
	    document_prefix4(entry, "ipv4", &rule.ip4, &rule.ip4_len) ||
	    document_u32(entry, "ea_length", MAPE_EA_MAX, &ea) ||
	    document_u32(entry, "psid_offset", OFFSET_MAX, &offset))
		return -1;
	rule.ea_len = ea;
	rule.psid_offset = offset;
	rule.psid_len = mape_ea_psid_len(rule.ip4_len, ea);
	return prov_answer_add(answer, &rule, mesh);
}

/* The text says 0 or 1, the example true. */
static int read_mesh(struct json_object *o, bool *mesh)
{
	struct json_object *value = document_get(o, "mesh");
	uint32_t n = 0;

	if (json_object_is_type(value, json_type_boolean)) {
		*mesh = json_object_get_boolean(value);
		return 0;
	}
	if (value && document_u32(o, "mesh", 1, &n))
		return -1;
	*mesh = n;
	return 0;
}

static int read_map_e(struct json_object *o, struct prov_answer *answer)
{
	struct json_object *list = document_array(o, "rules");
	struct mape_rule rule = empty_rule(MAPE_IID_DRAFT03);
	uint32_t version = 0;
	bool mesh;

	if (!list || (document_get(o, "version") && document_u32(o, "version", 1, &version)) ||
	    read_mesh(o, &mesh) || document_ip6(o, "br", &rule.br[0]))
		return -1;
	rule.br_count = 1;
	rule.iid = version ? MAPE_IID_RFC7597 : MAPE_IID_DRAFT03;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (read_map_rule(json_object_array_get_idx(list, i), rule, mesh, answer))
			return err_context("rules[%zu]", i);
	}
	return answer->n_rules ? 0 : err(NULL, "\"rules\" is empty");
}

static int read_lw4o6(struct json_object *o, struct prov_answer *answer)
{
	struct mape_rule rule = empty_rule(MAPE_IID_RFC7597);
	uint32_t psid, psid_len, offset;

	if (document_copy(o, "lwaftr", answer->lwaftr, sizeof(answer->lwaftr)) ||
	    document_prefix6(o, "ipv6", &rule.ip6, &rule.ip6_len) ||
	    document_ip4(o, "ipv4", &rule.ip4) || document_u32(o, "psid", 0xffff, &psid) ||
	    document_u32(o, "psid_length", MAPE_PORT_BITS, &psid_len) ||
	    document_u32(o, "psid_offset", OFFSET_MAX, &offset))
		return -1;
	if (!answer->lwaftr[0])
		return err(NULL, "\"lwaftr\" is missing");
	if (mape_read_ip6(answer->lwaftr, strlen(answer->lwaftr), &rule.br[0])) {
		rule.br_count = 1;
		answer->lwaftr[0] = '\0';
	}
	rule.ip4_len = MAPE_IP4_BITS;
	rule.psid_explicit = psid_len;
	rule.psid = psid_len ? psid : 0;
	rule.psid_len = psid_len;
	rule.psid_offset = offset;
	answer->lw4o6 = rule;
	return prov_rule_check(&rule);
}

static int read_ipip(struct json_object *root, struct prov_answer *answer)
{
	struct json_object *list = document_array(root, "ipip");

	if (!list)
		return -1;
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		struct json_object *entry = json_object_array_get_idx(list, i);
		struct prov_ipip *ipip = &answer->ipip[i];

		if (i == PROV_IPIP_MAX)
			return err(NULL, "more than %d tunnels", PROV_IPIP_MAX);
		if (document_ip6(entry, "ipv6_local", &ipip->local) ||
		    document_ip6(entry, "ipv6_remote", &ipip->remote) ||
		    document_prefix4(entry, "ipv4", &ipip->ip4, &ipip->ip4_len))
			return err_context("[%zu]", i);
		answer->n_ipip++;
	}
	return answer->n_ipip ? 0 : err(NULL, "the list is empty");
}

static int read_dslite(struct json_object *o, struct prov_answer *answer)
{
	if (document_copy(o, "aftr", answer->aftr, sizeof(answer->aftr)))
		return -1;
	return answer->aftr[0] ? 0 : err(NULL, "\"aftr\" is missing");
}

/* The parameters of one method; of MAP-T and 464XLAT it is enough to know that they are there. */
static int read_method(struct json_object *root, enum prov_method method,
		       struct prov_answer *answer)
{
	struct json_object *o = document_get(root, prov_method_name(method));

	if (method == PROV_IPIP)
		return read_ipip(root, answer);
	if (!json_object_is_type(o, json_type_object))
		return err(NULL, "not an object");
	switch (method) {
	case PROV_MAP_E:
		return read_map_e(o, answer);
	case PROV_LW4O6:
		return read_lw4o6(o, answer);
	case PROV_DSLITE:
		return read_dslite(o, answer);
	default:
		return 0;
	}
}

static bool offered(const struct prov_answer *answer, enum prov_method method)
{
	for (size_t i = 0; i < answer->n_order; i++)
		if (answer->order[i] == method)
			return true;
	return false;
}

/* Unknown methods, and those without parameters, are passed over. */
static enum prov_result read_order(struct json_object *root, struct prov_answer *answer)
{
	struct json_object *order = document_get(root, "order");

	if (!json_object_is_type(order, json_type_array))
		return err(NULL, "\"order\" is not a list of methods"), PROV_BAD;
	for (size_t i = 0; i < json_object_array_length(order); i++) {
		struct json_object *word = json_object_array_get_idx(order, i);
		enum prov_method method;

		if (!json_object_is_type(word, json_type_string))
			return err(NULL, "\"order\"[%zu] is not a string", i), PROV_BAD;
		if (!prov_method_parse(json_object_get_string(word), &method) ||
		    !document_get(root, prov_method_name(method)) || offered(answer, method))
			continue;
		if (read_method(root, method, answer))
			return err_context("\"%s\"", prov_method_name(method)), PROV_BAD;
		prov_answer_offer(answer, method);
	}
	return answer->n_order ? PROV_OK : PROV_NOTHING;
}

/* Says why there may be nothing: the only thing that a user can do something about. */
static enum prov_result nothing(const struct prov_answer *answer)
{
	const char *hint = NULL;

	if (!strcmp(answer->auth, "req"))
		hint = "The server wants a name and a password: put them into the file of "
		       "--credentials.";
	else if (!strcmp(answer->auth, "bad"))
		hint = "The server refused the name and the password of --credentials.";
	err(hint, "the server offers this line no way to carry IPv4");
	return PROV_NOTHING;
}

static int read_facts(struct json_object *root, struct prov_answer *a)
{
	uint32_t ttl = 0;

	if (document_copy(root, "enabler_name", a->enabler, sizeof(a->enabler)) ||
	    document_copy(root, "service_name", a->service, sizeof(a->service)) ||
	    document_copy(root, "isp_name", a->isp, sizeof(a->isp)) ||
	    document_copy(root, "auth", a->auth, sizeof(a->auth)) ||
	    document_copy(root, "token", a->token, sizeof(a->token)) ||
	    (document_get(root, "ttl") && document_u32(root, "ttl", UINT32_MAX, &ttl)))
		return -1;
	if (a->token[0] && (strlen(a->token) != PROV_TOKEN_LEN ||
			    strspn(a->token, "0123456789abcdef") != PROV_TOKEN_LEN))
		return err(NULL, "\"token\" is not %d hexadecimal digits", PROV_TOKEN_LEN);
	a->ttl_s = ttl > TTL_MAX ? TTL_MAX : ttl;
	return 0;
}

enum prov_result hb46pp_parse(const void *bytes, size_t len, struct prov_answer *answer)
{
	struct json_object *root = document_parse(bytes, len);
	enum prov_result result = PROV_BAD;

	if (root && !read_facts(root, answer))
		result = read_order(root, answer);
	if (result == PROV_NOTHING)
		result = nothing(answer);
	json_object_put(root);
	return result;
}
