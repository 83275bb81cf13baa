// SPDX-License-Identifier: GPL-2.0
/*
 * grant_body.c - the part of a grant that a client wishes for, and every manager
 * that grants it signs
 */
#include "lib_private.h"

/**
 * zkhsm_grant_body_make() - what a client asks managers to sign
 * @t: what it is for
 * @body: the bytes
 * @err: why not
 *
 * Return: 0; -EINVAL for a field that no grant has.
 */
int zkhsm_grant_body_make(const struct zkhsm_grant_terms *t, uint8_t body[ZKHSM_GRANT_BODY_LEN],
			  struct zkhsm_error *err)
{
	uint8_t buf[ZKHSM_GRANT_LEN];
	struct zkhsm_order o = { 0 };
	struct zkhsm_grant_terms again;

	zkhsm_grant_fill(t, &o);
	if (zkhsm_order_encode(&o, buf, sizeof(buf)) != ZKHSM_GRANT_LEN - ZKHSM_SIGNATURE_LEN)
		return zkhsm_fail(err, -EINVAL, "not a grant");
	memcpy(body, buf + ZKHSM_ORDER_HEAD_LEN, ZKHSM_GRANT_BODY_LEN);
	if (zkhsm_grant_body_read(body, ZKHSM_GRANT_BODY_LEN, &again, NULL))
		return zkhsm_fail(err, -EINVAL, "a field of the grant is none that grants have");
	return 0;
}

/**
 * zkhsm_grant_body_read() - what somebody wants a grant for
 * @body: as zkhsm_grant_body_make() made it
 * @len: its length
 * @out: what it says
 * @err: why not
 *
 * Return: 0; -EBADMSG unless it can be the body of a grant, its client a point.
 */
int zkhsm_grant_body_read(const uint8_t *body, size_t len, struct zkhsm_grant_terms *out,
			  struct zkhsm_error *err)
{
	struct zkhsm_order o = { .type = ZKHSM_ORDER_TYPE_GRANT };
	uint8_t buf[ZKHSM_GRANT_LEN] = { 0 };

	memset(out, 0, sizeof(*out));
	if (len != ZKHSM_GRANT_BODY_LEN)
		return zkhsm_fail(err, -EBADMSG, "the body of a grant has %d bytes, not %zu",
				  ZKHSM_GRANT_BODY_LEN, len);
	/* A head of nobody's, so that there is one decoder. */
	zkhsm_order_encode(&o, buf, sizeof(buf));
	memcpy(buf + ZKHSM_ORDER_HEAD_LEN, body, len);
	if (zkhsm_order_decode(&o, buf, sizeof(buf)) || zkhsm_grant_check(&o, NULL))
		return zkhsm_fail(err, -EBADMSG, "the body of the grant is malformed");
	memcpy(out->instance_id, o.instance_id, sizeof(out->instance_id));
	memcpy(out->element, o.element, sizeof(out->element));
	out->operation = o.operation;
	memcpy(out->input, o.input, sizeof(out->input));
	memcpy(out->client, o.client, sizeof(out->client));
	memcpy(out->jti, o.jti, sizeof(out->jti));
	out->not_after_ms = o.not_after_ms;
	return 0;
}
