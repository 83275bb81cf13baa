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

/* Names of RFC 5280, section 5.3.1; 7 is unused there. */
#define REASONS(prefix) {							\
	[ZKHSM_REVOCATION_REASON_UNSPECIFIED] = prefix "unspecified",		\
	[ZKHSM_REVOCATION_REASON_KEY_COMPROMISE] = prefix "keyCompromise",	\
	[ZKHSM_REVOCATION_REASON_CA_COMPROMISE] = prefix "cACompromise",	\
	[ZKHSM_REVOCATION_REASON_AFFILIATION_CHANGED] = prefix "affiliationChanged", \
	[ZKHSM_REVOCATION_REASON_SUPERSEDED] = prefix "superseded",		\
	[ZKHSM_REVOCATION_REASON_CESSATION_OF_OPERATION] = prefix "cessationOfOperation", \
	[ZKHSM_REVOCATION_REASON_CERTIFICATE_HOLD] = prefix "certificateHold",	\
	[ZKHSM_REVOCATION_REASON_UNUSED] = prefix "unspecified",		\
	[ZKHSM_REVOCATION_REASON_REMOVE_FROM_CRL] = prefix "removeFromCRL",	\
	[ZKHSM_REVOCATION_REASON_PRIVILEGE_WITHDRAWN] = prefix "privilegeWithdrawn", \
	[ZKHSM_REVOCATION_REASON_AA_COMPROMISE] = prefix "aACompromise",	\
}

/* Whole sentences, because kernels before 6.2 take no others. */
const char *zkhsm_reason_sentence(u8 reason, bool revoked)
{
	static const char * const revoked_for[] = REASONS("revoked by the managers: ");
	static const char * const held_for[] = REASONS("held by the managers: ");

	if (WARN_ON_ONCE(reason >= ARRAY_SIZE(revoked_for)))
		reason = ZKHSM_REVOCATION_REASON_UNSPECIFIED;
	return revoked ? revoked_for[reason] : held_for[reason];
}
