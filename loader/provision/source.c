// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "source.h"

#include <string.h>

#include "err.h"
#include "parsers.h"
#ifdef MAPE_PROVISIONING
#include "online/online.h"
#else
#define ocn_fetch    NULL
#define jpne_fetch   NULL
#define hb46pp_fetch NULL
#endif

static const struct {
	const char *name;
	prov_fetch *fetch;
	prov_parse *parse;
} sources[PROV_SOURCES] = {
	[PROV_BY_HAND] = { "by-hand", NULL, NULL },
	[PROV_DHCPV6] = { "dhcpv6", s46_fetch, s46_parse_text },
	[PROV_OCN] = { "ocn", ocn_fetch, ocn_parse },
	[PROV_JPNE] = { "jpne", jpne_fetch, jpne_parse },
	[PROV_HB46PP] = { "hb46pp", hb46pp_fetch, hb46pp_parse },
	[PROV_BUILTIN] = { "builtin", NULL, NULL },
};

const char *prov_source_name(enum prov_source source)
{
	return sources[source].name;
}

prov_fetch *prov_source_fetch(enum prov_source source)
{
	return sources[source].fetch;
}

prov_parse *prov_source_parser(enum prov_source source)
{
	return sources[source].parse;
}

bool prov_source_parse(const char *name, enum prov_source *source)
{
	for (int i = 0; i < PROV_SOURCES; i++) {
		if (!strcmp(sources[i].name, name)) {
			*source = i;
			return true;
		}
	}
	return false;
}

int prov_check_source(const char *name)
{
	const char *names[PROV_SOURCES + 1] = { NULL };
	enum prov_source source;

	if (prov_source_parse(name, &source))
		return 0;
	for (int i = 0; i < PROV_SOURCES; i++)
		names[i] = sources[i].name;
	name = opt_suggest(name, names) ?: name;
	if (prov_source_parse(name, &source))
		return err(NULL, "unknown source, did you mean '%s'?", name);
	return err("One of by-hand, dhcpv6, ocn, jpne, hb46pp, builtin.", "unknown source '%s'",
		   name);
}
