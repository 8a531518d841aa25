// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "credentials.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "err.h"
#include "opts.h"

#define FILE_MAX  4096
#define WORDS_MAX 4

struct words {
	const char *s[WORDS_MAX];
	size_t len[WORDS_MAX];
	unsigned int n;
};

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static int split(const char *at, const char *end, struct words *w)
{
	w->n = 0;
	for (;;) {
		while (at < end && is_blank(*at))
			at++;
		if (at == end || *at == '#')
			return 0;
		if (w->n == WORDS_MAX)
			return err(NULL, "too many words");
		w->s[w->n] = at;
		while (at < end && !is_blank(*at))
			at++;
		w->len[w->n] = at - w->s[w->n];
		w->n++;
	}
}

/* Characters that need no escaping in a URL, and so cannot change what the URL means. */
static int copy(const struct words *w, unsigned int i, char to[CREDENTIAL_MAX + 1])
{
	if (w->len[i] > CREDENTIAL_MAX)
		return err(NULL, "word %u has more than %d characters", i + 1, CREDENTIAL_MAX);
	for (size_t k = 0; k < w->len[i]; k++)
		if (!isalnum((unsigned char)w->s[i][k]) && !memchr("-._~", w->s[i][k], 4))
			return err("Letters, digits and -._~ are possible.",
				   "word %u has a character that is not expected", i + 1);
	memcpy(to, w->s[i], w->len[i]);
	to[w->len[i]] = '\0';
	return 0;
}

static int read_line(const struct words *w, struct credentials *c)
{
	bool is_ocn = w->len[0] == 3 && !memcmp(w->s[0], "ocn", 3);
	bool is_jpne = w->len[0] == 4 && !memcmp(w->s[0], "jpne", 4);
	bool is_hb46pp = w->len[0] == 6 && !memcmp(w->s[0], "hb46pp", 6);

	if ((is_ocn || is_jpne) && w->n == 2)
		return copy(w, 1, is_ocn ? c->ocn : c->jpne);
	if (is_hb46pp && w->n == 4)
		return copy(w, 1, c->hb46pp.server) || copy(w, 2, c->hb46pp.user) ||
				       copy(w, 3, c->hb46pp.password) ?
			       -1 :
			       0;
	return err("Lines are: ocn CODE, jpne TOKEN, hb46pp SERVER USER PASSWORD.",
		   "not a line of this file");
}

int credentials_parse(const void *bytes, size_t len, struct credentials *c)
{
	const char *at = bytes, *end = at + len;

	memset(c, 0, sizeof(*c));
	for (unsigned int line = 1; at < end; line++) {
		const char *newline = memchr(at, '\n', end - at);
		const char *stop = newline ? newline : end;
		struct words w;

		if (split(at, stop, &w) || (w.n && read_line(&w, c)))
			return err_context("line %u", line);
		at = stop + !!newline;
	}
	return 0;
}

static int check_owner(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_sys(errno, NULL, "cannot look at %s", path);
	if (!S_ISREG(st.st_mode))
		return err(NULL, "%s is not a file", path);
	if ((st.st_uid && st.st_uid != geteuid()) || st.st_mode & (S_IRWXG | S_IRWXO))
		return err("chown root FILE; chmod 600 FILE",
			   "%s can be read or changed by others, so it is not used", path);
	if (st.st_size > FILE_MAX)
		return err(NULL, "%s is too large", path);
	return 0;
}

int credentials_load(const char *path, struct credentials *c)
{
	const char *name = path ? path : PROV_CREDENTIALS;
	int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	char text[FILE_MAX];
	ssize_t n;
	int ret;

	memset(c, 0, sizeof(*c));
	/* the usual file is root's alone, so other users do without it */
	if (fd < 0 && !path && (errno == ENOENT || errno == EACCES))
		return 0;
	if (fd < 0)
		return err_sys(errno, NULL, "cannot open the credentials '%s'", name);
	ret = check_owner(fd, name);
	n = ret ? 0 : read(fd, text, sizeof(text));
	if (n < 0)
		ret = err_sys(errno, NULL, "cannot read %s", name);
	else if (!ret && credentials_parse(text, n, c))
		ret = err_context("%s", name);
	explicit_bzero(text, sizeof(text));
	close(fd);
	return ret;
}
