// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* --rule, and a prefix behind the first newline. */
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = calloc(1, size + 1), *newline;
	struct mape_prefix prefix;
	struct mape_error error;
	struct mape_rule rule;
	struct mape_line line;

	if (!text)
		return 0;
	memcpy(text, data, size);
	newline = strchr(text, '\n');
	if (newline)
		*newline++ = '\0';
	if (!mape_rule_parse(text, &rule, &error)) {
		must(!mape_rule_validate(&rule, &error));
		if (newline && !mape_prefix_parse(newline, &prefix, &error) &&
		    !mape_line_derive(&rule, &prefix, &line, &error))
			must(line.ports.count &&
			     mape_ip6_in(line.ce, line.prefix, line.prefix_len));
	}
	free(text);
	return 0;
}
