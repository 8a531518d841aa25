/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_KERNEL_FEATURES_H
#define MAPE_LOADER_KERNEL_FEATURES_H

#include <stdbool.h>
#include <stddef.h>

/* What this kernel can do for us, found out by trying. Nothing stays behind. Needs root. */

#define FEATURES_MAX 12
#define FEATURE_TEXT 1024

struct feature {
	const char *name;
	bool ok;
	bool needed; /* without it attach fails */
	char text[FEATURE_TEXT];
};

struct features {
	struct feature list[FEATURES_MAX];
	size_t n;
};

void features_try(struct features *features, const char *pin_root);

/* Has it all that is needed? */
bool features_suffice(const struct features *features);

#endif
