/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_FORWARD_H
#define MAPE_LOADER_FORWARD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <mape/config.h>

#include "instance.h"

/* Static forwards: a port of the set, seen from the internet, is an endpoint in the LAN. */

struct forward {
	uint8_t proto; /* MAPE_PROTO_TCP or MAPE_PROTO_UDP */
	bool self;     /* to the router itself, whatever address its tunnel interface has */
	uint16_t port;
	uint16_t to_port;
	uint32_t to; /* IPv4 address in host byte order, unless self */
};

#define FORWARD_TEXT 24 /* "192.168.1.10:22", "self:22" */

/* The words of `forward add` and of the line in the config file. 0, or -1 with err(). */
int forward_parse_port(const char *proto, const char *port, struct forward *f);
int forward_parse(const char *proto, const char *port, const char *target, struct forward *f);

const char *forward_proto(const struct forward *f); /* "tcp", "udp" */
char *forward_target(const struct forward *f, char text[FORWARD_TEXT]);
bool forward_same_port(const struct forward *a, const struct forward *b);

/* A running instance, opened for the work on its forwards. */
struct forward_table {
	const struct instance *instance;
	struct mape_config config;
	struct mape_port *ports; /* MAPE_SLOT_COUNT * config.ports.count, as last read */
	uint32_t self;		 /* address of the tunnel interface */
	uint32_t reserved;	 /* ranges of --reserve-ranges */
	int control;
};

/* 0, or -1 with err(). Always forward_close() it. */
int forward_open(const struct instance *instance, struct forward_table *table);
void forward_close(struct forward_table *table);

/* Is this forward in effect? If not, err() has why. */
bool forward_active(const struct forward_table *table, const struct forward *f);

/* Puts it into effect: 1 if it was already, 0 done, -1 with err(). */
int forward_add(struct forward_table *table, const struct forward *f);

/* Ends the forward of this protocol and port: 1 if there was none, 0 done, -1 with err(). */
int forward_del(struct forward_table *table, const struct forward *f);

/* The forward in effect on a port by its place in table->ports; false if there is none. */
bool forward_at(const struct forward_table *table, uint32_t place, struct forward *f);

#endif
