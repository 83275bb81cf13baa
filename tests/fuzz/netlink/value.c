// SPDX-License-Identifier: GPL-2.0
/*
 * Values of attributes: the valid ones, and those at which a program may be
 * wrong: 0, 1, the largest, one beside, and the id of something else.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "../../selftests/hsm.h"
#include "nlf.h"

/* A prefix of another, one of the greatest length, one of the least. */
static const char *const names[KEYS] = {
	"k00", "k01", "k02", "k03", "k04", "k", "k0", "k00.", "Z-9_@.x",
	"0123456789012345678901234567890123456789012345678901234567890123", "zzz", "7",
};

static const char *const bad_names[] = {
	"", ".k", "-k", "_", "k 0", "k/0", "../../etc", "k\n", "k\x7f", "k\xc3\xa9", "%n%s%p",
	"01234567890123456789012345678901234567890123456789012345678901234",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

const char *key_slot_name(unsigned int slot)
{
	return names[slot % KEYS];
}

int key_slot_find(const char *name)
{
	int i;

	for (i = 0; i < KEYS; i++)
		if (!strcmp(names[i], name))
			return i;
	return -1;
}

unsigned int manager_slot(uint8_t arg)
{
	return arg < 176 ? arg % PINNED : arg % MANAGERS;
}

static size_t put(uint8_t *out, const void *data, size_t len)
{
	memcpy(out, data, len);
	return len;
}

static size_t put_u32(uint8_t *out, uint32_t v)
{
	return put(out, &v, sizeof(v));
}

static size_t fill(uint8_t *out, size_t len, uint8_t seed)
{
	size_t i;

	for (i = 0; i < len; i++)
		out[i] = (uint8_t)(seed + i * 7);
	return len;
}

/* With the NUL that strings have; some have more behind it, or none. */
static size_t string(const char *text, uint8_t sel, uint8_t *out)
{
	size_t len = put(out, text, strlen(text) + 1);

	if (sel >= 248)
		len += put(out + len, "x", 2);
	else if (sel >= 240)
		len--;
	return len;
}

static size_t id(uint8_t sel, uint8_t arg, uint8_t *out)
{
	if (sel >= 128 && sel < 200)
		return string(bad_names[arg % COUNT(bad_names)], 0, out);
	return string(names[arg % KEYS], sel, out);
}

static size_t label(uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const char *const labels[] = {
		"", "label", "l\xc3\xa9", "line\nbreak", "\x1b[2J", "\x7f",
		"0123456789012345678901234567890123456789012345678901234567890123",
		"01234567890123456789012345678901234567890123456789012345678901234",
	};

	return string(labels[sel < 128 ? arg % 3 : arg % COUNT(labels)], sel, out);
}

/* A quorum, type, state, usage: small, mostly; else a bit or a border. */
static size_t small(uint8_t sel, uint8_t arg, uint32_t valid, uint8_t *out)
{
	static const uint32_t special[] = { 0, 1, 2, 3, 4, 5, 6, 7, 8, 15, 16, 17, 255, 256,
					    65535, 65536, INT32_MAX, 0x80000000, UINT32_MAX - 1,
					    UINT32_MAX };

	if (sel < 128)
		return put_u32(out, valid);
	if (sel < 192)
		return put_u32(out, 1u << arg % 32);
	return put_u32(out, special[arg % COUNT(special)]);
}

static size_t uid(uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint32_t users[] = { 0, UID_OWNER, UID_AGENT, UID_OWNER, UID_AGENT,
					  UID_OTHER, 65534, INT32_MAX, UINT32_MAX - 1, UINT32_MAX };

	return put_u32(out, users[sel < 128 ? arg % 5 : arg % COUNT(users)]);
}

/* 32 bytes that name something; special ones name something else, or nothing. */
static size_t hash(const uint8_t *valid, uint8_t sel, uint8_t arg, uint8_t *out)
{
	if (sel < 128)
		return put(out, valid, 32);
	switch (sel % 6) {
	case 0:
		return put(out, world->hsm_id, 32);
	case 1:
		return put(out, fixed.manager[arg % MANAGERS].id, 32);
	case 2:
		return put(out, world->key[arg % KEYS].element, 32);
	case 3:
		return put(out, world->digest[arg % DIGESTS], 32);
	case 4:
		return fill(out, 32, arg);
	default:
		memset(out, arg & 1 ? 0xff : 0, 32);
		return 32;
	}
}

/* A manager's key; special ones are of something else, or of nothing. */
static size_t point(uint8_t sel, uint8_t arg, uint8_t *out)
{
	size_t len = put(out, fixed.manager[arg % MANAGERS].public, 65);

	if (sel < 128)
		return len;
	switch (sel % 8) {
	case 0:
		put(out, world->identity, 65);
		break;
	case 1:
		put(out, world->key[arg % KEYS].public, 65);
		break;
	case 2:
		put(out, fixed.secret_public[arg % SECRETS], 65);
		break;
	case 3:		/* off the curve */
		out[64] ^= 1;
		break;
	case 4:		/* of another form, or another type of it */
		out[0] = arg;
		break;
	case 5:		/* x not below p */
		memset(out + 1, 0xff, 32);
		break;
	case 6:
		memset(out + 1, 0, 64);
		break;
	default:
		out[0] = 2 + (out[64] & 1);
		return 33;
	}
	return len;
}

static size_t user_id(uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 2, 31, 32, 33, 254, 255, 256, 257, 4096, 65000 };

	if (sel < 128)
		return fill(out, 1 + arg % 31, arg);
	return fill(out, lengths[arg % COUNT(lengths)], arg);
}

static size_t other_info(uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 4, 5, 1023, 1024, 1025, 4096, 65000 };
	size_t len;

	if (sel < 128)
		return fill(out, arg, arg);
	len = fill(out, lengths[arg % COUNT(lengths)], arg);
	if (sel >= 224)
		memcpy(out, "ZKHSM", len < 5 ? len : 5);
	return len;
}

static size_t challenge(uint8_t sel, uint8_t arg, uint8_t *out)
{
	struct {
		struct nlattr head;
		uint8_t bytes[32];
	} a[2] = { { .head = { 36, ZKHSM_A_CHALLENGE_MANAGER_ID } },
		   { .head = { 36, ZKHSM_A_CHALLENGE_NONCE } } };
	unsigned int first = 0, n = 2;
	size_t len;

	hash(fixed.manager[manager_slot(arg)].id, sel >= 248 ? sel : 0, arg, a[0].bytes);
	fill(a[1].bytes, 32, arg ^ sel);
	if (sel >= 224 && sel < 248) {
		switch (sel % 6) {
		case 0:
			n = 1;
			break;
		case 1:
			first = 1;
			n = 1;
			break;
		case 2:
			a[1].head.nla_len--;
			break;
		case 3:
			a[1].head.nla_len += arg;
			break;
		case 4:
			a[1].head.nla_type = arg;
			break;
		default:
			n = 0;
		}
	}
	len = put(out, a + first, n * sizeof(a[0]));
	return sel == 223 && len ? len - 1 : len;
}

static size_t order(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 8, 80, 83, 147, 40959, 40960, 40961, 65000 };
	size_t len = order_build(s, out), wanted;

	if (sel < 216)
		return len;
	wanted = lengths[arg % COUNT(lengths)];
	if (wanted > len)
		fill(out + len, wanted - len, arg);
	return wanted;
}

static size_t grant(const struct nlf_step *s, uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 319, 321, 65000 };

	return sel < 248 ? grant_build(s, out) : fill(out, lengths[arg % COUNT(lengths)], arg);
}

static size_t key_value(struct nlf_worker *w, const struct nlf_step *s, int attr, uint8_t sel, uint8_t arg,
			uint8_t *out)
{
	switch (attr) {
	case ZKHSM_A_KEY_ID:
		return id(sel, arg, out);
	case ZKHSM_A_KEY_TYPE:
		return small(sel, arg, 1, out);
	case ZKHSM_A_KEY_STATE:
		return small(sel, arg, arg & 1 ? ZKHSM_KEY_STATE_ACTIVE :
			     arg & 2 ? ZKHSM_KEY_STATE_PRE_ACTIVE : ZKHSM_KEY_STATE_DEACTIVATED,
			     out);
	case ZKHSM_A_KEY_USAGE:
		return small(sel, arg, arg & 15 ? 3 : arg >> 4 & 3, out);
	case ZKHSM_A_KEY_FLAGS:
		return small(sel, arg, (arg & 1) | ((arg & 6) == 6 ?
					ZKHSM_KEY_FLAG_LEASE_REQUIRED : 0) |
			     ((arg & 0x38) == 0x38 ? ZKHSM_KEY_FLAG_GRANT_REQUIRED : 0), out);
	case ZKHSM_A_KEY_OWNER_UID:
		return uid(sel, arg, out);
	case ZKHSM_A_KEY_KEYRING_SERIAL:
		return put_u32(out, sel < 200 ? (uint32_t)w->serial[arg % SERIALS] :
			       (uint32_t)(arg - 16));
	case ZKHSM_A_KEY_DIGEST:
		return hash(world->hsm_id, sel, arg, out);
	case ZKHSM_A_KEY_GRANT:
		return grant(s, sel, arg, out);
	case ZKHSM_A_KEY_CLIENT_SIGNATURE:
		return fill(out, 64, arg);
	}
	return fill(out, arg, arg);
}

static size_t proof_value(const struct nlf_step *s, int attr, uint8_t sel, uint8_t arg,
			  uint8_t *out)
{
	switch (attr) {
	case ZKHSM_A_PROOF_ID:
		return id(sel, arg, out);
	case ZKHSM_A_PROOF_USER_ID:
		return user_id(sel, arg, out);
	case ZKHSM_A_PROOF_GRANT:
		return grant(s, sel, arg, out);
	case ZKHSM_A_PROOF_CLIENT_SIGNATURE:
		return fill(out, 64, arg);
	}
	return other_info(sel, arg, out);
}

/* Of a KEK mostly, and mostly the first; otherwise of what is none. */
static size_t kek_serial(struct nlf_worker *w, uint8_t sel, uint8_t arg, uint8_t *out)
{
	if (sel < 128)
		return put_u32(out, (uint32_t)w->kek[arg < 192 ? 0 : arg % KEKS]);
	return put_u32(out, (uint32_t)(sel & 1 ? w->serial[arg % SERIALS] :
				       sel & 2 ? w->share[arg % SHARES] : arg - 16));
}

static size_t share_value(struct nlf_worker *w, int attr, uint8_t sel, uint8_t arg, uint8_t *out)
{
	if (attr == ZKHSM_A_SHARE_KEYRING_SERIAL)
		return sel < 128 ? put_u32(out, (uint32_t)w->share[arg % SHARES]) :
		       kek_serial(w, sel & 1 ? 0 : sel, arg, out);
	if (attr == ZKHSM_A_SHARE_KEK_ID)
		return sel < 128 ? put(out, fixed.kek_id[KEKS - 1 - arg % 2], 16) :
		       fill(out, sel & 1 ? 16 : arg, arg);
	return fill(out, arg, arg);
}

/* Of the last sealing that was given out, or beside it. */
static size_t sequence(uint8_t sel, uint8_t arg, uint8_t *out)
{
	uint64_t last = atomic_load(&world->sequence), special[] = { 0, 1, last - 1, last + 1,
								     last << 32, UINT64_MAX };

	return put(out, sel < 128 ? &last : &special[arg % COUNT(special)], sizeof(last));
}

static size_t seal_value(struct nlf_worker *w, const struct nlf_step *s, int attr, uint8_t sel,
			 uint8_t arg, uint8_t *out)
{
	static const uint16_t lengths[] = { 0, 1, 100, 1023, 1024, 1025, 60000 };

	switch (attr) {
	case ZKHSM_A_SEAL_SEQUENCE:
		return sequence(sel, arg, out);
	case ZKHSM_A_SEAL_HEAD:
		return kept_head(s, sel, arg, out);
	case ZKHSM_A_SEAL_RECORD:
		return kept_record(s, sel, arg, out);
	case ZKHSM_A_SEAL_KEYRING_SERIAL:
		if (sel < 128 && step_command(s) == ZKHSM_CMD_HSM_UNSEAL)
			return put_u32(out, (uint32_t)w->kek[world->kept[KEPT_NEW].kek]);
		return kek_serial(w, sel, arg, out);
	case ZKHSM_A_SEAL_FULL:
	case ZKHSM_A_SEAL_REKEY:
	case ZKHSM_A_SEAL_FINISH:
		return small(sel, arg, 1, out);
	case ZKHSM_A_SEAL_KEK_BLOB:
		return fill(out, sel < 128 ? arg : lengths[arg % COUNT(lengths)], arg);
	}
	return fill(out, arg, arg);
}

/* A grace, or a time to live: around their bounds, and short enough to end in a round. */
static size_t milliseconds(bool grace, uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint64_t graces[] = { 0, 1, 200, 60000, UINT64_MAX - 1, UINT64_MAX };
	static const uint64_t ttls[] = { 1000, 1001, 60000, 86400000, 2678399999, 2678400000 };
	static const uint64_t special[] = { 0, 1, 999, 2678400001, INT64_MAX, UINT64_MAX };

	return put(out, sel >= 128 ? &special[arg % COUNT(special)] :
		   grace ? &graces[arg % COUNT(graces)] : &ttls[arg % COUNT(ttls)],
		   sizeof(uint64_t));
}

static size_t hsm_value(struct nlf_worker *w, int attr, uint8_t sel, uint8_t arg, uint8_t *out)
{
	static const uint8_t classes[] = {
		ZKHSM_KEK_CLASS_KEYRING, ZKHSM_KEK_CLASS_KEYRING, ZKHSM_KEK_CLASS_KEYRING,
		ZKHSM_KEK_CLASS_SHARES, ZKHSM_KEK_CLASS_SHARES, ZKHSM_KEK_CLASS_TPM,
		ZKHSM_KEK_CLASS_UNSPEC,
	};

	switch (attr) {
	case ZKHSM_A_HSM_QUORUM:
	case ZKHSM_A_HSM_STOP:
		return small(sel, arg, 1 + arg % 2, out);
	case ZKHSM_A_HSM_WIPE:
		return small(sel, arg, 2 + arg % 3, out);
	case ZKHSM_A_HSM_ENFORCE_GRACE_MS:
	case ZKHSM_A_HSM_MAX_TTL_MS:
		return milliseconds(attr == ZKHSM_A_HSM_ENFORCE_GRACE_MS, sel, arg, out);
	case ZKHSM_A_HSM_AGENT_UID:
		return sel < 128 ? put_u32(out, UID_AGENT) : uid(sel, arg, out);
	case ZKHSM_A_HSM_HSM_ID:
		return hash(world->hsm_id, sel, arg, out);
	case ZKHSM_A_HSM_KEK_CLASS:
		return small(sel, arg, classes[arg % COUNT(classes)], out);
	case ZKHSM_A_HSM_KEYRING_SERIAL:
		return kek_serial(w, sel, arg, out);
	case ZKHSM_A_HSM_TPM_PCRS:
		return small(sel, arg, 1u << arg % 16, out);
	case ZKHSM_A_HSM_COUNTER_INDEX:
		return small(sel, arg, 0x01000000u + arg, out);
	}
	return fill(out, arg, arg);
}

size_t value_make(struct nlf_worker *w, const struct nlf_step *s, enum nlf_set set, int attr,
		  uint8_t sel, uint8_t arg, uint8_t *out)
{
	switch (set) {
	case NLF_HSM:
		return hsm_value(w, attr, sel, arg, out);
	case NLF_KEY:
		return key_value(w, s, attr, sel, arg, out);
	case NLF_PROOF:
		return proof_value(s, attr, sel, arg, out);
	case NLF_EVIDENCE:
		return attr == ZKHSM_A_EVIDENCE_CHALLENGE ? challenge(sel, arg, out) :
		       attr == ZKHSM_A_EVIDENCE_OFFLINE ? small(sel, arg, arg & 1, out) :
		       hash(world->digest[arg % DIGESTS], sel, arg, out);
	case NLF_LIST:
		return hash(world->digest[arg % DIGESTS], sel, arg, out);
	case NLF_MANAGER:
		return attr == ZKHSM_A_MANAGER_PUBLIC ? point(sel, arg, out) :
		       attr == ZKHSM_A_MANAGER_LABEL ? label(sel, arg, out) :
		       hash(fixed.manager[manager_slot(arg)].id, sel, arg, out);
	case NLF_ORDER:
		return order(s, sel, arg, out);
	case NLF_SEAL:
		return seal_value(w, s, attr, sel, arg, out);
	case NLF_LEASE:
		return hash(fixed.manager[manager_slot(arg)].id, sel, arg, out);
	case NLF_SHARE:
		return share_value(w, attr, sel, arg, out);
	default:
		return fill(out, arg, arg);
	}
}
