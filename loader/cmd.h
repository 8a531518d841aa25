/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_CMD_H
#define MAPE_LOADER_CMD_H

#include <stddef.h>

#include "opt.h"

enum {
	CMD_OK = 0,
	CMD_FAILED = 1,
	CMD_USAGE = 2,
	CMD_NOT_ATTACHED = 3,
};

/* One call of a command, ready to run. */
struct cmd_call {
	const struct globals *globals;
	const void *opts;	/* the command's option struct, filled */
	char **args;		/* positional words, NULL-terminated */
	int n_args;
};

/*
 * A command: cmd_X.c exports `const struct command cmd_X`, main.c lists it.
 *
 * run() returns one of the exit codes above. It describes its result with out_*() (main() has
 * called out_begin() and calls out_end()) and records failures with err(). A result together with
 * a recorded error is an error: in JSON mode the result is thrown away then, so a command whose
 * bad news is its result (status, doctor) returns non-zero without err().
 * run() may return CMD_USAGE with err() for combinations that the tables cannot express.
 */
struct command {
	const char *name;
	const char *synopsis;		/* positional words: "WAN [LAN...]"; "" if there are none */
	const char *summary;		/* one line for the list of commands */
	const char *details;		/* further text of --help, whole lines; may be NULL */
	int min_args, max_args;		/* max_args -1: any number */
	const struct opt *options;	/* ends with OPT_END; may be NULL */
	size_t opts_size;
	const void *defaults;		/* opts_size bytes; NULL: all zero */
	int (*run)(const struct cmd_call *call);
};

#endif
