// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "bpf/probe.h"

#include <errno.h>
#include <string.h>

#include <bpf/bpf.h>

#include "bpf/objects.h"
#include "err.h"
#include "mape_probe.skel.h"

int probe_tc_decap(bool *can)
{
	/* Ethernet, IPv6 with next header 4, and an IPv4 header: only their lengths matter. */
	unsigned char packet[14 + 40 + 40] = { [12] = 0x86, [13] = 0xdd, [14] = 0x60, [20] = 4,
					       [54] = 0x45 };
	DECLARE_LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = packet,
			    .data_size_in = sizeof(packet));
	struct mape_probe *probe;
	int ret;

	objects_log_capture();
	probe = mape_probe__open_and_load();
	if (!probe)
		return err_sys(errno,
			       "mape-xdp needs root (CAP_BPF and CAP_NET_ADMIN) and a kernel with "
			       "BPF (CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF).",
			       "cannot load a BPF program");
	ret = bpf_prog_test_run_opts(bpf_program__fd(probe->progs.probe_decap), &opts);
	if (ret)
		err_sys(errno, NULL, "cannot run a BPF program");
	*can = !ret && opts.retval == 0 /* TC_ACT_OK */;
	mape_probe__destroy(probe);
	return ret ? -1 : 0;
}
