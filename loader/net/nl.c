// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "nl.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../err.h"

/* The kernel fills messages of a dump to at most this size. */
#define ANSWER_SIZE 32768

/* Inconsistent dumps in a row before giving up: something changes all the time. */
#define DUMP_TRIES 8

/* What the kernel said about the last failed request. */
static char explanation[160];

struct nlmsghdr *nl_start(void *buf, uint16_t type, uint16_t flags, void *family, size_t extra)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buf);
	void *header = mnl_nlmsg_put_extra_header(nlh, extra);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	memcpy(family, &header, sizeof(header));
	return nlh;
}

static void keep_explanation(const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = mnl_nlmsg_get_payload(nlh);
	size_t offset = sizeof(*e);
	struct nlattr *a;

	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	/* The request stands between the header and the attributes, unless capped. */
	if (e->error && !(nlh->nlmsg_flags & NLM_F_CAPPED))
		offset += MNL_ALIGN(e->msg.nlmsg_len - sizeof(e->msg));
	if (mnl_nlmsg_get_payload_len(nlh) < offset)
		return;
	mnl_attr_for_each(a, nlh, offset) {
		if (mnl_attr_get_type(a) == NLMSGERR_ATTR_MSG && !mnl_attr_validate(a, MNL_TYPE_STRING))
			snprintf(explanation, sizeof(explanation), "%.*s",
				 (int)mnl_attr_get_payload_len(a), mnl_attr_get_str(a));
	}
}

/* mnl_cb_run() looks at the error code only. */
static void find_explanation(const void *buf, ssize_t len)
{
	const struct nlmsghdr *nlh = buf;
	int left = (int)len;

	for (; mnl_nlmsg_ok(nlh, left); nlh = mnl_nlmsg_next(nlh, &left))
		if (nlh->nlmsg_type == NLMSG_ERROR &&
		    mnl_nlmsg_get_payload_len(nlh) >= sizeof(struct nlmsgerr))
			keep_explanation(nlh);
}

/* Sends and receives until the end of the answer; a negative errno on failure. */
static int exchange(struct mnl_socket *s, struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	static char buf[ANSWER_SIZE] __attribute__((aligned(MNL_ALIGNTO)));
	int rc;

	if (mnl_socket_bind(s, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	if (mnl_socket_sendto(s, nlh, nlh->nlmsg_len) < 0)
		return -errno;
	do {
		ssize_t n = mnl_socket_recvfrom(s, buf, sizeof(buf));

		if (n < 0)
			return -errno;
		find_explanation(buf, n);
		rc = mnl_cb_run(buf, n, nlh->nlmsg_seq, mnl_socket_get_portid(s), cb, arg);
	} while (rc > MNL_CB_STOP);
	return rc < 0 ? -errno : 0;
}

static int transact(struct nlmsghdr *nlh, mnl_cb_t cb, void *arg)
{
	static unsigned int seq;
	struct mnl_socket *s = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	int on = 1, rc;

	explanation[0] = '\0';
	if (!s)
		return -errno;
	/* Both only sharpen messages and filters; kernels without them answer all the same. */
	mnl_socket_setsockopt(s, NETLINK_EXT_ACK, &on, sizeof(on));
	mnl_socket_setsockopt(s, NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	nlh->nlmsg_seq = ++seq;
	rc = exchange(s, nlh, cb, arg);
	mnl_socket_close(s);
	return rc;
}

int nl_request(struct nlmsghdr *nlh)
{
	nlh->nlmsg_flags |= NLM_F_ACK;
	return transact(nlh, NULL, NULL);
}

static void clear(struct nl_list *list)
{
	free(list->v);
	list->v = NULL;
	list->n = 0;
}

int nl_dump(struct nlmsghdr *nlh, mnl_cb_t cb, struct nl_list *list)
{
	int rc;

	/* One object comes without NLMSG_DONE: the acknowledgement is the end. */
	if ((nlh->nlmsg_flags & NLM_F_DUMP) != NLM_F_DUMP)
		nlh->nlmsg_flags |= NLM_F_ACK;
	for (int i = 0; i < DUMP_TRIES; i++) {
		clear(list);
		rc = transact(nlh, cb, list);
		if (rc != -EINTR)
			break;
	}
	if (rc)
		clear(list);
	return rc;
}

int nl_err(int result, const char *hint, const char *fmt, ...)
{
	char what[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (!hint && (result == -EPERM || result == -EACCES))
		hint = "run mape-xdp as root";
	if (explanation[0])
		return err(hint, "%s: %s (%s)", what, strerror(-result), explanation);
	return err_sys(-result, hint, "%s", what);
}

void nl_attrs(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each(a, nlh, offset)
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

void nl_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max)
{
	const struct nlattr *a;

	memset(tb, 0, (max + 1) * sizeof(*tb));
	mnl_attr_for_each_nested(a, nest)
		if (mnl_attr_get_type(a) <= max)
			tb[mnl_attr_get_type(a)] = a;
}

void *nl_list_add(struct nl_list *list)
{
	void *v = realloc(list->v, (list->n + 1) * list->size);

	if (!v) {
		errno = ENOMEM;
		return NULL;
	}
	list->v = v;
	v = (char *)v + list->n++ * list->size;
	return memset(v, 0, list->size);
}
