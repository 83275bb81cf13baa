// SPDX-License-Identifier: GPL-2.0
/*
 * One session: reads a request from its port, runs the command,
 * sends back what it writes and its exit code, and again.  The protocol is
 * tests/vm/harness/control.py's; numbers are little-endian u32.
 *
 *   request  "ZKVM" | session | kind | argc | size of arguments | size of
 *            standard input | arguments, NUL-terminated | standard input
 *   answer   frames of kind | session | size | data
 *
 * A session number that the host draws anew each time tells the answer to
 * this request from what a host that went away left unread.
 */
#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/keyctl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "init.h"

#define MAX_ARGS	1024
#define MAX_BYTES	(64u << 20)

enum kind {
	KIND_RUN = 'r',
	KIND_STOP = 's',
	KIND_STDOUT = 'o',
	KIND_STDERR = 'e',
	KIND_EXIT = 'x',
};

struct request {
	uint32_t session, kind, argc, args_size, input_size;
};

static int port;

/*
 * Where a byte is due for each CREDIT that was read, so that the host never
 * sends more than a serial line of user-mode Linux has room for: one that was
 * once throttled is never read again.  Other ports have no such line.
 */
#define CREDIT		1024
static int credit = -1;

static void count_read(size_t n)
{
	static size_t unpaid;

	for (unpaid += n; unpaid >= CREDIT; unpaid -= CREDIT)
		if (credit >= 0 && write(credit, "", 1) != 1)
			printf("init: no credit for the host\n");
}

/* Waits for a host to be there; false when it went away while reading. */
static bool read_all(void *buf, size_t size)
{
	uint8_t *p = buf;

	while (size) {
		ssize_t n = read(port, p, size);

		if (n <= 0)
			return false;
		count_read(n);
		p += n;
		size -= n;
	}
	return true;
}

static bool write_all(int fd, const void *buf, size_t size)
{
	const uint8_t *p = buf;

	while (size) {
		ssize_t n = write(fd, p, size);

		if (n < 0)
			return false;
		p += n;
		size -= n;
	}
	return true;
}

static bool send_frame(const struct request *req, enum kind kind, const void *data, uint32_t size)
{
	const uint32_t header[3] = { htole32(kind), htole32(req->session), htole32(size) };

	return write_all(port, header, sizeof(header)) && write_all(port, data, size);
}

static bool send_exit(const struct request *req, int status)
{
	const uint32_t code = htole32(status);

	return send_frame(req, KIND_EXIT, &code, sizeof(code));
}

static void wait_for_host(void)
{
	const struct timespec pause = { .tv_nsec = 50 * 1000 * 1000 };
	struct pollfd fd = { .fd = port, .events = POLLIN };

	/* A port without a host is "hung up" at once: nothing to wait on. */
	while (poll(&fd, 1, -1) >= 0 && (fd.revents & POLLHUP))
		nanosleep(&pause, NULL);
}

/* Skips what is not the start of a request. */
static bool read_request(struct request *req)
{
	static const char magic[] = "ZKVM";
	uint32_t words[5];
	size_t matched = 0;
	char c;

	while (matched < 4) {
		if (!read_all(&c, 1))
			return false;
		matched = c == magic[matched] ? matched + 1 : c == magic[0];
	}
	if (!read_all(words, sizeof(words)))
		return false;
	req->session = le32toh(words[0]);
	req->kind = le32toh(words[1]);
	req->argc = le32toh(words[2]);
	req->args_size = le32toh(words[3]);
	req->input_size = le32toh(words[4]);
	return req->argc <= MAX_ARGS && req->args_size <= MAX_BYTES &&
	       req->input_size <= MAX_BYTES;
}

/* The argument vector points into @args, which is @size bytes. */
static bool split_args(char *args, uint32_t size, uint32_t argc, char **argv)
{
	char *end = args + size;
	uint32_t i;

	for (i = 0; i < argc; i++) {
		char *nul = memchr(args, '\0', end - args);

		if (!nul)
			return false;
		argv[i] = args;
		args = nul + 1;
	}
	argv[argc] = NULL;
	return argc && args == end;
}

/* Standard input is a file, so that a command may take its time to read it. */
static int input_file(const char *input, uint32_t size)
{
	char name[] = "/tmp/.stdin.XXXXXX";
	int fd;

	if (!size)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	fd = mkostemp(name, O_CLOEXEC);
	if (fd < 0)
		return -1;
	unlink(name);
	if (!write_all(fd, input, size) || lseek(fd, 0, SEEK_SET)) {
		close(fd);
		return -1;
	}
	return fd;
}

static void exec_command(char **argv, int in, int out, int err)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	/* As after a login: keys of one command are not those of another. */
	syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, NULL);
	if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0 || chdir("/tmp"))
		_exit(126);
	execvp(argv[0], argv);
	dprintf(2, "cannot run %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Passes on what is there now; false when the host is gone. */
static bool forward(const struct request *req, struct pollfd *fd, enum kind kind)
{
	char buf[16384];
	ssize_t n = read(fd->fd, buf, sizeof(buf));

	if (n > 0)
		return send_frame(req, kind, buf, n);
	if (!n || errno != EAGAIN)
		fd->fd = -1;
	return true;
}

static bool drain(const struct request *req, struct pollfd *fd, enum kind kind)
{
	struct pollfd ready = { .fd = fd->fd, .events = POLLIN };

	while (fd->fd >= 0 && poll(&ready, 1, 0) > 0)
		if (!forward(req, fd, kind))
			return false;
	return true;
}

/*
 * Until the command itself ends: what it left in the background may keep the
 * pipes open for as long as it likes.  A host that went away ends it.
 */
static void follow(const struct request *req, pid_t pid, int out, int err)
{
	struct pollfd fds[] = {
		{ .fd = out, .events = POLLIN },
		{ .fd = err, .events = POLLIN },
		{ .fd = syscall(SYS_pidfd_open, pid, 0), .events = POLLIN },
		/* Whatever comes from the host now is not from the one we serve. */
		{ .fd = port, .events = POLLIN },
	};
	bool host = true;
	int status = 0;

	while (host && !(fds[2].revents & POLLIN)) {
		if (poll(fds, 4, -1) < 0)
			break;
		if (fds[0].revents && !forward(req, &fds[0], KIND_STDOUT))
			host = false;
		if (fds[1].revents && !forward(req, &fds[1], KIND_STDERR))
			host = false;
		if (fds[3].revents)
			host = false;
	}
	if (!host)
		kill(-pid, SIGKILL);
	waitpid(pid, &status, 0);
	close(fds[2].fd);
	if (host && drain(req, &fds[0], KIND_STDOUT) && drain(req, &fds[1], KIND_STDERR))
		send_exit(req, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

static void run_command(const struct request *req, char **argv, const char *input)
{
	int out[2], err[2], in = input_file(input, req->input_size);
	pid_t pid;

	if (in < 0 || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC)) {
		send_exit(req, 126);
		return;
	}
	pid = fork();
	if (!pid)
		exec_command(argv, in, out[1], err[1]);
	close(in);
	close(out[1]);
	close(err[1]);
	if (pid > 0)
		follow(req, pid, out[0], err[0]);
	else
		send_exit(req, 126);
	close(out[0]);
	close(err[0]);
}

static void serve(struct request *req)
{
	char *args = malloc(req->args_size + 1), *input = malloc(req->input_size + 1);
	char *argv[MAX_ARGS + 1];

	if (!args || !input || !read_all(args, req->args_size) ||
	    !read_all(input, req->input_size))
		goto out;
	if (req->kind == KIND_STOP) {
		send_exit(req, 0);
		kill(1, SIGUSR1);
	} else if (req->kind == KIND_RUN && split_args(args, req->args_size, req->argc, argv)) {
		run_command(req, argv, input);
	} else {
		send_exit(req, 126);
	}
out:
	free(args);
	free(input);
}

/* Starts the process that serves one port. */
pid_t session_start(const char *name)
{
	char credit_name[64];
	struct request req;
	sigset_t none;
	pid_t pid;

	pid = fork();
	if (pid)
		return pid;
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setenv("HOME", "/root", 1);
	setenv("USER", "root", 1);
	setenv("LC_ALL", "C.UTF-8", 1);
	/* Not in /lib/modules: a request must not load the module by itself. */
	setenv("ZKHSM_MODULE", MODULE_PATH, 1);
	port = open_port(name);
	if (port < 0)
		_exit(1);
	snprintf(credit_name, sizeof(credit_name), "%s.credit", name);
	credit = open_port(credit_name);
	for (;;) {
		wait_for_host();
		if (read_request(&req))
			serve(&req);
	}
}
