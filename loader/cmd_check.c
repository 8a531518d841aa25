// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp check: what this kernel can do. */
#include <stdlib.h>
#include <unistd.h>

#include "cmd.h"
#include "err.h"
#include "kernel_features.h"
#include "out.h"

static void describe(const struct features *features)
{
	out_table(NULL, NULL);
	for (size_t i = 0; i < features->n; i++) {
		const struct feature *feature = &features->list[i];

		out_row();
		out_str("name", "FEATURE", feature->name);
		out_bool("ok", "OK", feature->ok);
		out_bool("needed", "NEEDED", feature->needed);
		out_str("text", "", feature->text);
		out_row_end();
	}
	out_table_end();
}

static int run(const struct cmd_call *call)
{
	struct features *features;
	bool enough;

	if (geteuid())
		return err("Try: sudo mape-xdp check", "check needs root, to load programs"),
		       CMD_FAILED;
	features = malloc(sizeof(*features));
	if (!features)
		return err(NULL, "out of memory"), CMD_FAILED;
	features_try(features, call->globals->pin_root);
	describe(features);
	enough = features_suffice(features);
	out_text("%s", enough ? "This kernel can do what mape-xdp needs." :
				"This kernel lacks something that mape-xdp needs, see above.");
	free(features);
	return enough ? CMD_OK : CMD_FAILED;
}

const struct command cmd_check = {
	.name = "check",
	.synopsis = "",
	.summary = "find out what this kernel can do",
	.details = "Tries what attach is going to need: loads all programs, starts the timers, makes\n"
		   "a tunnel in a namespace of its own. Nothing is attached and nothing stays.\n",
	.run = run,
};
