// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "opt.h"

#include <ctype.h>
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

static int check_name(const char *value)
{
	size_t len = strlen(value);

	/* A leading dash or dot would make a name that other tools take for an option or a path. */
	if (len >= 1 && len <= OPT_NAME_MAX && value[0] != '-' &&
	    strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_-") == len)
		return 0;
	return err("an instance name has 1 to 11 of a-z, 0-9, '_' and '-', for example mape0",
		   "option '--name': '%s' is not a usable name", value);
}

static int check_pin_root(const char *value)
{
	if (value[0] == '/')
		return 0;
	return err("give a directory on a mounted bpffs, for example " OPT_DEFAULT_PIN_ROOT,
		   "option '--pin-root': '%s' is not an absolute path", value);
}

const struct opt global_options[] = {
	{ OPT_ROW(OPT_FLAG, "json", struct globals, json),
	  .help = "print one JSON document on stdout, errors too" },
	{ OPT_ROW(OPT_STRING, "name", struct globals, name), .metavar = "NAME",
	  .check = check_name, .help = "instance and interface (default " OPT_DEFAULT_NAME ")" },
	{ OPT_ROW(OPT_STRING, "pin-root", struct globals, pin_root), .metavar = "DIR",
	  .check = check_pin_root,
	  .help = "directory for BPF pins (default " OPT_DEFAULT_PIN_ROOT ")" },
	{ OPT_ROW(OPT_FLAG, "help", struct globals, help), .short_name = 'h',
	  .help = "print this help" },
	{ OPT_ROW(OPT_FLAG, "version", struct globals, version), .short_name = 'V',
	  .help = "print the version" },
	{ .type = OPT_END },
};

const struct globals global_defaults = {
	.name = OPT_DEFAULT_NAME,
	.pin_root = OPT_DEFAULT_PIN_ROOT,
};

/* One row and the struct it writes to. */
struct target {
	const struct opt *opt;
	void *base;
};

#define TARGETS_MAX 64

struct parser {
	struct target targets[TARGETS_MAX];
	struct option longs[TARGETS_MAX + 1];
	char shorts[2 * TARGETS_MAX + 3];
	int n;
};

static void add_table(struct parser *p, const struct opt *options, void *base)
{
	for (const struct opt *o = options; o && o->type != OPT_END && p->n < TARGETS_MAX; o++) {
		char *end = p->shorts + strlen(p->shorts);

		p->targets[p->n] = (struct target){ o, base };
		p->longs[p->n] = (struct option){
			.name = o->name,
			.has_arg = o->type == OPT_FLAG ? no_argument : required_argument,
			.val = p->n + 256,
		};
		p->n++;
		if (o->short_name) {
			*end++ = o->short_name;
			if (o->type != OPT_FLAG)
				*end++ = ':';
			*end = '\0';
		}
	}
}

/* The row of a result of getopt_long(). */
static const struct target *find(const struct parser *p, int c)
{
	if (c >= 256)
		return c - 256 < p->n ? &p->targets[c - 256] : NULL;
	for (int i = 0; i < p->n; i++)
		if (p->targets[i].opt->short_name == c)
			return &p->targets[i];
	return NULL;
}

/* "a, b, c" of a NULL-terminated list, each with prefix. */
static void join(char *buf, size_t size, const char *prefix, const char *const *words)
{
	size_t used = 0;

	buf[0] = '\0';
	for (; *words && used < size; words++)
		used += snprintf(buf + used, size - used, "%s%s%s", used ? ", " : "", prefix,
				 *words);
}

int opt_u32(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	bool hex = text[0] == '0' && (text[1] == 'x' || text[1] == 'X');
	unsigned long long v;
	char hint[64];
	char *end;

	errno = 0;
	v = strtoull(text, &end, hex ? 16 : 10);
	snprintf(hint, sizeof(hint), "give a number from %u to %u", min, max);
	/* strtoull() alone would take " 7", "+7" and "-7". */
	if (!isdigit((unsigned char)text[0]) || *end || end == text)
		return err(hint, "%s: '%s' is not a number", what, text);
	if (errno || v < min || v > max)
		return err(hint, "%s: %s is out of range", what, text);
	*value = (uint32_t)v;
	return 0;
}

static int store_enum(const struct opt *o, const char *value, int *field)
{
	char list[256], hint[300];

	for (int i = 0; o->words[i]; i++) {
		if (!strcmp(o->words[i], value)) {
			*field = i;
			return 0;
		}
	}
	join(list, sizeof(list), "", o->words);
	snprintf(hint, sizeof(hint), "allowed: %s", list);
	return err(hint, "option '--%s': unknown value '%s'", o->name, value);
}

static int store_item(const struct opt *o, const char *value, struct opt_list *list)
{
	if (list->n == OPT_LIST_MAX)
		return err(NULL, "option '--%s' is given more than %d times ('%s')", o->name,
			   OPT_LIST_MAX, value);
	list->v[list->n++] = value;
	return 0;
}

static int store(const struct target *t, const char *value)
{
	const struct opt *o = t->opt;
	void *field = (char *)t->base + o->offset;
	char what[64];

	if (o->check && o->check(value))
		return -1;
	switch (o->type) {
	case OPT_FLAG:
		*(bool *)field = true;
		return 0;
	case OPT_STRING:
		*(const char **)field = value;
		return 0;
	case OPT_U32:
		snprintf(what, sizeof(what), "option '--%s'", o->name);
		return opt_u32(what, value, o->min, o->max, field);
	case OPT_ENUM:
		return store_enum(o, value, field);
	case OPT_LIST:
		return store_item(o, value, field);
	case OPT_END:
		break;
	}
	return 0;
}

/* "METAVAR", or the words of an enum. */
static void describe_value(char *buf, size_t size, const struct opt *o)
{
	size_t used = 0;

	buf[0] = '\0';
	if (o->metavar) {
		snprintf(buf, size, "%s", o->metavar);
		return;
	}
	for (int i = 0; o->type == OPT_ENUM && o->words[i] && used < size; i++)
		used += snprintf(buf + used, size - used, "%s%s", i ? "|" : "", o->words[i]);
}

static int need_value(const struct opt *o)
{
	char list[256];

	describe_value(list, sizeof(list), o);
	return err(o->help, "option '--%s' needs a value: --%s %s", o->name, o->name, list);
}

/* Error for an option that getopt_long() refused: unknown, ambiguous, or with a value too many.
 * short_name: 0 for a long one. */
static int refuse(const struct parser *p, const char *word, int short_name)
{
	const char *names[TARGETS_MAX + 1] = { NULL };
	const char *suggestion;
	char list[1024], hint[1200], name[64];
	size_t len;

	for (int i = 0; i < p->n; i++)
		names[i] = p->targets[i].opt->name;
	join(list, sizeof(list), "--", names);
	snprintf(hint, sizeof(hint), "allowed here: %s", list);
	if (short_name)
		return err(hint, "unknown option '-%c'", short_name);

	len = strcspn(word + 2, "=");
	snprintf(name, sizeof(name), "%.*s", (int)(len < sizeof(name) ? len : sizeof(name) - 1),
		 word + 2);
	for (int i = 0; i < p->n; i++)
		if (!strcmp(names[i], name))
			return err(NULL, "option '--%s' takes no value ('%s')", name, word);
	suggestion = opt_suggest(name, names);
	return suggestion ? err(hint, "unknown option '%s', did you mean '--%s'?", word, suggestion)
			  : err(hint, "unknown option '%s'", word);
}

int opt_parse(int argc, char **argv, struct globals *globals, const struct opt *options, void *opts,
	      bool stop_at_word, int *first)
{
	struct parser p = { .n = 0 };
	int c;

	/* "+" ends at the first word; ":" tells a missing value from an unknown option. */
	strcpy(p.shorts, stop_at_word ? "+:" : ":");
	if (globals)
		add_table(&p, global_options, globals);
	add_table(&p, options, opts);

	opterr = 0;
	optind = 0; /* makes getopt start afresh */
	while ((c = getopt_long(argc, argv, p.shorts, p.longs, NULL)) >= 0) {
		if (c == ':')
			return need_value(find(&p, optopt)->opt);
		if (c == '?')
			return refuse(&p, argv[optind - 1], optopt < 256 ? optopt : 0);
		if (store(find(&p, c), optarg))
			return -1;
	}
	*first = optind;
	return 0;
}

void opt_help(FILE *stream, const struct opt *options)
{
	const int column = 28;

	for (const struct opt *o = options; o && o->type != OPT_END; o++) {
		char value[128], left[256];

		describe_value(value, sizeof(value), o);
		snprintf(left, sizeof(left), "%c%c%s--%s%s%s", o->short_name ? '-' : ' ',
			 o->short_name ? o->short_name : ' ', o->short_name ? ", " : "  ", o->name,
			 value[0] ? " " : "", value);
		if (strlen(left) > (size_t)column)
			fprintf(stream, "  %s\n  %*s  %s\n", left, column, "", o->help);
		else
			fprintf(stream, "  %-*s  %s\n", column, left, o->help);
	}
}

/* Levenshtein distance; words longer than the table are far from everything. */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[32];
	size_t n = strlen(b);

	if (n + 1 > sizeof(row) / sizeof(row[0]) || strlen(a) > n + 3)
		return 100;
	for (size_t j = 0; j <= n; j++)
		row[j] = j;
	for (size_t i = 0; a[i]; i++) {
		unsigned int diagonal = row[0];

		row[0] = i + 1;
		for (size_t j = 1; j <= n; j++) {
			unsigned int best = diagonal + (a[i] != b[j - 1]);

			if (row[j] + 1 < best)
				best = row[j] + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[n];
}

const char *opt_suggest(const char *word, const char *const *words)
{
	const char *best = NULL;
	unsigned int best_distance = 3;

	for (; *words; words++) {
		unsigned int d = distance(word, *words);
		size_t len = strlen(word);

		/* A beginning of at least two letters is as good as one slip. */
		if (len >= 2 && !strncmp(word, *words, len) && d > 1)
			d = 1;
		if (d < best_distance && d < strlen(*words)) {
			best_distance = d;
			best = *words;
		}
	}
	return best;
}
