/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The zkhsm family byte by byte: any message can be built, and everything the
 * kernel says about a refusal is kept. libzkhsm, which these tests also test,
 * would not send most of what is sent here.
 */
#ifndef ZKHSM_NLRAW_H
#define ZKHSM_NLRAW_H

#include <linux/zkhsm.h>
#include <netlink/attr.h>
#include <netlink/genl/genl.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ktap.h"

#define NLRAW_BUFFER	(256 * 1024)
#define NLRAW_BODY_MAX	(64 * 1024)

struct nlraw {
	struct nl_sock *sock;
	int family;
	int group;
	/* Messages are sent to an address, the kernel's, as libnl does. */
	bool addressed;
	uint8_t *buffer;
};

/**
 * struct nlraw_answer - what came back
 * @error:	0 or a positive errno
 * @reason:	enum zkhsm_reason from the cookie, 0 if there was none
 * @offset:	of the attribute that was refused, 0 if the kernel named none
 * @text:	the sentence
 * @messages:	how many messages with attributes came
 * @body:	the attributes of the first of them
 */
struct nlraw_answer {
	int error;
	uint32_t reason;
	uint32_t offset;
	char text[256];
	unsigned int messages;
	size_t body_len;
	uint8_t body[NLRAW_BODY_MAX];
};

/* 0 or a negative errno; -ENOENT when the family is not there. */
int nlraw_open(struct nlraw *nl);
/* Takes over a socket that somebody else opened; @like knows the family. */
int nlraw_adopt(struct nlraw *nl, int fd, const struct nlraw *like);
void nlraw_close(struct nlraw *nl);
int nlraw_fd(const struct nlraw *nl);

/* A request without attributes; the caller adds them with nla_put*(). */
struct nl_msg *nlraw_msg(const struct nlraw *nl, uint8_t cmd);

/* Sends and frees @msg, waits for the acknowledgement. Returns @a->error. */
int nlraw_do(struct nlraw *nl, struct nl_msg *msg, struct nlraw_answer *a);

/* The same with NLM_F_DUMP; @fn, which may be NULL, sees every message. */
int nlraw_dump(struct nlraw *nl, struct nl_msg *msg,
	       void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
	       struct nlraw_answer *a);
/* Its two halves, for a dump that changes hands. */
int nlraw_send(struct nlraw *nl, struct nl_msg *msg, int flags);
int nlraw_receive(struct nlraw *nl, void (*fn)(const struct nlmsghdr *h, void *arg), void *arg,
		  struct nlraw_answer *a);

/* What an acknowledgement (NLMSG_ERROR), or the end of a dump (NLMSG_DONE), says. */
void nlraw_end(struct nlraw_answer *a, const struct nlmsghdr *h);

/* Attributes of the first message; NULL or 0 when they are not there or of another length. */
const struct nlattr *nlraw_attr(const struct nlraw_answer *a, int type);
const uint8_t *nlraw_bytes(const struct nlraw_answer *a, int type, size_t len);
uint32_t nlraw_u32(const struct nlraw_answer *a, int type);
uint64_t nlraw_u64(const struct nlraw_answer *a, int type);

/* That @a is a refusal with this errno, this reason and a sentence. */
bool nlraw_check_refused(const struct nlraw_answer *a, int error, uint32_t reason,
			 const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
#define check_refused(a, error, reason, ...) \
	nlraw_check_refused(a, error, reason, __FILE__, __LINE__, __VA_ARGS__)
#define check_done(a, ...) nlraw_check_done(a, __FILE__, __LINE__, __VA_ARGS__)
bool nlraw_check_done(const struct nlraw_answer *a, const char *file, int line,
		      const char *format, ...)
	__attribute__((format(printf, 4, 5)));

#endif /* ZKHSM_NLRAW_H */
