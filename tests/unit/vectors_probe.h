/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet that vectors_probe.bpf.c answers: host byte order, as both ends are this machine. */
#ifndef VECTORS_PROBE_H
#define VECTORS_PROBE_H

#include <mape/arith.h>

#define PROBE_PORTS 64

struct probe_question {
	struct mape_fmr fmr;
	struct mape_ip6 prefix;		/* end-user prefix */
	__u32 prefix_len;
	__u32 ip4;			/* of another CE of this rule, with one of its ports */
	__u32 port;
	__u32 first;			/* ask for PROBE_PORTS indexes and ports from here */
};

struct probe_answer {
	struct mape_owner owner;
	struct mape_ip6 ce;
	struct mape_ip6 other_ce;
	struct mape_portset ports;
	__u32 published;
	__u32 ranges;
	__u32 source_ok;		/* may other_ce send from ip4 and port? */
	__u16 port_of[PROBE_PORTS];	/* 0 where there is no such index */
	__s32 index_of[PROBE_PORTS];
};

struct probe_packet {
	struct probe_question question;
	struct probe_answer answer;
};

#endif
