// SPDX-License-Identifier: GPL-2.0
/*
 * cli.c - runs the zkhsm command, see cli.h
 */
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"

#define WORDS_MAX	24

static void set_env(struct daemon *d, const char *name, const char *file, const char *suffix)
{
	char path[256], whole[64];

	snprintf(whole, sizeof(whole), "%s%s", file, suffix);
	daemon_file(d, whole, path);
	setenv(name, path, 1);
}

static void child(struct daemon *d, const char *cert, int out, char **words)
{
	char path[PATH_MAX], url[64];
	ssize_t len = readlink("/proc/self/exe", path, sizeof(path) - 8);

	if (len < 0)
		_exit(127);
	path[len] = '\0';
	/* build/asan/tests/manager/test_x */
	for (int up = 0; up < 3; up++)
		*strrchr(path, '/') = '\0';
	strcat(path, "/zkhsm");
	snprintf(url, sizeof(url), "https://127.0.0.1:%d", d->port);
	setenv("ZKHSM_MANAGER", url, 1);
	set_env(d, "ZKHSM_CA", "ca", ".pem");
	set_env(d, "ZKHSM_CERT", cert, ".pem");
	set_env(d, "ZKHSM_KEY", cert, ".key");
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execv(path, words);
	_exit(127);
}

int cli_run(struct daemon *d, const char *cert, char *output, size_t size, ...)
{
	char *words[WORDS_MAX] = { (char *)"zkhsm" };
	size_t count = 1, used = 0;
	int fds[2], status;
	va_list args;
	ssize_t n;
	pid_t pid;

	va_start(args, size);
	do {
		words[count] = va_arg(args, char *);
	} while (words[count++] && count < WORDS_MAX);
	va_end(args);
	assert_null(words[count - 1]);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (!pid)
		child(d, cert, fds[1], words);
	close(fds[1]);
	while ((n = read(fds[0], output + used, size - 1 - used)) > 0)
		used += (size_t)n;
	output[used] = '\0';
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}
