// SPDX-License-Identifier: GPL-2.0
/*
 * Replies: allocated before anything is changed, so that nothing is ever done
 * without an answer, and one fill per object, used by requests, dumps and
 * events alike.
 */
#include "netlink.h"
#include "tpm.h"

/**
 * zkhsm_nl_reply_new() - room for the answer to a request
 * @info: the request
 * @hdr: its header, for zkhsm_nl_reply_send()
 *
 * Every answer fits in the default size: the largest, to evidence-get, is
 * about 2.5 KiB.
 *
 * Return: the reply, or NULL after a refusal.
 */
struct sk_buff *zkhsm_nl_reply_new(struct genl_info *info, void **hdr)
{
	struct sk_buff *skb = genlmsg_new(GENLMSG_DEFAULT_SIZE, GFP_KERNEL);

	if (skb) {
		*hdr = genlmsg_put_reply(skb, info, &zkhsm_nl_family, 0, info->genlhdr->cmd);
		if (*hdr)
			return skb;
		nlmsg_free(skb);
	}
	zkhsm_refuse_failure(info->extack, -ENOMEM);
	return NULL;
}

/**
 * zkhsm_nl_reply_send() - queue the answer, or drop it
 * @skb: from zkhsm_nl_reply_new(); gone afterwards
 * @hdr: its header
 * @info: the request
 * @err: 0, or why there is no answer
 *
 * Does not wait: a caller whose socket is full loses the answer.
 *
 * Return: @err, or that of the socket.
 */
int zkhsm_nl_reply_send(struct sk_buff *skb, void *hdr, struct genl_info *info, int err)
{
	if (err) {
		nlmsg_free(skb);
		return err;
	}
	genlmsg_end(skb, hdr);
	return genlmsg_reply(skb, info);
}

static u64 features(void)
{
	u64 f = ZKHSM_FEATURE_P256 | ZKHSM_FEATURE_PROOF_BATCH | ZKHSM_FEATURE_ORDERS |
		ZKHSM_FEATURE_SEALING | ZKHSM_FEATURE_LOCKING | ZKHSM_FEATURE_SHARES |
		ZKHSM_FEATURE_LEASES | ZKHSM_FEATURE_GRANTS;

	if (zkhsm_tpm_available())
		f |= ZKHSM_FEATURE_TPM;

	if (IS_ENABLED(CONFIG_AUDIT))
		f |= ZKHSM_FEATURE_AUDIT;
	if (IS_ENABLED(CONFIG_VMGENID))
		f |= ZKHSM_FEATURE_VMFORK;
	return f;
}

/* What there is only where state is sealed. */
static int fill_sealing(struct sk_buff *skb, const struct zkhsm_hsm_info *info)
{
	u32 class = info->c.flags & ZKHSM_HSM_FLAG_KEK_KEYRING ? ZKHSM_KEK_CLASS_KEYRING :
		    info->c.flags & ZKHSM_HSM_FLAG_KEK_SHARES ? ZKHSM_KEK_CLASS_SHARES :
		    info->c.flags & ZKHSM_HSM_FLAG_KEK_TPM ? ZKHSM_KEK_CLASS_TPM :
							     ZKHSM_KEK_CLASS_UNSPEC;

	if (nla_put_u32(skb, ZKHSM_A_HSM_KEK_CLASS, class))
		return -EMSGSIZE;
	if (class == ZKHSM_KEK_CLASS_UNSPEC)
		return 0;
	if (info->counter_index &&
	    nla_put_u32(skb, ZKHSM_A_HSM_COUNTER_INDEX, info->counter_index))
		return -EMSGSIZE;
	return nla_put(skb, ZKHSM_A_HSM_KEK_ID, sizeof(info->kek_id), info->kek_id) ?:
	       zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_SEQUENCE, info->sequence) ?:
	       nla_put_u32(skb, ZKHSM_A_HSM_UNSEALED, info->unsealed);
}

/* What there is only once there is an identity. */
static int fill_identity(struct sk_buff *skb, const struct zkhsm_hsm_info *info)
{
	u8 digest[ZKHSM_HASH_LEN];

	if (nla_put(skb, ZKHSM_A_HSM_HSM_ID, sizeof(info->hsm_id), info->hsm_id) ||
	    nla_put(skb, ZKHSM_A_HSM_IDENTITY, sizeof(info->identity), info->identity) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_FLAGS, info->c.flags) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_QUORUM, info->c.quorum) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_STOP, info->c.stop) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_WIPE, info->c.wipe) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_ENFORCE_GRACE_MS, info->c.enforce_grace_ms) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_MAX_TTL_MS, info->c.max_ttl_ms) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_AGENT_UID, from_kuid_munged(&init_user_ns, info->agent)) ||
	    nla_put(skb, ZKHSM_A_HSM_CONFIGURATION, info->configuration_len, info->configuration))
		return -EMSGSIZE;
	if (zkhsm_list_newest_digest(digest) &&
	    nla_put(skb, ZKHSM_A_HSM_LIST_DIGEST, sizeof(digest), digest))
		return -EMSGSIZE;
	return fill_sealing(skb, info);
}

int zkhsm_nl_fill_hsm(struct sk_buff *skb, const struct zkhsm_hsm_info *info)
{
	if (nla_put_u32(skb, ZKHSM_A_HSM_MODULE_VERSION, ZKHSM_VERSION_CODE) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_FEATURES, features()) ||
	    nla_put(skb, ZKHSM_A_HSM_INSTANCE_ID, sizeof(info->instance_id), info->instance_id) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_BOOT_COUNT, info->boot_count) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_FORK_COUNT, info->fork_count) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_UPTIME_MS, ktime_to_ms(ktime_get_boottime())) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_KEY_COUNT, info->key_count) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_HSM_GENERATION, info->generation) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_FAULTS, zkhsm_faults()) ||
	    nla_put_string(skb, ZKHSM_A_HSM_DRIVER, zkhsm_netlink_driver()) ||
	    nla_put_u32(skb, ZKHSM_A_HSM_NONCES, zkhsm_outstanding_count()))
		return -EMSGSIZE;
	return info->present ? fill_identity(skb, info) : 0;
}

/* What there is only of a key that requires leases. */
static int fill_leases(struct sk_buff *skb, const struct zkhsm_key_info *info)
{
	if (!info->leases_needed)
		return 0;
	return nla_put_u32(skb, ZKHSM_A_KEY_LEASES_NEEDED, info->leases_needed) ?:
	       nla_put_u32(skb, ZKHSM_A_KEY_LEASES_GRANTED, info->leases_granted) ?:
	       zkhsm_nl_put_u64(skb, ZKHSM_A_KEY_WORKS_UNTIL_MS, info->works_until_ms) ?:
	       zkhsm_nl_put_u64(skb, ZKHSM_A_KEY_UNLEASED_USES, info->unleased_uses);
}

int zkhsm_nl_fill_key(struct sk_buff *skb, const struct zkhsm_key_info *info)
{
	bool stopped = info->state == ZKHSM_KEY_STATE_HELD ||
		       info->state == ZKHSM_KEY_STATE_COMPROMISED;

	if (nla_put_string(skb, ZKHSM_A_KEY_ID, info->id) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_TYPE, ZKHSM_KEY_TYPE_EC_P256) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_ORIGIN, info->origin) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_STATE, info->state) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_USAGE, info->usage) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_FLAGS, info->flags) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_KEY_CREATED_MS, info->created_ms) ||
	    nla_put(skb, ZKHSM_A_KEY_PUBLIC, sizeof(info->pub), info->pub) ||
	    nla_put(skb, ZKHSM_A_KEY_ELEMENT, sizeof(info->element), info->element) ||
	    nla_put_u32(skb, ZKHSM_A_KEY_OWNER_UID, from_kuid_munged(&init_user_ns, info->owner)) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_KEY_USES, info->uses))
		return -EMSGSIZE;
	if (stopped && nla_put_u32(skb, ZKHSM_A_KEY_REASON, info->reason))
		return -EMSGSIZE;
	return fill_leases(skb, info);
}

int zkhsm_nl_fill_manager(struct sk_buff *skb, const struct zkhsm_manager_info *info)
{
	if (nla_put(skb, ZKHSM_A_MANAGER_MANAGER_ID, sizeof(info->id), info->id) ||
	    nla_put(skb, ZKHSM_A_MANAGER_PUBLIC, sizeof(info->pub), info->pub) ||
	    nla_put_string(skb, ZKHSM_A_MANAGER_LABEL, info->label) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_MANAGER_LAST_NUMBER, info->last_number) ||
	    nla_put(skb, ZKHSM_A_MANAGER_LAST_DIGEST, sizeof(info->last_digest),
		    info->last_digest) ||
	    nla_put_u32(skb, ZKHSM_A_MANAGER_TOMBSTONES, info->tombstones))
		return -EMSGSIZE;
	return info->waiting ? nla_put(skb, ZKHSM_A_MANAGER_PENDING, sizeof(info->pending),
				       info->pending) : 0;
}

int zkhsm_nl_fill_evidence(struct sk_buff *skb, const struct zkhsm_evidence *ev)
{
	if (nla_put(skb, ZKHSM_A_EVIDENCE_EVIDENCE, ev->len, ev->bytes) ||
	    nla_put(skb, ZKHSM_A_EVIDENCE_ANNOUNCEMENT, sizeof(ev->announcement),
		    ev->announcement) ||
	    nla_put(skb, ZKHSM_A_EVIDENCE_LIST_DIGEST, sizeof(ev->list_digest), ev->list_digest) ||
	    nla_put(skb, ZKHSM_A_EVIDENCE_CONFIGURATION_DIGEST, sizeof(ev->config_digest),
		    ev->config_digest) ||
	    nla_put_u32(skb, ZKHSM_A_EVIDENCE_NUMBER, ev->number))
		return -EMSGSIZE;
	return 0;
}

/* What is told of a list before its bytes. */
int zkhsm_nl_fill_list(struct sk_buff *skb, const struct zkhsm_list *list)
{
	if (nla_put(skb, ZKHSM_A_LIST_DIGEST, sizeof(list->digest), list->digest) ||
	    nla_put_u32(skb, ZKHSM_A_LIST_LENGTH, list->len) ||
	    nla_put_u32(skb, ZKHSM_A_LIST_COUNT, list->count))
		return -EMSGSIZE;
	return 0;
}

static int fill_outcome(struct sk_buff *skb, const struct zkhsm_order_result *res)
{
	if (nla_put_u32(skb, ZKHSM_A_ORDER_OUTCOME, res->outcome))
		return -EMSGSIZE;
	if (res->outcome == ZKHSM_ORDER_OUTCOME_VOID)
		return nla_put_u32(skb, ZKHSM_A_ORDER_REASON, res->reason);
	if (res->outcome == ZKHSM_ORDER_OUTCOME_WITHDRAWN)
		return 0;
	return nla_put_u32(skb, ZKHSM_A_ORDER_VOTES, res->votes) ?:
	       nla_put_u32(skb, ZKHSM_A_ORDER_NEEDED, res->needed);
}

int zkhsm_nl_fill_order(struct sk_buff *skb, const struct zkhsm_order_result *res)
{
	if (nla_put(skb, ZKHSM_A_ORDER_MANAGER_ID, sizeof(res->manager_id), res->manager_id) ||
	    nla_put_u32(skb, ZKHSM_A_ORDER_TYPE, res->type) ||
	    zkhsm_nl_put_u64(skb, ZKHSM_A_ORDER_NUMBER, res->number) ||
	    nla_put_u32(skb, ZKHSM_A_ORDER_IN_TURN, res->in_turn) ||
	    nla_put_u32(skb, ZKHSM_A_ORDER_KEYS_CHANGED, res->change_count) ||
	    nla_put_u32(skb, ZKHSM_A_ORDER_TOMBSTONES, res->tombstones) ||
	    nla_put_u32(skb, ZKHSM_A_ORDER_DROPPED, res->dropped))
		return -EMSGSIZE;
	if (res->type == ZKHSM_ORDER_TYPE_LEASE)
		return zkhsm_nl_put_u64(skb, ZKHSM_A_ORDER_EXPIRES_MS, res->expires_ms);
	if (res->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		return fill_outcome(skb, res);
	return 0;
}
