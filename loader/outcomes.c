// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "outcomes.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "err.h"

const struct outcome_info outcome_infos[MAPE_OUTCOME_COUNT] = {
#define X(name, key, drop, text) { key, drop, text },
	MAPE_OUTCOMES(X)
#undef X
};

static int sum(int fd, struct mape_counter *per_cpu, int cpus,
	       struct mape_counter totals[MAPE_OUTCOME_COUNT])
{
	for (uint32_t i = 0; i < MAPE_OUTCOME_COUNT; i++) {
		if (bpf_map_lookup_elem(fd, &i, per_cpu))
			return err_sys(errno, NULL, "cannot read the counter '%s'",
				       outcome_infos[i].key);
		for (int cpu = 0; cpu < cpus; cpu++) {
			totals[i].packets += per_cpu[cpu].packets;
			totals[i].bytes += per_cpu[cpu].bytes;
		}
	}
	return 0;
}

int outcomes_read(const struct instance *instance, struct mape_counter totals[MAPE_OUTCOME_COUNT])
{
	int cpus = libbpf_num_possible_cpus(), fd, ret;
	struct mape_counter *per_cpu;

	if (cpus < 0)
		return err_sys(-cpus, NULL, "cannot count the processors");
	fd = instance_open_map(instance, "outcomes");
	if (fd < 0)
		return -1;
	memset(totals, 0, MAPE_OUTCOME_COUNT * sizeof(*totals));
	per_cpu = calloc(cpus, sizeof(*per_cpu));
	ret = per_cpu ? sum(fd, per_cpu, cpus, totals) : err(NULL, "out of memory");
	free(per_cpu);
	close(fd);
	return ret;
}
