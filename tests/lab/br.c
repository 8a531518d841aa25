// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * br: the border relay of the lab (RFC 7597 section 8).
 *
 * A TUN device towards the IPv4 side and a raw socket for next header 4 towards the CEs. It does
 * its own arithmetic and checks every packet of the CE to the last checksum: what is wrong is
 * refused, counted by kind and kept in hex. It shares no code with what it tests.
 *
 * The kernel reassembles outer fragments, answers neighbour discovery and fragments what is longer
 * than the WAN's MTU. While the raw socket is open it sends no ICMPv6 error about next header 4.
 *
 * SIGUSR1 writes the report to --stats, SIGTERM and SIGINT write it and end.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "br_packet.h"
#include "br_rule.h"
#include "br_setup.h"
#include "br_stats.h"

enum {
	BATCH = 64,
	PACKET_MAX = 65536,
	FRAGMENTS = 64
};

/* Ports of IPv4 packets whose first fragment went by, for the fragments after it. */
struct fragment {
	uint32_t src, dst;
	uint16_t id;
	uint8_t proto;
	uint16_t port;
	bool used;
};

struct br {
	struct br_setup setup;
	int tun, raw;
	struct br_stats stats;
	struct fragment up[FRAGMENTS], down[FRAGMENTS];
	unsigned int up_next, down_next;
};

/* Port of a later fragment, or -1 when its first fragment was not seen. */
static int fragment_find(const struct fragment *table, const struct br_packet *p)
{
	for (int i = 0; i < FRAGMENTS; i++) {
		const struct fragment *f = &table[i];

		if (f->used && f->src == p->src && f->dst == p->dst && f->id == p->id &&
		    f->proto == p->proto)
			return f->port;
	}
	return -1;
}

static void fragment_add(struct fragment *table, unsigned int *next, const struct br_packet *p)
{
	table[(*next)++ % FRAGMENTS] = (struct fragment){
		.src = p->src,
		.dst = p->dst,
		.id = p->id,
		.proto = p->proto,
		.port = p->own_port,
		.used = true,
	};
}

static void find_port(struct br *br, struct br_packet *p, bool from_ce)
{
	struct fragment *table = from_ce ? br->up : br->down;

	if (p->frag)
		br->stats.fragments++;
	if (p->later_frag) {
		p->own_port = fragment_find(table, p);
		br->stats.fragment_unknown += p->own_port < 0;
		return;
	}
	p->own_port = br_own_port(p, from_ce);
	if (p->frag && p->own_port >= 0)
		fragment_add(table, from_ce ? &br->up_next : &br->down_next, p);
}

/* -- CE -> BR ---------------------------------------------------------------------------------- */

struct outer {
	struct in6_addr src;
	int hop_limit, tclass;
	bool extension;
};

static void read_outer(struct outer *o, struct msghdr *msg)
{
	*o = (struct outer){.src = ((struct sockaddr_in6 *)msg->msg_name)->sin6_addr};
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != IPPROTO_IPV6)
			continue;
		if (c->cmsg_type == IPV6_HOPLIMIT)
			memcpy(&o->hop_limit, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == IPV6_TCLASS)
			memcpy(&o->tclass, CMSG_DATA(c), sizeof(int));
		else if (c->cmsg_type == IPV6_DSTOPTS || c->cmsg_type == IPV6_HOPOPTS ||
			 c->cmsg_type == IPV6_RTHDR)
			o->extension = true;
	}
}

/* Why the outer source does not belong to the inner source and port, if so. */
static enum br_violation check_owner(const struct br_rule *rule, const struct br_packet *p,
				     const struct in6_addr *outer)
{
	unsigned int claimed_psid;
	struct in6_addr owner;
	uint32_t claimed;

	if (br_owner(rule, p->src, p->own_port, &owner) && !memcmp(&owner, outer, sizeof(owner)))
		return BR_OK;
	if (!br_read_ce(rule, outer, &claimed, &claimed_psid))
		return BR_OUTER_SOURCE;
	if ((claimed ^ p->src) & br_v4_mask(rule))
		return BR_INNER_SOURCE;
	return BR_OUTSIDE_PORT_SET;
}

static enum br_violation check_up(struct br *br, struct br_packet *p, const uint8_t *data, int len,
				  const struct outer *o)
{
	enum br_violation wrong;

	if (o->extension)
		return BR_EXTENSION_HEADER;
	if (o->hop_limit != 64)
		return BR_HOP_LIMIT;
	if (!br_parse(p, data, len))
		return BR_INNER_HEADER;
	if (br_fold(br_sum(p->ip, p->len - p->l4_len, 0)) != 0xffff)
		return BR_INNER_CHECKSUM;
	if (!p->ip[8])
		return BR_INNER_TTL;
	find_port(br, p, true);
	if (p->own_port < 0 && br->setup.rule.psid_len)
		return BR_NO_PORT;
	wrong = check_owner(&br->setup.rule, p, &o->src);
	if (wrong != BR_OK)
		return wrong;
	if (!p->frag && !br_l4_ok(p))
		return BR_L4_CHECKSUM;
	if ((o->tclass & 3) != (p->tos & 3))
		return BR_ECN;
	return BR_OK;
}

static void refuse(struct br_stats *s, enum br_violation kind, const struct outer *o,
		   const uint8_t *data, int len)
{
	struct br_sample *sample = &s->sample[s->n_samples++ % BR_N_SAMPLES];

	s->violation[kind]++;
	sample->kind = kind;
	sample->len = len < BR_SAMPLE_LEN ? len : BR_SAMPLE_LEN;
	memcpy(sample->outer_src, &o->src, 16);
	memcpy(sample->bytes, data, sample->len);
}

static void one_up(struct br *br, struct msghdr *msg, int len)
{
	const uint8_t *data = msg->msg_iov->iov_base;
	struct br_stats *s = &br->stats;
	enum br_violation wrong;
	struct br_packet p;
	struct outer o;

	read_outer(&o, msg);
	wrong = check_up(br, &p, data, len, &o);
	if (wrong != BR_OK) {
		refuse(s, wrong, &o, data, len);
		return;
	}
	br_saw_port(s, p.proto, p.own_port);
	s->udp_no_checksum += p.proto == IPPROTO_UDP && !p.frag && !br_u16(p.l4 + 6);
	s->up_packets++;
	s->up_bytes += len;
	s->send_error += write(br->tun, data, len) != len;
}

static void go_up(struct br *br)
{
	static uint8_t data[BATCH][PACKET_MAX], control[BATCH][512];
	static struct sockaddr_in6 from[BATCH];
	struct mmsghdr msgs[BATCH];
	struct iovec iov[BATCH];
	int n;

	for (int i = 0; i < BATCH; i++) {
		iov[i] = (struct iovec){data[i], PACKET_MAX};
		msgs[i].msg_hdr = (struct msghdr){
			.msg_name = &from[i],
			.msg_namelen = sizeof(from[i]),
			.msg_iov = &iov[i],
			.msg_iovlen = 1,
			.msg_control = control[i],
			.msg_controllen = sizeof(control[i]),
		};
	}
	n = recvmmsg(br->raw, msgs, BATCH, MSG_DONTWAIT, NULL);
	for (int i = 0; i < n; i++)
		one_up(br, &msgs[i].msg_hdr, msgs[i].msg_len);
}

/* -- BR -> CE ---------------------------------------------------------------------------------- */

/* Address of the CE that the packet is for; false, counted, when there is none. */
static bool find_ce(struct br *br, struct br_packet *p, struct in6_addr *ce)
{
	const struct br_rule *rule = &br->setup.rule;

	if (!br_v4_in_rule(rule, p->dst)) {
		br->stats.down_not_ours++;
		return false;
	}
	find_port(br, p, false);
	if ((rule->psid_len && p->own_port < 0) || !br_owner(rule, p->dst, p->own_port, ce)) {
		br->stats.down_no_port++;
		return false;
	}
	return true;
}

static void send_down(struct br *br, const struct in6_addr *ce, void *data, int len, int tclass)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_addr = *ce};
	struct iovec iov = {data, len};
	struct msghdr msg = {
		.msg_name = &to,
		.msg_namelen = sizeof(to),
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = IPPROTO_IPV6;
	c->cmsg_type = IPV6_TCLASS;
	c->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(c), &tclass, sizeof(int));
	if (sendmsg(br->raw, &msg, 0) != len) {
		br->stats.send_error++;
		return;
	}
	br->stats.down_packets++;
	br->stats.down_bytes += len;
}

static void go_down(struct br *br)
{
	static uint8_t data[PACKET_MAX];
	struct br_packet p;
	struct in6_addr ce;

	for (int i = 0; i < BATCH; i++) {
		ssize_t len = read(br->tun, data, sizeof(data));

		if (len <= 0)
			return;
		if (br_parse(&p, data, len) && find_ce(br, &p, &ce))
			send_down(br, &ce, data, len, p.tos);
	}
}

/* -- Control ---------------------------------------------------------------------------------- */

static int open_signals(void)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, 0);
	if (fd < 0)
		br_die("signalfd");
	return fd;
}

/* Reports; false when the signal asks to end. */
static bool on_signal(struct br *br, int fd)
{
	struct signalfd_siginfo info;

	if (read(fd, &info, sizeof(info)) != sizeof(info))
		br_die("signalfd");
	if (!br_report(&br->stats, br->setup.stats_path))
		br_die(br->setup.stats_path);
	return info.ssi_signo == SIGUSR1;
}

int main(int argc, char **argv)
{
	static struct br br;
	struct pollfd fds[3];

	br_read_options(&br.setup, argc, argv);
	br.raw = br_open_raw(&br.setup.address);
	br.tun = br_open_tun(br.setup.tun_name, br.setup.mtu);
	fds[0] = (struct pollfd){.fd = br.raw, .events = POLLIN};
	fds[1] = (struct pollfd){.fd = br.tun, .events = POLLIN};
	fds[2] = (struct pollfd){.fd = open_signals(), .events = POLLIN};
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(fds, 3, -1) < 0 && errno != EINTR)
			br_die("poll");
		if (fds[0].revents)
			go_up(&br);
		if (fds[1].revents)
			go_down(&br);
		if (fds[2].revents && !on_signal(&br, fds[2].fd))
			return 0;
	}
}
