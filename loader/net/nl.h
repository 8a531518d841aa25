/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
#ifndef MAPE_LOADER_NET_NL_H
#define MAPE_LOADER_NET_NL_H

#include <stdint.h>

#include <libmnl/libmnl.h>

/*
 * rtnetlink requests in the network namespace of the process. Each opens its own socket, so there
 * is no state that a change of namespace could make wrong.
 */

/* Declares a buffer for a request; ours are small. */
#define NL_REQUEST_SIZE 1024
#define NL_BUFFER(name) char name[NL_REQUEST_SIZE] __attribute__((aligned(MNL_ALIGNTO)))

/* Marks our routes and addresses (rtm_protocol, IFA_PROTO); free in iproute2's rt_protos. */
#define NL_PROTO_MAPE 97

/* Starts a request in an NL_BUFFER() and returns its zeroed family header of `extra` bytes through
 * *family, which is a pointer to it. */
struct nlmsghdr *nl_start(void *buf, uint16_t type, uint16_t flags, void *family, size_t extra);

/* Sends a request and waits for the acknowledgement: 0 or a negative errno; the kernel's own
 * explanation, if it gave one, goes into the next nl_err(). */
int nl_request(struct nlmsghdr *nlh);

/* What a dump collects: a growing array of fixed-size entries, and what the callback filters by. */
struct nl_list {
	void *v;
	size_t n, size;		/* entries; bytes per entry, set by the caller */
	const void *filter;
};

/* A new zeroed entry at the end, or NULL with errno = ENOMEM. Invalidates older entry pointers. */
void *nl_list_add(struct nl_list *list);

/*
 * Sends a request and calls cb(message, list) for every message of the answer (a dump, or one
 * object). cb returns MNL_CB_OK, or MNL_CB_ERROR with errno set. Starts over, with an empty list,
 * when the kernel says that the dump was inconsistent. 0, or a negative errno and an empty list.
 */
int nl_dump(struct nlmsghdr *nlh, mnl_cb_t cb, struct nl_list *list);

/* err_sys() for a result of the functions above: adds the kernel's explanation. Always -1. */
int nl_err(int result, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* Collects the attributes after a family header of `offset` bytes; tb has max + 1 entries.
 * nl_nested() does it for the inside of an attribute. Unknown attributes are skipped. */
void nl_attrs(const struct nlmsghdr *nlh, size_t offset, const struct nlattr **tb, uint16_t max);
void nl_nested(const struct nlattr *nest, const struct nlattr **tb, uint16_t max);

#endif
