// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <string.h>

#include "config_file.h"
#include "err.h"
#include "forward.h"

int forwards_restore(const struct instance *instance, const struct config_file *c)
{
	const char *name = instance_name(instance);
	struct forward_table table = { .control = -1 };
	int ret = 0;

	for (size_t i = 0; i < c->n && !ret; i++) {
		const struct config_entry *e = &c->entries[i];

		if (strcmp(e->section, name))
			continue;
		if (table.control < 0 && forward_open(instance, &table)) {
			ret = err_context("the forwards in %s", c->path);
		} else if (forward_add(&table, &e->forward) < 0) {
			warn("%s:%u: not forwarded: %s", c->path, e->line, err_text());
			err_clear();
		}
	}
	forward_close(&table);
	return ret;
}
