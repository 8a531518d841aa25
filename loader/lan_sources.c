// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "lan_sources.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "err.h"
#include "net/addr.h"
#include "rule/text.h"

static const struct mape_prefix4 always[] = {
	{ 8, { 10 } },		   /* RFC 1918 */
	{ 12, { 172, 16 } },
	{ 16, { 192, 168 } },
	{ 10, { 100, 64 } },	   /* RFC 6598 */
	{ 29, { 192, 0, 0, 0 } },  /* RFC 7335: the router's own address on the tunnel */
};

void lan_sources_init(struct lan_sources *sources)
{
	memcpy(sources->v, always, sizeof(always));
	sources->n = sizeof(always) / sizeof(always[0]);
}

static int add(struct lan_sources *sources, struct mape_prefix4 prefix)
{
	for (uint32_t i = 0; i < sources->n; i++)
		if (!memcmp(&sources->v[i], &prefix, sizeof(prefix)))
			return 0;
	if (sources->n == MAPE_SOURCES_MAX)
		return err("Give fewer and larger ones with --lan-source.",
			   "the LAN has more than %d networks", MAPE_SOURCES_MAX);
	sources->v[sources->n++] = prefix;
	return 0;
}

static struct mape_prefix4 make_prefix(uint32_t ip4, uint32_t len)
{
	struct mape_prefix4 prefix = { .len = len };

	ip4 = htonl(ip4 & mape_ip4_mask(len));
	memcpy(prefix.addr, &ip4, sizeof(prefix.addr));
	return prefix;
}

static int parse(const char *text, struct mape_prefix4 *prefix)
{
	const char *slash = strchrnul(text, '/');
	uint32_t ip4, len = MAPE_IP4_BITS;

	if (!mape_read_ip4(text, slash - text, &ip4) ||
	    (*slash && !mape_read_num(slash + 1, strlen(slash + 1), MAPE_IP4_BITS, &len)))
		return err("Write it as in 198.51.100.0/24.",
			   "option '--lan-source': '%s' is not an IPv4 network", text);
	*prefix = make_prefix(ip4, len);
	return 0;
}

int lan_source_check(const char *text)
{
	struct mape_prefix4 prefix;

	return parse(text, &prefix);
}

int lan_sources_add(struct lan_sources *sources, uint32_t ip4, uint32_t len)
{
	return add(sources, make_prefix(ip4, len));
}

int lan_sources_add_given(struct lan_sources *sources, const struct opt_list *texts)
{
	struct mape_prefix4 prefix;

	for (unsigned int i = 0; i < texts->n; i++)
		if (parse(texts->v[i], &prefix) || add(sources, prefix))
			return -1;
	return 0;
}

int lan_sources_add_device(struct lan_sources *sources, int ifindex)
{
	struct addr4_info *addrs;
	int ret = 0;
	size_t n;

	if (addr4_list(ifindex, &addrs, &n))
		return -1;
	for (size_t i = 0; i < n && !ret; i++)
		ret = add(sources, make_prefix(ntohl(addrs[i].addr.s_addr), addrs[i].prefix_len));
	free(addrs);
	return ret;
}

int lan_sources_fill(const struct lan_sources *sources, int map)
{
	uint32_t present = 1;

	for (uint32_t i = 0; i < sources->n; i++)
		if (bpf_map_update_elem(map, &sources->v[i], &present, BPF_ANY))
			return err_sys(errno, NULL, "cannot write the networks of the LAN");
	return 0;
}
