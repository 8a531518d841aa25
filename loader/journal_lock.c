// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "err.h"
#include "journal.h"
#include "journal_file.h"

static long now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * 1000L + ts.tv_nsec / 1000000;
}

/* Who holds the lock, for the error: the pid in the file. */
static int locked_out(int fd, const char *path)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strcspn(pid, "\n")] = '\0';
	return err("wait until it has ended, or end it, and try again",
		   "another mape-xdp command is at work (process %s holds %s)",
		   pid[0] ? pid : "unknown", path);
}

/* flock() cannot wait for a bounded time without signals, so ask again every 20 ms. */
static int take_lock(int fd, const char *path, unsigned int timeout_ms)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	long deadline = now_ms() + timeout_ms;
	char pid[16];

	while (flock(fd, LOCK_EX | LOCK_NB)) {
		if (errno != EWOULDBLOCK && errno != EINTR)
			return err_sys(errno, NULL, "cannot lock %s", path);
		if (now_ms() >= deadline)
			return locked_out(fd, path);
		nanosleep(&pause, NULL);
	}
	snprintf(pid, sizeof(pid), "%d\n", (int)getpid());
	if (ftruncate(fd, 0) || pwrite(fd, pid, strlen(pid), 0) < 0)
		return err_sys(errno, "make room on the file system", "cannot write %s", path);
	return 0;
}

int journal_lock(struct journal *j, unsigned int timeout_ms)
{
	char path[PATH_MAX];
	int fd;

	if (j->lock >= 0)
		return 0;
	if (mkdir(j->dir, 0700) && errno != EEXIST)
		return err_sys(errno, "run mape-xdp as root", "cannot make directory %s", j->dir);
	snprintf(path, sizeof(path), "%s/lock", j->dir);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return err_sys(errno, "run mape-xdp as root", "cannot open %s", path);
	if (take_lock(fd, path, timeout_ms)) {
		close(fd);
		return -1;
	}
	j->lock = fd;
	return journal_load(j);
}
