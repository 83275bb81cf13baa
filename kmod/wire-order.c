// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Encoders and decoders of orders, see wire.h and Documentation/protocol.rst.
 */
#include "wire-io.h"

static void put_elements(struct zkhsm_writer *w, const struct zkhsm_order *o)
{
	put_u16(w, o->count);
	put(w, o->elements, (size_t)o->count * ZKHSM_HASH_LEN);
}

static void put_lease(struct zkhsm_writer *w, const struct zkhsm_order *o)
{
	put(w, o->statement, sizeof(o->statement));
	put_u64(w, o->least);
	put_u64(w, o->ttl_ms);
	put_u8(w, o->verdict);
	put_elements(w, o);
}

static void put_trust_change(struct zkhsm_writer *w, const struct zkhsm_order *o)
{
	put(w, o->previous, sizeof(o->previous));
	put_u16(w, o->config_len);
	put(w, o->config, o->config_len);
}

/*
 * zkhsm_order_encode() - write what an order's signature covers
 *
 * Return: the length, or -EMSGSIZE. The signature, made over SHA-256 of these
 * bytes, follows them directly.
 */
int zkhsm_order_encode(const struct zkhsm_order *o, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, o->type);
	put(&w, o->manager_id, sizeof(o->manager_id));
	put(&w, o->hsm_id, sizeof(o->hsm_id));
	put_u64(&w, o->number);
	switch (o->type) {
	case ZKHSM_ORDER_TYPE_LEASE:
		put_lease(&w, o);
		break;
	case ZKHSM_ORDER_TYPE_TRUST_CHANGE:
		put_trust_change(&w, o);
		break;
	default:
		put_u8(&w, o->reason);
		put_elements(&w, o);
	}
	return writer_end(&w);
}

static void take_elements(struct zkhsm_reader *r, struct zkhsm_order *o)
{
	u32 i;

	o->count = take_u16(r);
	if (r->bad || o->count > ZKHSM_ELEMENTS_MAX) {
		r->bad = true;
		return;
	}
	o->elements = take(r, (size_t)o->count * ZKHSM_HASH_LEN);
	for (i = 1; o->elements && i < o->count; i++)
		if (memcmp(o->elements + (i - 1) * ZKHSM_HASH_LEN,
			   o->elements + i * ZKHSM_HASH_LEN, ZKHSM_HASH_LEN) >= 0)
			r->bad = true;
}

static void take_vote(struct zkhsm_reader *r, struct zkhsm_order *o)
{
	o->reason = take_u8(r);
	take_elements(r, o);
	if (!reason_valid(o->reason) || !o->count)
		r->bad = true;
}

static void take_lease(struct zkhsm_reader *r, struct zkhsm_order *o)
{
	take_bytes(r, o->statement, sizeof(o->statement));
	o->least = take_u64(r);
	o->ttl_ms = take_u64(r);
	o->verdict = take_u8(r);
	take_elements(r, o);
	if (!o->ttl_ms || (o->verdict != ZKHSM_LEASE_VERDICT_DENY &&
			   o->verdict != ZKHSM_LEASE_VERDICT_GRANT))
		r->bad = true;
}

/* The C inside is for the caller to decode, who has the room. */
static void take_trust_change(struct zkhsm_reader *r, struct zkhsm_order *o)
{
	take_bytes(r, o->previous, sizeof(o->previous));
	o->config_len = take_u16(r);
	o->config = take(r, o->config_len);
	if (!o->config_len || o->config_len > ZKHSM_CONFIGURATION_MAX_LEN)
		r->bad = true;
}

/* Numbered from 1; 0 is kept for the orders that have no number. */
static bool number_valid(const struct zkhsm_order *o)
{
	return o->type == ZKHSM_ORDER_TYPE_LEASE ? !o->number : !!o->number;
}

int zkhsm_order_decode(struct zkhsm_order *o, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	memset(o, 0, sizeof(*o));
	o->type = take_header(&r);
	take_bytes(&r, o->manager_id, sizeof(o->manager_id));
	take_bytes(&r, o->hsm_id, sizeof(o->hsm_id));
	o->number = take_u64(&r);
	if (r.bad || o->type < ZKHSM_ORDER_TYPE_LEASE || o->type > ZKHSM_ORDER_TYPE_TRANSFER)
		return -EBADMSG;

	o->body = r.p;
	switch (o->type) {
	case ZKHSM_ORDER_TYPE_LEASE:
		take_lease(&r, o);
		break;
	case ZKHSM_ORDER_TYPE_REVOKE:
	case ZKHSM_ORDER_TYPE_HOLD:
	case ZKHSM_ORDER_TYPE_RELEASE:
		take_vote(&r, o);
		break;
	case ZKHSM_ORDER_TYPE_TRUST_CHANGE:
		take_trust_change(&r, o);
		break;
	default:
		return -EOPNOTSUPP;
	}
	if (!number_valid(o))
		return -EBADMSG;
	o->signed_len = len - r.left;
	o->body_len = o->signed_len - ZKHSM_ORDER_HEAD_LEN;
	o->signature = take(&r, ZKHSM_SIGNATURE_LEN);
	return reader_end(&r);
}
