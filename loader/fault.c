// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "fault.h"

#ifdef MAPE_FAULTS

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "err.h"

int fault_point(const char *name)
{
	static unsigned long passed;
	const char *setting = getenv("MAPE_FAULT");
	char *end;

	passed++;
	if (!setting || strtoul(setting, &end, 10) != passed)
		return 0;
	if (!strcmp(end, ":kill"))
		kill(getpid(), SIGKILL);
	return err(NULL, "injected failure at %s", name);
}

#else

typedef int fault_not_built; /* ISO C wants a translation unit to hold something */

#endif
