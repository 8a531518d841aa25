// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Where the compiler has no libFuzzer: runs a target over its corpus and over mutations of it.
 *
 *	TARGET SECONDS SEED CORPUS-FILE...
 *
 * It finds less than a fuzzer that sees coverage. The input of each run is in the file TARGET.input
 * beside the program, where a crash leaves it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "fuzz.h"

#define INPUT_MAX 4096

struct file {
	uint8_t bytes[INPUT_MAX];
	size_t n;
};

static uint64_t random_state;

/* xorshift64* */
static uint32_t dice(uint32_t sides)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (random_state * 0x2545f4914f6cdd1dull >> 32) % sides;
}

static void insert(struct file *f, size_t at, const uint8_t *bytes, size_t n)
{
	if (f->n + n > INPUT_MAX)
		return;
	memmove(f->bytes + at + n, f->bytes + at, f->n - at);
	memcpy(f->bytes + at, bytes, n);
	f->n += n;
}

static void erase(struct file *f, size_t at, size_t n)
{
	memmove(f->bytes + at, f->bytes + at + n, f->n - at - n);
	f->n -= n;
}

static void mutate(struct file *f, const struct file *other)
{
	static const uint8_t edges[] = { 0, 1, 0x7f, 0x80, 0xff, '"', '{', '}', '[', ']', ',', '/',
					 ':', '=', '-', '9', ' ', '\n' };
	size_t at = f->n ? dice(f->n) : 0, left = f->n - at;
	uint8_t byte = dice(2) ? edges[dice(sizeof(edges))] : dice(256);

	switch (dice(6)) {
	case 0:
		if (left)
			f->bytes[at] ^= 1 << dice(8);
		break;
	case 1:
		if (left)
			f->bytes[at] = byte;
		break;
	case 2:
		insert(f, at, &byte, 1);
		break;
	case 3:
		if (left)
			erase(f, at, 1 + dice(left < 32 ? left : 32));
		break;
	case 4: /* a part of another, or of itself */
		if (other->n) {
			size_t from = dice(other->n), most = other->n - from;
			uint8_t part[INPUT_MAX];
			size_t n = 1 + dice(most < 64 ? most : 64);

			memcpy(part, other->bytes + from, n);
			insert(f, at, part, n);
		}
		break;
	default:
		if (left && !dice(8))
			f->n = at;
	}
}

static int load(const char *path, struct file *f)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, f->bytes, sizeof(f->bytes));

	if (fd >= 0)
		close(fd);
	f->n = n > 0 ? n : 0;
	return n < 0 ? -1 : 0;
}

/* Memory that is a file: what is in it when the process dies stays. */
static struct file *open_current(const char *program)
{
	char path[4096];
	struct file *f;
	int fd;

	snprintf(path, sizeof(path), "%s.input", program);
	fd = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*f)))
		return NULL;
	f = mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	return f == MAP_FAILED ? NULL : f;
}

/* From memory of just that size, so that the sanitizer sees one byte too many. */
static void run_one(struct file *current, const struct file *f)
{
	uint8_t *exact = malloc(f->n ? f->n : 1);

	*current = *f;
	memcpy(exact, f->bytes, f->n);
	LLVMFuzzerTestOneInput(exact, f->n);
	free(exact);
}

int main(int argc, char **argv)
{
	int n = argc - 3;
	struct file *corpus = calloc(n > 0 ? n : 1, sizeof(*corpus)), *current;
	unsigned long long runs = 0;
	time_t end;

	current = n > 0 ? open_current(argv[0]) : NULL;
	if (!corpus || !current) {
		fprintf(stderr, "usage: TARGET SECONDS SEED CORPUS-FILE...\n");
		return 2;
	}
	end = time(NULL) + atoi(argv[1]);
	random_state = strtoull(argv[2], NULL, 0) * 2 + 1;
	for (int i = 0; i < n; i++) {
		if (load(argv[3 + i], &corpus[i])) {
			perror(argv[3 + i]);
			return 2;
		}
		run_one(current, &corpus[i]);
	}
	while (time(NULL) < end) {
		for (int k = 0; k < 1000; k++, runs++) {
			struct file f = corpus[dice(n)];

			for (uint32_t m = dice(8) + 1; m; m--)
				mutate(&f, &corpus[dice(n)]);
			run_one(current, &f);
		}
	}
	free(corpus);
	printf("%llu runs, %d files, seed %s\n", runs, n, argv[2]);
	return 0;
}
