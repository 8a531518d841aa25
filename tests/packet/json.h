/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* progrun's requests and answers: fields of JSON objects, bytes as hex. */
#ifndef MAPE_TESTS_PACKET_JSON_H
#define MAPE_TESTS_PACKET_JSON_H

#include <json-c/json.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"

static inline struct json_object *field(struct json_object *o, const char *key)
{
	struct json_object *value = NULL;

	json_object_object_get_ex(o, key, &value);
	return value;
}

static inline uint64_t number(struct json_object *o, const char *key, uint64_t otherwise)
{
	struct json_object *value = field(o, key);

	return value ? (uint64_t)json_object_get_int64(value) : otherwise;
}

static inline const char *text(struct json_object *o, const char *key)
{
	const char *value = json_object_get_string(field(o, key));

	return value ? value : "";
}

/* Hex to at most max bytes; their number, or -1. */
static inline int unhex(const char *hex, void *to, size_t max)
{
	size_t n = strlen(hex) / 2;

	if (strlen(hex) % 2 || n > max)
		return err(NULL, "odd or too many hex digits");
	for (size_t i = 0; i < n; i++)
		if (sscanf(hex + 2 * i, "%2hhx", (unsigned char *)to + i) != 1)
			return err(NULL, "not hex: %.20s", hex + 2 * i);
	return n;
}

static inline struct json_object *hex(const void *from, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *bytes = from;
	struct json_object *string;
	char *out = malloc(2 * n + 1);

	for (size_t i = 0; i < n; i++) {
		out[2 * i] = digits[bytes[i] >> 4];
		out[2 * i + 1] = digits[bytes[i] & 15];
	}
	string = json_object_new_string_len(out, 2 * n);
	free(out);
	return string;
}

static inline void put(struct json_object *o, const char *key, int64_t value)
{
	json_object_object_add(o, key, json_object_new_int64(value));
}

#endif
