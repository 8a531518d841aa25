/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_DOCUMENT_H
#define MAPE_LOADER_PROVISION_DOCUMENT_H

#include <stddef.h>
#include <stdint.h>

#include <mape/arith.h>

struct json_object;

/*
 * JSON from a server that nobody vouches for: bounded in length and depth, strict in syntax.
 * Functions that return int give 0, or -1 with err() that quotes key and value.
 */

/* The one JSON object that the bytes are; for json_object_put(). NULL with err(). */
struct json_object *document_parse(const void *bytes, size_t len);

/* The value of a key; NULL if there is none (no err()) or it is null. */
struct json_object *document_get(struct json_object *o, const char *key);

/* An array of objects at `key`: NULL with err() if it is missing or anything else. */
struct json_object *document_array(struct json_object *o, const char *key);

/* A string without control characters; NULL with err(). */
const char *document_string(struct json_object *o, const char *key);

/* The same copied to buf if the key is there, else "". */
int document_copy(struct json_object *o, const char *key, char *buf, size_t size);

/* A whole number in [0, max], also written as a string: servers differ, and between versions. */
int document_u32(struct json_object *o, const char *key, uint32_t max, uint32_t *value);

/* "ADDRESS/LENGTH", and addresses without one. */
int document_prefix6(struct json_object *o, const char *key, struct mape_ip6 *ip6, __u8 *len);
int document_prefix4(struct json_object *o, const char *key, uint32_t *ip4, __u8 *len);
int document_ip6(struct json_object *o, const char *key, struct mape_ip6 *ip6);
int document_ip4(struct json_object *o, const char *key, uint32_t *ip4);

#endif
