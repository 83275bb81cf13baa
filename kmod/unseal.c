// SPDX-License-Identifier: GPL-2.0
/*
 * Unsealing: what was sealed comes back, all of it or nothing.
 *
 * Head and records come in any number of requests of one socket. What they
 * hold is put where it will be used, while there is no identity and hence
 * nobody who could see or use it; the identity, last, brings it to life. The
 * first thing that is refused ends the attempt, and everything is erased again;
 * so does the end of the socket.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/netlink.h>
#include <linux/slab.h>

#include "box.h"
#include "group.h"
#include "seal.h"

/**
 * struct unsealing - the attempt that is under way
 * @portid: of its socket
 * @kek: the KEK
 * @head: the part of the head in the clear, but for what points into it
 * @body: the same of its body; D's secret is in @identity
 * @configuration: C of the head
 * @config: its bytes
 * @identity: D's secret
 * @records: given so far
 * @set: their set digest
 */
struct unsealing {
	u32 portid;
	struct zkhsm_kek kek;
	struct zkhsm_sealed head;
	struct zkhsm_head_body body;
	struct zkhsm_configuration configuration;
	u8 config[ZKHSM_CONFIGURATION_MAX_LEN];
	struct zkhsm_secret identity;
	u32 records;
	u8 set[ZKHSM_SET_DIGEST_LEN];
};

/* Locking: zkhsm_seal_lock. */
static struct unsealing *current_attempt;

/* Whose it is, for a look without the lock; 0, the kernel's own: nobody's. */
static u32 current_portid;

static int refuse_malformed(struct netlink_ext_ack *extack, const char *sentence)
{
	return zkhsm_refuse(extack, -EBADMSG, ZKHSM_REASON_MALFORMED, sentence);
}

/* Nothing of an attempt stays, whether it failed, was left, or gave way to another. */
static void drop(void)
{
	struct unsealing *u = current_attempt;

	lockdep_assert_held(&zkhsm_seal_lock);

	if (!u)
		return;
	current_attempt = NULL;
	WRITE_ONCE(current_portid, 0);
	zkhsm_keystore_exit();
	zkhsm_element_exit();
	zkhsm_trust_exit();
	zkhsm_secret_wipe(&u->identity);
	zkhsm_kek_wipe(&u->kek);
	kfree_sensitive(u);
}

/* For hsm-new, which makes another identity than the one that was about to come. */
void zkhsm_unseal_drop(void)
{
	drop();
}

static void fill_info(const struct unsealing *u, struct zkhsm_unseal_info *info)
{
	info->sequence = u->head.sequence;
	info->boot_count = u->head.boot_count + 1;
	info->records = u->records;
}

/*
 * A copy of what was given, decrypted in place. Return: it, of which the
 * caller wipes and frees @len bytes, or an error. @s points into it.
 */
static u8 *open_sealed(const struct zkhsm_kek *kek, struct zkhsm_sealed *s, const u8 *bytes,
		       u32 len, struct netlink_ext_ack *extack)
{
	u8 *buf = kmemdup(bytes, len, GFP_KERNEL);
	int err;

	if (!buf)
		return ERR_PTR(zkhsm_refuse_failure(extack, -ENOMEM));
	err = zkhsm_box_open(kek->key, s->salt, s->type, buf, s->clear_len, s->body_len);
	if (err) {
		kfree_sensitive(buf);
		if (err == -EKEYREJECTED)
			err = zkhsm_refuse(extack, err, ZKHSM_REASON_AUTHENTICATION,
					   s->type == ZKHSM_WIRE_SEALED_HEAD ?
					   "the sealed head was changed" :
					   "the sealed record was changed");
		else
			zkhsm_refuse_failure(extack, err);
		return ERR_PTR(err);
	}
	s->body = buf + s->clear_len;
	return buf;
}

static int decode_clear(struct zkhsm_sealed *s, u8 type, const u8 *bytes, u32 len,
			struct netlink_ext_ack *extack)
{
	int err = zkhsm_sealed_decode(s, bytes, len);

	if (err == -EOPNOTSUPP)
		return zkhsm_refuse(extack, err, ZKHSM_REASON_NOT_SUPPORTED,
				    "this was sealed by a later version of the module");
	if (err || s->type != type)
		return refuse_malformed(extack, type == ZKHSM_WIRE_SEALED_HEAD ?
					"the sealed head is malformed" :
					"the sealed record is malformed");
	return 0;
}

/* D of the head, its secret and its element. */
static int take_identity(struct unsealing *u, struct netlink_ext_ack *extack)
{
	u8 pub[ZKHSM_POINT_LEN], id[ZKHSM_HASH_LEN];
	struct zkhsm_element *fresh, *e;
	int err;

	err = zkhsm_secret_import(&u->identity, u->body.secret, pub);
	memzero_explicit(u->body.secret, sizeof(u->body.secret));
	if (err == -ENOMEM || err == -EIO)
		return zkhsm_refuse_failure(extack, err);
	if (err || memcmp(pub, u->body.identity, sizeof(pub)))
		return refuse_malformed(extack, "the identity in the sealed head is none");
	if (zkhsm_sha256(pub, sizeof(pub), id))
		return zkhsm_refuse_failure(extack, -EIO);
	if (memcmp(id, u->head.hsm_id, sizeof(id)))
		return refuse_malformed(extack, "the sealed head names another HSM than it holds");

	fresh = zkhsm_element_alloc();
	if (!fresh || zkhsm_element_name(pub, fresh->name)) {
		err = fresh ? -EIO : -ENOMEM;
		zkhsm_element_free(fresh);
		return zkhsm_refuse_failure(extack, err);
	}
	down_write(&zkhsm_lock);
	e = zkhsm_element_restore(&fresh, ZKHSM_ROLE_IDENTITY, extack);
	up_write(&zkhsm_lock);
	zkhsm_element_free(fresh);
	return PTR_ERR_OR_ZERO(e);
}

static int take_managers(struct zkhsm_managers_reader *m, struct netlink_ext_ack *extack)
{
	struct zkhsm_manager_entry *e = kmalloc(sizeof(*e), GFP_KERNEL);
	int ret;

	if (!e)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	while ((ret = zkhsm_managers_next(m, e)) > 0) {
		ret = zkhsm_trust_restore(e, extack);
		if (ret)
			goto out;
	}
	if (ret)
		ret = refuse_malformed(extack, "the managers in the sealed head are malformed");
out:
	kfree(e);
	return ret;
}

/* C is that of the quorums in it, the managers, and the class of the KEK. */
static int check_configuration(struct unsealing *u, struct netlink_ext_ack *extack)
{
	struct zkhsm_configuration *c = &u->configuration;
	struct zkhsm_configuration *pinned;
	bool same;

	if (zkhsm_configuration_decode(c, u->config, u->body.config_len) ||
	    (c->flags & ZKHSM_HSM_FLAG_KEK) != zkhsm_kek_flag(u->head.kek_class) ||
	    !(c->flags & ZKHSM_HSM_FLAG_COUNTER) != !u->body.counter_index)
		return refuse_malformed(extack, "the sealed head's configuration is malformed");
	if (zkhsm_hsm_check_ttl(c->max_ttl_ms, NULL))
		return refuse_malformed(extack, "the sealed head's configuration is malformed");
	pinned = kzalloc(sizeof(*pinned), GFP_KERNEL);
	if (!pinned)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	down_read(&zkhsm_lock);
	zkhsm_trust_keys(pinned);
	up_read(&zkhsm_lock);
	same = pinned->manager_count == c->manager_count &&
	       !memcmp(pinned->managers, c->managers, c->manager_count * ZKHSM_POINT_LEN);
	kfree(pinned);
	if (!same)
		return refuse_malformed(extack, "head and configuration differ in their managers");
	return 0;
}

static int take_head(struct unsealing *u, struct netlink_ext_ack *extack, const u8 *bytes, u32 len)
{
	struct zkhsm_managers_reader managers;
	u8 *buf;
	int err;

	buf = open_sealed(&u->kek, &u->head, bytes, len, extack);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	err = zkhsm_head_body_decode(&u->body, &managers, u->head.body, u->head.body_len);
	if (err || u->body.config_len > sizeof(u->config) || u->head.boot_count == U32_MAX) {
		err = refuse_malformed(extack, "the sealed head is malformed");
		goto out;
	}
	memcpy(u->config, u->body.config, u->body.config_len);
	err = take_identity(u, extack);
	if (!err)
		err = take_managers(&managers, extack);
	if (!err)
		err = check_configuration(u, extack);
	if (!err && u->body.counter_index)
		err = zkhsm_seal_check_counter(u->body.counter_index, u->body.counter, extack);
out:
	memzero_explicit(u->body.secret, sizeof(u->body.secret));
	kfree_sensitive(buf);
	/* These pointed into it. */
	u->head.body = NULL;
	u->head.tag = NULL;
	u->body.config = NULL;
	zkhsm_burn_stack();
	return err;
}

static int refuse_present(struct netlink_ext_ack *extack)
{
	return zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_IDENTITY_EXISTS,
			    "there is an identity: only an empty module can be unsealed into");
}

/**
 * zkhsm_unseal_head() - begin
 * @portid: of the socket
 * @head: the sealed head
 * @len: its length
 * @src: what the request has to get the KEK by; the class is the head's
 * @info: filled in
 * @extack: of the request
 *
 * An attempt that was under way is dropped. Return: 0; -EEXIST (there is an
 * identity); -EBADMSG; -EOPNOTSUPP (a later version); those of
 * zkhsm_kek_again(); -EKEYREJECTED (changed); -ESTALE (of the past, as the
 * TPM's counter knows); -ENOMEM; -EIO; -EINTR.
 */
int zkhsm_unseal_head(u32 portid, const u8 *head, u32 len, const struct zkhsm_kek_source *src,
		      struct zkhsm_unseal_info *info, struct netlink_ext_ack *extack)
{
	struct zkhsm_kek_source source = *src;
	struct unsealing *u;
	int err;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	if (zkhsm_hsm_present()) {
		err = refuse_present(extack);
		goto out;
	}
	drop();
	u = kzalloc(sizeof(*u), GFP_KERNEL);
	if (!u) {
		err = zkhsm_refuse_failure(extack, -ENOMEM);
		goto out;
	}
	current_attempt = u;
	u->portid = portid;
	WRITE_ONCE(current_portid, portid);
	err = decode_clear(&u->head, ZKHSM_WIRE_SEALED_HEAD, head, len, extack);
	if (!err) {
		source.class = u->head.kek_class;
		err = zkhsm_kek_again(&u->kek, &source, u->head.kek_id, extack);
	}
	if (!err)
		err = take_head(u, extack, head, len);
	if (err)
		drop();
	else
		fill_info(u, info);
out:
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}

static int check_record(const struct unsealing *u, const struct zkhsm_sealed *s,
			struct netlink_ext_ack *extack)
{
	if (memcmp(s->hsm_id, u->head.hsm_id, sizeof(s->hsm_id)))
		return zkhsm_refuse(extack, -EKEYREJECTED, ZKHSM_REASON_OTHER_HSM,
				    "the sealed record is of another HSM");
	if (memcmp(s->kek_id, u->kek.id, sizeof(s->kek_id)))
		return zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_OTHER_KEK,
				    "the record was sealed under another KEK than the head");
	if (s->sequence > u->head.sequence)
		return zkhsm_refuse_fmt(extack, -ESTALE, ZKHSM_REASON_RECORD_NEWER,
					"the sealed record is newer than the head",
					"the record was sealed by %llu, the head before, by %llu",
					s->sequence, u->head.sequence);
	return 0;
}

static int take_record(struct unsealing *u, const u8 *bytes, u32 len,
		       struct netlink_ext_ack *extack)
{
	u8 digest[ZKHSM_HASH_LEN];
	struct zkhsm_sealed s;
	u8 *buf;
	int err;

	err = decode_clear(&s, ZKHSM_WIRE_SEALED_RECORD, bytes, len, extack);
	if (!err)
		err = check_record(u, &s, extack);
	if (err)
		return err;
	if (zkhsm_sha256(bytes, len, digest) || zkhsm_set_add(u->set, &u->kek, digest))
		return zkhsm_refuse_failure(extack, -EIO);
	buf = open_sealed(&u->kek, &s, bytes, len, extack);
	if (IS_ERR(buf))
		return PTR_ERR(buf);
	if (s.kind == ZKHSM_RECORD_KIND_KEY)
		err = zkhsm_unseal_key(&s, digest, extack);
	else
		err = zkhsm_unseal_votes(&s, digest, extack);
	kfree_sensitive(buf);
	zkhsm_burn_stack();
	if (!err)
		u->records++;
	return err;
}

/* The attempt of this socket. */
static struct unsealing *attempt_of(u32 portid, struct netlink_ext_ack *extack)
{
	if (zkhsm_hsm_present())
		return ERR_PTR(refuse_present(extack));
	if (!current_attempt || current_attempt->portid != portid)
		return ERR_PTR(zkhsm_refuse(extack, -ENOKEY, ZKHSM_REASON_NOT_UNSEALING,
					    "no sealed head was given by this socket before"));
	return current_attempt;
}

/**
 * zkhsm_unseal_record() - go on
 * @portid: of the socket
 * @record: one sealed record
 * @len: its length
 * @info: filled in
 * @extack: of the request
 *
 * An error ends the attempt. Return: 0; -EEXIST (there is an identity);
 * -ENOKEY (not begun, or another KEK than the head's); -EBADMSG; -EOPNOTSUPP;
 * -EKEYREJECTED (of another HSM, or changed); -ESTALE (newer than the head);
 * -EINVAL (repeated); -EEXIST (an element in two roles); -ENOSPC; -ENOMEM;
 * -EIO; -EINTR.
 */
int zkhsm_unseal_record(u32 portid, const u8 *record, u32 len, struct zkhsm_unseal_info *info,
			struct netlink_ext_ack *extack)
{
	struct unsealing *u;
	int err;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	u = attempt_of(portid, extack);
	if (IS_ERR(u)) {
		err = PTR_ERR(u);
		goto out;
	}
	err = take_record(u, record, len, extack);
	if (err)
		drop();
	else
		fill_info(u, info);
out:
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}

static int check_whole(const struct unsealing *u, struct netlink_ext_ack *extack)
{
	bool fit;

	if (u->records != u->head.records)
		return zkhsm_refuse_fmt(extack, -ENODATA, ZKHSM_REASON_RECORDS_MISSING,
					"not as many sealed records as the head counts",
					"%u sealed records, the head counts %u",
					u->records, u->head.records);
	if (crypto_memneq(u->set, u->body.set, sizeof(u->set)))
		return zkhsm_refuse(extack, -ESTALE, ZKHSM_REASON_RECORD_OLDER,
				    "the sealed records are not those that the head counts: one is older");
	down_read(&zkhsm_lock);
	fit = zkhsm_unseal_fits();
	up_read(&zkhsm_lock);
	if (!fit)
		return zkhsm_refuse(extack, -EKEYREVOKED, ZKHSM_REASON_REVOKED,
				    "a sealed key is alive that the managers have stopped");
	return 0;
}

/* Nothing can fail any more once sealing goes on from here. */
static int publish(struct unsealing *u, struct netlink_ext_ack *extack)
{
	struct zkhsm_seal_start start = {
		.kek = &u->kek,
		.sequence = u->head.sequence,
		.records = u->records,
		.counter_index = u->body.counter_index,
		.counter = u->body.counter,
	};
	bool locked = u->configuration.flags & ZKHSM_HSM_FLAG_LOCKED;
	struct zkhsm_hsm_state state = {
		.secret = &u->identity,
		.boot_count = u->head.boot_count + 1,
		.flags = u->configuration.flags,
		.quorum = u->configuration.quorum,
		.stop = u->configuration.stop,
		.wipe = u->configuration.wipe,
		.grace_ms = u->configuration.enforce_grace_ms,
		.max_ttl_ms = u->configuration.max_ttl_ms,
		.agent = make_kuid(&init_user_ns, u->body.agent),
		.counter_index = u->body.counter_index,
		.sequence = u->head.sequence,
		.kek_id = u->kek.id,
		.pub = u->body.identity,
		.id = u->head.hsm_id,
	};
	int err;

	if (!uid_valid(state.agent))
		return refuse_malformed(extack, "the agent in the sealed head is no user");
	if (locked && !try_module_get(THIS_MODULE))
		return zkhsm_refuse_failure(extack, -EIO);
	memcpy(start.set, u->set, sizeof(start.set));
	err = zkhsm_seal_begin(&start, extack);
	if (err) {
		if (locked)
			module_put(THIS_MODULE);
		return err;
	}
	down_write(&zkhsm_lock);
	zkhsm_hsm_publish(&state, ZKHSM_EVENT_UNSEALED);
	up_write(&zkhsm_lock);
	return 0;
}

/**
 * zkhsm_unseal_finish() - all or nothing
 * @portid: of the socket
 * @info: filled in
 * @extack: of the request
 *
 * An error ends the attempt. Return: 0; -EEXIST (there is an identity);
 * -ENOKEY (not begun); -ENODATA (records missing, or too many); -ESTALE (not
 * those of the head); -EKEYREVOKED (they contradict the votes); those of the
 * TPM; -EINTR.
 */
int zkhsm_unseal_finish(u32 portid, struct zkhsm_unseal_info *info,
			struct netlink_ext_ack *extack)
{
	struct unsealing *u;
	int err;

	if (mutex_lock_killable(&zkhsm_seal_lock))
		return -EINTR;
	u = attempt_of(portid, extack);
	if (IS_ERR(u)) {
		err = PTR_ERR(u);
		goto out;
	}
	fill_info(u, info);
	err = check_whole(u, extack);
	if (!err)
		err = publish(u, extack);
	if (err) {
		drop();
		goto out;
	}
	info->finished = true;
	/* What was put in place stays there. */
	current_attempt = NULL;
	WRITE_ONCE(current_portid, 0);
	zkhsm_kek_wipe(&u->kek);
	kfree_sensitive(u);
out:
	mutex_unlock(&zkhsm_seal_lock);
	return err;
}

/* Whether a KEK, and what was unsealed by it, are here already; a guess without the lock. */
bool zkhsm_unseal_under_way(void)
{
	return READ_ONCE(current_portid);
}

/* Whoever began is gone, and must not leave a KEK and secrets behind. */
static int socket_gone(struct notifier_block *nb, unsigned long event, void *data)
{
	const struct netlink_notify *notify = data;

	if (event != NETLINK_URELEASE || notify->protocol != NETLINK_GENERIC ||
	    !net_eq(notify->net, &init_net))
		return NOTIFY_DONE;
	/* Every socket of generic netlink comes here; a request of this one is not under way. */
	if (READ_ONCE(current_portid) != notify->portid)
		return NOTIFY_DONE;
	mutex_lock(&zkhsm_seal_lock);
	if (current_attempt && current_attempt->portid == notify->portid)
		drop();
	mutex_unlock(&zkhsm_seal_lock);
	return NOTIFY_OK;
}

static struct notifier_block socket_block = { .notifier_call = socket_gone };

int __init zkhsm_unseal_init(void)
{
	return netlink_register_notifier(&socket_block);
}

/* After the family is gone, before the state. */
void zkhsm_unseal_exit(void)
{
	netlink_unregister_notifier(&socket_block);
	mutex_lock(&zkhsm_seal_lock);
	drop();
	mutex_unlock(&zkhsm_seal_lock);
}
