/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the nl*.c files share. They are the only ones that know libnl.
 */
#ifndef ZKHSM_NL_PRIVATE_H
#define ZKHSM_NL_PRIVATE_H

#include <linux/zkhsm.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "lib_private.h"

struct zkhsm_nl {
	struct nl_sock *sk;
	int family;
	int group;		/* of the subscription, 0 before */
};

/* Called for each answer with its parsed attributes; a negative errno ends the call. */
typedef int (*zkhsm_nl_fn)(struct nlattr **tb, void *arg);

/*
 * An attribute set: how its answers are parsed, and what people call its
 * members. Attributes of type @repeats, if that is not 0, come several times:
 * in answers they follow tb[max], in order, and NULL ends them.
 */
struct zkhsm_nl_set {
	int max;
	const char *const *names;
	int repeats;
};

extern const struct zkhsm_nl_set zkhsm_nl_hsm, zkhsm_nl_key, zkhsm_nl_proof, zkhsm_nl_evidence,
	zkhsm_nl_list, zkhsm_nl_manager, zkhsm_nl_order, zkhsm_nl_seal, zkhsm_nl_share,
	zkhsm_nl_lease;

/* nl.c */
/* An empty request; NULL when out of memory, which zkhsm_nl_call() then reports. */
struct nl_msg *zkhsm_nl_request(struct zkhsm_nl *nl, uint8_t cmd, int flags);
/*
 * Sends @msg, which it frees, and hands each answer to @fn (NULL: no answer is
 * expected but the acknowledgement). -EPROTO when an answer that was expected
 * did not come.
 */
int zkhsm_nl_call(struct zkhsm_nl *nl, const struct zkhsm_nl_set *set, struct nl_msg *msg,
		  zkhsm_nl_fn fn, void *arg, struct zkhsm_error *err);

/* nl_attr.c: 0, or -EPROTO when the attribute is missing or of another length */
int zkhsm_nl_bytes(const struct nlattr *a, void *out, size_t len);
int zkhsm_nl_u32(const struct nlattr *a, uint32_t *out);
int zkhsm_nl_u64(const struct nlattr *a, uint64_t *out);
int zkhsm_nl_string(const struct nlattr *a, char *out, size_t size);
int zkhsm_nl_binary(const struct nlattr *a, void *out, size_t size, size_t *len);

/* What one answer or event says of an object; shared by do, dump and events. */
int zkhsm_nl_read_key(struct nlattr **tb, struct zkhsm_key_info *out);
int zkhsm_nl_read_manager(struct nlattr **tb, struct zkhsm_manager_info *out);
int zkhsm_nl_read_lease(struct nlattr **tb, struct zkhsm_lease_info *out);

#endif /* ZKHSM_NL_PRIVATE_H */
