// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <unistd.h>

#include "attach.h"
#include "err.h"
#include "instance.h"
#include "out.h"

static int run(const struct cmd_call *call)
{
	struct instance instance = {};
	int rc = CMD_FAILED;

	if (geteuid())
		return err("Try: sudo mape-xdp detach", "detach needs root"), CMD_FAILED;
	if (instance_find(&instance, call, true))
		goto out;
	if (journal_phase(instance.journal) == JOURNAL_NONE) {
		err(NULL, "not attached: %s", instance_name(&instance));
		rc = CMD_NOT_ATTACHED;
		goto out;
	}
	if (attach_undo(instance.journal))
		goto out;
	out_bool("attached", NULL, false);
	out_text("detached: %s", instance_name(&instance));
	rc = CMD_OK;
out:
	instance_close(&instance);
	return rc;
}

const struct command cmd_detach = {
	.name = "detach",
	.synopsis = "[WAN]",
	.summary = "undo an attach",
	.details = "Removes exactly what attach made and nobody has changed since, and says what it\n"
		   "left. Also cleans up after an attach that was killed.\n",
	.max_args = 1,
	.run = run,
};
