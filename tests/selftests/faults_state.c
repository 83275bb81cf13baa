// SPDX-License-Identifier: GPL-2.0
/* The state of the module, as far as it can be asked for, to be compared byte by byte. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "faults.h"

static void put(struct state *s, const void *data, size_t len)
{
	require(s->len + len <= sizeof(s->bytes), "a state that large");
	memcpy(s->bytes + s->len, data, len);
	s->len += len;
}

/* Time goes on; everything else of an answer is state. */
static void put_attributes(struct state *s, const struct nlattr *head, int len, int without)
{
	const struct nlattr *attr;
	int rest;

	nla_for_each_attr(attr, head, len, rest)
		if (nla_type(attr) != without)
			put(s, attr, (size_t)attr->nla_len);
}

static void put_message(const struct nlmsghdr *nh, void *arg)
{
	const struct genlmsghdr *g = nlmsg_data(nh);
	int time = g->cmd == ZKHSM_CMD_LEASE_GET ? ZKHSM_A_LEASE_UPTIME_MS : 0;

	put_attributes(arg, genlmsg_attrdata(g, 0), genlmsg_attrlen(g, 0), time);
}

static void put_refusal(struct state *s, const struct nlraw_answer *a)
{
	put(s, &a->error, sizeof(a->error));
	put(s, &a->reason, sizeof(a->reason));
}

static void put_dump(struct hsm *hsm, struct state *s, uint8_t cmd)
{
	nlraw_dump(&hsm->nl, nlraw_msg(&hsm->nl, cmd), put_message, s, &hsm->a);
	put_refusal(s, &hsm->a);
}

void state_take(struct hsm *hsm, struct state *s)
{
	s->len = 0;
	hsm_get(hsm);
	put_attributes(s, (const struct nlattr *)hsm->a.body, (int)hsm->a.body_len,
		       ZKHSM_A_HSM_UPTIME_MS);
	put_dump(hsm, s, ZKHSM_CMD_KEY_GET);
	put_dump(hsm, s, ZKHSM_CMD_TRUST_GET);
	put_dump(hsm, s, ZKHSM_CMD_LEASE_GET);
	nlraw_do(&hsm->nl, nlraw_msg(&hsm->nl, ZKHSM_CMD_LIST_GET), &hsm->a);
	put_attributes(s, (const struct nlattr *)hsm->a.body, (int)hsm->a.body_len, 0);
	put_refusal(s, &hsm->a);
	nlraw_do(&hsm->nl, nlraw_msg(&hsm->nl, ZKHSM_CMD_SHARE_GET), &hsm->a);
	put_attributes(s, (const struct nlattr *)hsm->a.body, (int)hsm->a.body_len, 0);
	put_refusal(s, &hsm->a);
}

void listener_open(struct nlraw *nl)
{
	int ret = nlraw_open(nl);

	require(!ret, "no netlink family: %s", strerrorname_np(-ret));
	require(!nl_socket_add_memberships(nl->sock, nl->group, 0), "cannot subscribe");
}

struct heard listener_heard(struct nlraw *nl)
{
	struct heard heard = { 0, false };
	ssize_t n;

	for (;;) {
		n = recv(nlraw_fd(nl), nl->buffer, NLRAW_BUFFER, MSG_DONTWAIT);
		if (n >= 0)
			heard.events++;
		else if (errno == ENOBUFS)
			heard.lost = true;
		else
			break;
	}
	check(errno == EAGAIN, "the listener: %s", strerrorname_np(errno));
	return heard;
}
