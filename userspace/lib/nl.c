// SPDX-License-Identifier: GPL-2.0
/*
 * One request to the kernel's family and its answers, with the errno, the
 * reason and the sentence of the extended acknowledgement as the kernel gave
 * them: libnl folds errnos into fewer codes of its own, so the callbacks here
 * take them first.
 */
#include <linux/genetlink.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "nl_private.h"

/* The largest answer: a chunk of L in a dump, below what the kernel puts in one skb. */
#define RECV_SIZE	(64 * 1024)
#define REQUEST_SIZE	(64 * 1024)

#define NOT_LOADED	"the kernel has no family \"" ZKHSM_FAMILY_NAME "\": is zkhsm.ko loaded?"

struct call {
	const struct zkhsm_nl_set *set;
	const struct nlmsghdr *request;
	zkhsm_nl_fn fn;
	void *arg;
	struct zkhsm_error *err;
	uint32_t seq;
	int ret;
	bool done;
	bool answered;
};

static void set_option(struct nl_sock *sk, int option)
{
	int on = 1;

	/* Known to every supported kernel; without it only the sentences would be missing. */
	(void)setsockopt(nl_socket_get_fd(sk), SOL_NETLINK, option, &on, sizeof(on));
}

int zkhsm_nl_open(struct zkhsm_nl **out, struct zkhsm_error *err)
{
	struct zkhsm_nl *nl = calloc(1, sizeof(*nl));
	int ret;

	*out = NULL;
	if (!nl)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	nl->sk = nl_socket_alloc();
	if (!nl->sk) {
		free(nl);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	ret = genl_connect(nl->sk);
	if (ret) {
		ret = zkhsm_fail(err, -EPROTONOSUPPORT, "generic netlink: %s", nl_geterror(ret));
		goto fail;
	}
	set_option(nl->sk, NETLINK_EXT_ACK);
	set_option(nl->sk, NETLINK_CAP_ACK);
	nl_socket_set_msg_buf_size(nl->sk, RECV_SIZE);
	nl->family = genl_ctrl_resolve(nl->sk, ZKHSM_FAMILY_NAME);
	if (nl->family < 0) {
		ret = zkhsm_fail(err, -ENOENT, NOT_LOADED);
		goto fail;
	}
	*out = nl;
	return 0;

fail:
	zkhsm_nl_close(nl);
	return ret;
}

void zkhsm_nl_close(struct zkhsm_nl *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sk);
	free(nl);
}

struct nl_msg *zkhsm_nl_request(struct zkhsm_nl *nl, uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc_size(REQUEST_SIZE);

	if (!msg)
		return NULL;
	if (!genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, flags, cmd,
			 ZKHSM_FAMILY_VERSION)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static const char *attr_name(const struct call *c, unsigned int type)
{
	if (type > (unsigned int)c->set->max || !c->set->names[type])
		return NULL;
	return c->set->names[type];
}

/* The attribute of the request that the kernel points at by its offset. */
static const char *bad_attr_name(const struct call *c, uint32_t offset)
{
	const struct nlattr *a;

	if (offset < NLMSG_HDRLEN || offset + sizeof(*a) > c->request->nlmsg_len)
		return NULL;
	a = (const struct nlattr *)((const char *)c->request + offset);
	return attr_name(c, (unsigned int)nla_type(a));
}

/* What the kernel's acknowledgement says beyond the errno. */
static void fail_with_ack(struct call *c, int code, struct nlattr *attrs, int len)
{
	struct nlattr *tb[NLMSGERR_ATTR_MAX + 1] = { NULL };
	const char *name = NULL, *text = strerror(-code);
	uint32_t value, offset = 0;
	bool missing = false;

	if (attrs && nla_parse(tb, NLMSGERR_ATTR_MAX, attrs, len, NULL) < 0)
		memset(tb, 0, sizeof(tb));

	if (tb[NLMSGERR_ATTR_MSG] && nla_len(tb[NLMSGERR_ATTR_MSG]) &&
	    !((char *)nla_data(tb[NLMSGERR_ATTR_MSG]))[nla_len(tb[NLMSGERR_ATTR_MSG]) - 1])
		text = nla_data(tb[NLMSGERR_ATTR_MSG]);
	if (!zkhsm_nl_u32(tb[NLMSGERR_ATTR_MISS_TYPE], &value)) {
		name = attr_name(c, value);
		missing = true;
	} else if (!zkhsm_nl_u32(tb[NLMSGERR_ATTR_OFFS], &offset)) {
		name = bad_attr_name(c, offset);
	}

	if (name && missing)
		c->ret = zkhsm_fail(c->err, code, "attribute %s is missing", name);
	else if (name)
		c->ret = zkhsm_fail(c->err, code, "%s (attribute %s)", text, name);
	else
		c->ret = zkhsm_fail(c->err, code, "%s", text);
	if (c->err && !zkhsm_nl_u32(tb[NLMSGERR_ATTR_COOKIE], &value))
		c->err->reason = value;
	if (c->err)
		c->err->offset = offset;
	c->done = true;
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *h = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct call *c = arg;
	struct nlattr *attrs = NULL;
	size_t at = NLMSG_HDRLEN + sizeof(*e);

	(void)from;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		at += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && at < h->nlmsg_len)
		attrs = (struct nlattr *)((char *)h + at);
	fail_with_ack(c, e->error, attrs, attrs ? (int)(h->nlmsg_len - at) : 0);
	return NL_STOP;
}

/* What is left of a request that was given up does not belong to this one. */
static int on_sequence(struct nl_msg *msg, void *arg)
{
	const struct call *c = arg;

	return nlmsg_hdr(msg)->nlmsg_seq == c->seq ? NL_OK : NL_SKIP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;

	(void)msg;
	c->done = true;
	return NL_STOP;
}

/* A dump that fails says so in its last message, which libnl takes for success. */
static int on_finish(struct nl_msg *msg, void *arg)
{
	struct nlmsghdr *h = nlmsg_hdr(msg);
	struct call *c = arg;
	int code, len = nlmsg_datalen(h) - (int)NLMSG_ALIGN(sizeof(code));

	c->done = true;
	if (nlmsg_datalen(h) < (int)sizeof(code))
		return NL_STOP;
	memcpy(&code, nlmsg_data(h), sizeof(code));
	if (code < 0)
		fail_with_ack(c, code,
			      h->nlmsg_flags & NLM_F_ACK_TLVS && len > 0 ?
			      (struct nlattr *)((char *)nlmsg_data(h) + NLMSG_ALIGN(sizeof(code))) :
			      NULL, len);
	return NL_STOP;
}

/* The set's attributes by type, and after them the one that repeats. */
static int parse_answer(const struct call *c, struct nlmsghdr *h, struct nlattr **tb, int size)
{
	int left, n = c->set->max + 1;
	struct nlattr *a;

	if (n >= size || genlmsg_parse(h, 0, tb, c->set->max, NULL) < 0)
		return -EPROTO;
	if (!c->set->repeats)
		return 0;
	nla_for_each_attr(a, genlmsg_attrdata(genlmsg_hdr(h), 0),
			  genlmsg_attrlen(genlmsg_hdr(h), 0), left) {
		if (nla_type(a) != c->set->repeats)
			continue;
		if (n == size - 1)
			return -EPROTO;
		tb[n++] = a;
	}
	return 0;
}

static int on_answer(struct nl_msg *msg, void *arg)
{
	struct call *c = arg;
	struct nlattr *tb[64] = { NULL };

	c->answered = true;
	/* After a failure the rest of a dump is only drained. */
	if (!c->fn || c->ret)
		return NL_OK;
	if (parse_answer(c, nlmsg_hdr(msg), tb, ARRAY_SIZE(tb)))
		c->ret = zkhsm_fail(c->err, -EPROTO, "the kernel's answer cannot be parsed");
	else
		c->ret = c->fn(tb, c->arg);
	if (c->ret == -EPROTO)
		zkhsm_fail(c->err, -EPROTO, "the kernel's answer lacks an attribute");
	else if (c->ret < 0)
		zkhsm_fail(c->err, c->ret, "reading the kernel's answer: %s", strerror(-c->ret));
	return NL_OK;
}

static int transfer(struct zkhsm_nl *nl, struct nl_msg *msg, struct nl_cb *cb, struct call *c)
{
	bool interrupted = false;
	int ret;

	nl_cb_err(cb, NL_CB_CUSTOM, on_error, c);
	nl_cb_set(cb, NL_CB_SEQ_CHECK, NL_CB_CUSTOM, on_sequence, c);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, on_ack, c);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, on_finish, c);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, on_answer, c);

	/* A signal ends sendmsg() only before the kernel has seen the request. */
	do
		ret = nl_send_auto(nl->sk, msg);
	while (ret == -NLE_INTR);
	if (ret < 0)
		return zkhsm_fail(c->err, -EIO, "sending to the kernel: %s", nl_geterror(ret));
	/* Filled in by nl_send_auto(); offsets in an acknowledgement point into it. */
	c->request = nlmsg_hdr(msg);
	c->seq = c->request->nlmsg_seq;
	while (!c->done) {
		ret = nl_recvmsgs(nl->sk, cb);
		/* The rest of the dump is still to be taken off the socket. */
		if (ret == -NLE_DUMP_INTR)
			interrupted = true;
		else if (ret < 0 && !c->done)
			return zkhsm_fail(c->err, ret == -NLE_NOMEM ? -ENOBUFS : -EIO,
					  "receiving from the kernel: %s", nl_geterror(ret));
	}
	if (!c->ret && interrupted)
		return zkhsm_fail(c->err, -EAGAIN, "what was listed changed meanwhile, ask again");
	if (!c->ret && c->fn && !c->answered &&
	    !(nlmsg_hdr(msg)->nlmsg_flags & NLM_F_DUMP))
		return zkhsm_fail(c->err, -EPROTO, "the kernel did not answer");
	return c->ret;
}

/*
 * The number of the family is another one after the module was unloaded and
 * loaded: true when the request is worth sending again.
 */
static bool renumbered(struct zkhsm_nl *nl, struct nl_msg *msg)
{
	int family = genl_ctrl_resolve(nl->sk, ZKHSM_FAMILY_NAME);

	if (family < 0 || family == nl->family)
		return false;
	nl->family = family;
	nlmsg_hdr(msg)->nlmsg_type = (uint16_t)family;
	nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
	return true;
}

static int call_once(struct zkhsm_nl *nl, struct nl_msg *msg, struct call c)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int ret;

	if (!cb)
		return zkhsm_fail(c.err, -ENOMEM, "out of memory");
	ret = transfer(nl, msg, cb, &c);
	nl_cb_put(cb);
	return ret;
}

int zkhsm_nl_call(struct zkhsm_nl *nl, const struct zkhsm_nl_set *set, struct nl_msg *msg,
		  zkhsm_nl_fn fn, void *arg, struct zkhsm_error *err)
{
	const struct call c = { .set = set, .fn = fn, .arg = arg, .err = err };
	int ret;

	if (!msg)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = call_once(nl, msg, c);
	/* Generic netlink's own answer; the module has other errors for what it lacks. */
	if (ret == -ENOENT && renumbered(nl, msg))
		ret = call_once(nl, msg, c);
	if (ret == -ENOENT)
		zkhsm_fail(err, ret, NOT_LOADED);
	nlmsg_free(msg);
	return ret;
}
