// SPDX-License-Identifier: GPL-2.0
/*
 * trust-new, trust-get, trust-del: the managers pinned in the kernel.
 */
#include "nl_private.h"

struct manager_walk {
	int (*fn)(const struct zkhsm_manager_info *m, void *arg);
	void *arg;
};

int zkhsm_nl_read_manager(struct nlattr **tb, struct zkhsm_manager_info *m)
{
	memset(m, 0, sizeof(*m));
	if (zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_MANAGER_ID], m->manager_id, 32) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_PUBLIC], m->public, 65) ||
	    zkhsm_nl_string(tb[ZKHSM_A_MANAGER_LABEL], m->label, sizeof(m->label)) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_MANAGER_LAST_NUMBER], &m->last_number) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_LAST_DIGEST], m->last_digest, 32) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_MANAGER_TOMBSTONES], &m->tombstones))
		return -EPROTO;
	m->has_pending = tb[ZKHSM_A_MANAGER_PENDING];
	return m->has_pending ? zkhsm_nl_bytes(tb[ZKHSM_A_MANAGER_PENDING], m->pending, 32) : 0;
}

static int on_manager(struct nlattr **tb, void *arg)
{
	return zkhsm_nl_read_manager(tb, arg);
}

static int on_each_manager(struct nlattr **tb, void *arg)
{
	struct manager_walk *w = arg;
	struct zkhsm_manager_info m;

	if (zkhsm_nl_read_manager(tb, &m))
		return -EPROTO;
	return w->fn(&m, w->arg);
}

static struct nl_msg *manager_request(struct zkhsm_nl *nl, uint8_t cmd, const uint8_t id[32])
{
	struct nl_msg *msg = zkhsm_nl_request(nl, cmd, 0);

	if (msg && nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, ZKHSM_HASH_LEN, id)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

int zkhsm_trust_new(struct zkhsm_nl *nl, const uint8_t public[65], const char *label,
		    struct zkhsm_manager_info *out, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_TRUST_NEW, 0);

	if (msg && (nla_put(msg, ZKHSM_A_MANAGER_PUBLIC, ZKHSM_POINT_LEN, public) ||
		    (label && nla_put_string(msg, ZKHSM_A_MANAGER_LABEL, label)))) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the label is too long");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_manager, msg, on_manager, out, err);
}

int zkhsm_trust_get(struct zkhsm_nl *nl, const uint8_t manager_id[32],
		    struct zkhsm_manager_info *out, struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_manager,
			     manager_request(nl, ZKHSM_CMD_TRUST_GET, manager_id), on_manager, out,
			     err);
}

int zkhsm_trust_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_manager_info *m, void *arg),
		     void *arg, struct zkhsm_error *err)
{
	struct manager_walk w = { fn, arg };

	return zkhsm_nl_call(nl, &zkhsm_nl_manager,
			     zkhsm_nl_request(nl, ZKHSM_CMD_TRUST_GET, NLM_F_DUMP),
			     on_each_manager, &w, err);
}

int zkhsm_trust_del(struct zkhsm_nl *nl, const uint8_t manager_id[32], struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_manager,
			     manager_request(nl, ZKHSM_CMD_TRUST_DEL, manager_id), NULL, NULL,
			     err);
}
