// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* What a DHCPv6 client hands over: by option, on stdin, or in the environment of its script. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"
#include "source.h"

#define INPUT_MAX (64 * 1024) /* bytes; all options of a DHCPv6 message */

static int set_text(struct prov_reply *reply, char *text)
{
	if (!text)
		return err(NULL, "out of memory");
	reply->bytes = text;
	reply->len = strlen(text);
	return 0;
}

/* The options as they are on the wire, as opposed to text: they begin with the upper byte of an
 * option code, of which none is above 255. */
static bool is_binary(const char *bytes, size_t len)
{
	return len && bytes[0] == '\0';
}

static char *to_hex(const char *bytes, size_t len)
{
	char *text = malloc(2 * len + 1);

	for (size_t i = 0; text && i < len; i++)
		sprintf(text + 2 * i, "%02x", (unsigned char)bytes[i]);
	return text;
}

static int read_stdin(struct prov_reply *reply)
{
	char *bytes = calloc(1, INPUT_MAX + 1);
	size_t len = 0;
	ssize_t n = 1;
	int ret;

	if (!bytes)
		return err(NULL, "out of memory");
	while (n > 0 && len < INPUT_MAX) {
		n = read(STDIN_FILENO, bytes + len, INPUT_MAX - len);
		len += n > 0 ? n : 0;
	}
	if (n < 0)
		ret = err_sys(errno, NULL, "cannot read stdin");
	else if (len == INPUT_MAX)
		ret = err(NULL, "stdin has more than %d bytes", INPUT_MAX - 1);
	else
		ret = set_text(reply, is_binary(bytes, len) ? to_hex(bytes, len) : strdup(bytes));
	free(bytes);
	return ret;
}

/* 1: odhcp6c has set nothing, or this is not its script. */
static int read_environment(struct prov_reply *reply)
{
	const char *names[] = { "MAPE", "LW4O6", "MAPT" };
	const char *values[3];
	size_t len = 0;
	char *text;

	for (int i = 0; i < 3; i++) {
		values[i] = getenv(names[i]) ?: "";
		len += strlen(values[i]);
	}
	if (!len)
		return 1;
	if (len >= INPUT_MAX)
		return err(NULL, "the environment has more than %d bytes of rules", INPUT_MAX - 1);
	if (asprintf(&text, "%s %s %s", values[0], values[1], values[2]) < 0)
		text = NULL;
	return set_text(reply, text);
}

enum prov_result s46_fetch(const struct prov_request *request, struct prov_reply *reply)
{
	const char *text = request->opts->s46;
	int ret;

	if (!text)
		ret = read_environment(reply);
	else
		ret = strcmp(text, "-") ? set_text(reply, strdup(text)) : read_stdin(reply);
	if (ret > 0)
		err("Call this from the script of the DHCPv6 client, or give what the client got "
		    "with --s46.",
		    "no DHCPv6 options were handed over");
	reply->verified = false;
	return ret ? PROV_UNSET : PROV_OK;
}
