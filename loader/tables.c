// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "err.h"

/* Records per system call; doubled if the map has a bucket with more. */
#define BATCH 4096

/* Where a batch goes before its keys and values are put together. */
struct batch {
	void *keys, *values;
	uint32_t room;
};

static int make_room(struct batch *b, const struct table *t)
{
	void *keys = realloc(b->keys, b->room * t->key_size);
	void *values;

	if (keys)
		b->keys = keys;
	values = keys ? realloc(b->values, b->room * t->value_size) : NULL;
	if (values)
		b->values = values;
	return values ? 0 : err(NULL, "out of memory");
}

static int append(struct table *t, const struct batch *b, uint32_t n)
{
	char *record = realloc(t->records, (t->n + n + 1) * t->record_size);

	if (!record)
		return err(NULL, "out of memory for %zu records", t->n + n);
	t->records = record;
	record += t->n * t->record_size;
	for (uint32_t i = 0; i < n; i++, record += t->record_size) {
		memcpy(record, (char *)b->keys + i * t->key_size, t->key_size);
		memcpy(record + t->value_offset, (char *)b->values + i * t->value_size,
		       t->value_size);
	}
	t->n += n;
	return 0;
}

/* A batch takes whole buckets under their locks: nothing is seen twice, and a record that vanishes
 * does not lead back to the start as it does when going from key to key. */
static int read_batches(int fd, struct table *t, struct batch *b, const char *map)
{
	uint32_t position = 0, *from = NULL, n;
	int ret;

	do {
		n = b->room;
		ret = bpf_map_lookup_batch(fd, from, &position, b->keys, b->values, &n, NULL) ?
			      errno :
			      0;
		if (ret == ENOSPC) {
			b->room *= 2;
			if (make_room(b, t))
				return -1;
			continue;
		}
		if (ret && ret != ENOENT)
			return err_sys(ret, NULL, "cannot read the map '%s'", map);
		if (append(t, b, n))
			return -1;
		from = &position;
	} while (ret != ENOENT);
	return 0;
}

int table_read(const struct instance *instance, const char *map, struct table *table)
{
	struct batch batch = { .room = BATCH };
	int fd = instance_open_map(instance, map), ret;

	if (fd < 0)
		return -1;
	free(table->records);
	table->records = NULL;
	table->n = 0;
	ret = make_room(&batch, table) || read_batches(fd, table, &batch, map);
	free(batch.keys);
	free(batch.values);
	close(fd);
	return ret ? -1 : 0;
}

static int by_key(const void *a, const void *b, void *key_size)
{
	return memcmp(a, b, *(size_t *)key_size);
}

void table_sort(struct table *table)
{
	if (table->n)
		qsort_r(table->records, table->n, table->record_size, by_key, &table->key_size);
}

const void *table_find(const struct table *table, const void *key)
{
	size_t low = 0, high = table->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const char *record = (const char *)table->records + middle * table->record_size;
		int order = memcmp(key, record, table->key_size);

		if (!order)
			return record;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

static int read_first(const struct instance *instance, const char *map, void *value)
{
	int fd = instance_open_map(instance, map), ret;
	uint32_t zero = 0;

	if (fd < 0)
		return -1;
	ret = bpf_map_lookup_elem(fd, &zero, value) ?
		      err_sys(errno, NULL, "cannot read the map '%s'", map) :
		      0;
	close(fd);
	return ret;
}

int config_read(const struct instance *instance, struct mape_config *config)
{
	/* Of another version it may be longer than ours. */
	union {
		struct mape_config config;
		char room[4096];
	} value = {};

	if (read_first(instance, "config", &value))
		return -1;
	*config = value.config;
	if (config->magic != MAPE_MAGIC || config->abi != MAPE_ABI)
		return err("Use that version, or attach again with --replace.",
			   "what is attached was made by another version of mape-xdp");
	return 0;
}

/* The first n elements of an array map, for free(); NULL with err(). */
static void *array_read(const struct instance *instance, const char *map, uint32_t n, size_t size)
{
	int fd = instance_open_map(instance, map), ret = 0;
	char *records;

	if (fd < 0)
		return NULL;
	records = calloc(n + 1, size);
	if (!records)
		ret = err(NULL, "out of memory");
	for (uint32_t i = 0; i < n && !ret; i++)
		if (bpf_map_lookup_elem(fd, &i, records + i * size))
			ret = err_sys(errno, NULL, "cannot read the map '%s'", map);
	close(fd);
	if (!ret)
		return records;
	free(records);
	return NULL;
}

int ports_read(const struct instance *instance, const struct mape_config *config,
	       struct mape_port **ports)
{
	*ports = array_read(instance, "ports", MAPE_SLOT_COUNT * config->ports.count,
			    sizeof(**ports));
	return *ports ? 0 : -1;
}

static int by_number(const void *a, const void *b)
{
	const struct mape_event *x = a, *y = b;

	return x->number < y->number ? -1 : x->number > y->number;
}

int events_read(const struct instance *instance, struct mape_event **events, uint32_t *n)
{
	struct mape_event *all = array_read(instance, "events", MAPE_EVENTS, sizeof(*all));

	*n = 0;
	if (!all)
		return -1;
	for (uint32_t i = 0; i < MAPE_EVENTS; i++)
		if (all[i].number)
			all[(*n)++] = all[i];
	qsort(all, *n, sizeof(*all), by_number);
	*events = all;
	return 0;
}

int live_read(const struct instance *instance, uint64_t *sessions)
{
	return read_first(instance, "live", sessions);
}

int path_mtu_read(const struct instance *instance, struct mape_path_mtu *path)
{
	return read_first(instance, "path_mtu", path);
}

uint64_t instance_now(const struct mape_config *config)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec + config->now_offset;
}

bool session_offloaded(const struct mape_session *session)
{
	return session->in_ok && session->out_ok;
}
