// SPDX-License-Identifier: GPL-2.0
/*
 * The one way to say no: an errno for the caller, a sentence for people, a
 * number for programs, a tracepoint for whoever watches.
 */
#include "trace.h"
#include "zkhsm.h"

/**
 * zkhsm_refuse() - refuse a request
 * @extack: of the request; may be NULL
 * @err: negative errno
 * @reason: for programs, delivered in the cookie of the acknowledgment as a
 *	u32 in host byte order
 * @sentence: for people; must live as long as the module, since it is read
 *	after the handler has returned
 *
 * Return: @err.
 */
int zkhsm_refuse(struct netlink_ext_ack *extack, int err, enum zkhsm_reason reason,
		 const char *sentence)
{
	u32 number = reason;

	BUILD_BUG_ON(sizeof(number) > NETLINK_MAX_COOKIE_LEN);
	trace_zkhsm_refuse(err, reason, sentence);
	if (!extack)
		return err;

	do_trace_netlink_extack(sentence);
	extack->_msg = sentence;
	memcpy(extack->cookie, &number, sizeof(number));
	extack->cookie_len = sizeof(number);
	return err;
}

/**
 * zkhsm_refuse_failure() - refuse because something below failed
 * @extack: of the request
 * @err: what it returned: -ENOMEM, -EINTR, or a failure of the arithmetic
 *
 * Return: @err, or -EIO for an error that means nothing to a user.
 */
int zkhsm_refuse_failure(struct netlink_ext_ack *extack, int err)
{
	switch (err) {
	case -ENOMEM:
		return zkhsm_refuse(extack, err, ZKHSM_REASON_UNSPEC, "out of memory");
	case -EINTR:
		return zkhsm_refuse(extack, err, ZKHSM_REASON_UNSPEC, "interrupted");
	default:
		return zkhsm_refuse(extack, -EIO, ZKHSM_REASON_FAULT,
				    "the computation failed, nothing was released");
	}
}

/*
 * Whole sentences, because kernels before 6.2 take no others. The names are
 * those of RFC 5280, section 5.3.1; the decoder lets no other reason through.
 */
static const char * const revoked_for[] = {
	[ZKHSM_REVOCATION_REASON_UNSPECIFIED] = "revoked by the managers: unspecified",
	[ZKHSM_REVOCATION_REASON_KEY_COMPROMISE] = "revoked by the managers: keyCompromise",
	[ZKHSM_REVOCATION_REASON_CA_COMPROMISE] = "revoked by the managers: cACompromise",
	[ZKHSM_REVOCATION_REASON_AFFILIATION_CHANGED] =
		"revoked by the managers: affiliationChanged",
	[ZKHSM_REVOCATION_REASON_SUPERSEDED] = "revoked by the managers: superseded",
	[ZKHSM_REVOCATION_REASON_CESSATION_OF_OPERATION] =
		"revoked by the managers: cessationOfOperation",
	[ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD] = "revoked by the managers: certificateHold",
	[ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL] = "revoked by the managers: removeFromCRL",
	[ZKHSM_REVOCATION_REASON_PRIVILEGE_WITHDRAWN] =
		"revoked by the managers: privilegeWithdrawn",
	[ZKHSM_REVOCATION_REASON_AA_COMPROMISE] = "revoked by the managers: aACompromise",
};

static const char * const held_for[] = {
	[ZKHSM_REVOCATION_REASON_UNSPECIFIED] = "held by the managers: unspecified",
	[ZKHSM_REVOCATION_REASON_KEY_COMPROMISE] = "held by the managers: keyCompromise",
	[ZKHSM_REVOCATION_REASON_CA_COMPROMISE] = "held by the managers: cACompromise",
	[ZKHSM_REVOCATION_REASON_AFFILIATION_CHANGED] = "held by the managers: affiliationChanged",
	[ZKHSM_REVOCATION_REASON_SUPERSEDED] = "held by the managers: superseded",
	[ZKHSM_REVOCATION_REASON_CESSATION_OF_OPERATION] =
		"held by the managers: cessationOfOperation",
	[ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD] = "held by the managers: certificateHold",
	[ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL] = "held by the managers: removeFromCRL",
	[ZKHSM_REVOCATION_REASON_PRIVILEGE_WITHDRAWN] = "held by the managers: privilegeWithdrawn",
	[ZKHSM_REVOCATION_REASON_AA_COMPROMISE] = "held by the managers: aACompromise",
};

/* Why a key is in state compromised (@revoked) or held. */
const char *zkhsm_reason_sentence(u8 reason, bool revoked)
{
	const char *sentence = NULL;

	BUILD_BUG_ON(ARRAY_SIZE(revoked_for) != ARRAY_SIZE(held_for));
	if (reason < ARRAY_SIZE(revoked_for))
		sentence = revoked ? revoked_for[reason] : held_for[reason];
	if (WARN_ON_ONCE(!sentence))
		sentence = revoked ? revoked_for[0] : held_for[0];
	return sentence;
}
