// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <rule/text.h>

#define GROUPS	   8
#define QUOTED_MAX 60

static void put_char(struct mape_text *t, char c)
{
	if (t->len + 1 >= t->size)
		return;
	t->buf[t->len++] = c;
	t->buf[t->len] = '\0';
}

static void put_base(struct mape_text *t, __u32 n, __u32 base)
{
	char digits[10];
	int count = 0;

	do {
		digits[count++] = "0123456789abcdef"[n % base];
		n /= base;
	} while (n);
	while (count)
		put_char(t, digits[--count]);
}

void mape_text_init(struct mape_text *t, char *buf, size_t size)
{
	t->buf = buf;
	t->size = size;
	t->len = 0;
	buf[0] = '\0';
}

void mape_put_str(struct mape_text *t, const char *s)
{
	while (*s)
		put_char(t, *s++);
}

void mape_put_num(struct mape_text *t, __u32 n)
{
	put_base(t, n, 10);
}

void mape_put_quoted(struct mape_text *t, const char *s, size_t n)
{
	size_t shown = n > QUOTED_MAX ? QUOTED_MAX : n;

	put_char(t, '\'');
	for (size_t i = 0; i < shown; i++)
		put_char(t, s[i] >= ' ' && s[i] <= '~' ? s[i] : '?');
	mape_put_str(t, shown < n ? "...'" : "'");
}

void mape_put_ip4(struct mape_text *t, __u32 ip4)
{
	for (int shift = 24; shift >= 0; shift -= 8) {
		mape_put_num(t, ip4 >> shift & 0xff);
		if (shift)
			put_char(t, '.');
	}
}

static __u32 group(struct mape_ip6 ip6, int i)
{
	return (i < 4 ? ip6.hi >> (48 - 16 * i) : ip6.lo >> (48 - 16 * (i - 4))) & 0xffff;
}

/* The first of the longest runs of at least two zero groups; length 0 if there is none. */
static int longest_zeros(struct mape_ip6 ip6, int *start)
{
	int best = 1, run = 0;

	*start = -1;
	for (int i = 0; i < GROUPS; i++) {
		run = group(ip6, i) ? 0 : run + 1;
		if (run > best) {
			best = run;
			*start = i + 1 - run;
		}
	}
	return *start < 0 ? 0 : best;
}

void mape_put_ip6(struct mape_text *t, struct mape_ip6 ip6)
{
	int start, zeros = longest_zeros(ip6, &start);

	for (int i = 0; i < GROUPS; i++) {
		if (i == start) {
			mape_put_str(t, "::");
			i += zeros - 1;
			continue;
		}
		if (i && i != start + zeros)
			put_char(t, ':');
		put_base(t, group(ip6, i), 16);
	}
}

void mape_put_prefix6(struct mape_text *t, struct mape_ip6 ip6, __u32 len)
{
	mape_put_ip6(t, ip6);
	put_char(t, '/');
	mape_put_num(t, len);
}

char *mape_ip4_str(__u32 ip4, char buf[MAPE_IP4_STRLEN])
{
	struct mape_text t;

	mape_text_init(&t, buf, MAPE_IP4_STRLEN);
	mape_put_ip4(&t, ip4);
	return buf;
}

char *mape_ip6_str(struct mape_ip6 ip6, char buf[MAPE_IP6_STRLEN])
{
	struct mape_text t;

	mape_text_init(&t, buf, MAPE_IP6_STRLEN);
	mape_put_ip6(&t, ip6);
	return buf;
}

char *mape_prefix4_str(__u32 ip4, __u32 len, char buf[MAPE_IP4_STRLEN + 4])
{
	struct mape_text t;

	mape_text_init(&t, buf, MAPE_IP4_STRLEN + 4);
	mape_put_ip4(&t, ip4);
	put_char(&t, '/');
	mape_put_num(&t, len);
	return buf;
}

char *mape_prefix6_str(struct mape_ip6 ip6, __u32 len, char buf[MAPE_PREFIX_STRLEN])
{
	struct mape_text t;

	mape_text_init(&t, buf, MAPE_PREFIX_STRLEN);
	mape_put_prefix6(&t, ip6, len);
	return buf;
}

/* The value of a hexadecimal digit, or -1. */
static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool read_base(const char *s, size_t n, __u32 base, __u32 max, __u32 *out)
{
	__u64 value = 0;

	if (!n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int d = digit(s[i]);

		if (d < 0 || (__u32)d >= base)
			return false;
		value = value * base + d;
		if (value > max)
			return false;
	}
	*out = value;
	return true;
}

bool mape_read_num(const char *s, size_t n, __u32 max, __u32 *out)
{
	if (n > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'X'))
		return read_base(s + 2, n - 2, 16, max, out);
	return read_base(s, n, 10, max, out);
}

/* The number of characters before the next c, or n. */
static size_t until(const char *s, size_t n, char c)
{
	size_t i = 0;

	while (i < n && s[i] != c)
		i++;
	return i;
}

bool mape_read_ip4(const char *s, size_t n, __u32 *out)
{
	__u32 ip4 = 0;

	for (int i = 0; i < 4; i++) {
		size_t len = until(s, n, '.');
		__u32 octet;

		/* a leading zero means octal to some programs, so it is refused */
		if (len > 3 || (len > 1 && s[0] == '0') || !read_base(s, len, 10, 255, &octet))
			return false;
		ip4 = ip4 << 8 | octet;
		if ((i < 3) != (len < n))
			return false;
		if (i < 3) {
			s += len + 1;
			n -= len + 1;
		}
	}
	*out = ip4;
	return true;
}

/* Reads groups up to the end or to "::"; returns how many, or -1. *s and *n move on. */
static int read_groups(const char **s, size_t *n, int max, __u32 *groups)
{
	int count = 0;

	while (*n && !(*n >= 2 && (*s)[0] == ':' && (*s)[1] == ':')) {
		size_t len;

		if (count == max)
			return -1;
		if (count) {
			if ((*s)[0] != ':')
				return -1;
			++*s;
			--*n;
		}
		len = until(*s, *n, ':');
		if (len > 4 || !read_base(*s, len, 16, 0xffff, &groups[count++]))
			return -1;
		*s += len;
		*n -= len;
	}
	return count;
}

bool mape_read_ip6(const char *s, size_t n, struct mape_ip6 *out)
{
	__u32 all[GROUPS] = { 0 }, tail[GROUPS];
	int head = read_groups(&s, &n, GROUPS, all);
	int rest = 0;

	if (head < 0 || (!n && head != GROUPS))
		return false;
	if (n) {
		s += 2;
		n -= 2;
		if (head == GROUPS)
			return false;
		rest = read_groups(&s, &n, GROUPS - 1 - head, tail);
		if (rest < 0 || n)
			return false;
	}
	for (int i = 0; i < rest; i++)
		all[GROUPS - rest + i] = tail[i];
	out->hi = 0;
	out->lo = 0;
	for (int i = 0; i < 4; i++) {
		out->hi = out->hi << 16 | all[i];
		out->lo = out->lo << 16 | all[i + 4];
	}
	return true;
}
