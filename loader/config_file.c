// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "config_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"

#define WORDS_MAX 8

/* A line on its way through the parser. */
struct line {
	unsigned int number; /* from 1 */
	size_t start, end;
	char *words[WORDS_MAX + 1];
	int n;
};

static int set_forward(const struct line *line, struct config_entry *e)
{
	if (line->n != 4)
		return err("forward tcp|udp PORT ADDRESS:PORT",
			   "'forward' needs a protocol, a port and a target");
	return forward_parse(line->words[1], line->words[2], line->words[3], &e->forward);
}

/* What a line can begin with; a setting has the name of the option or command it stands for. */
static const struct setting {
	const char *word;
	int (*set)(const struct line *line, struct config_entry *e);
} settings[] = {
	{ "forward", set_forward },
};

#define N_SETTINGS (sizeof(settings) / sizeof(settings[0]))

static const struct setting *find_setting(const char *word)
{
	const char *names[N_SETTINGS + 1] = { NULL }, *meant;

	for (size_t i = 0; i < N_SETTINGS; i++) {
		names[i] = settings[i].word;
		if (!strcmp(settings[i].word, word))
			return &settings[i];
	}
	meant = opt_suggest(word, names);
	if (meant)
		err("known here: forward", "unknown word '%s', did you mean '%s'?", word, meant);
	else
		err("known here: forward", "unknown word '%s'", word);
	return NULL;
}

/* Room for one more at the end of an array; NULL with err(). */
static void *grow(void *array, size_t n, size_t size, void **last)
{
	char *bigger = realloc(array, (n + 1) * size);

	if (!bigger) {
		err(NULL, "out of memory");
		return NULL;
	}
	*last = memset(bigger + n * size, 0, size);
	return bigger;
}

static int add_section(struct config_file *c, const struct line *line)
{
	char *name = line->words[0] + 1, *close = strchr(name, ']');
	struct config_section *section;
	void *sections;

	if (line->n != 1 || !close || close[1] || close == name || close - name > OPT_NAME_MAX ||
	    *name == '-' ||
	    strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_-") != (size_t)(close - name))
		return err("Give the name of an instance in brackets, for example [mape0].",
			   "'%s' is not the begin of a section", line->words[0]);
	sections = grow(c->sections, c->n_sections, sizeof(*section), (void **)&section);
	if (!sections)
		return -1;
	c->sections = sections;
	c->n_sections++;
	memcpy(section->name, name, close - name);
	section->end = line->end;
	return 0;
}

static int add_entry(struct config_file *c, const struct line *line)
{
	const struct setting *setting = find_setting(line->words[0]);
	const char *section = OPT_DEFAULT_NAME;
	const struct config_entry *twin;
	struct config_entry *e;
	void *entries;

	if (!setting)
		return -1;
	entries = grow(c->entries, c->n, sizeof(*e), (void **)&e);
	if (!entries)
		return -1;
	c->entries = entries;
	if (c->n_sections) {
		section = c->sections[c->n_sections - 1].name;
		c->sections[c->n_sections - 1].end = line->end;
	}
	snprintf(e->section, sizeof(e->section), "%s", section);
	e->line = line->number;
	e->start = line->start;
	e->end = line->end;
	if (setting->set(line, e))
		return -1;
	twin = config_file_find(c, section, &e->forward);
	if (twin)
		return err("Delete one of the two lines.",
			   "%s port %u is forwarded in line %u already",
			   forward_proto(&e->forward), e->forward.port, twin->line);
	c->n++;
	return 0;
}

static int split(char *text, struct line *line)
{
	line->n = 0;
	for (;;) {
		while (isspace((unsigned char)*text))
			*text++ = '\0';
		if (!*text || *text == '#')
			return 0;
		if (line->n == WORDS_MAX)
			return err(NULL, "too many words, from '%.*s' on",
				   (int)strcspn(text, " \t\r\n"), text);
		line->words[line->n++] = text;
		while (*text && !isspace((unsigned char)*text))
			text++;
	}
}

static int parse_line(struct config_file *c, struct line *line)
{
	char *copy = strndup(c->text + line->start, line->end - line->start);
	int ret = copy ? split(copy, line) : err(NULL, "out of memory");

	if (!ret && line->n)
		ret = line->words[0][0] == '[' ? add_section(c, line) : add_entry(c, line);
	free(copy);
	return ret;
}

static int parse(struct config_file *c)
{
	struct line line = {};

	if (strlen(c->text) != c->len)
		return err(NULL, "%s: this is not a text file", c->path);
	for (size_t at = 0; at < c->len; at = line.end) {
		const char *newline = memchr(c->text + at, '\n', c->len - at);

		line.number++;
		line.start = at;
		line.end = newline ? (size_t)(newline + 1 - c->text) : c->len;
		if (parse_line(c, &line))
			return err_context("%s:%u", c->path, line.number);
	}
	return 0;
}

static int read_text(struct config_file *c, int fd)
{
	struct stat st;
	ssize_t n;

	if (fstat(fd, &st))
		return err_sys(errno, NULL, "cannot read %s", c->path);
	if (!S_ISREG(st.st_mode))
		return err("Name a text file.", "%s is not a file", c->path);
	c->text = calloc(1, st.st_size + 1);
	if (!c->text)
		return err(NULL, "out of memory");
	while ((n = read(fd, c->text + c->len, st.st_size - c->len)) > 0)
		c->len += n;
	return n < 0 ? err_sys(errno, NULL, "cannot read %s", c->path) : 0;
}

int config_file_load(struct config_file *c, const char *path, bool must_exist)
{
	int fd, ret;

	memset(c, 0, sizeof(*c));
	c->path = strdup(path);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 && (errno != ENOENT || must_exist))
		return err_sys(errno, NULL, "cannot open the config file '%s'", path);
	if (fd < 0) {
		c->text = strdup("");
		return c->path && c->text ? 0 : err(NULL, "out of memory");
	}
	ret = c->path ? read_text(c, fd) : err(NULL, "out of memory");
	close(fd);
	return ret || parse(c) ? -1 : 0;
}

void config_file_free(struct config_file *c)
{
	free(c->path);
	free(c->text);
	free(c->entries);
	free(c->sections);
	memset(c, 0, sizeof(*c));
}

const struct config_entry *config_file_find(const struct config_file *c, const char *name,
					    const struct forward *f)
{
	for (size_t i = 0; i < c->n; i++)
		if (!strcmp(c->entries[i].section, name) &&
		    forward_same_port(&c->entries[i].forward, f))
			return &c->entries[i];
	return NULL;
}
