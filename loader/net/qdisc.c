// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "net/qdisc.h"

#include <errno.h>
#include <linux/pkt_sched.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "err.h"
#include "net/nl.h"

static struct nlmsghdr *tc_request(void *buf, uint16_t type, uint16_t flags, int ifindex,
				   uint32_t parent)
{
	struct tcmsg tc = { .tcm_family = AF_UNSPEC, .tcm_ifindex = ifindex, .tcm_parent = parent };
	struct tcmsg *family;
	struct nlmsghdr *nlh = nl_start(buf, type, flags, &family, sizeof(tc));

	*family = tc;
	return nlh;
}

/* An entry per clsact on the interface in list->filter; dumps ignore the interface asked for. */
static int on_qdisc(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *tb[TCA_MAX + 1];
	struct nl_list *list = arg;

	nl_attrs(nlh, sizeof(*tc), tb, TCA_MAX);
	if (tc->tcm_ifindex != *(const int *)list->filter || !tb[TCA_KIND] ||
	    strcmp(mnl_attr_get_str(tb[TCA_KIND]), "clsact"))
		return MNL_CB_OK;
	return nl_list_add(list) ? MNL_CB_OK : MNL_CB_ERROR;
}

int clsact_exists(int ifindex, bool *exists)
{
	struct nl_list list = { .size = 1, .filter = &ifindex };
	NL_BUFFER(buf);
	int ret;

	ret = nl_dump(tc_request(buf, RTM_GETQDISC, NLM_F_DUMP, ifindex, 0), on_qdisc, &list);
	if (ret < 0)
		return nl_err(ret, NULL, "cannot list the queueing disciplines");
	*exists = list.n;
	free(list.v);
	return 0;
}

static int on_filter(const struct nlmsghdr *nlh, void *arg)
{
	const struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	/* Without a handle it is only the head of a priority's list. */
	if (!tc->tcm_handle)
		return MNL_CB_OK;
	return nl_list_add(arg) ? MNL_CB_OK : MNL_CB_ERROR;
}

static int count_filters(int ifindex, uint32_t parent, size_t *n)
{
	struct nl_list list = { .size = 1 };
	NL_BUFFER(buf);
	int ret;

	ret = nl_dump(tc_request(buf, RTM_GETTFILTER, NLM_F_DUMP, ifindex, parent), on_filter,
		      &list);
	if (ret < 0)
		return nl_err(ret, NULL, "cannot list the TC filters");
	*n += list.n;
	free(list.v);
	return 0;
}

int clsact_in_use(int ifindex, bool *in_use)
{
	size_t n = 0;

	if (count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_INGRESS), &n) ||
	    count_filters(ifindex, TC_H_MAKE(TC_H_CLSACT, TC_H_MIN_EGRESS), &n))
		return -1;
	*in_use = n;
	return 0;
}

static int clsact_change(int ifindex, uint16_t type, uint16_t flags)
{
	NL_BUFFER(buf);
	struct nlmsghdr *nlh = tc_request(buf, type, flags, ifindex, TC_H_CLSACT);
	struct tcmsg *tc = mnl_nlmsg_get_payload(nlh);

	tc->tcm_handle = TC_H_MAKE(TC_H_CLSACT, 0);
	mnl_attr_put_strz(nlh, TCA_KIND, "clsact");
	return nl_request(nlh);
}

int clsact_add(int ifindex)
{
	int ret = clsact_change(ifindex, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL);

	return ret ? nl_err(ret, "The kernel needs CONFIG_NET_SCH_INGRESS and CONFIG_NET_CLS_BPF "
				 "(OpenWrt: package kmod-sched-bpf).",
			    "cannot add a clsact qdisc to interface %d", ifindex) :
		     0;
}

int clsact_del(int ifindex)
{
	int ret = clsact_change(ifindex, RTM_DELQDISC, 0);

	if (!ret || ret == -ENODEV || ret == -ENOENT || ret == -EINVAL)
		return 0;
	return nl_err(ret, NULL, "cannot delete the clsact qdisc of interface %d", ifindex);
}
