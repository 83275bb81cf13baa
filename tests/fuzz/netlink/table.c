// SPDX-License-Identifier: GPL-2.0
/* Written by gen-table from Documentation/netlink/specs/zkhsm.yaml. */
#include <errno.h>
#include <linux/zkhsm.h>

#include "table.h"

static const struct nlf_attr hsm_attrs[] = {
	[1] = { "hsm-id", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[2] = { "identity", NLF_BINARY, ZKHSM_POINT_LEN, ZKHSM_POINT_LEN },
	[3] = { "module-version", NLF_U32, 0, 0 },
	[4] = { "features", NLF_U64, 0, 0 },
	[5] = { "instance-id", NLF_BINARY, ZKHSM_INSTANCE_ID_LEN, ZKHSM_INSTANCE_ID_LEN },
	[6] = { "boot-count", NLF_U32, 0, 0 },
	[7] = { "fork-count", NLF_U32, 0, 0 },
	[8] = { "uptime-ms", NLF_U64, 0, 0 },
	[9] = { "key-count", NLF_U32, 0, 0 },
	[10] = { "generation", NLF_U64, 0, 0 },
	[11] = { "flags", NLF_U32, 0, 0 },
	[12] = { "quorum", NLF_U32, 1, ZKHSM_MANAGERS_MAX },
	[13] = { "stop", NLF_U32, 1, ZKHSM_MANAGERS_MAX },
	[14] = { "wipe", NLF_U32, 1, ZKHSM_MANAGERS_MAX },
	[15] = { "enforce-grace-ms", NLF_U64, 0, 0 },
	[16] = { "max-ttl-ms", NLF_U64, 0, 0 },
	[17] = { "agent-uid", NLF_U32, 0, 0 },
	[18] = { "faults", NLF_U32, 0, 0 },
	[19] = { "driver", NLF_STRING, 1, 64 },
	[20] = { "configuration", NLF_BINARY, 32, 1072 },
	[21] = { "list-digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[22] = { "nonces", NLF_U32, 0, 0 },
	[23] = { "event", NLF_U32, 0, 9 },
};

static const struct nlf_attr key_attrs[] = {
	[1] = { "id", NLF_STRING, 1, ZKHSM_ID_MAX_LEN },
	[2] = { "type", NLF_U32, 0, 2 },
	[3] = { "origin", NLF_U32, 0, 3 },
	[4] = { "state", NLF_U32, 0, 5 },
	[5] = { "usage", NLF_U32, 0, 0 },
	[6] = { "flags", NLF_U32, 0, 0 },
	[7] = { "created-ms", NLF_U64, 0, 0 },
	[8] = { "public", NLF_BINARY, ZKHSM_POINT_LEN, ZKHSM_POINT_LEN },
	[9] = { "element", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[10] = { "owner-uid", NLF_U32, 0, 0 },
	[11] = { "keyring-serial", NLF_U32, 0, 0 },
	[12] = { "reason", NLF_U32, 0, 10 },
	[13] = { "uses", NLF_U64, 0, 0 },
	[14] = { "digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[15] = { "signature", NLF_BINARY, ZKHSM_SIGNATURE_LEN, ZKHSM_SIGNATURE_LEN },
	[16] = { "event", NLF_U32, 0, 9 },
};

static const struct nlf_attr proof_attrs[] = {
	[1] = { "id", NLF_STRING, 1, ZKHSM_ID_MAX_LEN },
	[2] = { "user-id", NLF_BINARY, 1, ZKHSM_USER_ID_MAX_LEN },
	[3] = { "other-info", NLF_BINARY, 0, ZKHSM_OTHER_INFO_MAX_LEN },
	[4] = { "public", NLF_BINARY, ZKHSM_POINT_LEN, ZKHSM_POINT_LEN },
	[5] = { "proof", NLF_BINARY, ZKHSM_PROOF_LEN, ZKHSM_PROOF_LEN },
};

static const struct nlf_attr challenge_attrs[] = {
	[1] = { "manager-id", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[2] = { "nonce", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
};

static const struct nlf_attr evidence_attrs[] = {
	[1] = { "challenge", NLF_NEST, 0, 0 },
	[2] = { "list-digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[3] = { "evidence", NLF_BINARY, 1, ZKHSM_EVIDENCE_MAX_LEN },
	[4] = { "announcement", NLF_BINARY, 145, 145 },
	[5] = { "number", NLF_U32, 0, 0 },
	[6] = { "configuration-digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[7] = { "event", NLF_U32, 0, 9 },
};

static const struct nlf_attr list_attrs[] = {
	[1] = { "digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[2] = { "length", NLF_U32, 0, 0 },
	[3] = { "count", NLF_U32, 0, 0 },
	[4] = { "offset", NLF_U32, 0, 0 },
	[5] = { "chunk", NLF_BINARY, 1, UINT16_MAX },
	[6] = { "announcement", NLF_BINARY, 145, 145 },
};

static const struct nlf_attr manager_attrs[] = {
	[1] = { "manager-id", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[2] = { "public", NLF_BINARY, ZKHSM_POINT_LEN, ZKHSM_POINT_LEN },
	[3] = { "label", NLF_STRING, 0, ZKHSM_LABEL_MAX_LEN },
	[4] = { "last-number", NLF_U64, 0, 0 },
	[5] = { "last-digest", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[6] = { "tombstones", NLF_U32, 0, 0 },
	[7] = { "event", NLF_U32, 0, 9 },
};

static const struct nlf_attr order_attrs[] = {
	[1] = { "order", NLF_BINARY, 1, ZKHSM_ORDER_MAX_LEN },
	[2] = { "manager-id", NLF_BINARY, ZKHSM_HASH_LEN, ZKHSM_HASH_LEN },
	[3] = { "type", NLF_U32, 16, 22 },
	[4] = { "number", NLF_U64, 0, 0 },
	[5] = { "in-turn", NLF_U32, 0, 0 },
	[6] = { "keys-changed", NLF_U32, 0, 0 },
	[7] = { "tombstones", NLF_U32, 0, 0 },
	[8] = { "dropped", NLF_U32, 0, 0 },
};

const struct nlf_attr *const nlf_sets[NLF_SETS] = {
	[NLF_HSM] = hsm_attrs,
	[NLF_KEY] = key_attrs,
	[NLF_PROOF] = proof_attrs,
	[NLF_CHALLENGE] = challenge_attrs,
	[NLF_EVIDENCE] = evidence_attrs,
	[NLF_LIST] = list_attrs,
	[NLF_MANAGER] = manager_attrs,
	[NLF_ORDER] = order_attrs,
};

const uint8_t nlf_set_max[NLF_SETS] = {
	[NLF_HSM] = 23,
	[NLF_KEY] = 16,
	[NLF_PROOF] = 5,
	[NLF_CHALLENGE] = 2,
	[NLF_EVIDENCE] = 7,
	[NLF_LIST] = 6,
	[NLF_MANAGER] = 7,
	[NLF_ORDER] = 8,
};

const struct nlf_cmd nlf_commands[NLF_COMMANDS] = {
	[1] = {
		"hsm-new", NLF_ADMIN,
		NLF_HSM, true, false, true,
		0x27000, 0x7ffffe, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[2] = {
		"hsm-get", NLF_PUBLIC,
		NLF_HSM, true, false, true,
		0x2, 0x7ffffe, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[3] = {
		"hsm-set", NLF_ADMIN,
		NLF_HSM, true, false, true,
		0x27000, 0x7ffffe, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[4] = {
		"hsm-lock", NLF_ADMIN,
		NLF_HSM, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[5] = {
		"hsm-seal", NLF_ADMIN,
		NLF_HSM, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[6] = {
		"hsm-unseal", NLF_ADMIN,
		NLF_HSM, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[7] = {
		"hsm-ntf", NLF_EVENT,
		NLF_HSM, false, false, false,
		0x0, 0x8404a2, 0x0,
		0x0,
		hsm_attrs, 23,
	},
	[8] = {
		"key-new", NLF_ADMIN,
		NLF_KEY, true, false, true,
		0xc76, 0x37fe, 0x0,
		0x0,
		key_attrs, 16,
	},
	[9] = {
		"key-get", NLF_OWNER,
		NLF_KEY, true, true, true,
		0x2, 0x37fe, 0x37fe,
		0x0,
		key_attrs, 16,
	},
	[10] = {
		"key-set", NLF_OWNER,
		NLF_KEY, true, false, true,
		0x472, 0x37fe, 0x0,
		0x0,
		key_attrs, 16,
	},
	[11] = {
		"key-del", NLF_OWNER,
		NLF_KEY, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		key_attrs, 16,
	},
	[12] = {
		"key-sign", NLF_OWNER,
		NLF_KEY, true, false, true,
		0x4002, 0x8102, 0x0,
		0x0,
		key_attrs, 16,
	},
	[13] = {
		"key-mac", NLF_OWNER,
		NLF_KEY, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		key_attrs, 16,
	},
	[14] = {
		"key-derive", NLF_OWNER,
		NLF_KEY, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		key_attrs, 16,
	},
	[15] = {
		"key-ntf", NLF_EVENT,
		NLF_KEY, false, false, false,
		0x0, 0x137fe, 0x0,
		0x0,
		key_attrs, 16,
	},
	[16] = {
		"proof-get", NLF_OWNER,
		NLF_PROOF, true, false, true,
		0xe, 0x32, 0x0,
		0x0,
		proof_attrs, 5,
	},
	[17] = {
		"evidence-get", NLF_AGENT,
		NLF_EVIDENCE, true, false, true,
		0x6, 0x7c, 0x0,
		0x0,
		evidence_attrs, 7,
	},
	[18] = {
		"evidence-ntf", NLF_EVENT,
		NLF_EVIDENCE, false, false, false,
		0x0, 0xa4, 0x0,
		0x0,
		evidence_attrs, 7,
	},
	[19] = {
		"list-get", NLF_AGENT,
		NLF_LIST, true, true, true,
		0x2, 0x4e, 0x3e,
		0x2,
		list_attrs, 6,
	},
	[20] = {
		"trust-new", NLF_ADMIN,
		NLF_MANAGER, true, false, true,
		0xc, 0x7e, 0x0,
		0x0,
		manager_attrs, 7,
	},
	[21] = {
		"trust-get", NLF_AGENT,
		NLF_MANAGER, true, true, true,
		0x2, 0x7e, 0x7e,
		0x0,
		manager_attrs, 7,
	},
	[22] = {
		"trust-del", NLF_ADMIN,
		NLF_MANAGER, true, false, false,
		0x2, 0x0, 0x0,
		0x0,
		manager_attrs, 7,
	},
	[23] = {
		"trust-ntf", NLF_EVENT,
		NLF_MANAGER, false, false, false,
		0x0, 0x9e, 0x0,
		0x0,
		manager_attrs, 7,
	},
	[24] = {
		"order-apply", NLF_AGENT,
		NLF_ORDER, true, false, true,
		0x2, 0x1fc, 0x0,
		0x0,
		order_attrs, 8,
	},
};

const struct nlf_reason nlf_reasons[] = {
	{ "unspec", 0 },
	{ "no-identity", ENOKEY },
	{ "identity-exists", EEXIST },
	{ "no-such-key", ENOKEY },
	{ "id-exists", EEXIST },
	{ "element-exists", EEXIST },
	{ "bad-id", EINVAL },
	{ "not-admin", EPERM },
	{ "not-owner", EACCES },
	{ "not-agent", EACCES },
	{ "usage", EACCES },
	{ "state", EACCES },
	{ "held", EACCES },
	{ "revoked", EKEYREVOKED },
	{ "widening", EPERM },
	{ "keyring", 0 },
	{ "secret-range", EINVAL },
	{ "full", ENOSPC },
	{ "nonces-outstanding", EBUSY },
	{ "rate", EAGAIN },
	{ "list-moved", EAGAIN },
	{ "not-pinned", ENOKEY },
	{ "repeated", EINVAL },
	{ "already-pinned", EEXIST },
	{ "malformed", EBADMSG },
	{ "other-hsm", EKEYREJECTED },
	{ "signature", EKEYREJECTED },
	{ "replay", EALREADY },
	{ "out-of-turn", EAGAIN },
	{ "reserved-input", EINVAL },
	{ "fault", EIO },
	{ "unknown-flag", EOPNOTSUPP },
	{ "not-supported", EOPNOTSUPP },
	{ "length", EINVAL },
	{ "missing", EINVAL },
	{ "config", EINVAL },
	{ "hibernation", 0 },
	{ "locked", EPERM },
};

const uint32_t nlf_reason_count = 38;
