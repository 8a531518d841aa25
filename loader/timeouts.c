// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "timeouts.h"

#include <stdio.h>
#include <string.h>

#include "err.h"

#define SECONDS_MAX (30 * 86400)

struct timeout {
	const char *name;
	uint32_t seconds; /* default */
	uint32_t floor;
	const char *source; /* of the floor */
	uint8_t proto;
	uint8_t states[2]; /* of TCP */
};

static const struct timeout timeouts[] = {
	{ "tcp-opening", 240, 240, "RFC 5382 REQ-5", MAPE_PROTO_TCP,
	  { MAPE_TCP_INIT, MAPE_TCP_INIT_IN } },
	{ "tcp-established", 7440, 7440, "RFC 5382 REQ-5", MAPE_PROTO_TCP,
	  { MAPE_TCP_EST, MAPE_TCP_EST } },
	{ "tcp-closing", 240, 240, "RFC 7857 section 2.1", MAPE_PROTO_TCP,
	  { MAPE_TCP_FIN, MAPE_TCP_TRANS } },
	{ "udp", 300, 120, "RFC 4787 REQ-5", MAPE_PROTO_UDP, {} },
	{ "icmp", 60, 60, "RFC 5508 REQ-2", MAPE_PROTO_ICMP, {} },
};

#define COUNT (sizeof(timeouts) / sizeof(timeouts[0]))

/* The row that a word names; NULL if there is none. */
static const struct timeout *find(const char *word, const char **value)
{
	size_t len = strcspn(word, "=");

	*value = word[len] ? word + len + 1 : NULL;
	for (size_t i = 0; i < COUNT; i++)
		if (strlen(timeouts[i].name) == len && !strncmp(timeouts[i].name, word, len))
			return &timeouts[i];
	return NULL;
}

int timeout_check(const char *word)
{
	const struct timeout *t;
	const char *value;
	uint32_t seconds;
	char what[64];

	t = find(word, &value);
	if (!t || !value)
		return err("Give NAME=SECONDS, NAME one of " TIMEOUT_NAMES ".",
			   "--timeout does not know '%s'", word);
	snprintf(what, sizeof(what), "--timeout %s", t->name);
	if (opt_u32(what, value, 1, SECONDS_MAX, &seconds))
		return -1;
	if (seconds < t->floor)
		return err("A shorter one would cut sessions that are still wanted.",
			   "%s: %u s is less than the %u s that %s asks for", what, seconds,
			   t->floor, t->source);
	return 0;
}

static void set(struct mape_config *c, const struct timeout *t, uint32_t seconds)
{
	if (t->proto == MAPE_PROTO_UDP)
		c->timeout_udp_s = seconds;
	else if (t->proto == MAPE_PROTO_ICMP)
		c->timeout_icmp_s = seconds;
	else
		for (size_t i = 0; i < sizeof(t->states); i++)
			c->timeout_s[t->states[i]] = seconds;
}

void timeouts_set(struct mape_config *c, const struct opt_list *words)
{
	for (size_t i = 0; i < COUNT; i++)
		set(c, &timeouts[i], timeouts[i].seconds);
	for (unsigned int i = 0; i < words->n; i++) {
		const char *value;
		const struct timeout *t = find(words->v[i], &value);
		uint32_t seconds;

		if (t && !opt_u32(t->name, value, t->floor, SECONDS_MAX, &seconds))
			set(c, t, seconds);
	}
	/* One side may send for as long as it likes after the other has ended (RFC 6146). */
	c->timeout_s[MAPE_TCP_FIN_OUT] = c->timeout_s[MAPE_TCP_EST];
	c->timeout_s[MAPE_TCP_FIN_IN] = c->timeout_s[MAPE_TCP_EST];
}
