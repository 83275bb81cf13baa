// SPDX-License-Identifier: GPL-2.0
/* Who hears the family's events. */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "lessor.h"

void listener_start(struct listener *l)
{
	int ret = nlraw_open(&l->nl);

	require(!ret, "no netlink family: %s", strerrorname_np(-ret));
	require(!nl_socket_add_memberships(l->nl.sock, l->nl.group, 0), "cannot subscribe");
}

void listener_end(struct listener *l)
{
	nlraw_close(&l->nl);
}

bool listener_next(struct listener *l, int wait_ms)
{
	struct pollfd p = { .fd = nlraw_fd(&l->nl), .events = POLLIN };
	struct nlmsghdr *nh = (struct nlmsghdr *)l->nl.buffer;
	const struct genlmsghdr *g = nlmsg_data(nh);
	ssize_t n;

	if (wait_ms && poll(&p, 1, wait_ms) <= 0)
		return false;
	n = recv(p.fd, l->nl.buffer, NLRAW_BUFFER, MSG_DONTWAIT);
	if (n < 0) {
		check(errno == EAGAIN, "the listener: %s", strerrorname_np(errno));
		return false;
	}
	if (!check(nlmsg_ok(nh, (int)n) && nh->nlmsg_type == l->nl.family &&
		   !nla_parse(l->tb, 63, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), NULL),
		   "an event that is none"))
		return false;
	l->cmd = g->cmd;
	return true;
}

void listener_drain(struct listener *l)
{
	while (listener_next(l, 0))
		;
}

uint32_t listener_u32(const struct listener *l, int attr)
{
	const struct nlattr *a = l->tb[attr];

	return a && nla_len(a) == 4 ? nla_get_u32((struct nlattr *)a) : 0;
}
