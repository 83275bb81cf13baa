// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * Encoders and decoders of orders, and of what goes with grants, see wire.h and
 * Documentation/protocol.rst.
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

static void put_grant(struct zkhsm_writer *w, const struct zkhsm_order *o)
{
	put(w, o->instance_id, sizeof(o->instance_id));
	put(w, o->element, sizeof(o->element));
	put_u8(w, o->operation);
	put_u16(w, o->algorithm);
	put_u32(w, o->parameter);
	put(w, o->input, sizeof(o->input));
	put(w, o->client, sizeof(o->client));
	put(w, o->jti, sizeof(o->jti));
	put_u64(w, o->not_after_ms);
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
	case ZKHSM_ORDER_TYPE_GRANT:
		put_grant(&w, o);
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

static bool is_zero(const u8 *p, size_t len)
{
	while (len && !*p) {
		p++;
		len--;
	}
	return !len;
}

static bool operation_valid(const struct zkhsm_order *o)
{
	switch (o->operation) {
	case ZKHSM_GRANT_OPERATION_SIGN:
		return o->algorithm == ZKHSM_GRANT_ALGORITHM_ECDSA_P256_SHA256 && !o->parameter;
	case ZKHSM_GRANT_OPERATION_PROVE:
		return o->algorithm == ZKHSM_GRANT_ALGORITHM_RFC8235 && !o->parameter;
	default:
		return false;
	}
}

/* Whether the client is a point shows when something is verified with it. */
static void take_grant(struct zkhsm_reader *r, struct zkhsm_order *o)
{
	take_bytes(r, o->instance_id, sizeof(o->instance_id));
	take_bytes(r, o->element, sizeof(o->element));
	o->operation = take_u8(r);
	o->algorithm = take_u16(r);
	o->parameter = take_u32(r);
	take_bytes(r, o->input, sizeof(o->input));
	take_bytes(r, o->client, sizeof(o->client));
	take_bytes(r, o->jti, sizeof(o->jti));
	o->not_after_ms = take_u64(r);
	if (!operation_valid(o) || !o->not_after_ms ||
	    is_zero(o->jti, sizeof(o->jti)) ||
	    (zkhsm_grant_names_client(o) && o->client[0] != 0x04))
		r->bad = true;
}

/* Numbered from 1; 0 is kept for the orders that have no number. */
static bool number_valid(const struct zkhsm_order *o)
{
	if (o->type == ZKHSM_ORDER_TYPE_LEASE || o->type == ZKHSM_ORDER_TYPE_GRANT)
		return !o->number;
	return o->number;
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
	case ZKHSM_ORDER_TYPE_GRANT:
		take_grant(&r, o);
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

bool zkhsm_grant_names_client(const struct zkhsm_order *o)
{
	return !is_zero(o->client, sizeof(o->client));
}

static const u8 grant_label[] = { 'z', 'k', 'h', 's', 'm', ' ', 'g', 'r', 'a', 'n', 't', ' ',
				  'v', '1' };
static const u8 use_label[] = { 'z', 'k', 'h', 's', 'm', ' ', 'g', 'r', 'a', 'n', 't', ' ',
				'u', 's', 'e', ' ', 'v', '1' };

void zkhsm_grant_digest_input(const struct zkhsm_order *o, u8 out[ZKHSM_GRANT_INPUT_LEN])
{
	struct zkhsm_writer w = { .p = out, .left = ZKHSM_GRANT_INPUT_LEN };

	put(&w, grant_label, sizeof(grant_label));
	put(&w, o->hsm_id, sizeof(o->hsm_id));
	put_grant(&w, o);
}

void zkhsm_grant_use_input(const u8 digest[ZKHSM_HASH_LEN], u8 out[ZKHSM_GRANT_USE_LEN])
{
	struct zkhsm_writer w = { .p = out, .left = ZKHSM_GRANT_USE_LEN };

	put(&w, use_label, sizeof(use_label));
	put(&w, digest, ZKHSM_HASH_LEN);
}

int zkhsm_receipt_encode(const struct zkhsm_receipt *r, u8 *buf, size_t size)
{
	struct zkhsm_writer w = { .p = buf, .left = size };

	put_header(&w, ZKHSM_WIRE_RECEIPT);
	put(&w, r->grant_digest, sizeof(r->grant_digest));
	put(&w, r->output_digest, sizeof(r->output_digest));
	return writer_end(&w);
}

int zkhsm_receipt_decode(struct zkhsm_receipt *out, const u8 *buf, size_t len)
{
	struct zkhsm_reader r = { .p = buf, .left = len };

	expect_header(&r, ZKHSM_WIRE_RECEIPT);
	take_bytes(&r, out->grant_digest, sizeof(out->grant_digest));
	take_bytes(&r, out->output_digest, sizeof(out->output_digest));
	return reader_end(&r);
}
