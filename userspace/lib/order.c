// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of managers to kernels, made and checked. The format is wire.c's.
 */
#include "lib_private.h"

#include <stdlib.h>

static int compare_names(const void *a, const void *b)
{
	return memcmp(a, b, ZKHSM_HASH_LEN);
}

/* Sorted, each once: the one encoding of a set. */
static size_t sort_names(uint8_t (*names)[ZKHSM_HASH_LEN], size_t count)
{
	size_t i, kept = 0;

	qsort(names, count, sizeof(*names), compare_names);
	for (i = 0; i < count; i++)
		if (!kept || memcmp(names[kept - 1], names[i], sizeof(*names)))
			memmove(names[kept++], names[i], sizeof(*names));
	return kept;
}

static int encode_and_sign(EVP_PKEY *key, const struct zkhsm_order *o, uint8_t **out, size_t *len,
			   struct zkhsm_error *err)
{
	uint8_t *buf = malloc(ZKHSM_ORDER_MAX_LEN);
	struct zkhsm_order again;
	int ret;

	if (!buf)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = zkhsm_order_encode(o, buf, ZKHSM_ORDER_MAX_LEN - ZKHSM_SIGNATURE_LEN);
	if (ret < 0) {
		free(buf);
		return zkhsm_fail(err, ret, "the order is too long");
	}
	*len = (size_t)ret + ZKHSM_SIGNATURE_LEN;
	ret = zkhsm_signer_sign(key, buf, *len - ZKHSM_SIGNATURE_LEN,
				buf + *len - ZKHSM_SIGNATURE_LEN, err);
	/* Nothing is signed and sent that its reader would not take. */
	if (!ret && zkhsm_order_decode(&again, buf, *len))
		ret = zkhsm_fail(err, -EINVAL, "a field of the order is none that orders have");
	if (ret)
		free(buf);
	else
		*out = buf;
	return ret;
}

/* Whose order it is; @names sorted, for the caller to free. */
static int begin(EVP_PKEY *key, const uint8_t hsm_id[32], const uint8_t (*elements)[32],
		 size_t count, uint8_t (**names)[ZKHSM_HASH_LEN], struct zkhsm_order *o,
		 struct zkhsm_error *err)
{
	uint8_t public[ZKHSM_POINT_LEN];

	if (zkhsm_signer_public(key, public))
		return zkhsm_fail(err, -EINVAL, "the signing key is not on P-256");
	zkhsm_sha256(public, sizeof(public), o->manager_id);
	memcpy(o->hsm_id, hsm_id, sizeof(o->hsm_id));
	*names = NULL;
	/* Nothing is read from there, but memcpy() takes no NULL. */
	o->elements = o->hsm_id;
	if (!count)
		return 0;
	*names = zkhsm_copy(elements, count * sizeof(**names));
	if (!*names)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	count = sort_names(*names, count);
	if (count > ZKHSM_ELEMENTS_MAX) {
		free(*names);
		return zkhsm_fail(err, -E2BIG, "an order names at most %d elements, not %zu",
				  ZKHSM_ELEMENTS_MAX, count);
	}
	o->count = (uint16_t)count;
	o->elements = (*names)[0];
	return 0;
}

/**
 * zkhsm_order_make() - make and sign a revoke, hold or release
 * @key: the manager's private key
 * @type: enum zkhsm_order_type
 * @hsm_id: the HSM that is to obey
 * @number: 1 or more, one above the last for this HSM
 * @reason: enum zkhsm_revocation_reason
 * @elements: names of elements, in any order, repeated or not
 * @count: how many
 * @out: the order, for the caller to free
 * @len: its length
 * @err: why not
 *
 * Return: 0; -EINVAL for no element or a type, number, reason or key that no
 * such order has; -E2BIG for more than ZKHSM_ELEMENTS_MAX different elements;
 * -EIO; -ENOMEM.
 */
int zkhsm_order_make(EVP_PKEY *key, uint8_t type, const uint8_t hsm_id[32], uint64_t number,
		     uint8_t reason, const uint8_t (*elements)[32], size_t count,
		     uint8_t **out, size_t *len, struct zkhsm_error *err)
{
	struct zkhsm_order o = { .type = type, .number = number, .reason = reason };
	uint8_t (*names)[ZKHSM_HASH_LEN];
	int ret;

	*out = NULL;
	*len = 0;
	if (!count)
		return zkhsm_fail(err, -EINVAL, "an order names one element at least");
	if (type == ZKHSM_ORDER_TYPE_LEASE || type == ZKHSM_ORDER_TYPE_TRUST_CHANGE ||
	    type == ZKHSM_ORDER_TYPE_GRANT)
		return zkhsm_fail(err, -EINVAL, "orders of this type are made otherwise");
	ret = begin(key, hsm_id, elements, count, &names, &o, err);
	if (ret)
		return ret;
	ret = encode_and_sign(key, &o, out, len, err);
	free(names);
	return ret;
}

/**
 * zkhsm_lease_make() - make and sign a lease
 * @key: the manager's private key
 * @hsm_id: the HSM that is to obey
 * @l: what it says
 * @out: the order, for the caller to free
 * @len: its length
 * @err: why not
 *
 * Return: 0; -EINVAL for a life of 0, another verdict than deny or grant, or a
 * key that is not on P-256; -E2BIG for more than ZKHSM_ELEMENTS_MAX different
 * exceptions; -EIO; -ENOMEM.
 */
int zkhsm_lease_make(EVP_PKEY *key, const uint8_t hsm_id[32], const struct zkhsm_lease_terms *l,
		     uint8_t **out, size_t *len, struct zkhsm_error *err)
{
	struct zkhsm_order o = {
		.type = ZKHSM_ORDER_TYPE_LEASE,
		.least = l->least, .ttl_ms = l->ttl_ms,
		/* 0 is refused; a verdict cut to a byte may be another one. */
		.verdict = l->verdict > UINT8_MAX ? 0 : (uint8_t)l->verdict,
	};
	uint8_t (*names)[ZKHSM_HASH_LEN];
	int ret;

	*out = NULL;
	*len = 0;
	memcpy(o.statement, l->statement, sizeof(o.statement));
	ret = begin(key, hsm_id, l->exceptions, l->exception_count, &names, &o, err);
	if (ret)
		return ret;
	ret = encode_and_sign(key, &o, out, len, err);
	free(names);
	return ret;
}

/**
 * zkhsm_trust_change_make() - make and sign an order to replace C
 * @key: the manager's private key
 * @hsm_id: the HSM that is to obey
 * @number: 1 or more, one above the last for this HSM
 * @previous: SHA-256 of the C that it replaces
 * @config: the whole new C
 * @config_len: its length
 * @out: the order, for the caller to free
 * @len: its length
 * @err: why not
 *
 * Whether the kernel will take the new C is not looked at.
 *
 * Return: 0; -EINVAL for a C that is malformed, a number of 0, or a key that is
 * not on P-256; -EIO; -ENOMEM.
 */
int zkhsm_trust_change_make(EVP_PKEY *key, const uint8_t hsm_id[32], uint64_t number,
			    const uint8_t previous[32], const uint8_t *config, size_t config_len,
			    uint8_t **out, size_t *len, struct zkhsm_error *err)
{
	struct zkhsm_order o = { .type = ZKHSM_ORDER_TYPE_TRUST_CHANGE, .number = number };
	struct zkhsm_configuration c;
	uint8_t (*names)[ZKHSM_HASH_LEN];
	int ret;

	*out = NULL;
	*len = 0;
	if (zkhsm_configuration_decode(&c, config, config_len))
		return zkhsm_fail(err, -EINVAL, "the new configuration is malformed");
	ret = begin(key, hsm_id, NULL, 0, &names, &o, err);
	if (ret)
		return ret;
	memcpy(o.previous, previous, sizeof(o.previous));
	o.config = config;
	o.config_len = (uint16_t)config_len;
	return encode_and_sign(key, &o, out, len, err);
}

/**
 * zkhsm_grant_make() - make and sign a grant
 * @key: the manager's private key
 * @hsm_id: the HSM that is to obey
 * @t: what it is for
 * @grant: the order
 * @err: why not
 *
 * Return: 0; -EINVAL for a field that no grant has, or a key that is not on
 * P-256; -EIO; -ENOMEM.
 */
int zkhsm_grant_make(EVP_PKEY *key, const uint8_t hsm_id[32], const struct zkhsm_grant_terms *t,
		     uint8_t grant[ZKHSM_GRANT_LEN], struct zkhsm_error *err)
{
	uint8_t (*names)[ZKHSM_HASH_LEN];
	struct zkhsm_order o = { 0 };
	uint8_t *order;
	size_t len;
	int ret;

	ret = begin(key, hsm_id, NULL, 0, &names, &o, err);
	if (ret)
		return ret;
	zkhsm_grant_fill(t, &o);
	ret = zkhsm_grant_check(&o, err);
	if (!ret)
		ret = encode_and_sign(key, &o, &order, &len, err);
	if (ret)
		return ret;
	memcpy(grant, order, ZKHSM_GRANT_LEN);
	free(order);
	return 0;
}

/**
 * zkhsm_order_verify() - check an order as the kernel does, but for its state
 * @public: the manager's key, SEC1 uncompressed
 * @data: the order
 * @len: its length
 * @out: what it says; points into @data; may be used only when 0 is returned
 * @err: why not
 *
 * Return: 0; -EBADMSG; -EOPNOTSUPP for a type without a body yet; -EKEYREJECTED
 * for another manager's order or a false signature; -ENOMEM.
 */
int zkhsm_order_verify(const uint8_t public[65], const uint8_t *data, size_t len,
		       struct zkhsm_order *out, struct zkhsm_error *err)
{
	struct zkhsm_configuration c;
	uint8_t digest[ZKHSM_HASH_LEN];
	int ret = zkhsm_order_decode(out, data, len);

	if (ret == -EOPNOTSUPP)
		return zkhsm_fail(err, ret, "orders of type %s are not supported",
				  zkhsm_order_type_name(out->type));
	if (!ret && out->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE)
		ret = zkhsm_configuration_decode(&c, out->config, out->config_len);
	if (!ret && out->type == ZKHSM_ORDER_TYPE_GRANT)
		ret = zkhsm_grant_check(out, NULL) ? -EBADMSG : 0;
	if (ret)
		return zkhsm_fail(err, ret, "the order is malformed");
	zkhsm_sha256(public, ZKHSM_POINT_LEN, digest);
	if (memcmp(digest, out->manager_id, sizeof(digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "the order is another manager's");
	zkhsm_sha256(data, out->signed_len, digest);
	return zkhsm_verify_ecdsa(public, digest, out->signature, err);
}
