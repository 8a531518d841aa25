// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "document.h"

#include <ctype.h>
#include <json-c/json.h>
#include <string.h>

#include "answer.h"
#include "err.h"
#include "rule/text.h"

#define DEPTH_MAX  16
#define QUOTED_MAX 80

static int refuse(const char *key, const char *value, const char *why)
{
	char quoted[QUOTED_MAX];
	struct mape_text t;

	mape_text_init(&t, quoted, sizeof(quoted));
	mape_put_quoted(&t, value, strlen(value));
	return err(NULL, "\"%s\" is %s, %s", key, quoted, why);
}

static struct json_object *parsed(struct json_tokener *tok, const char *text, size_t len)
{
	struct json_object *o = json_tokener_parse_ex(tok, text, len);
	enum json_tokener_error error = json_tokener_get_error(tok);

	if (error == json_tokener_continue)
		err(NULL, "the JSON document ends in the middle");
	else if (error != json_tokener_success)
		err(NULL, "not JSON: %s at byte %zu", json_tokener_error_desc(error),
		    json_tokener_get_parse_end(tok));
	else if (!json_object_is_type(o, json_type_object))
		err(NULL, "the JSON document is not an object");
	else
		return o;
	json_object_put(o);
	return NULL;
}

struct json_object *document_parse(const void *bytes, size_t len)
{
	struct json_tokener *tok;
	struct json_object *o;

	if (len > PROV_DOCUMENT_MAX) {
		err(NULL, "a document of %zu bytes, at most %d are read", len, PROV_DOCUMENT_MAX);
		return NULL;
	}
	if (!len || memchr(bytes, '\0', len)) {
		err(NULL, len ? "not JSON: a NUL byte" : "an empty document");
		return NULL;
	}
	tok = json_tokener_new_ex(DEPTH_MAX);
	if (!tok) {
		err(NULL, "out of memory");
		return NULL;
	}
	json_tokener_set_flags(tok, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
	o = parsed(tok, bytes, len);
	json_tokener_free(tok);
	return o;
}

struct json_object *document_get(struct json_object *o, const char *key)
{
	return json_object_object_get(o, key);
}

struct json_object *document_array(struct json_object *o, const char *key)
{
	struct json_object *list = document_get(o, key);

	if (!json_object_is_type(list, json_type_array)) {
		err(NULL, "\"%s\" is %s", key, list ? "not a list" : "missing");
		return NULL;
	}
	for (size_t i = 0; i < json_object_array_length(list); i++) {
		if (!json_object_is_type(json_object_array_get_idx(list, i), json_type_object)) {
			err(NULL, "\"%s\"[%zu] is not an object", key, i);
			return NULL;
		}
	}
	return list;
}

const char *document_string(struct json_object *o, const char *key)
{
	struct json_object *value = document_get(o, key);
	const char *s;
	size_t len;

	if (!json_object_is_type(value, json_type_string)) {
		err(NULL, "\"%s\" is %s", key, value ? "not a string" : "missing");
		return NULL;
	}
	s = json_object_get_string(value);
	len = json_object_get_string_len(value);
	for (size_t i = 0; i < len; i++) {
		if (iscntrl((unsigned char)s[i])) {
			err(NULL, "\"%s\" has a control character", key);
			return NULL;
		}
	}
	return s;
}

int document_copy(struct json_object *o, const char *key, char *buf, size_t size)
{
	const char *s = document_get(o, key) ? document_string(o, key) : "";

	if (!s)
		return -1;
	if (strlen(s) >= size)
		return err(NULL, "\"%s\" has %zu bytes, at most %zu are possible", key, strlen(s),
			   size - 1);
	strcpy(buf, s);
	return 0;
}

int document_u32(struct json_object *o, const char *key, uint32_t max, uint32_t *value)
{
	struct json_object *number = document_get(o, key);
	const char *s;
	__u32 n;

	if (json_object_is_type(number, json_type_int)) {
		/* of a value beyond 64 bits json-c makes the nearest, which is beyond max too */
		int64_t i = json_object_get_int64(number);

		if (i < 0 || i > max)
			return refuse(key, json_object_to_json_string(number), "out of range");
		*value = i;
		return 0;
	}
	s = document_string(o, key);
	if (!s)
		return number ? err(NULL, "\"%s\" is not a whole number", key) : -1;
	if (!isdigit((unsigned char)*s) || strpbrk(s, "xX") ||
	    !mape_read_num(s, strlen(s), max, &n))
		return refuse(key, s, "not a whole number in its range");
	*value = n;
	return 0;
}

/* Splits "ADDRESS/LENGTH"; the number of bytes of ADDRESS, 0 if that is not what it is. */
static size_t split(const char *s, uint32_t max, __u8 *len)
{
	const char *slash = strchr(s, '/');
	__u32 n;

	if (!slash || !isdigit((unsigned char)slash[1]) || strpbrk(slash, "xX") ||
	    !mape_read_num(slash + 1, strlen(slash + 1), max, &n))
		return 0;
	*len = n;
	return slash - s;
}

int document_prefix6(struct json_object *o, const char *key, struct mape_ip6 *ip6, __u8 *len)
{
	const char *s = document_string(o, key);
	size_t n;

	if (!s)
		return -1;
	n = split(s, MAPE_IP6_BITS, len);
	return n && mape_read_ip6(s, n, ip6) ? 0 : refuse(key, s, "not an IPv6 prefix");
}

int document_prefix4(struct json_object *o, const char *key, uint32_t *ip4, __u8 *len)
{
	const char *s = document_string(o, key);
	size_t n;

	if (!s)
		return -1;
	n = split(s, MAPE_IP4_BITS, len);
	return n && mape_read_ip4(s, n, ip4) ? 0 : refuse(key, s, "not an IPv4 prefix");
}

int document_ip6(struct json_object *o, const char *key, struct mape_ip6 *ip6)
{
	const char *s = document_string(o, key);

	if (!s)
		return -1;
	return mape_read_ip6(s, strlen(s), ip6) ? 0 : refuse(key, s, "not an IPv6 address");
}

int document_ip4(struct json_object *o, const char *key, uint32_t *ip4)
{
	const char *s = document_string(o, key);

	if (!s)
		return -1;
	return mape_read_ip4(s, strlen(s), ip4) ? 0 : refuse(key, s, "not an IPv4 address");
}
