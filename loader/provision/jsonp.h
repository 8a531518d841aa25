/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_JSONP_H
#define MAPE_LOADER_PROVISION_JSONP_H

#include <stddef.h>

/* Finds the JSON in `callback({..});`, `?({..})` or `{..}`. Only the padding is checked. 0, or -1
 * with err(). */
int jsonp_cut(const void *bytes, size_t len, const char **json, size_t *json_len);

#endif
