// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fuzz.h"
#include "provision/parsers.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hb46pp_server server;
	enum prov_result result;

	err_clear();
	result = hb46pp_parse_txt(data, size, &server);
	must(result ? !!err_text() : strlen(server.url) < sizeof(server.url));
	must(result || !server.verify || !strncmp(server.url, "https://", 8));
	for (const char *c = server.url; !result && *c; c++)
		must(*c > ' ' && *c <= '~');
	return 0;
}
