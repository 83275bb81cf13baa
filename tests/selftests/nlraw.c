// SPDX-License-Identifier: GPL-2.0
#include "nlraw.h"

#include <errno.h>
#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#define EXTENDED_ACK_MAX	NLMSGERR_ATTR_POLICY

static int configure(struct nlraw *nl)
{
	/* An answer that does not come is a failure, not a hang. */
	const struct timeval patience = { .tv_sec = 60 };
	const int one = 1;
	int fd = nl_socket_get_fd(nl->sock);

	nl->buffer = malloc(NLRAW_BUFFER);
	if (!nl->buffer)
		return -ENOMEM;
	if (setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)))
		return -errno;
	return 0;
}

int nlraw_open(struct nlraw *nl)
{
	int ret = -ENOMEM;

	memset(nl, 0, sizeof(*nl));
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return ret;
	if (genl_connect(nl->sock)) {
		ret = -EIO;
		goto fail;
	}
	nl->family = genl_ctrl_resolve(nl->sock, ZKHSM_FAMILY_NAME);
	if (nl->family < 0) {
		ret = nl->family == -NLE_OBJ_NOTFOUND ? -ENOENT : -EIO;
		goto fail;
	}
	nl->group = genl_ctrl_resolve_grp(nl->sock, ZKHSM_FAMILY_NAME, ZKHSM_MCGRP_EVENTS);
	ret = configure(nl);
	if (!ret)
		return 0;
fail:
	nlraw_close(nl);
	return ret;
}

int nlraw_adopt(struct nlraw *nl, int fd, const struct nlraw *like)
{
	memset(nl, 0, sizeof(*nl));
	nl->family = like->family;
	nl->group = like->group;
	nl->sock = nl_socket_alloc();
	if (!nl->sock || nl_socket_set_fd(nl->sock, NETLINK_GENERIC, fd))
		return -EIO;
	return configure(nl);
}

void nlraw_close(struct nlraw *nl)
{
	if (nl->sock)
		nl_socket_free(nl->sock);
	free(nl->buffer);
	memset(nl, 0, sizeof(*nl));
}

int nlraw_fd(const struct nlraw *nl)
{
	return nl_socket_get_fd(nl->sock);
}

struct nl_msg *nlraw_msg(const struct nlraw *nl, uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc_size(NLRAW_BODY_MAX + 1024);

	if (!msg || !genlmsg_put(msg, NL_AUTO_PORT, NL_AUTO_SEQ, nl->family, 0, 0, cmd,
				 ZKHSM_FAMILY_VERSION)) {
		printf("Bail out! no memory for a message\n");
		exit(EXIT_FAILURE);
	}
	return msg;
}

int nlraw_send(struct nlraw *nl, struct nl_msg *msg, int flags)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int ret;

	nlmsg_hdr(msg)->nlmsg_flags = NLM_F_REQUEST | flags;
	/* No checks on our side: the kernel is what is tested. */
	nl_complete_msg(nl->sock, msg);
	if (!(flags & NLM_F_ACK))
		nlmsg_hdr(msg)->nlmsg_flags &= ~NLM_F_ACK;
	ret = sendto(nl_socket_get_fd(nl->sock), nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len, 0,
		     nl->addressed ? (const struct sockaddr *)&kernel : NULL,
		     nl->addressed ? sizeof(kernel) : 0);
	nlmsg_free(msg);
	return ret < 0 ? -errno : 0;
}

static void take_extended_ack(struct nlraw_answer *a, struct nlattr *head, int len)
{
	struct nlattr *tb[EXTENDED_ACK_MAX + 1] = { NULL };

	if (nla_parse(tb, EXTENDED_ACK_MAX, head, len, NULL))
		return;
	if (tb[NLMSGERR_ATTR_MSG])
		nla_strlcpy(a->text, tb[NLMSGERR_ATTR_MSG], sizeof(a->text));
	if (tb[NLMSGERR_ATTR_OFFS])
		a->offset = nla_get_u32(tb[NLMSGERR_ATTR_OFFS]);
	if (tb[NLMSGERR_ATTR_COOKIE] && nla_len(tb[NLMSGERR_ATTR_COOKIE]) == sizeof(a->reason))
		memcpy(&a->reason, nla_data(tb[NLMSGERR_ATTR_COOKIE]), sizeof(a->reason));
}

/* The errno, then (unless capped) our request again, then the sentence. */
static void take_error(struct nlraw_answer *a, struct nlmsghdr *h)
{
	struct nlmsgerr *e = nlmsg_data(h);
	size_t skip = sizeof(*e);

	a->error = -e->error;
	if (!(h->nlmsg_flags & NLM_F_CAPPED))
		skip += NLMSG_ALIGN(e->msg.nlmsg_len - NLMSG_HDRLEN);
	if (h->nlmsg_flags & NLM_F_ACK_TLVS && nlmsg_datalen(h) > (int)skip)
		take_extended_ack(a, (struct nlattr *)((uint8_t *)e + skip),
				  nlmsg_datalen(h) - (int)skip);
}

static void take_dump_end(struct nlraw_answer *a, struct nlmsghdr *h)
{
	int *code = nlmsg_data(h);

	if (nlmsg_datalen(h) < (int)sizeof(*code))
		return;
	a->error = *code < 0 ? -*code : 0;
	if (h->nlmsg_flags & NLM_F_ACK_TLVS)
		take_extended_ack(a, (struct nlattr *)(code + 1),
				  nlmsg_datalen(h) - (int)sizeof(*code));
}

void nlraw_end(struct nlraw_answer *a, const struct nlmsghdr *end)
{
	struct nlmsghdr *h = (struct nlmsghdr *)(uintptr_t)end;

	if (h->nlmsg_type == NLMSG_ERROR)
		take_error(a, h);
	else
		take_dump_end(a, h);
}

static void take_body(struct nlraw_answer *a, struct nlmsghdr *h)
{
	struct genlmsghdr *g = nlmsg_data(h);

	if (a->messages++)
		return;
	a->body_len = genlmsg_attrlen(g, 0);
	if (a->body_len > sizeof(a->body))
		a->body_len = sizeof(a->body);
	memcpy(a->body, genlmsg_attrdata(g, 0), a->body_len);
}

int nlraw_receive(struct nlraw *nl, void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
		  struct nlraw_answer *a)
{
	memset(a, 0, offsetof(struct nlraw_answer, body));
	for (;;) {
		struct nlmsghdr *h = (struct nlmsghdr *)nl->buffer;
		ssize_t n = recv(nl_socket_get_fd(nl->sock), nl->buffer, NLRAW_BUFFER, 0);
		int left = (int)n;

		if (n < 0) {
			a->error = errno;
			return a->error;
		}
		for (; nlmsg_ok(h, left); h = nlmsg_next(h, &left)) {
			if (h->nlmsg_type == NLMSG_ERROR || h->nlmsg_type == NLMSG_DONE) {
				nlraw_end(a, h);
				return a->error;
			}
			take_body(a, h);
			if (fn)
				fn(h, arg);
		}
	}
}

int nlraw_do(struct nlraw *nl, struct nl_msg *msg, struct nlraw_answer *a)
{
	int ret = nlraw_send(nl, msg, NLM_F_ACK);

	if (!ret)
		return nlraw_receive(nl, NULL, NULL, a);
	memset(a, 0, offsetof(struct nlraw_answer, body));
	a->error = -ret;
	return a->error;
}

int nlraw_dump(struct nlraw *nl, struct nl_msg *msg,
	       void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
	       struct nlraw_answer *a)
{
	int ret = nlraw_send(nl, msg, NLM_F_DUMP);

	if (!ret)
		return nlraw_receive(nl, fn, arg, a);
	memset(a, 0, offsetof(struct nlraw_answer, body));
	a->error = -ret;
	return a->error;
}

const struct nlattr *nlraw_attr(const struct nlraw_answer *a, int type)
{
	return nla_find((const struct nlattr *)a->body, (int)a->body_len, type);
}

const uint8_t *nlraw_bytes(const struct nlraw_answer *a, int type, size_t len)
{
	const struct nlattr *attr = nlraw_attr(a, type);

	return attr && nla_len(attr) == (int)len ? nla_data(attr) : NULL;
}

uint32_t nlraw_u32(const struct nlraw_answer *a, int type)
{
	const uint8_t *p = nlraw_bytes(a, type, sizeof(uint32_t));
	uint32_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

uint64_t nlraw_u64(const struct nlraw_answer *a, int type)
{
	const uint8_t *p = nlraw_bytes(a, type, sizeof(uint64_t));
	uint64_t v = 0;

	if (p)
		memcpy(&v, p, sizeof(v));
	return v;
}

bool nlraw_check_refused(const struct nlraw_answer *a, int error, uint32_t reason,
			 const char *file, int line, const char *format, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	return ktap_check(a->error == error && a->reason == reason && a->text[0], file, line,
			  "%s: %s reason %u \"%s\", expected %s reason %u and a sentence", what,
			  strerrorname_np(a->error), a->reason, a->text, strerrorname_np(error),
			  reason);
}

bool nlraw_check_done(const struct nlraw_answer *a, const char *file, int line,
		      const char *format, ...)
{
	char what[200];
	va_list ap;

	va_start(ap, format);
	vsnprintf(what, sizeof(what), format, ap);
	va_end(ap);
	return ktap_check(!a->error, file, line, "%s: %s reason %u \"%s\"", what,
			  strerrorname_np(a->error), a->reason, a->text);
}
