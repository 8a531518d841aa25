/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_OUT_UTF8_H
#define MAPE_LOADER_OUT_UTF8_H

#include <stdbool.h>
#include <stdio.h>

/* Writes s as a JSON string literal. Errors quote what the user typed, which may be anything: bytes
 * that are not UTF-8 become '?', as no JSON parser would take them. False: out of memory. */
bool out_utf8_json(FILE *f, const char *s);

#endif
