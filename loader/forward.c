// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "forward.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rule/text.h>

#include "bpf/control.h"
#include "err.h"
#include "facts.h"
#include "opt.h"
#include "ports_out.h"
#include "tables.h"

/* How many ranges of each kind an error lists. */
#define LISTED_RANGES 4

int forward_parse_port(const char *proto, const char *port, struct forward *f)
{
	uint32_t number;

	memset(f, 0, sizeof(*f));
	if (!strcmp(proto, "tcp"))
		f->proto = MAPE_PROTO_TCP;
	else if (!strcmp(proto, "udp"))
		f->proto = MAPE_PROTO_UDP;
	else
		return err("allowed: tcp, udp", "a forward is of tcp or udp, not of '%s'", proto);
	if (opt_u32("the port of a forward", port, 1, 65535, &number))
		return -1;
	f->port = number;
	return 0;
}

static int bad_target(const char *target, const char *why)
{
	return err("Give the address and port of a LAN host, as 192.168.1.10:22, or self:22 for "
		   "the router itself.",
		   "a forward cannot go to '%s': %s", target, why);
}

int forward_parse(const char *proto, const char *port, const char *target, struct forward *f)
{
	const char *colon = strrchr(target, ':');
	uint32_t number, first;

	if (forward_parse_port(proto, port, f))
		return -1;
	if (!colon)
		return bad_target(target, "the port is missing");
	if (!mape_read_num(colon + 1, strlen(colon + 1), 65535, &number) || !number)
		return bad_target(target, "the port is not a number from 1 to 65535");
	f->to_port = number;
	f->self = colon - target == 4 && !strncmp(target, "self", 4);
	if (f->self)
		return 0;
	if (!mape_read_ip4(target, colon - target, &f->to))
		return bad_target(target, "that is not an IPv4 address");
	first = f->to >> 24;
	if (!first || first == 127 || first >= 224)
		return bad_target(target, "that is not the address of a host");
	return 0;
}

const char *forward_proto(const struct forward *f)
{
	return slot_names[f->proto == MAPE_PROTO_TCP ? MAPE_SLOT_TCP : MAPE_SLOT_UDP];
}

static char *target_str(uint32_t ip4, uint16_t port, char text[FORWARD_TEXT])
{
	char address[MAPE_IP4_STRLEN];

	snprintf(text, FORWARD_TEXT, "%s:%u", mape_ip4_str(ip4, address), port);
	return text;
}

char *forward_target(const struct forward *f, char text[FORWARD_TEXT])
{
	if (!f->self)
		return target_str(f->to, f->to_port, text);
	snprintf(text, FORWARD_TEXT, "self:%u", f->to_port);
	return text;
}

bool forward_same_port(const struct forward *a, const struct forward *b)
{
	return a->proto == b->proto && a->port == b->port;
}

static uint32_t slot_of(const struct forward *f)
{
	return f->proto == MAPE_PROTO_TCP ? MAPE_SLOT_TCP : MAPE_SLOT_UDP;
}

int forward_open(const struct instance *instance, struct forward_table *t)
{
	const char *self = json_object_get_string(fact_get(instance, "address"));

	memset(t, 0, sizeof(*t));
	t->instance = instance;
	t->control = -1;
	t->reserved = json_object_get_int(fact_setting(instance, "reserve-ranges"));
	if (self)
		mape_read_ip4(self, strlen(self), &t->self);
	if (config_read(instance, &t->config))
		return -1;
	if (t->config.flags & MAPE_NO_NAPT)
		return err("Hosts of the LAN are reached by their own addresses.",
			   "this tunnel has no NAPT, so there are no ports to forward");
	if (ports_read(instance, &t->config, &t->ports))
		return -1;
	t->control = instance_open_control(instance);
	return t->control < 0 ? -1 : 0;
}

void forward_close(struct forward_table *t)
{
	free(t->ports);
	if (t->control >= 0)
		close(t->control);
}

/* " 1376-1391, 2400-2415 ... 64864-64879" of the ranges from `from` to before `to`. */
static void put_ranges(struct mape_text *text, const struct mape_portset *set, uint32_t from,
		       uint32_t to)
{
	uint16_t first, last;

	for (uint32_t i = from; i < to; i++) {
		if (i == from + LISTED_RANGES - 1 && to - i > 2) {
			mape_put_str(text, " ...");
			i = to - 1;
		} else if (i > from) {
			mape_put_str(text, ",");
		}
		mape_portset_range(set, i, &first, &last);
		mape_put_str(text, " ");
		mape_put_num(text, first ? first : 1);
		mape_put_str(text, "-");
		mape_put_num(text, last);
	}
}

static int not_in_set(const struct forward_table *t, const struct forward *f)
{
	const struct mape_portset *set = &t->config.ports;
	uint32_t ranges = mape_portset_ranges(set);
	struct mape_text text;
	char hint[400];

	mape_text_init(&text, hint, sizeof(hint));
	if (t->reserved) {
		mape_put_str(&text, "Best are the reserved ports:");
		put_ranges(&text, set, 0, t->reserved);
		mape_put_str(&text, ". Others:");
	} else {
		mape_put_str(&text, "Usable ports:");
	}
	put_ranges(&text, set, t->reserved, ranges);
	mape_put_str(&text, " (");
	mape_put_num(&text, ranges);
	mape_put_str(&text, ranges == 1 ? " range in all)" : " ranges in all)");
	return err(hint, "port %u does not belong to this line", f->port);
}

/* The record of the port, or NULL with err(): it is not of the set. */
static struct mape_port *port_of(const struct forward_table *t, const struct forward *f)
{
	int index = mape_portset_index(&t->config.ports, f->port);

	if (index >= 0)
		return &t->ports[slot_of(f) * t->config.ports.count + index];
	not_in_set(t, f);
	return NULL;
}

static uint32_t address_of(const struct forward_table *t, const struct forward *f)
{
	return f->self ? t->self : f->to;
}

static uint32_t owner_address(const struct mape_port *port)
{
	const uint8_t *a = port->owner.addr;

	return (uint32_t)a[0] << 24 | a[1] << 16 | a[2] << 8 | a[3];
}

/* Why a port that is held cannot be forwarded. */
static int in_use(const struct forward_table *t, const struct forward *f,
		  const struct mape_port *port)
{
	char owner[FORWARD_TEXT], hint[256];

	target_str(owner_address(port), port->owner.port, owner);
	if (port->flags & MAPE_PORT_FORWARD) {
		snprintf(hint, sizeof(hint), "To change it: mape-xdp forward del %s %u",
			 forward_proto(f), f->port);
		return err(hint, "%s port %u is forwarded already, to %s", forward_proto(f),
			   f->port, owner);
	}
	snprintf(hint, sizeof(hint), "Take another port, %s, or wait for its sessions to end: "
				     "mape-xdp flows --port %u",
		 t->reserved ? "best a reserved one" :
			       "or keep some free: mape-xdp attach --reserve-ranges N",
		 f->port);
	return err(hint, "%s port %u is in use by %s", forward_proto(f), f->port, owner);
}

bool forward_active(const struct forward_table *t, const struct forward *f)
{
	const struct mape_port *port = port_of(t, f);

	if (!port)
		return false;
	if (port->flags & MAPE_PORT_FORWARD && owner_address(port) == address_of(t, f) &&
	    port->owner.port == f->to_port)
		return true;
	if (port->refs)
		in_use(t, f, port);
	else
		err("Put it into effect: mape-xdp forward add", "not in effect");
	return false;
}

static int check_target(const struct forward_table *t, const struct forward *f)
{
	uint32_t own = (uint32_t)t->config.ip4[0] << 24 | t->config.ip4[1] << 16 |
		       t->config.ip4[2] << 8 | t->config.ip4[3];
	char text[FORWARD_TEXT];

	if (f->self && !t->self)
		return err("Attach again with --replace.",
			   "the address of the tunnel interface is not known");
	if (!f->self && f->to == own)
		return bad_target(forward_target(f, text), "that is this line's own address");
	return 0;
}

static void fill_request(const struct forward_table *t, const struct forward *f, uint32_t op,
			 struct mape_request *r)
{
	uint32_t to = address_of(t, f);

	memset(r, 0, sizeof(*r));
	r->op = op;
	r->count = f->port;
	r->flow.proto = f->proto;
	for (int i = 0; i < 4; i++)
		r->flow.int_addr[i] = to >> (24 - 8 * i);
	r->flow.int_port = f->to_port;
}

static int reread(struct forward_table *t)
{
	free(t->ports);
	t->ports = NULL;
	return ports_read(t->instance, &t->config, &t->ports);
}

int forward_add(struct forward_table *t, const struct forward *f)
{
	struct mape_request request;
	int ret;

	if (!port_of(t, f) || check_target(t, f))
		return -1;
	fill_request(t, f, MAPE_OP_FORWARD, &request);
	ret = control_run(t->control, &request);
	if (!ret)
		return reread(t);
	if (request.result != -EBUSY)
		return -1;
	err_clear();
	if (reread(t))
		return -1;
	return forward_active(t, f) ? 1 : -1;
}

int forward_del(struct forward_table *t, const struct forward *f)
{
	struct mape_request request;

	fill_request(t, f, MAPE_OP_UNFORWARD, &request);
	if (!control_run(t->control, &request))
		return reread(t);
	if (request.result != -ENOENT)
		return -1;
	err_clear();
	return 1;
}

bool forward_at(const struct forward_table *t, uint32_t place, struct forward *f)
{
	const struct mape_port *port = &t->ports[place];

	if (!(port->flags & MAPE_PORT_FORWARD))
		return false;
	memset(f, 0, sizeof(*f));
	f->proto = port->owner.proto;
	f->port = mape_portset_port(&t->config.ports, place % t->config.ports.count);
	f->to = owner_address(port);
	f->to_port = port->owner.port;
	f->self = t->self && f->to == t->self;
	return true;
}
