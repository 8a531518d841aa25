/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests to the control program. User space only reads the NAPT's maps; whatever changes
 * sessions, mappings or ports goes through this one program, run by BPF_PROG_TEST_RUN with a
 * struct mape_request as its packet. The program answers in the same buffer.
 */
#ifndef MAPE_CONTROL_H
#define MAPE_CONTROL_H

#include <mape/napt.h>
#include <mape/types.h>

enum mape_op {
	MAPE_OP_INIT = 1, /* fill ports and free queues; count: ports from the start to reserve */
	MAPE_OP_ARM,	  /* start the sweep timers */
	MAPE_OP_SWEEP,	  /* visit `count` sessions now; answers visited and expired */
	MAPE_OP_DELETE,	  /* remove the session `flow` */
	MAPE_OP_DEMOTE,	  /* take the session `flow` off the fast path; the flow lives on */
	MAPE_OP_AUDIT,	  /* count the ports of protocol `slot` by state */
	MAPE_OP_FORWARD,  /* forward port `count` of flow.proto to flow's internal endpoint; -EBUSY */
	MAPE_OP_UNFORWARD, /* end the forward of port `count` of flow.proto; its sessions live on */
};

struct mape_request {
	__u32 op;
	__s32 result; /* 0, or a negative errno */
	__u32 count; /* or a port, host order */
	__u32 slot; /* enum mape_slot */
	struct mape_flow flow;

	/* answers */
	__u32 visited;
	__u32 expired;
	__u32 total; /* ports of the set */
	__u32 free;   /* and ready to be given out */
	__u32 used;
	__u32 resting; /* free, but not yet to be given out */
	__u32 reserved;
	__u32 overlapped; /* among the used ones */
	__u32 lost;	  /* free, yet not in the free queue: put back by the sweep */
	__u32 pad;
};

MAPE_ASSERT_SIZE(struct mape_request, 72);

#endif
