// SPDX-License-Identifier: GPL-2.0
/*
 * lease-get: what the leases of the pinned managers say, and until when.
 */
#include "nl_private.h"

struct lease_walk {
	int (*fn)(const struct zkhsm_lease_info *l, void *arg);
	void *arg;
};

/* A number that is there only when there is a lease, or not in an event. */
static int optional_u64(const struct nlattr *a, uint64_t *out)
{
	return a ? zkhsm_nl_u64(a, out) : 0;
}

static int optional_u32(const struct nlattr *a, uint32_t *out)
{
	return a ? zkhsm_nl_u32(a, out) : 0;
}

int zkhsm_nl_read_lease(struct nlattr **tb, struct zkhsm_lease_info *l)
{
	memset(l, 0, sizeof(*l));
	if (zkhsm_nl_bytes(tb[ZKHSM_A_LEASE_MANAGER_ID], l->manager_id, 32) ||
	    zkhsm_nl_string(tb[ZKHSM_A_LEASE_LABEL], l->label, sizeof(l->label)) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_LEASE_VERDICT], &l->verdict) ||
	    optional_u32(tb[ZKHSM_A_LEASE_NUMBER], &l->number) ||
	    optional_u64(tb[ZKHSM_A_LEASE_ISSUED_MS], &l->issued_ms) ||
	    optional_u64(tb[ZKHSM_A_LEASE_EXPIRES_MS], &l->expires_ms) ||
	    optional_u64(tb[ZKHSM_A_LEASE_UPTIME_MS], &l->uptime_ms) ||
	    optional_u32(tb[ZKHSM_A_LEASE_EXCEPTIONS], &l->exceptions))
		return -EPROTO;
	return 0;
}

static int on_lease(struct nlattr **tb, void *arg)
{
	return zkhsm_nl_read_lease(tb, arg);
}

static int on_each_lease(struct nlattr **tb, void *arg)
{
	struct lease_walk *w = arg;
	struct zkhsm_lease_info l;

	if (zkhsm_nl_read_lease(tb, &l))
		return -EPROTO;
	return w->fn(&l, w->arg);
}

/**
 * zkhsm_lease_get() - the lease of one pinned manager
 *
 * Return: 0, also when there is none (verdict none); -ENOKEY when no manager of
 * this id is pinned; -EACCES for others than the agent and administrators.
 */
int zkhsm_lease_get(struct zkhsm_nl *nl, const uint8_t manager_id[32],
		    struct zkhsm_lease_info *out, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_LEASE_GET, 0);

	if (msg && nla_put(msg, ZKHSM_A_LEASE_MANAGER_ID, ZKHSM_HASH_LEN, manager_id)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_lease, msg, on_lease, out, err);
}

/* One call of @fn for each pinned manager, with a lease or without. */
int zkhsm_lease_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_lease_info *l, void *arg),
		     void *arg, struct zkhsm_error *err)
{
	struct lease_walk w = { fn, arg };

	return zkhsm_nl_call(nl, &zkhsm_nl_lease,
			     zkhsm_nl_request(nl, ZKHSM_CMD_LEASE_GET, NLM_F_DUMP),
			     on_each_lease, &w, err);
}
