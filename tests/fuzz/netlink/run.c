// SPDX-License-Identifier: GPL-2.0
/*
 * One input: each step's datagram is sent, and what comes is read until there
 * is no more. Netlink works while the request is sent, and on dumps while they
 * are read: when nothing is left to read, everything has been answered.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "nlf.h"

/* What libnl asks for, less what netlink keeps of it. */
#define SENDABLE	(64 * 1024 - 32)
#define CROWDED		(16 * 1024)

uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

bool socket_open(struct nlf_socket *s)
{
	const int room = 4 << 20;

	memset(s, 0, sizeof(*s));
	if (nlraw_open(&s->nl))
		return false;
	/* Answers to many messages at once; not everybody may have so much. */
	setsockopt(nlraw_fd(&s->nl), SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
	s->open = true;
	return true;
}

void socket_close(struct nlf_socket *s)
{
	if (s->open)
		nlraw_close(&s->nl);
	memset(s, 0, sizeof(*s));
}

/* The first one is told in full, with the input that was being run. */
void finding(struct nlf_worker *w, const char *format, ...)
{
	char text[400], path[64];
	va_list ap;
	FILE *file;

	va_start(ap, format);
	vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	atomic_store(&world->stop, true);
	if (atomic_fetch_add(&world->findings, 1) >= 5)
		return;
	printf("# FINDING by process %u, uid %u, step %u: %s\n", w->number, w->uid, w->step, text);
	fflush(stdout);
	snprintf(path, sizeof(path), "/out/finding-%u.bin", w->number);
	file = fopen(path, "wx");
	if (!file)
		return;
	fwrite(w->input->step, STEP_LEN, w->input->count, file);
	fclose(file);
}

/* Oopses, warnings and sanitizers' reports taint; bits 4, 5, 7, 9, 14 tell of damage. */
bool kernel_harmed(int fd)
{
	char text[32] = "";

	return pread(fd, text, sizeof(text) - 1, 0) > 0 && strtoul(text, NULL, 10) & 0x42b0;
}

/* Reports that do not taint; one process looks for all. */
static bool kernel_reported(int fd)
{
	static const char *const reports[] = { "UBSAN: ", "KASAN: ", "BUG: ", "WARNING: " };
	char record[2048];
	ssize_t n;
	size_t i;

	while (fd >= 0 && ((n = read(fd, record, sizeof(record) - 1)) > 0 || errno == EPIPE)) {
		record[n > 0 ? n : 0] = '\0';
		for (i = 0; i < sizeof(reports) / sizeof(reports[0]); i++)
			if (strstr(record, reports[i]))
				return true;
	}
	return false;
}

static void send_datagram(struct nlf_worker *w, struct nlf_socket *sock)
{
	if (send(nlraw_fd(&sock->nl), w->datagram, w->len, 0) >= 0)
		return;
	/* More than the socket may hold never reaches the family. */
	if (errno == EMSGSIZE && w->len > SENDABLE)
		sock->asked_count = 0;
	else
		finding(w, "send %zu bytes: %s", w->len, strerrorname_np(errno));
}

/* Reads @count datagrams, or all that there are. */
static void receive(struct nlf_worker *w, struct nlf_socket *sock, unsigned int count)
{
	while (count--) {
		ssize_t n = recv(nlraw_fd(&sock->nl), sock->nl.buffer, NLRAW_BUFFER, MSG_DONTWAIT);

		/* A refusal has the whole request in it; many long ones do not fit. */
		if (n < 0 && errno == ENOBUFS && (sock->listening || sock != &w->main ||
						  w->len > CROWDED)) {
			sock->lost = true;
			continue;
		}
		if (n < 0 && errno == EAGAIN)
			return;
		if (n <= 0) {
			/* A dump that ends with an error says so here, too, and that is all. */
			finding(w, "recv: %s", n ? strerrorname_np(errno) : "nothing");
			return;
		}
		judge_buffer(w, sock, sock->nl.buffer, (size_t)n);
	}
}

static bool owed(const struct nlf_asked *a)
{
	return a->judged && !a->answered && (a->dump || a->flags & NLM_F_ACK);
}

/* Every message that the kernel looked at, and that wanted an answer, has one. */
static void settle(struct nlf_worker *w, struct nlf_socket *sock)
{
	uint32_t i;

	for (i = 0; i < sock->asked_count && i < ASKED_MAX; i++)
		if (owed(&sock->asked[i]) && !sock->lost)
			finding(w, "command %u got no answer", sock->asked[i].cmd);
	sock->asked_count = 0;
	sock->lost = false;
}

static void listen_or_not(struct nlf_worker *w, struct nlf_socket *sock)
{
	int option = sock->listening ? NETLINK_DROP_MEMBERSHIP : NETLINK_ADD_MEMBERSHIP;
	int group = sock->nl.group, ret;

	ret = setsockopt(nlraw_fd(&sock->nl), SOL_NETLINK, option, &group, sizeof(group));
	if (ret && !(errno == EPERM && w->uid))
		finding(w, "subscribe: %s", strerrorname_np(errno));
	if (!ret && w->uid)
		finding(w, "uid %u listens to events", w->uid);
	if (!ret)
		sock->listening = !sock->listening;
}

static struct nlf_socket *socket_of(struct nlf_worker *w, const struct nlf_step *s)
{
	struct nlf_socket *sock = &w->main;
	unsigned int how = s->how & HOW_MASK;

	if (s->socket || how == HOW_ABANDON || how == HOW_LISTEN || how == HOW_CLOSE)
		sock = &w->side[s->socket % SIDE_SOCKETS];
	if (!sock->open && !socket_open(sock))
		finding(w, "the family is gone");
	return sock;
}

static void step_run(struct nlf_worker *w, const struct nlf_step *s)
{
	struct nlf_socket *sock = socket_of(w, s);
	unsigned int how = s->how & HOW_MASK;

	if (!sock->open)
		return;
	if (how == HOW_LISTEN) {
		listen_or_not(w, sock);
		receive(w, sock, 64);
		return;
	}
	message_build(w, sock, s);
	message_note(w, sock);
	send_datagram(w, sock);
	if (how == HOW_CLOSE) {
		socket_close(sock);
	} else if (how == HOW_ABANDON) {
		receive(w, sock, s->expand[3] % 2);
	} else if (sock == &w->main) {
		receive(w, sock, 100000);
		settle(w, sock);
	} else {
		receive(w, sock, 1 + s->expand[3] % 4);
	}
}

static void note_time(uint8_t cmd, uint64_t ms)
{
	unsigned int slowest = atomic_load(&world->slowest_ms[cmd]);

	while (ms > slowest && !atomic_compare_exchange_weak(&world->slowest_ms[cmd], &slowest,
							     (unsigned int)ms))
		;
}

void input_run(struct nlf_worker *w, const struct nlf_input *in)
{
	bool fresh = false;
	uint8_t cmd;

	w->input = in;
	world->worker[w->number].now = *in;
	record(w, in);
	for (w->step = 0; w->step < in->count && !atomic_load(&world->stop); w->step++) {
		const struct nlf_step *s = &in->step[w->step];
		uint64_t start = now_ms();

		atomic_store(&world->worker[w->number].since_ms, start);
		cmd = step_command(s);
		cover_begin(w);
		step_run(w, s);
		fresh |= cover_end(w, cmd);
		note_time(cmd, now_ms() - start);
		atomic_fetch_add(&world->steps, 1);
	}
	atomic_store(&world->worker[w->number].since_ms, 0);
	atomic_fetch_add(&world->executions, 1);
	if (fresh)
		corpus_add(in);
	if (kernel_harmed(w->taint) || kernel_reported(w->log))
		finding(w, "the kernel is tainted, or has reported something; see its log");
}
