// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "outer_opts.h"

#include <json-c/json.h>
#include <string.h>

#include "err.h"

#define TCLASS_COPY "copy"
#define ECN_BITS 3
#define TOS_ALL 0xff

enum outer_label { LABEL_SESSION, LABEL_ZERO };

const char *const outer_label_words[] = { "session", "0", NULL };

int outer_check_tclass(const char *text)
{
	uint32_t value;

	if (!strcmp(text, TCLASS_COPY))
		return 0;
	if (opt_u32("option '--tclass'", text, 0, TOS_ALL, &value))
		return -1;
	return value & ECN_BITS ? err("The lower two bits are ECN and always come from the inner "
				      "packet: give a multiple of 4, DSCP times 4.",
				      "option '--tclass': %s has ECN bits", text) :
				  0;
}

void outer_config(const struct outer_opts *opts, struct mape_config *config)
{
	uint32_t tclass = 0;

	config->tos_copied = ECN_BITS;
	if (!strcmp(opts->tclass, TCLASS_COPY))
		config->tos_copied = TOS_ALL;
	else
		opt_u32("--tclass", opts->tclass, 0, TOS_ALL, &tclass);
	config->outer_vtf = 6U << 28 | tclass << 20;
	config->hop_limit = opts->hop_limit;
	if (opts->flow_label == LABEL_SESSION)
		config->flags |= MAPE_FLOW_LABEL;
}

void outer_settings(const struct outer_opts *opts, struct json_object *settings)
{
	json_object_object_add(settings, "hop-limit", json_object_new_int(opts->hop_limit));
	json_object_object_add(settings, "tclass", json_object_new_string(opts->tclass));
	json_object_object_add(settings, "flow-label",
			       json_object_new_string(outer_label_words[opts->flow_label]));
}
