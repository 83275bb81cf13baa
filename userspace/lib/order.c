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
	uint8_t *buf = malloc(ZKHSM_ORDER_ELEMENTS_MAX_LEN);
	struct zkhsm_order again;
	int ret;

	if (!buf)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = zkhsm_order_encode(o, buf, ZKHSM_ORDER_ELEMENTS_MAX_LEN - ZKHSM_SIGNATURE_LEN);
	if (ret < 0) {
		free(buf);
		return zkhsm_fail(err, ret, "the order is too long");
	}
	*len = (size_t)ret + ZKHSM_SIGNATURE_LEN;
	ret = zkhsm_signer_sign(key, buf, *len - ZKHSM_SIGNATURE_LEN,
				buf + *len - ZKHSM_SIGNATURE_LEN, err);
	/* Nothing is signed and sent that its reader would not take. */
	if (!ret && zkhsm_order_decode(&again, buf, *len))
		ret = zkhsm_fail(err, -EINVAL, "type, number or reason is none that an order has");
	if (ret)
		free(buf);
	else
		*out = buf;
	return ret;
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
 * order has; -E2BIG for more than ZKHSM_ELEMENTS_MAX different elements; -EIO;
 * -ENOMEM.
 */
int zkhsm_order_make(EVP_PKEY *key, uint8_t type, const uint8_t hsm_id[32], uint64_t number,
		     uint8_t reason, const uint8_t (*elements)[32], size_t count,
		     uint8_t **out, size_t *len, struct zkhsm_error *err)
{
	struct zkhsm_order o = { .type = type, .number = number, .reason = reason };
	uint8_t public[ZKHSM_POINT_LEN];
	uint8_t (*names)[ZKHSM_HASH_LEN];
	int ret;

	*out = NULL;
	*len = 0;
	if (!count)
		return zkhsm_fail(err, -EINVAL, "an order names one element at least");
	if (zkhsm_signer_public(key, public))
		return zkhsm_fail(err, -EINVAL, "the signing key is not on P-256");
	names = zkhsm_copy(elements, count * sizeof(*names));
	if (!names)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	count = sort_names(names, count);
	if (count > ZKHSM_ELEMENTS_MAX) {
		free(names);
		return zkhsm_fail(err, -E2BIG, "an order names at most %d elements, not %zu",
				  ZKHSM_ELEMENTS_MAX, count);
	}
	zkhsm_sha256(public, sizeof(public), o.manager_id);
	memcpy(o.hsm_id, hsm_id, sizeof(o.hsm_id));
	o.count = (uint16_t)count;
	o.elements = names[0];
	ret = encode_and_sign(key, &o, out, len, err);
	free(names);
	return ret;
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
	uint8_t digest[ZKHSM_HASH_LEN];
	int ret = zkhsm_order_decode(out, data, len);

	if (ret == -EOPNOTSUPP)
		return zkhsm_fail(err, ret, "orders of type %s are not supported",
				  zkhsm_order_type_name(out->type));
	if (ret)
		return zkhsm_fail(err, ret, "the order is malformed");
	zkhsm_sha256(public, ZKHSM_POINT_LEN, digest);
	if (memcmp(digest, out->manager_id, sizeof(digest)))
		return zkhsm_fail(err, -EKEYREJECTED, "the order is another manager's");
	zkhsm_sha256(data, out->signed_len, digest);
	return zkhsm_verify_ecdsa(public, digest, out->signature, err);
}
