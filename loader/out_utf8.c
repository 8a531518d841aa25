// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "out_utf8.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

/* Length of the UTF-8 sequence at s (RFC 3629), 0 if it is none. */
static size_t utf8_len(const unsigned char *s)
{
	/* By the high four bits; 8 to 11 are continuations, 12 and up may still be wrong. */
	static const size_t lengths[16] = { 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 2, 2, 3, 4 };
	size_t len = lengths[s[0] >> 4];

	if (s[0] == 0xc0 || s[0] == 0xc1 || s[0] > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* Longer than necessary, a surrogate, or above U+10FFFF. */
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

bool out_utf8_json(FILE *f, const char *s)
{
	struct json_object *o = NULL;
	char *copy = strdup(s);

	for (char *c = copy; c && *c;) {
		size_t len = utf8_len((unsigned char *)c);

		if (!len)
			*c = '?';
		c += len ? len : 1;
	}
	if (copy)
		o = json_object_new_string(copy);
	free(copy);
	if (!o)
		return false;
	fputs(json_object_to_json_string_ext(o, JSON_C_TO_STRING_NOSLASHESCAPE), f);
	json_object_put(o);
	return true;
}
