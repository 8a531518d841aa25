// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <arpa/inet.h>
#include <json-c/json.h>

#include "change/change.h"
#include "err.h"
#include "fault.h"
#include "net/addr.h"
#include "net/nl.h"

#define DAD_TIMEOUT_MS 8000 /* a second or two by default; sysctls can make it longer */

static int wait_until_usable(int ifindex, const struct in6_addr *addr, const char *text)
{
	switch (addr6_wait_dad(ifindex, addr, DAD_TIMEOUT_MS)) {
	case ADDR_DAD_OK:
		return 0;
	case ADDR_DAD_DUPLICATE:
		return err("Most probably the provider's home gateway runs MAP-E itself. Switch that "
			   "off there, or use the gateway for IPv4.",
			   "another device on the WAN already has the CE address %s", text);
	case ADDR_DAD_TIMEOUT:
		return err("Is the WAN interface up and its cable connected?",
			   "the WAN did not finish duplicate address detection for %s", text);
	case ADDR_DAD_GONE:
		return err("Does another program manage the WAN's addresses?",
			   "the CE address %s was removed from the WAN at once", text);
	default:
		return -1;
	}
}

int change_ce_address(struct journal *j, int ifindex, const struct in6_addr *addr)
{
	struct json_object *detail;
	struct addr6_info info;
	char text[INET6_ADDRSTRLEN];
	int found;

	inet_ntop(AF_INET6, addr, text, sizeof(text));
	found = addr6_find(ifindex, addr, &info);
	if (found < 0)
		return -1;
	if (found == 0) {
		warn("the WAN already has the CE address %s; it is used and will be left there",
		     text);
		return wait_until_usable(ifindex, addr, text);
	}
	detail = json_object_new_object();
	json_object_object_add(detail, "ifindex", json_object_new_int(ifindex));
	json_object_object_add(detail, "address", json_object_new_string(text));
	if (journal_record(j, "ce_address", detail) || addr6_add(ifindex, addr) ||
	    fault_point("ce_address"))
		return -1;
	return wait_until_usable(ifindex, addr, text);
}

int undo_ce_address(struct json_object *detail, struct undo *undo)
{
	const char *text = detail_str(detail, "address");
	int ifindex = detail_int(detail, "ifindex"), found;
	struct link_info link;
	struct addr6_info info;
	struct in6_addr addr;

	if (inet_pton(AF_INET6, text, &addr) != 1)
		return err(NULL, "not an IPv6 address in the journal: '%s'", text);
	found = link_find_index(ifindex, &link);
	if (found)
		return found < 0 ? -1 : 0;
	found = addr6_find(ifindex, &addr, &info);
	if (found)
		return found < 0 ? -1 : 0;
	/* Kernels before 5.18 do not say who added it. */
	if (info.prefix_len != 128 || (info.proto && info.proto != NL_PROTO_MAPE))
		return undo_left(undo, "address %s: somebody else has set it since", text);
	return addr6_del(ifindex, &addr, 128);
}
