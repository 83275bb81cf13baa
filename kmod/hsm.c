// SPDX-License-Identifier: GPL-2.0
/*
 * The HSM itself: its identity D, made or unsealed once per load, which
 * incarnation of it this is, and the configuration C that the kernel enforces.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>

#include "seal.h"
#include "tpm.h"
#include "trace.h"
#include "zkhsm.h"

/*
 * @present: the identity exists; set once, with release semantics, after
 *	@secret, @pub and @id, which never change from then on
 * @secret: D's secret; used for evidence and announcements alone
 * @pub: D
 * @id: SHA-256(D)
 * @boot_count: how often the identity was made or unsealed
 * @fork_count: how often this VM found itself restored or cloned.
 *	Locking: zkhsm_lock.
 * @instance_id: fresh at load and after a fork. Locking: zkhsm_lock.
 * @flags: enum zkhsm_hsm_flag. Locking: zkhsm_lock for the lock; the class of
 *	the KEK and the counter are set once, before @present.
 * @counter_index: NV index in the TPM, or 0; set once, before @present
 * @kek_id: of the KEK that is in use. Locking: zkhsm_lock.
 * @sequence: of the sealing that was committed last. Locking: zkhsm_lock.
 * @quorum, @stop, @wipe: see vote.c. Locking: zkhsm_lock.
 * @agent: who may ask for evidence and carry orders. Locking: zkhsm_lock for
 *	changes; permission checks read it bare.
 */
static struct {
	bool present;
	struct zkhsm_secret secret;
	u8 pub[ZKHSM_POINT_LEN];
	u8 id[ZKHSM_HASH_LEN];
	u32 boot_count;
	u32 fork_count;
	u8 instance_id[ZKHSM_INSTANCE_ID_LEN];
	u32 flags;
	u32 counter_index;
	u8 kek_id[ZKHSM_KEK_ID_LEN];
	u64 sequence;
	u32 quorum;
	u32 stop;
	u32 wipe;
	kuid_t agent;
} hsm = {
	.boot_count = 1,
	.quorum = 1,
	.stop = 1,
	.wipe = 1,
};

void __init zkhsm_hsm_init(void)
{
	hsm.agent = GLOBAL_ROOT_UID;
	get_random_bytes(hsm.instance_id, sizeof(hsm.instance_id));
}

void zkhsm_hsm_exit(void)
{
	zkhsm_secret_wipe(&hsm.secret);
}

bool zkhsm_hsm_present(void)
{
	/* Pairs with the release in zkhsm_hsm_new(). */
	return smp_load_acquire(&hsm.present);
}

kuid_t zkhsm_hsm_agent(void)
{
	return KUIDT_INIT(READ_ONCE(hsm.agent.val));
}

void zkhsm_hsm_quorums(u32 *quorum, u32 *stop, u32 *wipe)
{
	lockdep_assert_held(&zkhsm_lock);

	*quorum = hsm.quorum;
	*stop = hsm.stop;
	*wipe = hsm.wipe;
}

/* These three only after zkhsm_hsm_present() has said yes. */
const u8 *zkhsm_hsm_id(void)
{
	return hsm.id;
}

const u8 *zkhsm_hsm_pub(void)
{
	return hsm.pub;
}

const struct zkhsm_secret *zkhsm_hsm_secret(void)
{
	return &hsm.secret;
}

/**
 * zkhsm_hsm_configuration() - write C
 * @c: filled in; what is not supported yet has its neutral value
 * @buf: where to
 *
 * Return: its length.
 */
u32 zkhsm_hsm_configuration(struct zkhsm_configuration *c, u8 buf[ZKHSM_CONFIGURATION_MAX_LEN])
{
	int len;

	lockdep_assert_held(&zkhsm_lock);

	memset(c, 0, sizeof(*c));
	c->flags = hsm.flags;
	c->quorum = hsm.quorum;
	c->stop = hsm.stop;
	c->wipe = hsm.wipe;
	c->max_ttl_ms = ZKHSM_DEFAULT_MAX_TTL_MS;
	zkhsm_trust_keys(c);
	len = zkhsm_configuration_encode(c, buf, ZKHSM_CONFIGURATION_MAX_LEN);
	return WARN_ON_ONCE(len < 0) ? 0 : len;
}

/* The part of a statement that is about the HSM. */
void zkhsm_hsm_state(struct zkhsm_statement *s)
{
	lockdep_assert_held(&zkhsm_lock);

	memcpy(s->hsm_id, hsm.id, sizeof(s->hsm_id));
	memcpy(s->identity, hsm.pub, sizeof(s->identity));
	memcpy(s->instance_id, hsm.instance_id, sizeof(s->instance_id));
	s->boot_count = hsm.boot_count;
	s->fork_count = hsm.fork_count;
	s->module_version = ZKHSM_VERSION_CODE;
	s->group_count = 1;
	s->groups[0] = ZKHSM_SUITE_P256;
}

void zkhsm_hsm_read_locked(struct zkhsm_hsm_info *info)
{
	lockdep_assert_held(&zkhsm_lock);

	info->present = hsm.present;
	memcpy(info->hsm_id, hsm.id, sizeof(info->hsm_id));
	memcpy(info->identity, hsm.pub, sizeof(info->identity));
	memcpy(info->instance_id, hsm.instance_id, sizeof(info->instance_id));
	info->boot_count = hsm.boot_count;
	info->fork_count = hsm.fork_count;
	/* What is being unsealed is nobody's business yet. */
	info->key_count = hsm.present ? zkhsm_keystore_count() : 0;
	info->generation = zkhsm_keystore_generation();
	info->agent = hsm.agent;
	info->counter_index = hsm.counter_index;
	memcpy(info->kek_id, hsm.kek_id, sizeof(info->kek_id));
	info->sequence = hsm.sequence;
	info->unsealed = zkhsm_record_waiting();
	info->configuration_len = zkhsm_hsm_configuration(&info->c, info->configuration);
}

void zkhsm_hsm_read(struct zkhsm_hsm_info *info)
{
	down_read(&zkhsm_lock);
	zkhsm_hsm_read_locked(info);
	up_read(&zkhsm_lock);
}

/*
 * To erase is more than to stop: a wipe that needs fewer votes than a stop
 * would stop too, and make `stop` a lie.
 */
static int check_quorums(u32 stop, u32 wipe, struct netlink_ext_ack *extack)
{
	if (wipe < stop)
		return zkhsm_refuse_fmt(extack, -EINVAL, ZKHSM_REASON_CONFIG,
					"wipe must not be less than stop",
					"wipe (%u) must not be less than stop (%u)", wipe, stop);
	return 0;
}

/* What is the same for an identity that is made and one that comes back. */
static void publish(struct zkhsm_secret *secret, const u8 *pub, const u8 *id)
{
	lockdep_assert_held_write(&zkhsm_lock);

	hsm.secret = *secret;
	memset(secret, 0, sizeof(*secret));
	memcpy(hsm.pub, pub, sizeof(hsm.pub));
	memcpy(hsm.id, id, sizeof(hsm.id));
	if (hsm.flags & ZKHSM_HSM_FLAG_KEK)
		zkhsm_record_enable();
	/* Pairs with the acquire in zkhsm_hsm_present(). */
	smp_store_release(&hsm.present, true);
}

static void publish_new(const struct zkhsm_hsm_request *req, const struct zkhsm_kek *kek,
			struct zkhsm_secret *secret, const u8 *pub, const u8 *id)
{
	hsm.quorum = req->quorum;
	hsm.stop = req->stop;
	hsm.wipe = req->wipe;
	hsm.flags = zkhsm_kek_flag(kek->class);
	hsm.counter_index = req->counter_index;
	if (req->counter_index)
		hsm.flags |= ZKHSM_HSM_FLAG_COUNTER;
	memcpy(hsm.kek_id, kek->id, sizeof(hsm.kek_id));
	if (req->set_agent)
		WRITE_ONCE(hsm.agent.val, req->agent.val);
	publish(secret, pub, id);
}

/* Gives the lock back, after what was done has been told: see tell() in ops.c. */
static void tell(int err, enum zkhsm_event event, const struct zkhsm_hsm_info *info)
{
	lockdep_assert_held_write(&zkhsm_lock);

	downgrade_write(&zkhsm_lock);
	if (!err) {
		zkhsm_nl_event_changes(info->changes, info->change_count);
		zkhsm_nl_event_hsm_info(event, info);
	}
	up_read(&zkhsm_lock);
}

static int refuse_source(struct netlink_ext_ack *extack, const char *sentence)
{
	return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_CONFIG, sentence);
}

/* A source of a KEK that is not asked for would be forgotten without a word. */
static int check_kek(const struct zkhsm_hsm_request *req, struct netlink_ext_ack *extack)
{
	if (!req->serial != (req->kek_class != ZKHSM_KEK_CLASS_KEYRING))
		return refuse_source(extack, "kek-class keyring, and nothing else, has a keyring-serial");
	if (!req->pcrs != (req->kek_class != ZKHSM_KEK_CLASS_TPM))
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

/* Under zkhsm_seal_lock: nobody else makes or unseals an identity meanwhile. */
static int hsm_new(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		   struct netlink_ext_ack *extack)
{
	struct zkhsm_seal_start start = { .counter_index = req->counter_index };
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
		publish_new(req, kek, &secret, pub, id);
		zkhsm_hsm_read_locked(info);
		trace_zkhsm_hsm(ZKHSM_EVENT_CREATED, hsm.boot_count, hsm.fork_count, 0);
	}
	tell(err, ZKHSM_EVENT_CREATED, info);
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
 * @req: quorums and agent; 0 is the default: 1, and for wipe the larger of
 *	the other two; where the KEK comes from, if there is to be one
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
	err = check_quorums(r.stop, r.wipe, extack);
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

/**
 * zkhsm_hsm_restore() - an identity comes back
 * @state: what was sealed; its secret is taken over
 *
 * Everything else is in place. Cannot fail.
 */
void zkhsm_hsm_restore(const struct zkhsm_hsm_state *state)
{
	lockdep_assert_held(&zkhsm_seal_lock);

	down_write(&zkhsm_lock);
	hsm.boot_count = state->boot_count;
	hsm.flags = state->c->flags;
	hsm.quorum = state->c->quorum;
	hsm.stop = state->c->stop;
	hsm.wipe = state->c->wipe;
	hsm.counter_index = state->counter_index;
	hsm.sequence = state->sequence;
	memcpy(hsm.kek_id, state->kek_id, sizeof(hsm.kek_id));
	WRITE_ONCE(hsm.agent.val, state->agent.val);
	publish(state->secret, state->pub, state->id);
	trace_zkhsm_hsm(ZKHSM_EVENT_UNSEALED, hsm.boot_count, hsm.fork_count, 0);
	up_write(&zkhsm_lock);
}

/* What a sealed head says of the HSM itself. */
void zkhsm_hsm_seal_state(u8 config[ZKHSM_CONFIGURATION_MAX_LEN], u16 *config_len,
			  u32 *boot_count, u32 *agent)
{
	struct zkhsm_configuration c;

	lockdep_assert_held(&zkhsm_lock);

	*config_len = zkhsm_hsm_configuration(&c, config);
	*boot_count = hsm.boot_count;
	*agent = from_kuid(&init_user_ns, hsm.agent);
}

void zkhsm_hsm_stored(u64 sequence, const u8 kek_id[ZKHSM_KEK_ID_LEN])
{
	lockdep_assert_held_write(&zkhsm_lock);

	hsm.sequence = sequence;
	memcpy(hsm.kek_id, kek_id, sizeof(hsm.kek_id));
}

/*
 * Whether root could open what is sealed: it can know a KEK that somebody
 * loaded, and watch administrators enter their shares. Only after
 * zkhsm_hsm_present() has said yes.
 */
bool zkhsm_hsm_extractable(void)
{
	return READ_ONCE(hsm.flags) & (ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_KEK_SHARES);
}

bool zkhsm_hsm_locked(void)
{
	lockdep_assert_held(&zkhsm_lock);

	return hsm.flags & ZKHSM_HSM_FLAG_LOCKED;
}

/* More votes or leases than there are managers would never come together again. */
static int check_lock(struct netlink_ext_ack *extack)
{
	u32 pinned = zkhsm_trust_pinned();

	if (zkhsm_hsm_locked())
		return zkhsm_refuse(extack, -EALREADY, ZKHSM_REASON_LOCKED,
				    "the configuration is locked already");
	if (hsm.quorum > pinned || hsm.stop > pinned || hsm.wipe > pinned)
		return zkhsm_refuse_fmt(extack, -EINVAL, ZKHSM_REASON_CONFIG,
					"quorum, stop or wipe is more than there are managers pinned",
					"quorum %u, stop %u, wipe %u, but %u managers are pinned",
					hsm.quorum, hsm.stop, hsm.wipe, pinned);
	return 0;
}

/**
 * zkhsm_hsm_lock() - freeze C and pin the module
 * @info: the HSM afterwards
 * @extack: of the request
 *
 * Return: 0; -EALREADY; -EINVAL when the quorums can never be met; -EIO when the
 * module is on its way out.
 */
int zkhsm_hsm_lock(struct zkhsm_hsm_info *info, struct netlink_ext_ack *extack)
{
	int err;

	down_write(&zkhsm_lock);
	err = check_lock(extack);
	if (!err && !try_module_get(THIS_MODULE))
		err = zkhsm_refuse_failure(extack, -EIO);
	if (!err) {
		WRITE_ONCE(hsm.flags, hsm.flags | ZKHSM_HSM_FLAG_LOCKED);
		zkhsm_record_head_changed();
		zkhsm_hsm_read_locked(info);
		trace_zkhsm_hsm(ZKHSM_EVENT_LOCKED, hsm.boot_count, hsm.fork_count, 0);
	}
	tell(err, ZKHSM_EVENT_LOCKED, info);
	return err;
}

/*
 * Room for a change of every key. Return: 0 and zkhsm_lock is held for
 * writing; or -ENOMEM and it is not.
 */
static int lock_with_room(struct zkhsm_change **changes)
{
	u32 room;

	for (;;) {
		down_read(&zkhsm_lock);
		room = zkhsm_keystore_count();
		up_read(&zkhsm_lock);
		*changes = kvmalloc_array(max(room, 1U), sizeof(**changes), GFP_KERNEL);
		if (!*changes)
			return -ENOMEM;
		down_write(&zkhsm_lock);
		if (zkhsm_keystore_count() <= room)
			return 0;
		up_write(&zkhsm_lock);
		kvfree(*changes);
	}
}

static int set_locked(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		      struct netlink_ext_ack *extack)
{
	u32 stop = req->stop ?: hsm.stop;
	u32 wipe = req->wipe ?: hsm.wipe;
	int err;

	lockdep_assert_held_write(&zkhsm_lock);

	err = check_quorums(stop, wipe, extack);
	if (err)
		return err;
	if (zkhsm_hsm_locked() && (req->quorum || req->stop || req->wipe))
		return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_LOCKED,
				    "the configuration is locked: only an order of the quorum changes it");
	zkhsm_record_head_changed();
	hsm.quorum = req->quorum ?: hsm.quorum;
	hsm.stop = stop;
	hsm.wipe = wipe;
	if (req->set_agent)
		WRITE_ONCE(hsm.agent.val, req->agent.val);
	info->change_count = zkhsm_vote_tighten(info->changes);
	zkhsm_hsm_read_locked(info);
	trace_zkhsm_hsm(ZKHSM_EVENT_CHANGED, hsm.boot_count, hsm.fork_count, 0);
	return 0;
}

/**
 * zkhsm_hsm_set() - change quorums or agent
 * @req: 0 and false: leave as it is
 * @info: the HSM afterwards, and the keys that changed; to be freed
 * @extack: of the request
 *
 * Lower quorums act on the votes that are there in the same step: no evidence
 * shows the new configuration over a list in which a key is still alive that
 * it stops.
 *
 * Return: 0; -EINVAL for quorums that do not fit; -EPERM for any while the
 * configuration is locked; -ENOMEM.
 */
int zkhsm_hsm_set(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack)
{
	int err;

	err = lock_with_room(&info->changes);
	if (err)
		return zkhsm_refuse_failure(extack, err);
	err = set_locked(req, info, extack);
	tell(err, ZKHSM_EVENT_CHANGED, info);
	return err;
}

void zkhsm_hsm_info_free(struct zkhsm_hsm_info *info)
{
	u32 i;

	if (!info)
		return;
	for (i = 0; i < info->change_count; i++)
		zkhsm_key_put(info->changes[i].key);
	kvfree(info->changes);
	kfree(info);
}

/* This machine is a copy of one that goes on elsewhere, or was set back. */
void zkhsm_hsm_forked(void)
{
	u8 instance_id[ZKHSM_INSTANCE_ID_LEN];

	get_random_bytes(instance_id, sizeof(instance_id));
	down_write(&zkhsm_lock);
	memcpy(hsm.instance_id, instance_id, sizeof(hsm.instance_id));
	hsm.fork_count++;
	trace_zkhsm_hsm(ZKHSM_EVENT_FORKED, hsm.boot_count, hsm.fork_count, 0);
	up_write(&zkhsm_lock);
}
