// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* mape-xdp forward: ports of the line that lead to a host of the LAN, or to the router. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cmd.h"
#include "config_file.h"
#include "err.h"
#include "forward.h"
#include "instance.h"
#include "out.h"

struct forward_opts {
	const char *config;
};

static const struct opt options[] = {
	{ OPT_ROW(OPT_STRING, "config", struct forward_opts, config), .metavar = "FILE",
	  .help = "config file (default: that of the attach, /etc/mape-xdp.conf)" },
	{ .type = OPT_END },
};

/* What all three have to do with. */
struct forwards {
	struct instance instance;
	struct forward_table table;
	const char *path; /* of the config file */
	const char *name; /* its section */
};

static const char *config_path(const struct forwards *f, const struct cmd_call *call)
{
	const struct forward_opts *opts = call->opts;
	const char *attached = instance_setting(&f->instance, "config");

	return opts->config ? opts->config : attached[0] ? attached : CONFIG_FILE_DEFAULT;
}

static int open_instance(struct forwards *f, const struct cmd_call *call, bool change)
{
	struct cmd_call nameless = *call;

	nameless.n_args = 0; /* the words are not a WAN */
	if (geteuid())
		return err("Try: sudo mape-xdp forward ...", "forward needs root");
	if (instance_find(&f->instance, &nameless, change))
		return -1;
	f->path = config_path(f, call);
	f->name = instance_name(&f->instance);
	return 0;
}

static void close_instance(struct forwards *f)
{
	forward_close(&f->table);
	instance_close(&f->instance);
}

static void forward_out(const struct forward *forward)
{
	char target[FORWARD_TEXT];

	out_str("proto", "PROTO", forward_proto(forward));
	out_u64("port", "PORT", forward->port);
	out_str("to", "TO", forward_target(forward, target));
}

static void changed_out(const struct forward *forward, bool changed, const char *sentence)
{
	char target[FORWARD_TEXT];

	if (out_is_json())
		forward_out(forward);
	out_bool("changed", NULL, changed);
	out_text("%s port %u %s%s", forward_proto(forward), forward->port, sentence,
		 strstr(sentence, " to ") ? forward_target(forward, target) : "");
}

/* First the port, which may be taken, then the file; without the file it would not last. */
static int add(struct forwards *f, const struct forward *forward)
{
	struct err_saved *saved;
	int live = forward_add(&f->table, forward), kept;

	if (live < 0)
		return -1;
	kept = config_file_add(f->path, f->name, forward);
	if (kept < 0) {
		saved = err_save();
		if (!live && forward_del(&f->table, forward))
			warn("%s port %u stays forwarded until the next detach",
			     forward_proto(forward), forward->port);
		err_restore(saved);
		return -1;
	}
	changed_out(forward, !live || !kept,
		    live && kept ? "is forwarded already, to " : "is forwarded to ");
	return 0;
}

static int del(struct forwards *f, const struct forward *wanted)
{
	int kept, live;

	kept = config_file_del(f->path, f->name, wanted);
	if (kept < 0)
		return -1;
	live = forward_del(&f->table, wanted);
	if (live < 0)
		return -1;
	if (live && kept)
		return err("mape-xdp forward list shows them all.", "%s port %u is not forwarded",
			   forward_proto(wanted), wanted->port);
	if (out_is_json()) {
		out_str("proto", NULL, forward_proto(wanted));
		out_u64("port", NULL, wanted->port);
		out_bool("changed", NULL, true);
	}
	out_text("%s port %u is not forwarded any more; its sessions go on",
		 forward_proto(wanted), wanted->port);
	return 0;
}

static void row_out(const struct forward *forward, bool ok, const char *why)
{
	out_row();
	forward_out(forward);
	out_bool("ok", "OK", ok);
	out_str("why", NULL, why);
	out_str(NULL, "WHY", why ? why : "");
	out_row_end();
}

/* Those of the file, in its order. Attached or not is known by the table. */
static size_t list_kept(const struct forwards *f, const struct config_file *c, bool attached)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct forward *forward = &c->entries[i].forward;
		bool ok;

		if (strcmp(c->entries[i].section, f->name))
			continue;
		ok = attached && forward_active(&f->table, forward);
		row_out(forward, ok, ok ? NULL : attached ? err_text() : "not attached");
		err_clear();
		n++;
	}
	return n;
}

/* Those in effect of which the file knows nothing, or something else. */
static size_t list_others(const struct forwards *f, const struct config_file *c)
{
	uint32_t places = MAPE_SLOT_COUNT * f->table.config.ports.count;
	const struct config_entry *kept;
	struct forward forward;
	size_t n = 0;

	for (uint32_t i = 0; i < places; i++) {
		if (!forward_at(&f->table, i, &forward))
			continue;
		kept = config_file_find(c, f->name, &forward);
		if (kept && forward_active(&f->table, &kept->forward))
			continue;
		err_clear();
		row_out(&forward, true, "not in the config file, so only until the next detach");
		n++;
	}
	return n;
}

static int list(struct forwards *f, bool must_exist)
{
	int rc = instance_attached(&f->instance) ? CMD_OK : CMD_NOT_ATTACHED;
	struct config_file c;
	size_t n;

	if (config_file_load(&c, f->path, must_exist) ||
	    (!rc && forward_open(&f->instance, &f->table))) {
		config_file_free(&c);
		return CMD_FAILED;
	}
	out_table(NULL, NULL);
	n = list_kept(f, &c, !rc);
	if (!rc)
		n += list_others(f, &c);
	out_table_end();
	if (!n)
		out_text("no forwards");
	config_file_free(&c);
	return rc;
}

static int change(struct forwards *f, const struct forward *forward, bool adding)
{
	int rc = instance_need(&f->instance);

	if (rc)
		return rc;
	if (forward_open(&f->instance, &f->table))
		return CMD_FAILED;
	return (adding ? add(f, forward) : del(f, forward)) ? CMD_FAILED : CMD_OK;
}

enum { ADD, DEL, LIST };

static const char *const verbs[] = { "add", "del", "list", NULL };
static const int verb_args[] = { 4, 3, 1 };

/* The verb, or -1 with err(). */
static int read_words(const struct cmd_call *call, struct forward *forward)
{
	char **args = call->args;
	int verb = ADD;

	while (verbs[verb] && strcmp(verbs[verb], args[0]))
		verb++;
	if (!verbs[verb])
		return err("add, del or list", "forward: unknown word '%s'", args[0]);
	if (call->n_args != verb_args[verb])
		return err("usage: mape-xdp forward add PROTO PORT TARGET | del PROTO PORT | list",
			   "forward %s takes %d words, not %d", args[0], verb_args[verb] - 1,
			   call->n_args - 1);
	if (verb == ADD && forward_parse(args[1], args[2], args[3], forward))
		return -1;
	if (verb == DEL && forward_parse_port(args[1], args[2], forward))
		return -1;
	return verb;
}

static int run(const struct cmd_call *call)
{
	const struct forward_opts *opts = call->opts;
	struct forwards f = { .table.control = -1 };
	struct forward forward;
	int verb = read_words(call, &forward), rc = CMD_FAILED;

	if (verb < 0)
		return CMD_USAGE;
	if (!open_instance(&f, call, verb != LIST))
		rc = verb == LIST ? list(&f, opts->config) : change(&f, &forward, verb == ADD);
	close_instance(&f);
	return rc;
}

const struct command cmd_forward = {
	.name = "forward",
	.synopsis = "add|del|list [PROTO PORT [TARGET]]",
	.summary = "lead a port of the line to a host of the LAN",
	.details = "  forward add tcp|udp PORT ADDRESS:PORT   (self:PORT for the router itself)\n"
		   "  forward del tcp|udp PORT\n"
		   "  forward list\n"
		   "\n"
		   "PORT has to be one of this line's. The forward takes effect at once, and is\n"
		   "kept in the config file for the next attach. The firewall has to admit what\n"
		   "arrives.\n",
	.min_args = 1,
	.max_args = 4,
	.options = options,
	.opts_size = sizeof(struct forward_opts),
	.run = run,
};
