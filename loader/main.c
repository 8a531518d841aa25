// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "err.h"
#include "opt.h"
#include "out.h"

extern const struct command cmd_attach, cmd_detach, cmd_status, cmd_rule, cmd_flows, cmd_stats,
	cmd_events, cmd_flush, cmd_forward, cmd_discover, cmd_doctor, cmd_check;

static const struct command *const commands[] = {
	&cmd_attach, &cmd_detach, &cmd_status,	&cmd_rule,  &cmd_discover, &cmd_flows,
	&cmd_stats,  &cmd_events, &cmd_forward, &cmd_flush, &cmd_doctor,   &cmd_check,
};

#define N_COMMANDS (sizeof(commands) / sizeof(commands[0]))

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (!strcmp(commands[i]->name, name))
			return commands[i];
	return NULL;
}

static int unknown_command(const char *name)
{
	const char *names[N_COMMANDS + 1] = { NULL };
	const char *suggestion;
	char hint[512] = "commands:";

	for (size_t i = 0; i < N_COMMANDS; i++) {
		size_t used = strlen(hint);

		names[i] = commands[i]->name;
		snprintf(hint + used, sizeof(hint) - used, " %s", names[i]);
	}
	if (!name)
		err(hint, "no command given");
	else if ((suggestion = opt_suggest(name, names)))
		err(hint, "unknown command '%s', did you mean '%s'?", name, suggestion);
	else
		err(hint, "unknown command '%s'", name);
	return CMD_USAGE;
}

static void print_usage(FILE *f)
{
	fprintf(f, "MAP-E customer edge (RFC 7597)\n\n"
		   "Usage: mape-xdp COMMAND [OPTION...] [ARGUMENT...]\n\nCommands:\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		fprintf(f, "  %-8s  %s\n", commands[i]->name, commands[i]->summary);
	fprintf(f, "\nOptions of all commands:\n");
	opt_help(f, global_options);
	fprintf(f, "\n'mape-xdp COMMAND --help' tells more about one of them.\n"
		   "Exit status: 0 done, 1 failed, 2 usage, 3 not attached.\n");
}

static void print_command_usage(FILE *f, const struct command *c)
{
	fprintf(f, "Usage: mape-xdp %s [OPTION...]%s%s\n\n%s\n", c->name, c->synopsis[0] ? " " : "",
		c->synopsis, c->summary);
	if (c->details)
		fprintf(f, "\n%s", c->details);
	if (c->options) {
		fprintf(f, "\nOptions:\n");
		opt_help(f, c->options);
	}
	fprintf(f, "\nOptions of all commands:\n");
	opt_help(f, global_options);
}

/* Help of a command, or the general one for NULL. */
static int help(const struct command *c)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return err(NULL, "out of memory"), CMD_FAILED;
	if (c)
		print_command_usage(f, c);
	else
		print_usage(f);
	fclose(f);
	out_str("help", NULL, text);
	if (len)
		text[len - 1] = '\0'; /* out_text() ends the line */
	out_text("%s", text);
	free(text);
	return CMD_OK;
}

static int version(void)
{
	out_str("version", NULL, MAPE_VERSION);
	out_text("mape-xdp %s", MAPE_VERSION);
	return CMD_OK;
}

static int check_args(const struct command *c, char **args, int n)
{
	char usage[256];

	snprintf(usage, sizeof(usage), "usage: mape-xdp %s [OPTION...]%s%s", c->name,
		 c->synopsis[0] ? " " : "", c->synopsis);
	if (n < c->min_args)
		return err(usage, "%s: %s is missing", c->name, n ? "an argument" : c->synopsis);
	if (c->max_args >= 0 && n > c->max_args)
		return err(usage, "%s: unexpected argument '%s'", c->name, args[c->max_args]);
	return 0;
}

/* argv[0] is the name of the command. */
static int run_command(const struct command *c, struct globals *globals, int argc, char **argv)
{
	struct cmd_call call = { .globals = globals };
	void *opts = calloc(1, c->opts_size ? c->opts_size : 1);
	int first, rc = CMD_USAGE;

	if (!opts)
		return err(NULL, "out of memory"), CMD_FAILED;
	if (c->defaults)
		memcpy(opts, c->defaults, c->opts_size);
	if (opt_parse(argc, argv, globals, c->options, opts, false, &first))
		goto out;
	if (globals->help) {
		rc = help(c);
		goto out;
	}
	call.opts = opts;
	call.args = argv + first;
	call.n_args = argc - first;
	if (!check_args(c, call.args, call.n_args))
		rc = c->run(&call);
out:
	free(opts);
	return rc;
}

static int dispatch(int argc, char **argv)
{
	struct globals globals = global_defaults;
	const struct command *c;
	int first;

	if (opt_parse(argc, argv, &globals, NULL, NULL, true, &first))
		return CMD_USAGE;
	if (globals.version)
		return version();
	if (first >= argc)
		return globals.help ? help(NULL) : unknown_command(NULL);
	c = find_command(argv[first]);
	if (!c)
		return unknown_command(argv[first]);
	return run_command(c, &globals, argc - first, argv + first);
}

/* Errors in other options are to be JSON too, so this one is looked for before all parsing. */
static bool wants_json(int argc, char **argv)
{
	for (int i = 1; i < argc && strcmp(argv[i], "--"); i++)
		if (!strcmp(argv[i], "--json"))
			return true;
	return false;
}

int main(int argc, char **argv)
{
	bool json = wants_json(argc, argv);
	int rc;

	/* A reader that goes away must not cut an attach in half. */
	signal(SIGPIPE, SIG_IGN);
	warn_quiet(json);
	out_begin(stdout, json);
	rc = dispatch(argc, argv);
	if (rc == CMD_OK)
		err_clear();
	if (out_end() && rc == CMD_OK)
		rc = CMD_FAILED;
	err_clear();
	warn_clear();
	return rc;
}
