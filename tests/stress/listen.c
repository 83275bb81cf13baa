// SPDX-License-Identifier: GPL-2.0
/*
 * Listeners: one that hears everything and writes it down for the end, one
 * that reads seldom and must be told that it missed something, and one that
 * joins and leaves all the time.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "stress.h"

#define PATIENT		(16 << 20)	/* bytes of socket buffer */
#define SELDOM_KEYS	20

static bool join(struct nlraw *nl, bool member)
{
	int group = nl->group;

	return !setsockopt(nlraw_fd(nl), SOL_NETLINK,
			   member ? NETLINK_ADD_MEMBERSHIP : NETLINK_DROP_MEMBERSHIP, &group,
			   sizeof(group));
}

static void write_down(struct world *w, const struct nlmsghdr *nh)
{
	struct nlattr *tb[ZKHSM_A_KEY_MAX + 1];
	unsigned int n = atomic_load(&w->told_count);
	struct told *t;

	if (((struct genlmsghdr *)nlmsg_data(nh))->cmd != ZKHSM_CMD_KEY_NTF)
		return;
	if (n == TOLD_MAX) {
		atomic_store(&w->overrun, true);
		return;
	}
	if (!check(!nla_parse(tb, ZKHSM_A_KEY_MAX, genlmsg_attrdata(nlmsg_data(nh), 0),
			      genlmsg_attrlen(nlmsg_data(nh), 0), NULL) &&
		   tb[ZKHSM_A_KEY_EVENT] && tb[ZKHSM_A_KEY_ID] && tb[ZKHSM_A_KEY_STATE] &&
		   tb[ZKHSM_A_KEY_PUBLIC] && nla_len(tb[ZKHSM_A_KEY_PUBLIC]) == 65,
		   "an incomplete event"))
		return;
	t = &w->told[n];
	t->event = nla_get_u32(tb[ZKHSM_A_KEY_EVENT]);
	t->state = nla_get_u32(tb[ZKHSM_A_KEY_STATE]);
	nla_strlcpy(t->id, tb[ZKHSM_A_KEY_ID], sizeof(t->id));
	memcpy(t->public, nla_data(tb[ZKHSM_A_KEY_PUBLIC]), 65);
	atomic_store(&w->told_count, n + 1);
}

/* Takes what is there. Returns the number of keys created; *@overrun is only ever set. */
static unsigned int drain(struct nlraw *nl, struct world *w, bool *overrun)
{
	unsigned int created = 0;

	for (;;) {
		struct nlmsghdr *nh = (struct nlmsghdr *)nl->buffer;
		ssize_t n = recv(nlraw_fd(nl), nl->buffer, NLRAW_BUFFER, MSG_DONTWAIT);
		struct nlattr *event;

		if (n < 0 && errno == ENOBUFS) {
			*overrun = true;
			continue;
		}
		if (n < 0 || !nlmsg_ok(nh, (int)n))
			return created;
		if (nh->nlmsg_type != nl->family)
			continue;
		if (w)
			write_down(w, nh);
		event = nla_find(genlmsg_attrdata(nlmsg_data(nh), 0),
				 genlmsg_attrlen(nlmsg_data(nh), 0), ZKHSM_A_KEY_EVENT);
		created += ((struct genlmsghdr *)nlmsg_data(nh))->cmd == ZKHSM_CMD_KEY_NTF &&
			   event && nla_get_u32(event) == ZKHSM_EVENT_CREATED;
	}
}

/* The world that is about to come: joined before anybody else is let in. */
static void follow(struct worker *w, unsigned int loaded)
{
	int size = PATIENT;

	nlraw_close(&w->h.nl);
	if (!check(!nlraw_open(&w->h.nl) && join(&w->h.nl, true), "the listener cannot join"))
		return;
	setsockopt(nlraw_fd(&w->h.nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	w->world = board_world(loaded);
	atomic_store(&board->heard, loaded);
}

/* A worker of its own kind: it is there before the world is, and after. */
void listen_all(struct worker *w)
{
	unsigned int loaded = atomic_load(&board->loaded);
	struct pollfd fd = { .events = POLLIN };
	bool overrun = false;

	if (w->world) {
		fd.fd = nlraw_fd(&w->h.nl);
		poll(&fd, 1, 20);
		drain(&w->h.nl, w->world, &overrun);
		if (overrun)
			atomic_store(&w->world->overrun, true);
		atomic_fetch_add(&w->tally->done, 1);
	}
	if (loaded != atomic_load(&board->heard))
		follow(w, loaded);
}

/* Every creation that was acknowledged since it joined has been told, or that some were not. */
void listen_seldom(struct worker *w)
{
	int size = pick(w, 2) ? 4096 : PATIENT;
	unsigned int before, after, told, missed;
	bool overrun = false;

	setsockopt(nlraw_fd(&w->h.nl), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
	if (!join(&w->h.nl, true)) {
		check(unsettled(w), "join: %s", strerrorname_np(errno));
		breathe();
		return;
	}
	/* In this order: what is under way now, and ends before the next line, is in @before. */
	missed = atomic_load(&w->world->creating);
	before = atomic_load(&w->world->created);
	while (atomic_load(&w->world->created) < before + SELDOM_KEYS && !unsettled(w) &&
	       !atomic_load(&board->over))
		breathe();
	after = atomic_load(&w->world->created);
	told = drain(&w->h.nl, NULL, &overrun);
	join(&w->h.nl, false);
	if (!unsettled(w)) {
		check(overrun || told + missed >= after - before,
		      "%u of %u creations were told, and %u may have come before it joined",
		      told, after - before, missed);
		atomic_fetch_add(&w->tally->done, 1);
		atomic_fetch_add(&w->tally->refused, overrun);
	}
	drain(&w->h.nl, NULL, &overrun);
}

void join_and_leave(struct worker *w)
{
	bool overrun = false;

	check(join(&w->h.nl, true) || unsettled(w), "join: %s", strerrorname_np(errno));
	if (pick(w, 2))
		breathe();
	drain(&w->h.nl, NULL, &overrun);
	check(join(&w->h.nl, false) || unsettled(w), "leave: %s", strerrorname_np(errno));
	atomic_fetch_add(&w->tally->done, !unsettled(w));
	breathe();
}
