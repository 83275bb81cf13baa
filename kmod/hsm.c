// SPDX-License-Identifier: GPL-2.0
/*
 * The HSM itself: its identity D, made (hsm-new.c) or unsealed (unseal.c) once
 * per load, which incarnation of it this is, and the configuration C that the
 * kernel enforces.
 */
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/random.h>

#include "grant.h"
#include "lease.h"
#include "trace.h"

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
	u64 grace_ms;
	u64 max_ttl_ms;
	kuid_t agent;
} hsm = {
	.boot_count = 1,
	.quorum = 1,
	.stop = 1,
	.wipe = 1,
	.max_ttl_ms = ZKHSM_DEFAULT_MAX_TTL_MS,
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
	/* Pairs with the release in zkhsm_hsm_publish(). */
	return smp_load_acquire(&hsm.present);
}

kuid_t zkhsm_hsm_agent(void)
{
	return KUIDT_INIT(READ_ONCE(hsm.agent.val));
}

const u8 *zkhsm_hsm_instance_id(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return hsm.instance_id;
}

/* For how long a key goes on without leases; ZKHSM_GRACE_FOR_EVER: nothing is enforced. */
u64 zkhsm_hsm_grace_ms(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return hsm.grace_ms;
}

u64 zkhsm_hsm_max_ttl_ms(void)
{
	lockdep_assert_held(&zkhsm_lock);
	return hsm.max_ttl_ms;
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
 * @c: filled in
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
	c->enforce_grace_ms = hsm.grace_ms;
	c->max_ttl_ms = hsm.max_ttl_ms;
	/* Managers of a head that is being unsealed are nobody's business yet. */
	if (hsm.present)
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
	info->generation = hsm.present ? zkhsm_keystore_generation() : 0;
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
int zkhsm_hsm_check_quorums(u32 stop, u32 wipe, struct netlink_ext_ack *extack)
{
	if (wipe < stop)
		return zkhsm_refuse_fmt(extack, -EINVAL, ZKHSM_REASON_CONFIG,
					"wipe must not be less than stop",
					"wipe (%u) must not be less than stop (%u)", wipe, stop);
	return 0;
}

/* Shorter than a second is a mistake, longer than a month no lease. Return: 0; -EINVAL. */
int zkhsm_hsm_check_ttl(u64 max_ttl_ms, struct netlink_ext_ack *extack)
{
	if (max_ttl_ms < ZKHSM_TTL_MIN_MS || max_ttl_ms > ZKHSM_TTL_MAX_MS)
		return zkhsm_refuse(extack, -EINVAL, ZKHSM_REASON_TTL,
				    "max-ttl-ms is from 1 second to 31 days");
	return 0;
}

/**
 * zkhsm_hsm_publish() - there is an identity, made or unsealed
 * @state: what the HSM is to be; its secret is taken over
 * @event: which of the two, for the trace
 *
 * Everything else is in place. Cannot fail.
 */
void zkhsm_hsm_publish(const struct zkhsm_hsm_state *state, enum zkhsm_event event)
{
	lockdep_assert_held_write(&zkhsm_lock);

	hsm.secret = *state->secret;
	memset(state->secret, 0, sizeof(*state->secret));
	memcpy(hsm.pub, state->pub, sizeof(hsm.pub));
	memcpy(hsm.id, state->id, sizeof(hsm.id));
	hsm.boot_count = state->boot_count;
	hsm.flags = state->flags;
	hsm.quorum = state->quorum;
	hsm.stop = state->stop;
	hsm.wipe = state->wipe;
	hsm.grace_ms = state->grace_ms;
	hsm.max_ttl_ms = state->max_ttl_ms;
	hsm.counter_index = state->counter_index;
	hsm.sequence = state->sequence;
	memcpy(hsm.kek_id, state->kek_id, sizeof(hsm.kek_id));
	WRITE_ONCE(hsm.agent.val, state->agent.val);
	if (hsm.flags & ZKHSM_HSM_FLAG_KEK)
		zkhsm_record_enable();
	/* Pairs with the acquire in zkhsm_hsm_present(). */
	smp_store_release(&hsm.present, true);
	trace_zkhsm_hsm(event, hsm.boot_count, hsm.fork_count, 0);
}

/* Gives the lock back, after what was done has been told: see tell() in ops.c. */
void zkhsm_hsm_tell(int err, enum zkhsm_event event, const struct zkhsm_hsm_info *info)
{
	lockdep_assert_held_write(&zkhsm_lock);

	downgrade_write(&zkhsm_lock);
	if (!err) {
		zkhsm_nl_event_changes(info->changes, info->change_count);
		zkhsm_nl_event_hsm_info(event, info);
	}
	up_read(&zkhsm_lock);
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
		zkhsm_trust_forget_pending();
		zkhsm_record_head_changed();
		zkhsm_hsm_read_locked(info);
		trace_zkhsm_hsm(ZKHSM_EVENT_LOCKED, hsm.boot_count, hsm.fork_count, 0);
	}
	zkhsm_hsm_tell(err, ZKHSM_EVENT_LOCKED, info);
	return err;
}

/* C, but for its flags and its managers, which are trust.c's, is the new one. Checked before. */
void zkhsm_hsm_reconfigure(const struct zkhsm_configuration *c)
{
	lockdep_assert_held_write(&zkhsm_lock);

	zkhsm_record_head_changed();
	hsm.quorum = c->quorum;
	hsm.stop = c->stop;
	hsm.wipe = c->wipe;
	hsm.grace_ms = c->enforce_grace_ms;
	hsm.max_ttl_ms = c->max_ttl_ms;
	zkhsm_trust_forget_pending();
	zkhsm_lease_shorten(hsm.max_ttl_ms);
	trace_zkhsm_hsm(ZKHSM_EVENT_CHANGED, hsm.boot_count, hsm.fork_count, 0);
}

/*
 * Room for a change of every key. Return: 0 and zkhsm_lock is held for
 * writing; or -ENOMEM and it is not.
 */
int zkhsm_hsm_lock_with_room(struct zkhsm_change **changes)
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

static bool same_values(const struct zkhsm_configuration *c)
{
	return c->quorum == hsm.quorum && c->stop == hsm.stop && c->wipe == hsm.wipe &&
	       c->enforce_grace_ms == hsm.grace_ms && c->max_ttl_ms == hsm.max_ttl_ms;
}

static int set_locked(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		      struct netlink_ext_ack *extack)
{
	struct zkhsm_configuration *c = &info->c;
	int err;

	lockdep_assert_held_write(&zkhsm_lock);

	c->quorum = req->quorum ?: hsm.quorum;
	c->stop = req->stop ?: hsm.stop;
	c->wipe = req->wipe ?: hsm.wipe;
	c->enforce_grace_ms = req->set_grace ? req->grace_ms : hsm.grace_ms;
	c->max_ttl_ms = req->max_ttl_ms ?: hsm.max_ttl_ms;
	err = zkhsm_hsm_check_quorums(c->stop, c->wipe, extack);
	if (!err)
		err = zkhsm_hsm_check_ttl(c->max_ttl_ms, extack);
	if (err)
		return err;
	if (zkhsm_hsm_locked() && (req->quorum || req->stop || req->wipe || req->set_grace ||
				   req->max_ttl_ms))
		return zkhsm_refuse(extack, -EPERM, ZKHSM_REASON_LOCKED,
				    "the configuration is locked: only an order of the quorum changes it");
	if (!same_values(c))
		zkhsm_hsm_reconfigure(c);
	zkhsm_record_head_changed();
	if (req->set_agent)
		WRITE_ONCE(hsm.agent.val, req->agent.val);
	info->change_count = zkhsm_vote_tighten(info->changes);
	zkhsm_hsm_read_locked(info);
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
 * Return: 0; -EINVAL for quorums that do not fit, or a max_ttl_ms; -EPERM for
 * any while the configuration is locked; -ENOMEM.
 */
int zkhsm_hsm_set(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack)
{
	int err;

	err = zkhsm_hsm_lock_with_room(&info->changes);
	if (err)
		return zkhsm_refuse_failure(extack, err);
	err = set_locked(req, info, extack);
	zkhsm_hsm_tell(err, ZKHSM_EVENT_CHANGED, info);
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
	/* In the same step, or a grant for the new instance could be forgotten, and used twice. */
	zkhsm_grant_drop_all();
	trace_zkhsm_hsm(ZKHSM_EVENT_FORKED, hsm.boot_count, hsm.fork_count, 0);
	up_write(&zkhsm_lock);
}
