/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_HEALTH_H
#define MAPE_LOADER_HEALTH_H

#include <mape/config.h>

#include "instance.h"

/*
 * Does the machine around an attached instance let it work? `status` warns of what is wrong,
 * `doctor` lists everything. None of these checks looks at or changes traffic.
 */
enum health {
	HEALTH_OK,
	HEALTH_BAD,
	HEALTH_NONE, /* does not apply to this instance */
};

#define HEALTH_TEXT 512

struct health_ctx {
	const struct instance *instance;
	struct mape_config config;
	char text[HEALTH_TEXT]; /* of the check that ran last: what is, and what to do if it is bad */
};

struct health_check {
	const char *name; /* NULL ends the list */
	enum health (*run)(struct health_ctx *ctx);
};

extern const struct health_check health_checks[];

/* Writes ctx->text and returns `health`. */
enum health health_say(struct health_ctx *ctx, enum health health, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* The check itself failed: takes the recorded err() as its text. HEALTH_BAD. */
enum health health_err(struct health_ctx *ctx);

/* The checks of health_wan.c. */
enum health health_wan(struct health_ctx *ctx);
enum health health_mtu(struct health_ctx *ctx);
enum health health_ce_address(struct health_ctx *ctx);
enum health health_br_route(struct health_ctx *ctx);
enum health health_neighbour(struct health_ctx *ctx);
enum health health_gro(struct health_ctx *ctx);

#endif
