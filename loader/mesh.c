// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "mesh.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "err.h"
#include "rule/text.h"

const char *const mesh_words[] = { "auto", "off", "receive", "on", NULL };

/*
 * Providers whose servers hand out their whole table as forwarding rules: other CEs may send to us
 * directly, and what they send proves itself. We send to the BR nevertheless unless told otherwise,
 * because a built-in rule that has become outdated would lead packets to nobody.
 */
static const char *const mesh_providers[] = { "OCN-VirtualConnect", "JPNE-v6plus", "BIGLOBE-east",
					      "BIGLOBE-west" };

static bool provider_has_mesh(const char *provider)
{
	for (size_t i = 0; i < sizeof(mesh_providers) / sizeof(mesh_providers[0]); i++)
		if (!strcmp(mesh_providers[i], provider))
			return true;
	return false;
}

static enum mesh_mode choose_mode(const struct mesh_opts *opts, const struct mape_line *line)
{
	if (opts->mode != MESH_AUTO)
		return opts->mode;
	if (opts->fmrs.n)
		return MESH_ON;
	return provider_has_mesh(line->rule.provider) ? MESH_RECEIVE : MESH_OFF;
}

/* Rules with nested IPv4 prefixes are no conflict, the longest match decides. */
static int add_rule(struct mesh *mesh, const struct mape_rule *rule, const struct mape_line *line)
{
	struct mape_fmr fmr = mape_rule_fmr(rule);
	char text[MAPE_IP4_STRLEN + 4];

	for (uint32_t i = 0; i < mesh->n; i++)
		if (mesh->rules[i].ip4 == fmr.ip4 && mesh->rules[i].ip4_len == fmr.ip4_len)
			return err("Keep the one that the provider means.",
				   "two forwarding rules for the IPv4 prefix %s",
				   mape_prefix4_str(fmr.ip4, fmr.ip4_len, text));
	if (mesh->n == MAPE_FMR_MAX)
		return err(NULL, "there are more than %d forwarding rules", MAPE_FMR_MAX);
	/* One domain, one layout of CE addresses; --iid goes before the rule's own. */
	fmr.iid = line->rule.iid;
	mesh->rules[mesh->n++] = fmr;
	return 0;
}

static int add_given(struct mesh *mesh, const struct opt_list *texts, const struct mape_line *line)
{
	struct mape_error error;
	struct mape_rule rule;

	for (unsigned int i = 0; i < texts->n; i++) {
		if (mape_rule_parse(texts->v[i], &rule, &error))
			return err(mape_rule_explain(error.code).hint, "%s: %s",
				   mape_rule_explain(error.code).text, error.detail);
		if (add_rule(mesh, &rule, line))
			return -1;
	}
	return 0;
}

static int add_builtin(struct mesh *mesh, const struct mape_line *line)
{
	for (size_t i = 0; i < mape_rule_count; i++)
		if (!strcmp(mape_rule_table[i].provider, line->rule.provider) &&
		    add_rule(mesh, &mape_rule_table[i], line))
			return -1;
	return 0;
}

int mesh_plan(struct mesh *mesh, const struct mesh_opts *opts, const struct rule_opts *rule,
	      const struct mape_line *line)
{
	mesh->n = 0;
	mesh->mode = choose_mode(opts, line);
	if (mesh->mode == MESH_OFF)
		return opts->fmrs.n ? err("Leave out one of the two.",
					  "--fmr is given, but --mesh is off") :
				      0;
	if (opts->fmrs.n)
		return add_given(mesh, &opts->fmrs, line);
	if (rule->rules.n)
		return add_given(mesh, &rule->rules, line);
	return add_builtin(mesh, line);
}

int mesh_fill(const struct mesh *mesh, int map)
{
	for (uint32_t i = 0; i < mesh->n; i++) {
		const struct mape_fmr *fmr = &mesh->rules[i];
		struct mape_prefix4 key = { .len = fmr->ip4_len };
		uint32_t ip4 = htonl(fmr->ip4);

		memcpy(key.addr, &ip4, sizeof(key.addr));
		if (bpf_map_update_elem(map, &key, fmr, BPF_ANY))
			return err_sys(errno, NULL, "cannot write the forwarding rules");
	}
	return 0;
}
