// SPDX-License-Identifier: GPL-2.0
/*
 * hsm-new, hsm-get, hsm-set, hsm-lock.
 */
#include "nl_private.h"

/* What is there before hsm-new, too. */
static int read_module(struct nlattr **tb, struct zkhsm_hsm_info *h)
{
	if (zkhsm_nl_u32(tb[ZKHSM_A_HSM_MODULE_VERSION], &h->module_version) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_FEATURES], &h->features) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_HSM_INSTANCE_ID], h->instance_id, 16) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_UPTIME_MS], &h->uptime_ms) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_FAULTS], &h->faults) ||
	    zkhsm_nl_string(tb[ZKHSM_A_HSM_DRIVER], h->driver, sizeof(h->driver)))
		return -EPROTO;
	return 0;
}

static int read_identity(struct nlattr **tb, struct zkhsm_hsm_info *h)
{
	if (zkhsm_nl_bytes(tb[ZKHSM_A_HSM_HSM_ID], h->hsm_id, 32) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_HSM_IDENTITY], h->identity, 65) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_BOOT_COUNT], &h->boot_count) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_FORK_COUNT], &h->fork_count) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_KEY_COUNT], &h->key_count) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_GENERATION], &h->generation) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_FLAGS], &h->flags) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_QUORUM], &h->quorum) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_STOP], &h->stop) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_WIPE], &h->wipe) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_ENFORCE_GRACE_MS], &h->enforce_grace_ms) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_MAX_TTL_MS], &h->max_ttl_ms) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_AGENT_UID], &h->agent_uid) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_NONCES], &h->nonces) ||
	    zkhsm_nl_binary(tb[ZKHSM_A_HSM_CONFIGURATION], h->configuration,
			    sizeof(h->configuration), &h->configuration_len))
		return -EPROTO;
	h->has_list_digest = !zkhsm_nl_bytes(tb[ZKHSM_A_HSM_LIST_DIGEST], h->list_digest, 32);
	return 0;
}

/* Only where there is a KEK; a module that cannot seal says nothing of it. */
static int read_kek(struct nlattr **tb, struct zkhsm_hsm_info *h)
{
	if (zkhsm_nl_u32(tb[ZKHSM_A_HSM_KEK_CLASS], &h->kek_class) || !h->kek_class)
		return 0;
	if (zkhsm_nl_bytes(tb[ZKHSM_A_HSM_KEK_ID], h->kek_id, sizeof(h->kek_id)) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_HSM_SEQUENCE], &h->sequence) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_UNSEALED], &h->unsealed))
		return -EPROTO;
	if (tb[ZKHSM_A_HSM_COUNTER_INDEX] &&
	    zkhsm_nl_u32(tb[ZKHSM_A_HSM_COUNTER_INDEX], &h->counter_index))
		return -EPROTO;
	return 0;
}

static int on_hsm(struct nlattr **tb, void *arg)
{
	struct zkhsm_hsm_info *h = arg;

	memset(h, 0, sizeof(*h));
	h->initialised = tb[ZKHSM_A_HSM_HSM_ID];
	if (read_module(tb, h))
		return -EPROTO;
	if (!h->initialised)
		return 0;
	return read_identity(tb, h) || read_kek(tb, h) ? -EPROTO : 0;
}

static int put_params(struct nl_msg *msg, const struct zkhsm_hsm_params *p)
{
	if ((p->quorum && nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, p->quorum)) ||
	    (p->stop && nla_put_u32(msg, ZKHSM_A_HSM_STOP, p->stop)) ||
	    (p->wipe && nla_put_u32(msg, ZKHSM_A_HSM_WIPE, p->wipe)) ||
	    (p->set_grace &&
	     nla_put_u64(msg, ZKHSM_A_HSM_ENFORCE_GRACE_MS, p->enforce_grace_ms)) ||
	    (p->max_ttl_ms && nla_put_u64(msg, ZKHSM_A_HSM_MAX_TTL_MS, p->max_ttl_ms)) ||
	    (p->set_agent && nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, p->agent_uid)))
		return -EMSGSIZE;
	return 0;
}

static int put_kek(struct nl_msg *msg, const struct zkhsm_hsm_params *p)
{
	if ((p->kek_class && nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, p->kek_class)) ||
	    (p->keyring_serial &&
	     nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)p->keyring_serial)) ||
	    (p->tpm_pcrs && nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, p->tpm_pcrs)) ||
	    (p->counter_index &&
	     nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, p->counter_index)))
		return -EMSGSIZE;
	return 0;
}

static int change(struct zkhsm_nl *nl, uint8_t cmd, const struct zkhsm_hsm_params *p,
		  struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, cmd, 0);

	if (msg && (put_params(msg, p) || put_kek(msg, p))) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_hsm, msg, on_hsm, out, err);
}

int zkhsm_hsm_new(struct zkhsm_nl *nl, const struct zkhsm_hsm_params *p,
		  struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	return change(nl, ZKHSM_CMD_HSM_NEW, p, out, err);
}

int zkhsm_hsm_set(struct zkhsm_nl *nl, const struct zkhsm_hsm_params *p,
		  struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	return change(nl, ZKHSM_CMD_HSM_SET, p, out, err);
}

int zkhsm_hsm_get(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_hsm, zkhsm_nl_request(nl, ZKHSM_CMD_HSM_GET, 0),
			     on_hsm, out, err);
}

int zkhsm_hsm_lock(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_hsm, zkhsm_nl_request(nl, ZKHSM_CMD_HSM_LOCK, 0),
			     on_hsm, out, err);
}
