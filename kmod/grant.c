// SPDX-License-Identifier: GPL-2.0
/*
 * Grants: orders of the managers for one operation, which comes with them.
 *
 * Whoever uses a key that requires them brings those of a quorum, all of which
 * say the same. What they say is compared with what is asked for, then their
 * signatures are verified, without a lock. With zkhsm_lock held what can have
 * changed is looked at again and the grants are used up, before the secret is
 * touched (zkhsm_key_use_begin()); and once more when the answer is released.
 */
#include <linux/ktime.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "grant.h"

/* All say the same, and each of them is of another manager. */
static int read_orders(struct zkhsm_grant *g, struct netlink_ext_ack *extack)
{
	u32 i, j;
	int err;

	for (i = 0; i < g->count; i++) {
		err = zkhsm_order_read(&g->terms, g->orders[i], ZKHSM_GRANT_LEN, extack);
		if (err)
			return err;
		if (g->terms.type != ZKHSM_ORDER_TYPE_GRANT)
			return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED,
					    "an order of another type than grant");
		if (memcmp(g->orders[i] + ZKHSM_ORDER_HEAD_LEN,
			   g->orders[0] + ZKHSM_ORDER_HEAD_LEN, ZKHSM_GRANT_BODY_LEN))
			return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_GRANTS_DIFFER,
					    "the grants do not all say the same");
		memcpy(g->managers[i], g->terms.manager_id, sizeof(g->managers[i]));
		for (j = 0; j < i; j++)
			if (!memcmp(g->managers[i], g->managers[j], sizeof(g->managers[i])))
				return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_REPEATED,
						    "two grants of one manager");
	}
	return 0;
}

static u8 operation_of(u32 usage)
{
	return usage == ZKHSM_KEY_USAGE_PROVE ? ZKHSM_GRANT_OPERATION_PROVE :
						ZKHSM_GRANT_OPERATION_SIGN;
}

/* What they are for, of which nothing can change any more. */
static int check_request(const struct zkhsm_grant *g, u8 operation,
			 const u8 input[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack)
{
	/* The algorithm follows from the operation: others are malformed. */
	if (g->terms.operation != operation)
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_GRANT_OPERATION,
				    "the grants are for another operation");
	if (memcmp(g->terms.input, input, sizeof(g->terms.input)))
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_GRANT_INPUT,
				    "the grants are for another input");
	if (zkhsm_grant_names_client(&g->terms) && !g->client_signature)
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_GRANT_CLIENT,
				    "the grants need the signature of the client that they name");
	if (!zkhsm_grant_names_client(&g->terms) && g->client_signature)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_GRANT_CLIENT,
				    "a signature of a client, but the grants name none");
	return 0;
}

static int check_time(const struct zkhsm_order *o, struct netlink_ext_ack *extack)
{
	u64 now = ktime_to_ms(ktime_get_boottime());

	if (now >= o->not_after_ms)
		return zkhsm_grant_refuse_expired(extack);
	if (o->not_after_ms - now > ZKHSM_GRANT_AHEAD_MAX_MS)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_GRANT_AHEAD,
				    "the grants end more than 60 seconds from now");
	return 0;
}

/* A manager that holds or revokes the element has changed its mind, whatever it granted. */
static int check_managers(const struct zkhsm_grant *g, const struct zkhsm_key *key,
			  struct netlink_ext_ack *extack)
{
	u32 quorum, stop, wipe, granted = 0, i;

	for (i = 0; i < g->count; i++) {
		const struct zkhsm_manager *m = zkhsm_trust_find(g->managers[i]);

		if (!m || !m->pinned)
			return zkhsm_refuse_unpinned(extack);
		if (!zkhsm_vote_stops(key->element, m))
			granted++;
	}
	zkhsm_hsm_quorums(&quorum, &stop, &wipe);
	if (granted < quorum)
		return zkhsm_refuse_fmt(extack, -EACCES, ZKHSM_REASON_GRANT_QUORUM,
					"fewer managers grant this operation than are needed",
					"%u of %u managers grant this operation", granted, quorum);
	return 0;
}

/**
 * zkhsm_grant_check() - whether grants let a key be used now
 * @g: what came with the request, read; NULL: nothing
 * @key: that is in the store
 * @extack: of the request
 *
 * Everything that can change while a request is under way, and nothing else.
 *
 * Return: 0; -EACCES (needed and not there, fewer than the quorum); -ESTALE
 * (another instance); -EKEYREJECTED (another key); -EKEYEXPIRED; -EINVAL (too
 * far ahead); -ENOKEY (a manager is not pinned).
 */
int zkhsm_grant_check(const struct zkhsm_grant *g, const struct zkhsm_key *key,
		      struct netlink_ext_ack *extack)
{
	int err;

	lockdep_assert_held(&zkhsm_lock);

	if (!g && !(key->flags & ZKHSM_KEY_FLAG_GRANT_REQUIRED))
		return 0;
	if (!g)
		return zkhsm_refuse(extack, -EACCES, ZKHSM_REASON_NO_GRANT,
				    "each operation with this key needs grants of the managers");
	if (memcmp(g->terms.instance_id, zkhsm_hsm_instance_id(), sizeof(g->terms.instance_id)))
		return zkhsm_refuse(extack, -ESTALE, ZKHSM_REASON_GRANT_INSTANCE,
				    "the grants are for another instance of this HSM");
	if (memcmp(g->terms.element, key->element->name, sizeof(g->terms.element)))
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_GRANT_ELEMENT,
				    "the grants are for another key");
	err = check_time(&g->terms, extack);
	return err ?: check_managers(g, key, extack);
}

static int verify_client(const struct zkhsm_grant *g, struct netlink_ext_ack *extack)
{
	u8 input[ZKHSM_GRANT_USE_LEN], digest[ZKHSM_HASH_LEN];
	int err;

	if (!g->client_signature)
		return 0;
	zkhsm_grant_use_input(g->digest, input);
	if (zkhsm_sha256(input, sizeof(input), digest))
		return zkhsm_refuse_failure(extack, -EIO);
	err = zkhsm_ecdsa_verify(g->terms.client, digest, g->client_signature);
	if (err == -EBADMSG)
		return zkhsm_refuse(extack, err, ZKHSM_REASON_MALFORMED,
				    "r or s of the client's signature is out of range");
	if (err)
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_GRANT_CLIENT,
				    "the signature of the client is false");
	return 0;
}

static int verify_signatures(struct zkhsm_grant *g, struct netlink_ext_ack *extack)
{
	u8 input[ZKHSM_GRANT_INPUT_LEN], digest[ZKHSM_HASH_LEN];
	struct zkhsm_order *o = &g->terms;
	u32 i;
	int err;

	for (i = 0; i < g->count; i++) {
		memcpy(o->manager_id, g->managers[i], sizeof(o->manager_id));
		o->signature = g->orders[i] + o->signed_len;
		err = zkhsm_order_check_signature(o, g->orders[i], digest, extack);
		if (err)
			return err;
		/* There may be sixteen, of a millisecond each. */
		cond_resched();
	}
	zkhsm_grant_digest_input(o, input);
	if (zkhsm_sha256(input, sizeof(input), g->digest))
		return zkhsm_refuse_failure(extack, -EIO);
	return verify_client(g, extack);
}

/**
 * zkhsm_grant_verify() - check everything about grants that takes no lock
 * @g: what came with the request
 * @key: what is to be used
 * @usage: what for, one of enum zkhsm_key_usage
 * @input: SHA-256 of what it is to be used on
 * @extack: of the request
 *
 * Return: 0; -EBADMSG (malformed); -EKEYREJECTED (for another HSM, operation or
 * input; a false signature, the client's too); -EINVAL (they differ, two of one
 * manager, a signature of no client); -EACCES (no signature of the client);
 * those of zkhsm_key_check(); -ENOMEM.
 */
int zkhsm_grant_verify(struct zkhsm_grant *g, const struct zkhsm_key *key, u32 usage,
		       const u8 input[ZKHSM_HASH_LEN], struct netlink_ext_ack *extack)
{
	int err;

	err = read_orders(g, extack);
	if (!err)
		err = check_request(g, operation_of(usage), input, extack);
	/* Of no use to verify signatures for what will be refused. */
	if (!err)
		err = zkhsm_key_check(key, usage, g, extack);
	if (!err)
		err = verify_signatures(g, extack);
	if (err)
		return err;
	g->use = zkhsm_grant_use_alloc();
	return g->use ? 0 : zkhsm_refuse_failure(extack, -ENOMEM);
}

/**
 * zkhsm_grant_receipt() - the identity's word on what was given for grants
 * @g: that were taken; gets the receipt
 * @output: the signature, or the proof
 * @len: its length
 * @extack: of the request
 *
 * Return: 0; -ENOMEM; -EIO.
 */
int zkhsm_grant_receipt(struct zkhsm_grant *g, const void *output, size_t len,
			struct netlink_ext_ack *extack)
{
	struct zkhsm_receipt r;
	int err;

	BUILD_BUG_ON(ZKHSM_RECEIPT_BODY_LEN + ZKHSM_PROOF_LEN != ZKHSM_RECEIPT_LEN);
	memcpy(r.grant_digest, g->digest, sizeof(r.grant_digest));
	err = zkhsm_sha256(output, len, r.output_digest);
	if (!err && WARN_ON_ONCE(zkhsm_receipt_encode(&r, g->receipt, ZKHSM_RECEIPT_BODY_LEN) < 0))
		err = -EIO;
	if (!err)
		err = zkhsm_schnorr_prove(zkhsm_hsm_secret(), zkhsm_hsm_pub(), ZKHSM_NONCE_RECEIPT,
					  zkhsm_hsm_id(), ZKHSM_HASH_LEN, g->receipt,
					  ZKHSM_RECEIPT_BODY_LEN,
					  g->receipt + ZKHSM_RECEIPT_BODY_LEN);
	return err ? zkhsm_refuse_failure(extack, err) : 0;
}

/* NULL is fine. */
void zkhsm_grant_free(struct zkhsm_grant *g)
{
	if (g)
		zkhsm_grant_use_free(g->use);
	kfree(g);
}
