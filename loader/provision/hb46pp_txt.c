// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* HB46PP, section 3.1: where the provisioning server is. */
#include <string.h>

#include "err.h"
#include "parsers.h"
#include "rule/text.h"

#define VERSION "v=v6mig-1"

struct word {
	const char *s;
	size_t n;
};

static bool next_word(const char **at, const char *end, struct word *word)
{
	while (*at < end && **at == ' ')
		(*at)++;
	word->s = *at;
	while (*at < end && **at != ' ')
		(*at)++;
	word->n = *at - word->s;
	return word->n;
}

static bool begins(struct word word, const char *what)
{
	return word.n >= strlen(what) && !memcmp(word.s, what, strlen(what));
}

static bool is(struct word word, const char *what)
{
	return word.n == strlen(what) && begins(word, what);
}

static enum prov_result refuse(struct word word, const char *why)
{
	char quoted[80];
	struct mape_text t;

	mape_text_init(&t, quoted, sizeof(quoted));
	mape_put_quoted(&t, word.s, word.n);
	err(NULL, "%s: %s", quoted, why);
	return PROV_BAD;
}

static enum prov_result read_url(struct word word, struct hb46pp_server *server)
{
	word.s += strlen("url=");
	word.n -= strlen("url=");
	if (!begins(word, "https://") && !begins(word, "http://"))
		return refuse(word, "not a URL of HTTP");
	if (word.n >= sizeof(server->url))
		return refuse(word, "the URL is too long");
	for (size_t i = 0; i < word.n; i++)
		if (word.s[i] <= ' ' || word.s[i] > '~')
			return refuse(word, "a character that no URL has");
	memcpy(server->url, word.s, word.n);
	server->url[word.n] = '\0';
	return PROV_OK;
}

/* "c", a certificate that its owner has signed, is of an older version. */
static bool read_verify(struct word word, bool *verify)
{
	*verify = !is(word, "t=a");
	return is(word, "t=a") || is(word, "t=b") || is(word, "t=c");
}

enum prov_result hb46pp_parse_txt(const void *bytes, size_t len, struct hb46pp_server *server)
{
	const char *at = bytes, *end = at + len;
	bool has_url = false, has_t = false;
	struct word word;

	if (!next_word(&at, end, &word) || !is(word, VERSION)) {
		err(NULL, "the TXT record is not about HB46PP");
		return PROV_NOTHING;
	}
	while (next_word(&at, end, &word)) {
		if (begins(word, "url=")) {
			if (has_url || read_url(word, server))
				return has_url ? refuse(word, "a second URL") : PROV_BAD;
			has_url = true;
		} else if (begins(word, "t=")) {
			if (has_t || !read_verify(word, &server->verify))
				return refuse(word, "neither t=a nor t=b, once");
			has_t = true;
		}
	}
	if (!has_url || !has_t)
		return err(NULL, "%s is missing", has_url ? "t=" : "url="), PROV_BAD;
	if (server->verify && !strncmp(server->url, "http:", 5))
		return err(NULL, "a certificate is asked for, but the URL is plain HTTP"), PROV_BAD;
	return PROV_OK;
}
