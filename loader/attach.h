/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_ATTACH_H
#define MAPE_LOADER_ATTACH_H

#include "instance.h"
#include "plan.h"

/*
 * Carries out a plan, each step recorded in the journal (which has been begun) before it is made.
 * 0, or -1 with err(); the caller then undoes the journal.
 */
int attach_run(const struct instance *instance, const struct plan *plan, const char *pin_root);

/* Undoes everything the journal knows, says what was left, and ends it. 0, or -1 with err(). */
int attach_undo(struct journal *j);

#endif
