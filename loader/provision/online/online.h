/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_PROVISION_ONLINE_H
#define MAPE_LOADER_PROVISION_ONLINE_H

#include "provision/source.h"

/* What asks servers: the part that WITH_PROVISIONING=0 leaves out, with libcurl and libresolv. */

prov_fetch ocn_fetch, jpne_fetch, hb46pp_fetch;

/* Fills the border relays of a rule with the addresses of a name. 0, or -1 with err(). */
int online_resolve_br(const struct prov_opts *opts, const char *name, struct mape_rule *rule);

#endif
