// SPDX-License-Identifier: GPL-2.0
/*
 * The attributes of the kernel's answers: their names, as the spec has them,
 * and strict getters.
 */
#include "nl_private.h"

static const char *const hsm_names[ZKHSM_A_HSM_MAX + 1] = {
	[ZKHSM_A_HSM_HSM_ID] = "hsm-id",
	[ZKHSM_A_HSM_QUORUM] = "quorum",
	[ZKHSM_A_HSM_STOP] = "stop",
	[ZKHSM_A_HSM_WIPE] = "wipe",
	[ZKHSM_A_HSM_ENFORCE_GRACE_MS] = "enforce-grace-ms",
	[ZKHSM_A_HSM_MAX_TTL_MS] = "max-ttl-ms",
	[ZKHSM_A_HSM_AGENT_UID] = "agent-uid",
	[ZKHSM_A_HSM_KEK_CLASS] = "kek-class",
	[ZKHSM_A_HSM_KEYRING_SERIAL] = "keyring-serial",
	[ZKHSM_A_HSM_TPM_PCRS] = "tpm-pcrs",
	[ZKHSM_A_HSM_COUNTER_INDEX] = "counter-index",
};

static const char *const key_names[ZKHSM_A_KEY_MAX + 1] = {
	[ZKHSM_A_KEY_ID] = "id",
	[ZKHSM_A_KEY_TYPE] = "type",
	[ZKHSM_A_KEY_STATE] = "state",
	[ZKHSM_A_KEY_USAGE] = "usage",
	[ZKHSM_A_KEY_FLAGS] = "flags",
	[ZKHSM_A_KEY_OWNER_UID] = "owner-uid",
	[ZKHSM_A_KEY_KEYRING_SERIAL] = "keyring-serial",
	[ZKHSM_A_KEY_DIGEST] = "digest",
	[ZKHSM_A_KEY_GRANT] = "grant",
	[ZKHSM_A_KEY_CLIENT_SIGNATURE] = "client-signature",
};

static const char *const proof_names[ZKHSM_A_PROOF_MAX + 1] = {
	[ZKHSM_A_PROOF_ID] = "id",
	[ZKHSM_A_PROOF_USER_ID] = "user-id",
	[ZKHSM_A_PROOF_OTHER_INFO] = "other-info",
	[ZKHSM_A_PROOF_GRANT] = "grant",
	[ZKHSM_A_PROOF_CLIENT_SIGNATURE] = "client-signature",
};

static const char *const evidence_names[ZKHSM_A_EVIDENCE_MAX + 1] = {
	[ZKHSM_A_EVIDENCE_CHALLENGE] = "challenge",
	[ZKHSM_A_EVIDENCE_LIST_DIGEST] = "list-digest",
	[ZKHSM_A_EVIDENCE_OFFLINE] = "offline",
};

static const char *const list_names[ZKHSM_A_LIST_MAX + 1] = {
	[ZKHSM_A_LIST_DIGEST] = "digest",
};

static const char *const manager_names[ZKHSM_A_MANAGER_MAX + 1] = {
	[ZKHSM_A_MANAGER_MANAGER_ID] = "manager-id",
	[ZKHSM_A_MANAGER_PUBLIC] = "public",
	[ZKHSM_A_MANAGER_LABEL] = "label",
};

static const char *const order_names[ZKHSM_A_ORDER_MAX + 1] = {
	[ZKHSM_A_ORDER_ORDER] = "order",
};

static const char *const seal_names[ZKHSM_A_SEAL_MAX + 1] = {
	[ZKHSM_A_SEAL_SEQUENCE] = "sequence",
	[ZKHSM_A_SEAL_RECORD] = "record",
	[ZKHSM_A_SEAL_HEAD] = "head",
	[ZKHSM_A_SEAL_FULL] = "full",
	[ZKHSM_A_SEAL_REKEY] = "rekey",
	[ZKHSM_A_SEAL_KEYRING_SERIAL] = "keyring-serial",
	[ZKHSM_A_SEAL_KEK_BLOB] = "kek-blob",
	[ZKHSM_A_SEAL_FINISH] = "finish",
};

static const char *const share_names[ZKHSM_A_SHARE_MAX + 1] = {
	[ZKHSM_A_SHARE_KEYRING_SERIAL] = "keyring-serial",
	[ZKHSM_A_SHARE_KEK_ID] = "kek-id",
};

static const char *const lease_names[ZKHSM_A_LEASE_MAX + 1] = {
	[ZKHSM_A_LEASE_MANAGER_ID] = "manager-id",
};

const struct zkhsm_nl_set zkhsm_nl_hsm = { ZKHSM_A_HSM_MAX, hsm_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_key = { ZKHSM_A_KEY_MAX, key_names, ZKHSM_A_KEY_LEASE };
const struct zkhsm_nl_set zkhsm_nl_proof = { ZKHSM_A_PROOF_MAX, proof_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_evidence = { ZKHSM_A_EVIDENCE_MAX, evidence_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_list = { ZKHSM_A_LIST_MAX, list_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_manager = { ZKHSM_A_MANAGER_MAX, manager_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_order = { ZKHSM_A_ORDER_MAX, order_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_seal = { ZKHSM_A_SEAL_MAX, seal_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_share = { ZKHSM_A_SHARE_MAX, share_names, 0 };
const struct zkhsm_nl_set zkhsm_nl_lease = { ZKHSM_A_LEASE_MAX, lease_names, 0 };

int zkhsm_nl_bytes(const struct nlattr *a, void *out, size_t len)
{
	if (!a || (size_t)nla_len(a) != len)
		return -EPROTO;
	memcpy(out, nla_data(a), len);
	return 0;
}

int zkhsm_nl_u32(const struct nlattr *a, uint32_t *out)
{
	return zkhsm_nl_bytes(a, out, sizeof(*out));
}

int zkhsm_nl_u64(const struct nlattr *a, uint64_t *out)
{
	return zkhsm_nl_bytes(a, out, sizeof(*out));
}

int zkhsm_nl_string(const struct nlattr *a, char *out, size_t size)
{
	size_t len = a ? (size_t)nla_len(a) : 0;

	if (!len || len > size || ((const char *)nla_data(a))[len - 1])
		return -EPROTO;
	memcpy(out, nla_data(a), len);
	return 0;
}

int zkhsm_nl_binary(const struct nlattr *a, void *out, size_t size, size_t *len)
{
	if (!a || (size_t)nla_len(a) > size)
		return -EPROTO;
	*len = (size_t)nla_len(a);
	memcpy(out, nla_data(a), *len);
	return 0;
}
