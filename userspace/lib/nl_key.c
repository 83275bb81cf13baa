// SPDX-License-Identifier: GPL-2.0
/*
 * key-new, key-get, key-set, key-del, key-sign, proof-get.
 */
#include "nl_private.h"

struct key_walk {
	int (*fn)(const struct zkhsm_key_info *k, void *arg);
	void *arg;
};

struct signature {
	uint8_t *bytes;
	uint8_t *public;
	uint8_t *receipt;	/* NULL: nothing was granted */
};

/* What one pinned manager says of the key. */
static int read_key_lease(struct nlattr *nest, struct zkhsm_key_info *k)
{
	struct nlattr *tb[ZKHSM_A_KEY_LEASE_MAX + 1] = { NULL };
	struct zkhsm_key_lease *l;

	if (k->lease_count == ZKHSM_MANAGERS_MAX ||
	    nla_parse_nested(tb, ZKHSM_A_KEY_LEASE_MAX, nest, NULL) < 0)
		return -EPROTO;
	l = &k->leases[k->lease_count++];
	if (zkhsm_nl_bytes(tb[ZKHSM_A_KEY_LEASE_MANAGER_ID], l->manager_id, 32) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_LEASE_VERDICT], &l->verdict))
		return -EPROTO;
	if (tb[ZKHSM_A_KEY_LEASE_EXPIRES_MS])
		return zkhsm_nl_u64(tb[ZKHSM_A_KEY_LEASE_EXPIRES_MS], &l->expires_ms);
	return 0;
}

/* Only of a key that requires leases; of one that does not there is nothing to say. */
static int read_leased(struct nlattr **tb, struct zkhsm_key_info *k)
{
	k->lease_required = !zkhsm_nl_u32(tb[ZKHSM_A_KEY_LEASES_NEEDED], &k->leases_needed);
	if (!k->lease_required)
		return tb[ZKHSM_A_KEY_LEASES_NEEDED] ? -EPROTO : 0;
	if (zkhsm_nl_u32(tb[ZKHSM_A_KEY_LEASES_GRANTED], &k->leases_granted) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_KEY_WORKS_UNTIL_MS], &k->works_until_ms) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_KEY_UNLEASED_USES], &k->unleased_uses))
		return -EPROTO;
	return 0;
}

int zkhsm_nl_read_key(struct nlattr **tb, struct zkhsm_key_info *k)
{
	memset(k, 0, sizeof(*k));
	if (zkhsm_nl_string(tb[ZKHSM_A_KEY_ID], k->id, sizeof(k->id)) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_TYPE], &k->type) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_ORIGIN], &k->origin) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_STATE], &k->state) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_USAGE], &k->usage) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_FLAGS], &k->flags) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_KEY_CREATED_MS], &k->created_ms) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_KEY_PUBLIC], k->public, 65) ||
	    zkhsm_nl_bytes(tb[ZKHSM_A_KEY_ELEMENT], k->element, 32) ||
	    zkhsm_nl_u32(tb[ZKHSM_A_KEY_OWNER_UID], &k->owner_uid) ||
	    zkhsm_nl_u64(tb[ZKHSM_A_KEY_USES], &k->uses))
		return -EPROTO;
	k->has_reason = !zkhsm_nl_u32(tb[ZKHSM_A_KEY_REASON], &k->reason);
	return read_leased(tb, k);
}

static int on_key(struct nlattr **tb, void *arg)
{
	return zkhsm_nl_read_key(tb, arg);
}

/* key-get alone says what each manager says. */
static int on_one_key(struct nlattr **tb, void *arg)
{
	struct nlattr **lease = tb + ZKHSM_A_KEY_MAX + 1;
	struct zkhsm_key_info *k = arg;

	if (zkhsm_nl_read_key(tb, k))
		return -EPROTO;
	for (; *lease; lease++)
		if (read_key_lease(*lease, k))
			return -EPROTO;
	return 0;
}

static int on_each_key(struct nlattr **tb, void *arg)
{
	struct key_walk *w = arg;
	struct zkhsm_key_info k;

	if (zkhsm_nl_read_key(tb, &k))
		return -EPROTO;
	return w->fn(&k, w->arg);
}

static struct nl_msg *key_request(struct zkhsm_nl *nl, uint8_t cmd, const char *id)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, cmd, 0);

	if (msg && id && nla_put_string(msg, ZKHSM_A_KEY_ID, id)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

static int put_params(struct nl_msg *msg, const struct zkhsm_key_params *p)
{
	if ((p->type && nla_put_u32(msg, ZKHSM_A_KEY_TYPE, p->type)) ||
	    (p->set_usage && nla_put_u32(msg, ZKHSM_A_KEY_USAGE, p->usage)) ||
	    (p->set_flags && nla_put_u32(msg, ZKHSM_A_KEY_FLAGS, p->flags)) ||
	    (p->set_owner && nla_put_u32(msg, ZKHSM_A_KEY_OWNER_UID, p->owner_uid)) ||
	    (p->set_state && nla_put_u32(msg, ZKHSM_A_KEY_STATE, p->state)) ||
	    (p->set_serial &&
	     nla_put_u32(msg, ZKHSM_A_KEY_KEYRING_SERIAL, (uint32_t)p->keyring_serial)))
		return -EMSGSIZE;
	return 0;
}

static int change(struct zkhsm_nl *nl, uint8_t cmd, const struct zkhsm_key_params *p,
		  struct zkhsm_key_info *out, struct zkhsm_error *err)
{
	struct nl_msg *msg = key_request(nl, cmd, p->id);

	if (msg && put_params(msg, p)) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_key, msg, on_key, out, err);
}

int zkhsm_key_new(struct zkhsm_nl *nl, const struct zkhsm_key_params *p,
		  struct zkhsm_key_info *out, struct zkhsm_error *err)
{
	return change(nl, ZKHSM_CMD_KEY_NEW, p, out, err);
}

int zkhsm_key_set(struct zkhsm_nl *nl, const struct zkhsm_key_params *p,
		  struct zkhsm_key_info *out, struct zkhsm_error *err)
{
	return change(nl, ZKHSM_CMD_KEY_SET, p, out, err);
}

int zkhsm_key_get(struct zkhsm_nl *nl, const char *id, struct zkhsm_key_info *out,
		  struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_key, key_request(nl, ZKHSM_CMD_KEY_GET, id),
			     on_one_key, out, err);
}

int zkhsm_key_list(struct zkhsm_nl *nl, int (*fn)(const struct zkhsm_key_info *k, void *arg),
		   void *arg, struct zkhsm_error *err)
{
	struct key_walk w = { fn, arg };

	return zkhsm_nl_call(nl, &zkhsm_nl_key,
			     zkhsm_nl_request(nl, ZKHSM_CMD_KEY_GET, NLM_F_DUMP), on_each_key, &w,
			     err);
}

int zkhsm_key_del(struct zkhsm_nl *nl, const char *id, struct zkhsm_error *err)
{
	return zkhsm_nl_call(nl, &zkhsm_nl_key, key_request(nl, ZKHSM_CMD_KEY_DEL, id), NULL,
			     NULL, err);
}

static int on_signature(struct nlattr **tb, void *arg)
{
	struct signature *s = arg;

	if (zkhsm_nl_bytes(tb[ZKHSM_A_KEY_SIGNATURE], s->bytes, ZKHSM_SIGNATURE_LEN) ||
	    (s->receipt &&
	     zkhsm_nl_bytes(tb[ZKHSM_A_KEY_RECEIPT], s->receipt, ZKHSM_RECEIPT_LEN)))
		return -EPROTO;
	return zkhsm_nl_bytes(tb[ZKHSM_A_KEY_PUBLIC], s->public, ZKHSM_POINT_LEN);
}

/* @grants NULL: none. The two attribute sets number them differently. */
static int put_grants(struct nl_msg *msg, const struct zkhsm_grants *grants, int grant,
		      int client_signature)
{
	size_t i;

	for (i = 0; grants && i < grants->count; i++)
		if (nla_put(msg, grant, (int)grants->orders[i].len, grants->orders[i].data))
			return -EMSGSIZE;
	if (grants && grants->client_signature)
		return nla_put(msg, client_signature, ZKHSM_SIGNATURE_LEN,
			       grants->client_signature);
	return 0;
}

static int sign(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
		const struct zkhsm_grants *grants, struct signature *s, struct zkhsm_error *err)
{
	struct nl_msg *msg = key_request(nl, ZKHSM_CMD_KEY_SIGN, id);

	if (msg && (nla_put(msg, ZKHSM_A_KEY_DIGEST, ZKHSM_HASH_LEN, digest) ||
		    put_grants(msg, grants, ZKHSM_A_KEY_GRANT, ZKHSM_A_KEY_CLIENT_SIGNATURE))) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_key, msg, on_signature, s, err);
}

int zkhsm_key_sign(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
		   uint8_t signature[64], uint8_t public[65], struct zkhsm_error *err)
{
	struct signature s = { signature, public, NULL };

	return sign(nl, id, digest, NULL, &s, err);
}

int zkhsm_key_sign_granted(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
			   const struct zkhsm_grants *grants, uint8_t signature[64],
			   uint8_t public[65], uint8_t receipt[ZKHSM_RECEIPT_LEN],
			   struct zkhsm_error *err)
{
	struct signature s = { signature, public, receipt };

	return sign(nl, id, digest, grants, &s, err);
}

static int on_proof(struct nlattr **tb, void *arg)
{
	struct signature *s = arg;

	if (zkhsm_nl_bytes(tb[ZKHSM_A_PROOF_PROOF], s->bytes, ZKHSM_PROOF_LEN) ||
	    (s->receipt &&
	     zkhsm_nl_bytes(tb[ZKHSM_A_PROOF_RECEIPT], s->receipt, ZKHSM_RECEIPT_LEN)))
		return -EPROTO;
	return zkhsm_nl_bytes(tb[ZKHSM_A_PROOF_PUBLIC], s->public, ZKHSM_POINT_LEN);
}

static int put_proof(struct nl_msg *msg, const char *id, const struct zkhsm_bytes *user_id,
		     const struct zkhsm_bytes *other, const struct zkhsm_grants *grants)
{
	if (nla_put_string(msg, ZKHSM_A_PROOF_ID, id) ||
	    nla_put(msg, ZKHSM_A_PROOF_USER_ID, (int)user_id->len, user_id->data) ||
	    (other->data &&
	     nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, (int)other->len, other->data)))
		return -EMSGSIZE;
	return put_grants(msg, grants, ZKHSM_A_PROOF_GRANT, ZKHSM_A_PROOF_CLIENT_SIGNATURE);
}

static int prove(struct zkhsm_nl *nl, const char *id, const struct zkhsm_bytes *user_id,
		 const struct zkhsm_bytes *other, const struct zkhsm_grants *grants,
		 struct signature *s, struct zkhsm_error *err)
{
	struct nl_msg *msg = zkhsm_nl_request(nl, ZKHSM_CMD_PROOF_GET, 0);

	if (msg && put_proof(msg, id, user_id, other, grants)) {
		nlmsg_free(msg);
		return zkhsm_fail(err, -EMSGSIZE, "the request is too large");
	}
	return zkhsm_nl_call(nl, &zkhsm_nl_proof, msg, on_proof, s, err);
}

int zkhsm_proof_get(struct zkhsm_nl *nl, const char *id, const void *user_id, size_t user_id_len,
		    const void *other, size_t other_len, uint8_t public[65], uint8_t proof[97],
		    struct zkhsm_error *err)
{
	const struct zkhsm_bytes uid = { user_id, user_id_len }, info = { other, other_len };
	struct signature s = { proof, public, NULL };

	return prove(nl, id, &uid, &info, NULL, &s, err);
}

int zkhsm_proof_get_granted(struct zkhsm_nl *nl, const char *id, const void *user_id,
			    size_t user_id_len, const void *other, size_t other_len,
			    const struct zkhsm_grants *grants, uint8_t public[65],
			    uint8_t proof[97], uint8_t receipt[ZKHSM_RECEIPT_LEN],
			    struct zkhsm_error *err)
{
	const struct zkhsm_bytes uid = { user_id, user_id_len }, info = { other, other_len };
	struct signature s = { proof, public, receipt };

	return prove(nl, id, &uid, &info, grants, &s, err);
}
