/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What has to agree between a running instance in the kernel and any later mape-xdp command:
 * the stamp in the config map, limits, and the names under the pin directory.
 */
#ifndef MAPE_ABI_H
#define MAPE_ABI_H

#define MAPE_MAGIC 0x6d617065 /* "mape", first word of the config map */
#define MAPE_ABI 2	      /* raised whenever the layout of any shared record changes */

#define MAPE_BR_MAX 4		  /* BR addresses accepted on receive; the first is sent to */
#define MAPE_SESSIONS_MAX 1048576 /* sessions of one instance; memory is taken as they come */
#define MAPE_HOSTS_MAX 65536	  /* LAN hosts that hold ports */
#define MAPE_TIMERS 4		  /* sweep timers, so that several processors can share the work */

#endif
