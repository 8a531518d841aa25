// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bpf/control.h"

#include <errno.h>

#include <bpf/bpf.h>

#include "err.h"

int control_run(int prog_fd, struct mape_request *request)
{
	struct mape_request answer;
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = request,
			    .data_size_in = sizeof(*request), .data_out = &answer,
			    .data_size_out = sizeof(answer));

	request->result = 0;
	if (bpf_prog_test_run_opts(prog_fd, &opts))
		return err_sys(errno, NULL, "cannot run the control program");
	if (opts.retval != 2 /* XDP_PASS */)
		return err(NULL, "the control program refused request %u", request->op);
	*request = answer;
	if (request->result)
		return err_sys(-request->result, NULL, "control request %u failed", request->op);
	return 0;
}
