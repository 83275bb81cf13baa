// SPDX-License-Identifier: GPL-2.0
/*
 * Errors for people, and the spec's names of its numbers.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib_private.h"

/**
 * zkhsm_error_set() - record why something failed
 * @err: where to, or NULL
 * @code: negative errno
 * @format: a sentence without a full stop; cut when it does not fit
 *
 * Mostly through zkhsm_fail(), a macro, so that static analysis sees that what
 * has failed is not zero.
 */
void zkhsm_error_set(struct zkhsm_error *err, int code, const char *format, ...)
{
	va_list ap;
	char *p;

	if (err) {
		err->code = code;
		err->reason = 0;
		err->offset = 0;
		va_start(ap, format);
		vsnprintf(err->text, sizeof(err->text), format, ap);
		va_end(ap);
		/* Parts come from servers and files, and go to terminals and logs. */
		for (p = err->text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				*p = '?';
	}
}

#define NAME_OF(table, value) \
	((value) < ARRAY_SIZE(table) ? (table)[value] : NULL)

static const char *const reasons[] = {
	[ZKHSM_REASON_NO_IDENTITY] = "no-identity",
	[ZKHSM_REASON_IDENTITY_EXISTS] = "identity-exists",
	[ZKHSM_REASON_NO_SUCH_KEY] = "no-such-key",
	[ZKHSM_REASON_ID_EXISTS] = "id-exists",
	[ZKHSM_REASON_ELEMENT_EXISTS] = "element-exists",
	[ZKHSM_REASON_BAD_ID] = "bad-id",
	[ZKHSM_REASON_NOT_ADMIN] = "not-admin",
	[ZKHSM_REASON_NOT_OWNER] = "not-owner",
	[ZKHSM_REASON_NOT_AGENT] = "not-agent",
	[ZKHSM_REASON_USAGE] = "usage",
	[ZKHSM_REASON_STATE] = "state",
	[ZKHSM_REASON_HELD] = "held",
	[ZKHSM_REASON_REVOKED] = "revoked",
	[ZKHSM_REASON_WIDENING] = "widening",
	[ZKHSM_REASON_KEYRING] = "keyring",
	[ZKHSM_REASON_SECRET_RANGE] = "secret-range",
	[ZKHSM_REASON_FULL] = "full",
	[ZKHSM_REASON_NONCES_OUTSTANDING] = "nonces-outstanding",
	[ZKHSM_REASON_RATE] = "rate",
	[ZKHSM_REASON_LIST_MOVED] = "list-moved",
	[ZKHSM_REASON_NOT_PINNED] = "not-pinned",
	[ZKHSM_REASON_REPEATED] = "repeated",
	[ZKHSM_REASON_ALREADY_PINNED] = "already-pinned",
	[ZKHSM_REASON_MALFORMED] = "malformed",
	[ZKHSM_REASON_OTHER_HSM] = "other-hsm",
	[ZKHSM_REASON_SIGNATURE] = "signature",
	[ZKHSM_REASON_REPLAY] = "replay",
	[ZKHSM_REASON_OUT_OF_TURN] = "out-of-turn",
	[ZKHSM_REASON_RESERVED_INPUT] = "reserved-input",
	[ZKHSM_REASON_FAULT] = "fault",
	[ZKHSM_REASON_UNKNOWN_FLAG] = "unknown-flag",
	[ZKHSM_REASON_NOT_SUPPORTED] = "not-supported",
	[ZKHSM_REASON_LENGTH] = "length",
	[ZKHSM_REASON_MISSING] = "missing",
	[ZKHSM_REASON_CONFIG] = "config",
	[ZKHSM_REASON_HIBERNATION] = "hibernation",
	[ZKHSM_REASON_LOCKED] = "locked",
	[ZKHSM_REASON_NO_KEK] = "no-kek",
	[ZKHSM_REASON_OTHER_KEK] = "other-kek",
	[ZKHSM_REASON_AUTHENTICATION] = "authentication",
	[ZKHSM_REASON_RECORD_NEWER] = "record-newer",
	[ZKHSM_REASON_RECORD_OLDER] = "record-older",
	[ZKHSM_REASON_RECORDS_MISSING] = "records-missing",
	[ZKHSM_REASON_ROLLBACK] = "rollback",
	[ZKHSM_REASON_SEQUENCE] = "sequence",
	[ZKHSM_REASON_UNSEALED] = "unsealed",
	[ZKHSM_REASON_NOT_UNSEALING] = "not-unsealing",
	[ZKHSM_REASON_SHARE] = "share",
	[ZKHSM_REASON_TPM] = "tpm",
	[ZKHSM_REASON_NO_LEASE] = "no-lease",
	[ZKHSM_REASON_LEASE_EXPIRED] = "lease-expired",
	[ZKHSM_REASON_LEASE_DENIED] = "lease-denied",
	[ZKHSM_REASON_LEASE_CHANGED] = "lease-changed",
	[ZKHSM_REASON_LEASE_QUORUM] = "lease-quorum",
	[ZKHSM_REASON_NONCE] = "nonce",
	[ZKHSM_REASON_TTL] = "ttl",
	[ZKHSM_REASON_OTHER_CONFIGURATION] = "other-configuration",
	[ZKHSM_REASON_NO_GRANT] = "no-grant",
	[ZKHSM_REASON_GRANT_QUORUM] = "grant-quorum",
	[ZKHSM_REASON_GRANT_INSTANCE] = "grant-instance",
	[ZKHSM_REASON_GRANT_ELEMENT] = "grant-element",
	[ZKHSM_REASON_GRANT_OPERATION] = "grant-operation",
	[ZKHSM_REASON_GRANT_INPUT] = "grant-input",
	[ZKHSM_REASON_GRANT_EXPIRED] = "grant-expired",
	[ZKHSM_REASON_GRANT_AHEAD] = "grant-ahead",
	[ZKHSM_REASON_GRANT_USED] = "grant-used",
	[ZKHSM_REASON_GRANTS_OUTSTANDING] = "grants-outstanding",
	[ZKHSM_REASON_GRANT_CLIENT] = "grant-client",
	[ZKHSM_REASON_GRANTS_DIFFER] = "grants-differ",
};

const char *zkhsm_reason_name(uint32_t reason)
{
	return NAME_OF(reasons, reason);
}

static const char *const states[] = {
	[ZKHSM_KEY_STATE_PRE_ACTIVE] = "pre-active",
	[ZKHSM_KEY_STATE_ACTIVE] = "active",
	[ZKHSM_KEY_STATE_HELD] = "held",
	[ZKHSM_KEY_STATE_DEACTIVATED] = "deactivated",
	[ZKHSM_KEY_STATE_COMPROMISED] = "compromised",
};

const char *zkhsm_state_name(uint32_t state)
{
	return NAME_OF(states, state);
}

static int find_name(const char *const *table, size_t count, const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (table[i] && strlen(table[i]) == len && !memcmp(table[i], name, len))
			return (int)i;
	return -EINVAL;
}

int zkhsm_state_parse(const char *name)
{
	return find_name(states, ARRAY_SIZE(states), name, strlen(name));
}

const char *zkhsm_origin_name(uint32_t origin)
{
	static const char *const names[] = {
		[ZKHSM_KEY_ORIGIN_GENERATED] = "generated",
		[ZKHSM_KEY_ORIGIN_IMPORTED] = "imported",
		[ZKHSM_KEY_ORIGIN_SYNCHRONISED] = "synchronised",
	};

	return NAME_OF(names, origin);
}

static const char *const kek_classes[] = {
	[ZKHSM_KEK_CLASS_KEYRING] = "keyring",
	[ZKHSM_KEK_CLASS_SHARES] = "shares",
	[ZKHSM_KEK_CLASS_TPM] = "tpm",
};

const char *zkhsm_kek_class_name(uint32_t kek_class)
{
	return NAME_OF(kek_classes, kek_class);
}

int zkhsm_kek_class_parse(const char *name)
{
	return find_name(kek_classes, ARRAY_SIZE(kek_classes), name, strlen(name));
}

const char *zkhsm_event_name(uint32_t event)
{
	static const char *const names[] = {
		[ZKHSM_EVENT_CREATED] = "created",
		[ZKHSM_EVENT_CHANGED] = "changed",
		[ZKHSM_EVENT_DELETED] = "deleted",
		[ZKHSM_EVENT_HELD] = "held",
		[ZKHSM_EVENT_RELEASED] = "released",
		[ZKHSM_EVENT_COMPROMISED] = "compromised",
		[ZKHSM_EVENT_EVIDENCE] = "evidence",
		[ZKHSM_EVENT_FAULT] = "fault",
		[ZKHSM_EVENT_FORKED] = "forked",
		[ZKHSM_EVENT_UNSEALED] = "unsealed",
		[ZKHSM_EVENT_LOCKED] = "locked",
		[ZKHSM_EVENT_LEASED] = "leased",
		[ZKHSM_EVENT_EXPIRED] = "expired",
		[ZKHSM_EVENT_UNLEASED] = "unleased",
	};

	return NAME_OF(names, event);
}

const char *zkhsm_lease_verdict_name(uint32_t verdict)
{
	static const char *const names[] = {
		[ZKHSM_LEASE_VERDICT_DENY] = "deny",
		[ZKHSM_LEASE_VERDICT_GRANT] = "grant",
		[ZKHSM_LEASE_VERDICT_EXPIRED] = "expired",
		[ZKHSM_LEASE_VERDICT_CHANGED] = "changed",
		[ZKHSM_LEASE_VERDICT_NONE] = "none",
	};

	return NAME_OF(names, verdict);
}

const char *zkhsm_order_outcome_name(uint32_t outcome)
{
	static const char *const names[] = {
		[ZKHSM_ORDER_OUTCOME_DONE] = "done",
		[ZKHSM_ORDER_OUTCOME_WAITING] = "waiting",
		[ZKHSM_ORDER_OUTCOME_VOID] = "void",
		[ZKHSM_ORDER_OUTCOME_WITHDRAWN] = "withdrawn",
	};

	return NAME_OF(names, outcome);
}

static const char *const grant_operations[] = {
	[ZKHSM_GRANT_OPERATION_SIGN] = "sign",
	[ZKHSM_GRANT_OPERATION_PROVE] = "prove",
};

const char *zkhsm_grant_operation_name(uint32_t operation)
{
	return NAME_OF(grant_operations, operation);
}

int zkhsm_grant_operation_parse(const char *name)
{
	return find_name(grant_operations, ARRAY_SIZE(grant_operations), name, strlen(name));
}

const char *zkhsm_order_type_name(uint32_t type)
{
	static const char *const names[] = {
		[ZKHSM_ORDER_TYPE_LEASE] = "lease",
		[ZKHSM_ORDER_TYPE_REVOKE] = "revoke",
		[ZKHSM_ORDER_TYPE_HOLD] = "hold",
		[ZKHSM_ORDER_TYPE_RELEASE] = "release",
		[ZKHSM_ORDER_TYPE_GRANT] = "grant",
		[ZKHSM_ORDER_TYPE_TRUST_CHANGE] = "trust-change",
		[ZKHSM_ORDER_TYPE_TRANSFER] = "transfer",
	};

	return NAME_OF(names, type);
}

/* 7 has no name: RFC 5280 does not use it, and no order may carry it. */
static const char *const revocation_reasons[] = {
	[ZKHSM_REVOCATION_REASON_UNSPECIFIED] = "unspecified",
	[ZKHSM_REVOCATION_REASON_KEY_COMPROMISE] = "key-compromise",
	[ZKHSM_REVOCATION_REASON_CA_COMPROMISE] = "ca-compromise",
	[ZKHSM_REVOCATION_REASON_AFFILIATION_CHANGED] = "affiliation-changed",
	[ZKHSM_REVOCATION_REASON_SUPERSEDED] = "superseded",
	[ZKHSM_REVOCATION_REASON_CESSATION_OF_OPERATION] = "cessation-of-operation",
	[ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD] = "certificate-hold",
	[ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL] = "remove-from-crl",
	[ZKHSM_REVOCATION_REASON_PRIVILEGE_WITHDRAWN] = "privilege-withdrawn",
	[ZKHSM_REVOCATION_REASON_AA_COMPROMISE] = "aa-compromise",
};

const char *zkhsm_revocation_reason_name(uint32_t reason)
{
	return NAME_OF(revocation_reasons, reason);
}

int zkhsm_revocation_reason_parse(const char *name)
{
	return find_name(revocation_reasons, ARRAY_SIZE(revocation_reasons), name, strlen(name));
}

/* Names of bits, from bit 0 up. */
static const char *const usages[] = { "sign", "prove" };
static const char *const key_flags[] = {
	"never-extractable", "lease-required", "grant-required",
};
static const char *const hsm_flags[] = {
	"locked", "kek-keyring", "kek-shares", "kek-tpm", "counter",
};

/**
 * zkhsm_usage_parse() - read "sign,prove"
 *
 * Return: 0, or -EINVAL for an unknown, empty or repeated name.
 */
int zkhsm_usage_parse(const char *list, uint32_t *usage)
{
	uint32_t all = 0;

	for (;;) {
		size_t len = strcspn(list, ",");
		int bit = find_name(usages, ARRAY_SIZE(usages), list, len);

		if (bit < 0 || all & 1U << bit)
			return -EINVAL;
		all |= 1U << bit;
		if (!list[len])
			break;
		list += len + 1;
	}
	*usage = all;
	return 0;
}

/* A bit that has no name yet is shown by its value, so that nothing is hidden. */
static json_t *bits_json(const char *const *names, size_t count, uint32_t bits)
{
	json_t *array = json_array();
	uint32_t i;

	for (i = 0; i < 32 && array; i++) {
		char number[16];
		int ret;

		if (!(bits & 1U << i))
			continue;
		if (i < count) {
			ret = json_array_append_new(array, json_string(names[i]));
		} else {
			snprintf(number, sizeof(number), "0x%x", 1U << i);
			ret = json_array_append_new(array, json_string(number));
		}
		if (ret) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

json_t *zkhsm_usage_json(uint32_t usage)
{
	return bits_json(usages, ARRAY_SIZE(usages), usage);
}

json_t *zkhsm_flags_json(uint32_t flags)
{
	return bits_json(key_flags, ARRAY_SIZE(key_flags), flags);
}

json_t *zkhsm_hsm_flags_json(uint32_t flags)
{
	return bits_json(hsm_flags, ARRAY_SIZE(hsm_flags), flags);
}
