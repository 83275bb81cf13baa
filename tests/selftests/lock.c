// SPDX-License-Identifier: GPL-2.0
/*
 * A locked configuration: nobody here changes it, the module stays, and it is
 * locked again wherever it comes back.
 *
 * Only force gets such a module out, and force switches lockdep off: of all
 * tests this one comes last.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "faults.h"
#include "lessor.h"
#include "sealed.h"

static struct hsm h;
static struct sealed unlocked, locked, ordered;
static struct manager one, two, three;
static int32_t kek;

static int lock(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_LOCK);

	nla_put(msg, ZKHSM_A_HSM_HSM_ID, 32, h.id);
	return nlraw_do(&h.nl, msg, &h.a);
}

static int set(int attr, uint32_t value)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, attr, value);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void set_quorums(uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, quorum);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, stop);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, wipe);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "hsm-set");
}

static bool is_locked(void)
{
	hsm_get(&h);
	return nlraw_u32(&h.a, ZKHSM_A_HSM_FLAGS) & ZKHSM_HSM_FLAG_LOCKED;
}

static void refused(uint32_t quorum, uint32_t stop, uint32_t wipe, const char *what)
{
	set_quorums(quorum, stop, wipe);
	lock();
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "%s", what);
	check(!is_locked(), "%s: locked", what);
}

/* Quorums that never come together would be there for good. */
static void too_few(void)
{
	kek = sealed_kek(9);
	sealed_empty(&h);
	lock();
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_IDENTITY, "hsm-lock without identity");
	sealed_new(&h, kek, 1, 1, 1);
	check_done(&h.a, "hsm-new");
	refused(1, 1, 1, "no manager");
	manager_new_pinned(&h, &one);
	refused(2, 1, 1, "quorum above the managers");
	refused(1, 2, 2, "stop above the managers");
	refused(1, 1, 2, "wipe above the managers");
	manager_new_pinned(&h, &two);
	manager_unpin(&h, &two);
	check_done(&h.a, "trust-del");
	refused(2, 2, 2, "one of two was unpinned");
	memset(h.id, 1, 1);
	memset(h.id + 1, 2, 1);
	lock();
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "hsm-lock of another HSM");
	check(!is_locked(), "locked");
	manager_free(&one);
	manager_free(&two);
}

/* Nothing of C moves; what is not in C does. */
static void frozen(const char *when)
{
	static const uint8_t digest[32];
	static const struct {
		int attr;
		uint32_t value;
	} quorums[] = {
		{ ZKHSM_A_HSM_QUORUM, 1 }, { ZKHSM_A_HSM_QUORUM, 2 }, { ZKHSM_A_HSM_STOP, 1 },
		{ ZKHSM_A_HSM_WIPE, 2 }, { ZKHSM_A_HSM_WIPE, 16 },
	};
	uint32_t value;
	size_t i;

	check(is_locked(), "not locked %s", when);
	for (i = 0; i < sizeof(quorums) / sizeof(quorums[0]); i++) {
		set(quorums[i].attr, quorums[i].value);
		check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "attribute %d = %u %s",
			      quorums[i].attr, quorums[i].value, when);
	}
	manager_pin(&h, &three);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "trust-new %s", when);
	manager_unpin(&h, &one);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "trust-del %s", when);
	lock();
	check_refused(&h.a, EALREADY, ZKHSM_REASON_LOCKED, "hsm-lock %s", when);

	hsm_get(&h);
	value = nlraw_u32(&h.a, ZKHSM_A_HSM_AGENT_UID) ^ 1;
	set(ZKHSM_A_HSM_AGENT_UID, value);
	check_done(&h.a, "another agent %s", when);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_AGENT_UID) == value, "the agent is as before %s", when);
	key_new(&h, "made");
	check_done(&h.a, "key-new %s", when);
	key_sign(&h, "made", digest);
	check_done(&h.a, "key-sign %s", when);
	key_del(&h, "made");
	check_done(&h.a, "key-del %s", when);
}

static void stays(const char *when)
{
	int ret;

	hsm_close(&h);
	ret = module_unload();
	check(ret == -EAGAIN && module_loaded(), "rmmod %s: %s", when, strerrorname_np(-ret));
	hsm_reopen(&h);
	check(is_locked(), "not locked after rmmod %s", when);
}

static void goes_and_comes(void)
{
	hsm_close(&h);
	require(!module_unload_forced(), "rmmod -f: %s", strerrorname_np(errno));
	sealed_empty(&h);
}

static void lock_it(void)
{
	uint8_t element[32];

	sealed_fresh(&h, kek, 1, 1, 2);
	manager_new_pinned(&h, &one);
	manager_new_pinned(&h, &two);
	manager_new(&three);
	key_new(&h, "kept");
	key_element(&h, "kept", element);
	sealed_store(&h, &unlocked);
	lock();
	check_done(&h.a, "hsm-lock");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FLAGS) ==
	      (ZKHSM_HSM_FLAG_LOCKED | ZKHSM_HSM_FLAG_KEK_KEYRING), "flags in the reply");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED) == 1, "the lock waits not to be stored");
	evidence_get(&h, &one);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence before the lock is stored");
	frozen("once locked");
	order_one(&h, &one, ZKHSM_ORDER_TYPE_HOLD, 1, element);
	check_done(&h.a, "order-apply");
	check(key_state(&h, "kept") == ZKHSM_KEY_STATE_HELD, "the order did not act");
	stays("once locked");
	sealed_store(&h, &locked);
	evidence_get(&h, &one);
	check_done(&h.a, "evidence");
}

static void locked_again(void)
{
	goes_and_comes();
	sealed_restore(&h, &locked, kek);
	check_done(&h.a, "hsm-unseal");
	check(key_state(&h, "kept") == ZKHSM_KEY_STATE_HELD, "the key is not held");
	frozen("once unsealed");
	stays("once unsealed");
	sealed_restore(&h, &unlocked, kek);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_IDENTITY_EXISTS, "the state before the lock");
}

static void orders(uint64_t number, const struct zkhsm_configuration *c,
		   const uint8_t previous[32], uint32_t outcome, const char *what)
{
	trust_change(&h, &one, number, previous, c);
	check_done(&h.a, "trust-change %s", what);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME) == outcome, "%s: outcome %u", what,
	      nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME));
}

static void enforced(uint64_t grace, uint64_t max_ttl, const char *when)
{
	hsm_get(&h);
	check(nlraw_u64(&h.a, ZKHSM_A_HSM_ENFORCE_GRACE_MS) == grace &&
	      nlraw_u64(&h.a, ZKHSM_A_HSM_MAX_TTL_MS) == max_ttl, "C %s", when);
}

/* Only the quorum, here one manager, changes what is locked; and that is sealed too. */
static void by_order(void)
{
	struct zkhsm_configuration c;
	uint8_t previous[32];

	config_read(&h, &c, previous);
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, 7);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "enforce-grace-ms");
	hsm_set_u64(&h, ZKHSM_A_HSM_ENFORCE_GRACE_MS, UINT64_MAX);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "report only");
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, 5000);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "max-ttl-ms");
	sealed_store(&h, &ordered);

	c.flags &= ~ZKHSM_HSM_FLAG_LOCKED;
	orders(2, &c, previous, ZKHSM_ORDER_OUTCOME_VOID, "that unlocks");
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_REASON) == ZKHSM_REASON_CONFIG, "why it is void");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED) == 1, "the counter waits not to be stored");
	c.flags |= ZKHSM_HSM_FLAG_LOCKED;
	c.enforce_grace_ms = 7;
	c.max_ttl_ms = 5000;
	orders(3, &c, previous, ZKHSM_ORDER_OUTCOME_DONE, "of the quorum");
	check(is_locked(), "not locked any more");
	enforced(7, 5000, "as ordered");
	evidence_get(&h, &one);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "evidence before C is stored");
	frozen("once ordered");

	sealed_store(&h, &ordered);
	goes_and_comes();
	sealed_restore(&h, &ordered, kek);
	check_done(&h.a, "hsm-unseal");
	enforced(7, 5000, "out of the sealed state");
	orders(4, &c, previous, ZKHSM_ORDER_OUTCOME_WITHDRAWN, "that is done already");
	trust_change(&h, &one, 4, previous, &c);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_REPLAY, "order 4 again");
}

/* A lock that came to nothing, at the last of the checks or before, holds no module. */
static void not_held(void)
{
	struct sealed_item *item;

	goes_and_comes();
	item = sealed_find(&locked, ZKHSM_RECORD_KIND_KEY, "kept");
	require(item, "no record");
	item->bytes[item->len - 1] ^= 1;
	sealed_restore(&h, &locked, kek);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_AUTHENTICATION, "a changed record");
	item->bytes[item->len - 1] ^= 1;
	locked.count--;
	sealed_restore(&h, &locked, kek);
	check_refused(&h.a, ENODATA, ZKHSM_REASON_RECORDS_MISSING, "a record is missing");
	locked.count++;
	sealed_empty(&h);
}

/* Whoever has an older state can go back to it, and C tells the managers. */
static void rolled_back(void)
{
	const uint8_t *p;

	sealed_restore(&h, &unlocked, kek);
	check_done(&h.a, "hsm-unseal of the state before the lock");
	check(!is_locked(), "locked");
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_HSM_ID, 32);
	check(p && !memcmp(p, h.id, 32), "another HSM");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FLAGS) == ZKHSM_HSM_FLAG_KEK_KEYRING, "flags of C");
	check(key_state(&h, "kept") == ZKHSM_KEY_STATE_ACTIVE, "the key is held");
	set_quorums(2, 2, 2);
	manager_pin(&h, &three);
	check_done(&h.a, "trust-new");
	sealed_empty(&h);
}

/* The lock changes C too: who waited to change it waits for nothing any more. */
static void forgotten_by_lock(void)
{
	struct nl_msg *msg;
	struct zkhsm_configuration c;
	uint8_t previous[32];

	config_read(&h, &c, previous);
	c.enforce_grace_ms = 7;
	orders(1, &c, previous, ZKHSM_ORDER_OUTCOME_WAITING, "before the lock");
	lock();
	check_done(&h.a, "hsm-lock");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FLAGS) == ZKHSM_HSM_FLAG_LOCKED, "flags in the reply");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_TRUST_GET);
	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, one.id);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "trust-get");
	check(!nlraw_attr(&h.a, ZKHSM_A_MANAGER_PENDING), "an order about the C before waits");
}

/* No KEK: the lock goes with the keys. */
static void without_kek(void)
{
	hsm_close(&h);
	hsm_start(&h, 2, 1, 2);
	manager_pin(&h, &one);
	manager_pin(&h, &two);
	forgotten_by_lock();
	check(is_locked(), "not locked");
	evidence_get(&h, &one);
	check_done(&h.a, "evidence");
	set(ZKHSM_A_HSM_QUORUM, 1);
	check_refused(&h.a, EPERM, ZKHSM_REASON_LOCKED, "hsm-set");
	stays("without KEK");
	goes_and_comes();
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_HSM_ID), "there is an identity");
}

static struct nl_msg *lock_msg(void)
{
	return nlraw_msg(&faults.h.nl, ZKHSM_CMD_HSM_LOCK);
}

static bool lock_there(void)
{
	hsm_get(&faults.h);
	return nlraw_u32(&faults.h.a, ZKHSM_A_HSM_FLAGS) & ZKHSM_HSM_FLAG_LOCKED;
}

/* An HSM that can be locked, in a module that nothing holds any more. */
static void lockable(void)
{
	nlraw_close(&faults.listener);
	hsm_close(&faults.h);
	if (module_loaded())
		module_unload_forced();
	sealed_fresh(&faults.h, kek, 1, 1, 1);
	manager_pin(&faults.h, &one);
	require(!faults.h.a.error, "trust-new: %s", faults.h.a.text);
	listener_open(&faults.listener);
}

/* Memory gives out: locked and held, or neither. */
static void memory(void)
{
	static const struct scenario s[] = {
		{ .name = "hsm-lock", .message = lock_msg, .done = lock_there, .undo = lockable,
		  .messages = 1, .events = 1, .slow = true },
	};

	faults_need();
	faults_begin();
	hsm_close(&h);
	lockable();
	sweep(s, 1);
	nlraw_close(&faults.listener);
	hsm_close(&faults.h);
	check(!module_unload(), "rmmod of what is not locked");
	faults_end();
}

/* Whatever went wrong, what comes after this program needs a module that goes. */
static void let_go(void)
{
	if (module_loaded())
		module_unload_forced();
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "too_few", too_few },
		{ "lock_it", lock_it },
		{ "locked_again", locked_again },
		{ "by_order", by_order },
		{ "not_held", not_held },
		{ "rolled_back", rolled_back },
		{ "without_kek", without_kek },
		{ "memory", memory },
	};

	atexit(let_go);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
