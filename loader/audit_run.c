// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Auditing a running instance; audit.c has the rules. */
#include "audit.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "err.h"
#include "ports_out.h"

#define PAUSE_MS 300

static int read_ports(const struct instance *instance, struct audit_tables *t)
{
	uint32_t n = MAPE_SLOT_COUNT * t->config.ports.count;
	int fd = instance_open_map(instance, "ports"), ret = 0;

	if (fd < 0)
		return -1;
	t->ports = calloc(n + 1, sizeof(*t->ports));
	if (!t->ports)
		ret = err(NULL, "out of memory");
	for (uint32_t i = 0; i < n && !ret; i++)
		if (bpf_map_lookup_elem(fd, &i, &t->ports[i]))
			ret = err_sys(errno, NULL, "cannot read the map 'ports'");
	close(fd);
	return ret;
}

int audit_read(const struct instance *instance, struct audit_tables *tables)
{
	memset(tables, 0, sizeof(*tables));
	tables->sessions = SESSIONS_TABLE;
	tables->mappings = MAPPINGS_TABLE;
	tables->overlaps = OVERLAPS_TABLE;
	return config_read(instance, &tables->config) ||
			       port_counts_read(instance, tables->counts) ||
			       table_read(instance, "sessions", &tables->sessions) ||
			       table_read(instance, "mappings", &tables->mappings) ||
			       table_read(instance, "overlaps", &tables->overlaps) ||
			       read_ports(instance, tables) || live_read(instance, &tables->live) ?
		       -1 :
		       0;
}

void audit_free(struct audit_tables *tables)
{
	free(tables->ports);
	free(tables->sessions.records);
	free(tables->mappings.records);
	free(tables->overlaps.records);
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
