/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_BPF_CONTROL_H
#define MAPE_LOADER_BPF_CONTROL_H

#include <mape/control.h>

/* Runs a request in the control program with this fd and fills its answers. 0, or -1 with err();
 * request->result has the program's own negative errno. */
int control_run(int prog_fd, struct mape_request *request);

#endif
