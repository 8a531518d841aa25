/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OPT_H
#define MAPE_LOADER_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Command-line options as data: parser, range checks and help text come from the same rows. */

enum opt_type {
	OPT_END = 0,	/* ends a table */
	OPT_FLAG,	/* bool, set to true */
	OPT_STRING,	/* const char *, points into argv */
	OPT_U32,	/* uint32_t in [min, max]; decimal or 0x hexadecimal */
	OPT_ENUM,	/* int, index into words[] */
	OPT_LIST,	/* struct opt_list, the option may be repeated */
};

#define OPT_LIST_MAX 256

struct opt_list {
	const char *v[OPT_LIST_MAX];	/* in the order given; point into argv */
	unsigned int n;
};

struct opt {
	enum opt_type type;
	const char *name;		/* long name without dashes */
	char short_name;		/* 0: none */
	size_t offset;			/* of the field in the option struct */
	const char *metavar;		/* NULL for OPT_FLAG; OPT_ENUM shows its words if NULL */
	const char *help;		/* one line */
	uint32_t min, max;		/* OPT_U32 */
	const char *const *words;	/* OPT_ENUM, NULL-terminated */
	int (*check)(const char *value); /* OPT_STRING and OPT_LIST: optional, -1 with err() */
};

/* Rows for a table. STRUCT.FIELD receives the value. */
#define OPT_ROW(T, NAME, STRUCT, FIELD) \
	.type = T, .name = NAME, .offset = offsetof(STRUCT, FIELD)

/* Options that every command takes, anywhere on the command line. */
struct globals {
	bool json;
	bool help;
	bool version;
	const char *name;	/* instance and interface, 1 to 11 of [a-z0-9_-] */
	const char *pin_root;	/* absolute directory on bpffs */
};

#define OPT_NAME_MAX 11
#define OPT_DEFAULT_NAME "mape0"
#define OPT_DEFAULT_PIN_ROOT "/sys/fs/bpf/mape-xdp"

extern const struct opt global_options[];
extern const struct globals global_defaults;

/*
 * Parses argv[1..] against global_options (into globals) and options (into opts; both may be NULL).
 * Options and positional words may be mixed; "--" ends the options. Positional words are moved to
 * the end of argv, *first is the index of the first. With stop_at_word parsing ends there instead,
 * which leaves the rest of argv alone.
 * 0, or -1 with err(): the bad word is quoted and what is allowed is listed.
 */
int opt_parse(int argc, char **argv, struct globals *globals, const struct opt *options, void *opts,
	      bool stop_at_word, int *first);

/* Prints "  -x, --long METAVAR   help" lines. */
void opt_help(FILE *stream, const struct opt *options);

/* A number as OPT_U32 takes it. `what` names it in the error: "option '--mtu'". 0, or -1 with
 * err(). */
int opt_u32(const char *what, const char *text, uint32_t min, uint32_t max, uint32_t *value);

/* The word of a NULL-terminated list that was most probably meant, or NULL. */
const char *opt_suggest(const char *word, const char *const *words);

#endif
