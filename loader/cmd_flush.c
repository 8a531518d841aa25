// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp flush: back to the kernel path, where the firewall decides anew. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "bpf/control.h"
#include "cmd.h"
#include "err.h"
#include "instance.h"
#include "out.h"
#include "tables.h"

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

static int flush(const struct instance *instance)
{
	struct table sessions = SESSIONS_TABLE;
	struct flushed flushed = {};
	int control, ret;

	if (table_read(instance, "sessions", &sessions))
		return -1;
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
		if (!rc && flush(&instance))
			rc = CMD_FAILED;
	}
	instance_close(&instance);
	return rc;
}

const struct command cmd_flush = {
	.name = "flush",
	.synopsis = "[WAN]",
	.summary = "take all sessions off the fast path",
	.details = "The kernel's firewall and routing look at every session again, so a changed rule\n"
		   "takes hold at once. Nothing that is allowed is cut: sessions return to the fast\n"
		   "path after both directions have passed the kernel.\n",
	.max_args = 1,
	.run = run,
};
