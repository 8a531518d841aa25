// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp flush: back to the kernel path, where the firewall decides anew. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/control.h"
#include "cmd.h"
#include "err.h"
#include "flow_filter.h"
#include "instance.h"
#include "out.h"
#include "tables.h"

struct flush_opts {
	struct flow_filter filter;
};

static const struct flush_opts defaults = { .filter = FLOW_FILTER_DEFAULT };

static const struct opt options[] = {
	FLOW_FILTER_ROWS(struct flush_opts, filter),
	{ .type = OPT_END },
};

struct flushed {
	size_t sessions, offloaded;
};

static int demote(int control, const struct table *table, struct flushed *flushed)
{
	const struct session_record *record = table->records;

	for (size_t i = 0; i < table->n; i++, record++) {
		struct mape_request request = { .op = MAPE_OP_DEMOTE, .flow = record->flow };

		if (control_run(control, &request)) {
			if (request.result != -ENOENT)
				return -1;
			err_clear(); /* it has ended meanwhile */
			continue;
		}
		flushed->sessions++;
		flushed->offloaded += session_offloaded(&record->session);
	}
	return 0;
}

static int flush(const struct instance *instance, const struct flush_opts *opts)
{
	struct table sessions = SESSIONS_TABLE;
	struct flushed flushed = {};
	int control, ret;

	if (table_read(instance, "sessions", &sessions))
		return -1;
	flow_filter_apply(&opts->filter, &sessions);
	control = instance_open_control(instance);
	ret = control < 0 ? -1 : demote(control, &sessions, &flushed);
	if (!ret) {
		out_u64("sessions", NULL, flushed.sessions);
		out_u64("offloaded", NULL, flushed.offloaded);
		out_text("%zu of %zu sessions taken off the fast path; they go on in the kernel",
			 flushed.offloaded, flushed.sessions);
	}
	if (control >= 0)
		close(control);
	free(sessions.records);
	return ret;
}

static int run(const struct cmd_call *call)
{
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (!instance_find(&instance, call, false)) {
		rc = instance_need(&instance);
		if (!rc && flush(&instance, call->opts))
			rc = CMD_FAILED;
	}
	instance_close(&instance);
	return rc;
}

const struct command cmd_flush = {
	.name = "flush",
	.synopsis = "[WAN]",
	.summary = "take sessions off the fast path",
	.details = "Those that the options tell, or all. The kernel's firewall and routing look at\n"
		   "them again, so a changed rule takes hold at once. Nothing that is allowed is\n"
		   "cut: sessions return to the fast path after both directions have passed the\n"
		   "kernel.\n",
	.max_args = 1,
	.options = options,
	.opts_size = sizeof(struct flush_opts),
	.defaults = &defaults,
	.run = run,
};
