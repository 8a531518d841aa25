// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Auditing a running instance; audit.c has the rules. */
#include "audit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "err.h"
#include "ports_out.h"

#define PAUSE_MS 300

int audit_read(const struct instance *instance, struct audit_tables *tables)
{
	memset(tables, 0, sizeof(*tables));
	tables->sessions = SESSIONS_TABLE;
	tables->mappings = MAPPINGS_TABLE;
	tables->overlaps = OVERLAPS_TABLE;
	tables->peers = PEERS_TABLE;
	tables->hosts = HOSTS_TABLE;
	return config_read(instance, &tables->config) ||
			       port_counts_read(instance, tables->counts) ||
			       table_read(instance, "sessions", &tables->sessions) ||
			       table_read(instance, "mappings", &tables->mappings) ||
			       table_read(instance, "overlaps", &tables->overlaps) ||
			       table_read(instance, "peers", &tables->peers) ||
			       table_read(instance, "hosts", &tables->hosts) ||
			       ports_read(instance, &tables->config, &tables->ports) ||
			       live_read(instance, &tables->live) ?
		       -1 :
		       0;
}

void audit_free(struct audit_tables *tables)
{
	free(tables->ports);
	free(tables->sessions.records);
	free(tables->mappings.records);
	free(tables->overlaps.records);
	free(tables->peers.records);
	free(tables->hosts.records);
	memset(tables, 0, sizeof(*tables));
}

static int audit_once(const struct instance *instance, struct audit_report *report)
{
	struct audit_tables tables;
	int ret = audit_read(instance, &tables);

	if (!ret)
		ret = audit_check(&tables, report);
	audit_free(&tables);
	return ret;
}

static bool found_by(const struct audit_report *report, const char *text)
{
	for (unsigned int i = 0; i < report->kept; i++)
		if (!strcmp(report->text[i], text))
			return true;
	return false;
}

/* Drops from `report` what the later one has not found. */
static void keep_common(struct audit_report *report, const struct audit_report *later)
{
	unsigned int kept = 0;

	for (unsigned int i = 0; i < report->kept; i++)
		if (found_by(later, report->text[i]))
			memmove(report->text[kept++], report->text[i], AUDIT_TEXT);
	report->kept = kept;
	report->total = kept;
}

int audit_run(const struct instance *instance, unsigned int rounds, struct audit_report *report)
{
	const struct timespec pause = { .tv_nsec = PAUSE_MS * 1000000L };
	struct audit_report *later = malloc(sizeof(*later));
	int ret = later ? audit_once(instance, report) : err(NULL, "out of memory");

	for (unsigned int i = 1; !ret && report->total && i < rounds; i++) {
		nanosleep(&pause, NULL);
		ret = audit_once(instance, later);
		if (!ret)
			keep_common(report, later);
	}
	free(later);
	return ret;
}
