// SPDX-License-Identifier: GPL-2.0
/*
 * The HSM itself: its identity D, made once per load, which incarnation of it
 * this is, and the configuration C that the kernel enforces.
 */
#include <linux/mm.h>
#include <linux/random.h>

#include "trace.h"
#include "zkhsm.h"

/*
 * @present: the identity exists; set once, with release semantics, after
 *	@secret, @pub and @id, which never change from then on
 * @secret: D's secret; used for evidence and announcements alone
 * @pub: D
 * @id: SHA-256(D)
 * @boot_count: 1: nothing of an identity survives an unload yet
 * @fork_count: how often this VM found itself restored or cloned.
 *	Locking: zkhsm_lock.
 * @instance_id: fresh at load and after a fork. Locking: zkhsm_lock.
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
	info->key_count = zkhsm_keystore_count();
	info->generation = zkhsm_keystore_generation();
	info->agent = hsm.agent;
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

static void publish(const struct zkhsm_hsm_request *req, struct zkhsm_secret *secret,
		    const u8 *pub, const u8 *id)
{
	hsm.secret = *secret;
	memset(secret, 0, sizeof(*secret));
	memcpy(hsm.pub, pub, sizeof(hsm.pub));
	memcpy(hsm.id, id, sizeof(hsm.id));
	hsm.quorum = req->quorum;
	hsm.stop = req->stop;
	hsm.wipe = req->wipe;
	if (req->set_agent)
		WRITE_ONCE(hsm.agent.val, req->agent.val);
	/* Pairs with the acquire in zkhsm_hsm_present(). */
	smp_store_release(&hsm.present, true);
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

/**
 * zkhsm_hsm_new() - make the identity
 * @req: quorums and agent; 0 is the default: 1, and for wipe the larger of
 *	the other two
 * @info: the HSM afterwards
 * @extack: of the request
 *
 * Return: 0; -EEXIST when there is one; -EINVAL for quorums that do not fit;
 * -ENOMEM; -EIO.
 */
int zkhsm_hsm_new(const struct zkhsm_hsm_request *req, struct zkhsm_hsm_info *info,
		  struct netlink_ext_ack *extack)
{
	struct zkhsm_hsm_request r = *req;
	struct zkhsm_secret secret = {};
	struct zkhsm_element *fresh, *e;
	u8 pub[ZKHSM_POINT_LEN];
	u8 id[ZKHSM_HASH_LEN];
	int err;

	r.quorum = r.quorum ?: 1;
	r.stop = r.stop ?: 1;
	r.wipe = r.wipe ?: max(r.quorum, r.stop);
	err = check_quorums(r.stop, r.wipe, extack);
	if (err)
		return err;
	if (zkhsm_hsm_present())
		goto exists;

	fresh = zkhsm_element_alloc();
	if (!fresh)
		return zkhsm_refuse_failure(extack, -ENOMEM);
	err = zkhsm_secret_generate(&secret, pub);
	if (!err)
		err = zkhsm_element_name(pub, fresh->name);
	if (!err)
		err = zkhsm_sha256(pub, sizeof(pub), id);
	if (err) {
		zkhsm_refuse_failure(extack, err);
		goto out;
	}

	down_write(&zkhsm_lock);
	if (hsm.present) {
		up_write(&zkhsm_lock);
		zkhsm_secret_wipe(&secret);
		zkhsm_element_free(fresh);
		goto exists;
	}
	/* There are no keys and no managers before there is an identity. */
	e = zkhsm_element_adopt(&fresh, ZKHSM_ROLE_IDENTITY, extack);
	err = PTR_ERR_OR_ZERO(e);
	if (!err) {
		publish(&r, &secret, pub, id);
		zkhsm_hsm_read_locked(info);
		trace_zkhsm_hsm(ZKHSM_EVENT_CREATED, hsm.boot_count, hsm.fork_count, 0);
	}
	tell(err, ZKHSM_EVENT_CREATED, info);
out:
	zkhsm_secret_wipe(&secret);
	zkhsm_element_free(fresh);
	return err;
exists:
	return zkhsm_refuse(extack, -EEXIST, ZKHSM_REASON_IDENTITY_EXISTS,
			    "the identity exists; it is made once per load");
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
 * Return: 0; -EINVAL for quorums that do not fit; -ENOMEM.
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
