// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp stats: what became of the packets. */
#include <inttypes.h>
#include <string.h>

#include "cmd.h"
#include "instance.h"
#include "out.h"
#include "outcomes.h"

struct stats_opts {
	bool explain, all;
};

static const struct opt options[] = {
	{ OPT_ROW(OPT_FLAG, "explain", struct stats_opts, explain),
	  .help = "say what each outcome means and what to do about it" },
	{ OPT_ROW(OPT_FLAG, "all", struct stats_opts, all),
	  .help = "show outcomes without packets too" },
	{ .type = OPT_END },
};

static void json_out(const struct mape_counter *totals, bool explain)
{
	out_object("outcomes", NULL);
	for (int i = 0; i < MAPE_OUTCOME_COUNT; i++) {
		const struct outcome_info *info = &outcome_infos[i];

		out_object(info->key, NULL);
		out_u64("packets", NULL, totals[i].packets);
		out_u64("bytes", NULL, totals[i].bytes);
		out_bool("drop", NULL, info->drop);
		if (explain)
			out_str("explanation", NULL, info->text);
		out_object_end();
	}
	out_object_end();
}

static void table_out(const struct mape_counter *totals, bool all)
{
	int shown = 0;

	out_table(NULL, NULL);
	for (int i = 0; i < MAPE_OUTCOME_COUNT; i++) {
		if (!all && !totals[i].packets)
			continue;
		out_row();
		out_str(NULL, "OUTCOME", outcome_infos[i].key);
		out_u64(NULL, "PACKETS", totals[i].packets);
		out_u64(NULL, "BYTES", totals[i].bytes);
		out_row_end();
		shown++;
	}
	out_table_end();
	if (!shown)
		out_text("no packets yet");
}

#define EXPLANATION_WIDTH 76

/* The explanation in lines that fit a terminal. */
static void wrapped_out(const char *text)
{
	while (*text) {
		size_t len = strlen(text), cut = len;

		if (len > EXPLANATION_WIDTH)
			for (cut = EXPLANATION_WIDTH; cut && text[cut] != ' '; cut--)
				;
		if (!cut)
			cut = len;
		out_text("    %.*s", (int)cut, text);
		text += cut + (text[cut] == ' ');
	}
}

static void explained_out(const struct mape_counter *totals)
{
	for (int i = 0; i < MAPE_OUTCOME_COUNT; i++) {
		const struct outcome_info *info = &outcome_infos[i];

		out_text("%s: %" PRIu64 " packets, %" PRIu64 " bytes%s", info->key,
			 (uint64_t)totals[i].packets, (uint64_t)totals[i].bytes,
			 info->drop ? " (drop)" : "");
		wrapped_out(info->text);
	}
}

static int run(const struct cmd_call *call)
{
	const struct stats_opts *opts = call->opts;
	struct mape_counter totals[MAPE_OUTCOME_COUNT];
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (instance_find(&instance, call, false))
		goto out;
	rc = instance_need(&instance);
	if (rc)
		goto out;
	if (outcomes_read(&instance, totals))
		rc = CMD_FAILED;
	else if (out_is_json())
		json_out(totals, opts->explain);
	else if (opts->explain)
		explained_out(totals);
	else
		table_out(totals, opts->all);
out:
	instance_close(&instance);
	return rc;
}

const struct command cmd_stats = {
	.name = "stats",
	.synopsis = "[WAN]",
	.summary = "show what became of the packets",
	.details = "One counter for each way in which a packet can leave: forwarded on the fast or\n"
		   "the kernel path, or dropped for the reason that the name tells. A super-packet\n"
		   "counts its segments.\n",
	.max_args = 1,
	.options = options,
	.opts_size = sizeof(struct stats_opts),
	.run = run,
};
