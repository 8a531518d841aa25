// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp doctor: is everything right, and what to do where it is not. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "audit.h"
#include "cmd.h"
#include "err.h"
#include "kernel_features.h"
#include "health.h"
#include "out.h"

/* Under traffic an audit sees things half done; what is wrong stays. */
#define AUDIT_ROUNDS 4
#define FINDINGS_SHOWN 10

/* The result is described in two parts: "ok" comes before the list, in text too. */
struct diagnosis {
	struct {
		const char *name;
		bool ok;
		char *text;
	} checks[128];
	size_t n;
	bool ok;
};

static void add(struct diagnosis *d, const char *name, bool ok, const char *text)
{
	if (d->n == sizeof(d->checks) / sizeof(d->checks[0]))
		return;
	d->checks[d->n].name = name;
	d->checks[d->n].ok = ok;
	d->checks[d->n++].text = strdup(text);
	d->ok &= ok;
}

static void describe(const struct diagnosis *d)
{
	out_bool("ok", NULL, d->ok);
	if (out_is_json())
		out_table("checks", NULL);
	for (size_t i = 0; i < d->n; i++) {
		out_text("%-4s  %s: %s", d->checks[i].ok ? "ok" : "BAD", d->checks[i].name,
			 d->checks[i].text);
		if (!out_is_json())
			continue;
		out_row();
		out_str("name", NULL, d->checks[i].name);
		out_bool("ok", NULL, d->checks[i].ok);
		out_str("text", NULL, d->checks[i].text);
		out_row_end();
	}
	if (out_is_json())
		out_table_end();
}

static void release(struct diagnosis *d)
{
	for (size_t i = 0; i < d->n; i++)
		free(d->checks[i].text);
	free(d);
}

static void add_err(struct diagnosis *d, const char *name)
{
	const char *hint = err_hint();
	char text[1024];

	snprintf(text, sizeof(text), "%s%s%s", err_text(), hint ? ". " : "", hint ? hint : "");
	err_clear();
	add(d, name, false, text);
}

static void check_health(struct diagnosis *d, const struct instance *instance)
{
	struct health_ctx ctx = { .instance = instance };

	if (config_read(instance, &ctx.config)) {
		add_err(d, "config");
		return;
	}
	for (const struct health_check *check = health_checks; check->name; check++) {
		enum health health = check->run(&ctx);

		if (health != HEALTH_NONE)
			add(d, check->name, health == HEALTH_OK, ctx.text);
	}
}

static void describe_audit(struct diagnosis *d, const struct audit_report *report)
{
	char text[80];

	if (!report->total) {
		add(d, "audit", true, "every session, mapping and port is accounted for");
		return;
	}
	for (unsigned int i = 0; i < report->kept && i < FINDINGS_SHOWN; i++)
		add(d, "audit", false, report->text[i]);
	if (report->total > FINDINGS_SHOWN) {
		snprintf(text, sizeof(text), "and %u more findings",
			 report->total - FINDINGS_SHOWN);
		add(d, "audit", false, text);
	}
}

static void check_audit(struct diagnosis *d, const struct instance *instance)
{
	struct audit_report *report = malloc(sizeof(*report));

	if (!report)
		err(NULL, "out of memory");
	if (!report || audit_run(instance, AUDIT_ROUNDS, report))
		add_err(d, "audit");
	else
		describe_audit(d, report);
	free(report);
}

/* Not attached: what can be said is whether an attach would work on this kernel. */
static void check_kernel(struct diagnosis *d, const char *pin_root)
{
	struct features *features = malloc(sizeof(*features));

	if (!features)
		return;
	features_try(features, pin_root);
	for (size_t i = 0; i < features->n; i++)
		add(d, features->list[i].name, features->list[i].ok || !features->list[i].needed,
		    features->list[i].text);
	free(features);
}

static int examine(const struct cmd_call *call, struct diagnosis *d)
{
	struct instance instance = {};
	int rc = CMD_FAILED;
	char text[64];

	if (instance_find(&instance, call, false)) {
		add_err(d, "attached");
	} else if (instance_need(&instance)) {
		add_err(d, "attached");
		check_kernel(d, call->globals->pin_root);
		rc = CMD_NOT_ATTACHED;
	} else {
		snprintf(text, sizeof(text), "the WAN %s is attached",
			 instance_setting(&instance, "wan"));
		add(d, "attached", true, text);
		check_health(d, &instance);
		check_audit(d, &instance);
		rc = d->ok ? CMD_OK : CMD_FAILED;
	}
	instance_close(&instance);
	return rc;
}

static int run(const struct cmd_call *call)
{
	struct diagnosis *d;
	int rc;

	if (geteuid())
		return err("Try: sudo mape-xdp doctor", "doctor needs root"), CMD_FAILED;
	d = calloc(1, sizeof(*d));
	if (!d)
		return err(NULL, "out of memory"), CMD_FAILED;
	d->ok = true;
	rc = examine(call, d);
	describe(d);
	release(d);
	return rc;
}

const struct command cmd_doctor = {
	.name = "doctor",
	.synopsis = "[WAN]",
	.summary = "look for what is wrong, and say what to do",
	.details = "Looks at the line, the routes, forwarding and conntrack, and audits the NAPT:\n"
		   "every port, mapping and session has to be accounted for. Changes nothing.\n",
	.max_args = 1,
	.run = run,
};
