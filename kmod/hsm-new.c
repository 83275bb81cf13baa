// SPDX-License-Identifier: GPL-2.0
/*
 * The birth of an HSM: its identity D, and the KEK that everything is sealed
 * under, which is chosen here once and for all.
 */
#include <linux/mm.h>
#include <linux/slab.h>

#include "seal.h"
#include "tpm.h"

static int refuse_source(struct netlink_ext_ack *extack, const char *sentence)
{
	return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_CONFIG, sentence);
}

/* A source of a KEK that is not asked for would be forgotten without a word. */
static int check_kek(const struct zkhsm_hsm_request *req, struct netlink_ext_ack *extack)
{
	bool keyring = req->kek_class == ZKHSM_KEK_CLASS_KEYRING;
	bool tpm = req->kek_class == ZKHSM_KEK_CLASS_TPM;

	if (keyring != !!req->serial)
		return refuse_source(extack,
				     "kek-class keyring, and nothing else, has a keyring-serial");
	if (tpm != !!req->pcrs)
		return refuse_source(extack, "kek-class tpm, and nothing else, has tpm-pcrs");
	if (req->counter_index && req->kek_class == ZKHSM_KEK_CLASS_UNSPEC)
		return refuse_source(extack, "a counter-index without a kek-class counts nothing");
	return 0;
}

/* The KEK and the counter, before there is anything to seal. */
static int begin_sealing(const struct zkhsm_hsm_request *req, struct zkhsm_kek *kek,
			 struct netlink_ext_ack *extack)
{
	const struct zkhsm_kek_source src = {
		.class = req->kek_class,
		.serial = req->serial,
		.pcrs = req->pcrs,
	};
	int err = 0;

	if (req->counter_index)
		err = zkhsm_tpm_counter_check(req->counter_index, extack);
	if (!err && req->kek_class != ZKHSM_KEK_CLASS_UNSPEC)
		err = zkhsm_kek_new(kek, &src, extack);
	return err;
}

static int make_identity(struct zkhsm_secret *secret, u8 *pub, u8 *id, struct zkhsm_element *fresh)
{
	int err;

	if (!fresh)
		return -ENOMEM;
	err = zkhsm_secret_generate(secret, pub);
	if (!err)
		err = zkhsm_element_name(pub, fresh->name);
	return err ?: zkhsm_sha256(pub, ZKHSM_POINT_LEN, id);
}

static void state_of(struct zkhsm_hsm_state *state, const struct zkhsm_hsm_request *req,
		     const struct zkhsm_kek *kek)
{
	memset(state, 0, sizeof(*state));
	state->boot_count = 1;
	state->quorum = req->quorum;
	state->stop = req->stop;
	state->wipe = req->wipe;
	state->grace_ms = req->grace_ms;
	state->max_ttl_ms = req->max_ttl_ms;
	state->flags = zkhsm_kek_flag(kek->class);
	if (req->counter_index)
		state->flags |= ZKHSM_HSM_FLAG_COUNTER;
	state->counter_index = req->counter_index;
	state->agent = req->set_agent ? req->agent : zkhsm_hsm_agent();
	state->kek_id = kek->id;
}

/* Under zkhsm_seal_lock: nobody else makes or unseals an identity meanwhile. */
static int hsm_new(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		   struct netlink_ext_ack *extack)
{
	struct zkhsm_seal_start start = { .counter_index = req->counter_index };
	struct zkhsm_hsm_state state;
	struct zkhsm_kek *kek = kzalloc(sizeof(*kek), GFP_KERNEL);
	struct zkhsm_element *fresh = zkhsm_element_alloc();
	struct zkhsm_secret secret = {};
	u8 pub[ZKHSM_POINT_LEN];
	u8 id[ZKHSM_HASH_LEN];
	int err = -ENOMEM;

	if (kek)
		err = make_identity(&secret, pub, id, fresh);
	if (err) {
		zkhsm_refuse_failure(extack, err);
		goto out;
	}
	start.kek = kek;
	err = begin_sealing(req, kek, extack);
	if (!err)
		err = zkhsm_seal_begin(&start, extack);
	if (err)
		goto out;

	down_write(&zkhsm_lock);
	/* There are no keys and no managers before there is an identity. */
	err = PTR_ERR_OR_ZERO(zkhsm_element_adopt(&fresh, ZKHSM_ROLE_IDENTITY, extack));
	if (!err) {
		state_of(&state, req, kek);
		state.secret = &secret;
		state.pub = pub;
		state.id = id;
		zkhsm_hsm_publish(&state, ZKHSM_EVENT_CREATED);
		zkhsm_hsm_read_locked(info);
	}
	zkhsm_hsm_tell(err, ZKHSM_EVENT_CREATED, info);
out:
	zkhsm_secret_wipe(&secret);
	zkhsm_element_free(fresh);
	if (kek)
		zkhsm_kek_wipe(kek);
	kfree(kek);
	return err;
}

/**
 * zkhsm_hsm_new() - make the identity
 * @req: quorums and agent; 0 is the default: 1, for wipe the larger of the
 *	other two, for max_ttl_ms ZKHSM_DEFAULT_MAX_TTL_MS; where the KEK comes
 *	from, if there is to be one
 * @info: the HSM afterwards
 * @extack: of the request
 *
 * What was being unsealed is dropped.
 *
 * Return: 0; -EEXIST when there is one; -EINVAL for quorums that do not fit,
 * or a KEK that is half described; those of zkhsm_kek_new() and of the TPM's
 * counter; -EINTR; -ENOMEM; -EIO.
 */
int zkhsm_hsm_new(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack)
{
	struct zkhsm_hsm_request r = *req;
	int err;

	r.quorum = r.quorum ?: 1;
	r.stop = r.stop ?: 1;
	r.wipe = r.wipe ?: max(r.quorum, r.stop);
	r.max_ttl_ms = r.max_ttl_ms ?: ZKHSM_DEFAULT_MAX_TTL_MS;
	err = zkhsm_hsm_check_quorums(r.stop, r.wipe, extack);
	if (!err)
		err = zkhsm_hsm_check_ttl(r.max_ttl_ms, extack);
	if (!err)
		err = check_kek(&r, extack);
	if (err)
		return err;
	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	if (zkhsm_hsm_present()) {
		err = zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_IDENTITY_EXISTS,
				   "the identity exists; it is made once per load");
	} else {
		zkhsm_unseal_drop();
		err = hsm_new(&r, info, extack);
	}
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}
