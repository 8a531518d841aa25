/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_BPF_OBJECTS_H
#define MAPE_LOADER_BPF_OBJECTS_H

#include <stdint.h>

#include <bpf/libbpf.h>
#include <mape/config.h>

/*
 * The BPF objects of an instance. The TC object makes the maps; the control program and the XDP
 * programs are objects of their own that use the same maps.
 * Functions that return int give 0, or -1 with err().
 */
struct objects {
	struct mape_tc *tc;
	struct mape_ctl *ctl;
};

/* Loads the TC programs and the control program for a port set, writes the config record, fills
 * the free queues (without the first `reserve` ports) and starts the sweep. Nothing is attached or
 * pinned. wan_tc is left out where the kernel cannot run it (tc_decap false). */
int objects_load(struct objects *objects, const struct mape_config *config, uint32_t reserve,
		 bool tc_decap);
void objects_close(struct objects *objects);

/* The TC program's fd by its name in bpf/mape_tc.bpf.c. */
int objects_tc_prog(const struct objects *objects, const char *name);

/* fd and id of a map by its name. */
int objects_map(const struct objects *objects, const char *name);
int objects_config_id(const struct objects *objects, uint32_t *id);

/* Pins maps and the control program into DIR, which must exist. */
int objects_pin(const struct objects *objects, const char *dir);

/* Opens one XDP program with the instance's maps, for libxdp to load. NULL with err(). */
struct bpf_object *objects_open_xdp(const struct objects *objects, const char *prog);

/* Silences libbpf and libxdp and keeps what they say; objects_log() is the last of it. */
void objects_log_capture(void);
const char *objects_log(void);

#endif
