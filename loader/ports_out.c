// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "ports_out.h"

#include <string.h>
#include <unistd.h>

#include "bpf/control.h"
#include "out.h"

const char *const slot_names[MAPE_SLOT_COUNT + 1] = { "tcp", "udp", "icmp", NULL };

int port_counts_read(const struct instance *instance, struct mape_request counts[MAPE_SLOT_COUNT])
{
	int fd = instance_open_control(instance), ret = 0;

	if (fd < 0)
		return -1;
	memset(counts, 0, MAPE_SLOT_COUNT * sizeof(*counts));
	for (uint32_t slot = 0; slot < MAPE_SLOT_COUNT && !ret; slot++) {
		counts[slot].op = MAPE_OP_AUDIT;
		counts[slot].slot = slot;
		ret = control_run(fd, &counts[slot]);
	}
	close(fd);
	return ret;
}

static void counts_out(const struct mape_request *count)
{
	out_u64("total", "TOTAL", count->total);
	out_u64("used", "USED", count->used);
	out_u64("free", "FREE", count->free);
	out_u64("resting", "RESTING", count->resting);
	out_u64("overlapped", "OVERLAPPED", count->overlapped);
	out_u64("reserved", "RESERVED", count->reserved);
}

void port_counts_out(const struct mape_request counts[MAPE_SLOT_COUNT])
{
	if (out_is_json())
		out_object("ports", NULL);
	else
		out_table(NULL, "ports");
	for (int slot = 0; slot < MAPE_SLOT_COUNT; slot++) {
		if (out_is_json()) {
			out_object(slot_names[slot], NULL);
			counts_out(&counts[slot]);
			out_object_end();
		} else {
			out_row();
			out_str(NULL, "PROTO", slot_names[slot]);
			counts_out(&counts[slot]);
			out_row_end();
		}
	}
	if (out_is_json())
		out_object_end();
	else
		out_table_end();
}
