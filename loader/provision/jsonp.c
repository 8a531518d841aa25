// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "jsonp.h"

#include <ctype.h>
#include <string.h>

#include "err.h"

int jsonp_cut(const void *bytes, size_t len, const char **json, size_t *json_len)
{
	const char *start = bytes, *end = start + len;

	while (start < end && isspace((unsigned char)*start))
		start++;
	while (start < end && (isspace((unsigned char)end[-1]) || end[-1] == ';'))
		end--;
	if (start < end && *start != '{') {
		while (start < end && (isalnum((unsigned char)*start) || strchr("?_.$", *start)))
			start++;
		if (start == end || *start != '(' || end[-1] != ')' || end - start < 2)
			return err(NULL, "neither JSON nor JSONP");
		start++;
		end--;
	}
	*json = start;
	*json_len = end - start;
	return 0;
}
