// SPDX-License-Identifier: GPL-2.0
/*
 * The family's multicast group. A subscription has a socket of its own: an
 * answer must never be taken for an event, nor an event lost between answers.
 */
#include <sys/socket.h>

#include "nl_private.h"

/*
 * Room for a burst of events: an order can change a thousand keys at once, and
 * an event takes more than a kilobyte of the kernel's accounting.
 */
#define EVENT_BUFFER	(4 * 1024 * 1024)

/* Messages taken off the socket in one go, so that a flood starves nobody. */
#define EVENTS_AT_ONCE	1024

struct delivery {
	void (*fn)(const struct zkhsm_event_info *e, void *arg);
	void *arg;
	int ret;
};

static void set_buffer(struct nl_sock *sk)
{
	int size = EVENT_BUFFER;

	/* Beyond the system's limit where that is allowed; else as far as it goes. */
	if (setsockopt(nl_socket_get_fd(sk), SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		nl_socket_set_buffer_size(sk, size, 0);
}

int zkhsm_nl_subscribe(struct zkhsm_nl *nl, struct zkhsm_error *err)
{
	int ret;

	nl->group = genl_ctrl_resolve_grp(nl->sk, ZKHSM_FAMILY_NAME, ZKHSM_MCGRP_EVENTS);
	if (nl->group < 0)
		return zkhsm_fail(err, -ENOENT,
				  "the family has no group \"" ZKHSM_MCGRP_EVENTS "\"");
	nl_socket_disable_seq_check(nl->sk);
	set_buffer(nl->sk);
	ret = nl_socket_add_membership(nl->sk, nl->group);
	if (ret == -NLE_PERM)
		return zkhsm_fail(err, -EPERM, "events are for administrators (CAP_SYS_ADMIN)");
	if (ret)
		return zkhsm_fail(err, -EIO, "subscribing: %s", nl_geterror(ret));
	nl_socket_set_nonblocking(nl->sk);
	return 0;
}

int zkhsm_nl_fd(const struct zkhsm_nl *nl)
{
	return nl_socket_get_fd(nl->sk);
}

static int read_hsm_event(struct nlattr **tb, struct zkhsm_event_info *e)
{
	/* The id is missing while there is no identity. */
	e->hsm.initialised = !zkhsm_nl_bytes(tb[ZKHSM_A_HSM_HSM_ID], e->hsm.hsm_id, 32);
	if (zkhsm_nl_u32(tb[ZKHSM_A_HSM_EVENT], &e->event) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_HSM_INSTANCE_ID], e->hsm.instance_id, 16) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_FORK_COUNT], &e->hsm.fork_count) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_GENERATION], &e->hsm.generation) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_FAULTS], &e->hsm.faults))
		return -EPROTO;
	return 0;
}

static int read_evidence_event(struct nlattr **tb, struct zkhsm_event_info *e)
{
	if (zkhsm_nl_u32(tb[ZKHSM_A_EVIDENCE_EVENT], &e->event) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_EVIDENCE_NUMBER], &e->evidence_number) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_EVIDENCE_LIST_DIGEST], e->list_digest, 32))
		return -EPROTO;
	return 0;
}

static int read_trust_event(struct nlattr **tb, struct zkhsm_event_info *e)
{
	struct zkhsm_manager_info *m = &e->manager;

	if (zkhsm_nl_u32(tb[ZKHSM_A_MANAGER_EVENT], &e->event) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_MANAGER_ID], m->manager_id, 32) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_PUBLIC], m->public, 65) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_MANAGER_LAST_NUMBER], &m->last_number))
		return -EPROTO;
	return zkhsm_nl_string(tb[ZKHSM_A_MANAGER_LABEL], m->label, sizeof(m->label));
}

static int read_lease_event(struct nlattr **tb, struct zkhsm_event_info *e)
{
	if (zkhsm_nl_u32(tb[ZKHSM_A_LEASE_EVENT], &e->event))
		return -EPROTO;
	return zkhsm_nl_read_lease(tb, &e->lease);
}

static int read_event(struct nlmsghdr *h, struct zkhsm_event_info *e)
{
	struct nlattr *tb[32] = { NULL };

	e->kind = genlmsg_hdr(h)->cmd;
	if (genlmsg_parse(h, 0, tb, 31, NULL) < 0)
		return -EPROTO;
	switch (e->kind) {
	case ZKHSM_CMD_HSM_NTF:
		return read_hsm_event(tb, e);
	case ZKHSM_CMD_KEY_NTF:
		if (zkhsm_nl_u32(tb[ZKHSM_A_KEY_EVENT], &e->event))
			return -EPROTO;
		return zkhsm_nl_read_key(tb, &e->key);
	case ZKHSM_CMD_EVIDENCE_NTF:
		return read_evidence_event(tb, e);
	case ZKHSM_CMD_TRUST_NTF:
		return read_trust_event(tb, e);
	case ZKHSM_CMD_LEASE_NTF:
		return read_lease_event(tb, e);
	default:
		/* Of a newer module: nothing that this library knows changed. */
		return -ENOMSG;
	}
}

static int on_event(struct nl_msg *msg, void *arg)
{
	struct delivery *d = arg;
	struct zkhsm_event_info e;
	int ret;

	memset(&e, 0, sizeof(e));
	ret = read_event(nlmsg_hdr(msg), &e);
	if (!ret)
		d->fn(&e, d->arg);
	else if (ret != -ENOMSG)
		d->ret = ret;
	return NL_OK;
}

/*
 * Delivers what is there and returns; the socket does not block. -ENOBUFS when
 * events were lost, after which the caller reads the objects anew.
 */
int zkhsm_nl_events(struct zkhsm_nl *nl, void (*fn)(const struct zkhsm_event_info *e, void *arg),
		    void *arg, struct zkhsm_error *err)
{
	struct delivery d = { .fn = fn, .arg = arg };
	int ret = 0, i;

	nl_socket_modify_cb(nl->sk, NL_CB_VALID, NL_CB_CUSTOM, on_event, &d);
	for (i = 0; i < EVENTS_AT_ONCE && !ret; i++)
		ret = nl_recvmsgs_default(nl->sk);
	if (ret == -NLE_NOMEM)
		return zkhsm_fail(err, -ENOBUFS, "events were lost");
	if (ret && ret != -NLE_AGAIN)
		return zkhsm_fail(err, -EIO, "receiving events: %s", nl_geterror(ret));
	if (d.ret)
		return zkhsm_fail(err, d.ret, "an event of the kernel lacks an attribute");
	return 0;
}
