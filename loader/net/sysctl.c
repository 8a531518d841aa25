// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
#include "sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../err.h"

static int open_key(const char *key, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	return open(path, flags | O_CLOEXEC);
}

bool sysctl_exists(const char *key)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "/proc/sys/%s", key);
	return !access(path, F_OK);
}

int sysctl_read(const char *key, char *value, size_t size)
{
	int fd = open_key(key, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return err_sys(errno, NULL, "cannot read /proc/sys/%s", key);
	n = read(fd, value, size - 1);
	close(fd);
	if (n < 0)
		return err_sys(errno, NULL, "cannot read /proc/sys/%s", key);
	value[n] = '\0';
	value[strcspn(value, "\n")] = '\0';
	return 0;
}

int sysctl_read_int(const char *key, long *value)
{
	char text[SYSCTL_VALUE_MAX], *end;

	if (sysctl_read(key, text, sizeof(text)))
		return -1;
	*value = strtol(text, &end, 10);
	if (end == text || *end)
		return err(NULL, "/proc/sys/%s is '%s', not a number", key, text);
	return 0;
}

int sysctl_write(const char *key, const char *value)
{
	const char *hint = "run mape-xdp as root; in a container /proc/sys must be writable";
	int fd = open_key(key, O_WRONLY);
	ssize_t n;
	int error;

	if (fd < 0)
		return err_sys(errno, hint, "cannot write '%s' to /proc/sys/%s", value, key);
	n = write(fd, value, strlen(value));
	error = errno;
	close(fd);
	if (n < 0)
		return err_sys(error, NULL, "cannot write '%s' to /proc/sys/%s", value, key);
	return 0;
}
