// SPDX-License-Identifier: GPL-2.0
/*
 * Orders of each type, over keys that are here and elements that are not, and
 * the quorum that acts on votes which are there already.
 */
#include <errno.h>
#include <string.h>

#include "faults.h"

#define H	(&faults.h)
#define VICTIM	"ordered"
#define ABSENT	7

static uint8_t elements[1 + ABSENT][32];
static struct order order;

static uint64_t next_number(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, faults.m.id);
	nlraw_do(&H->nl, msg, &H->a);
	require(!H->a.error, "trust-get: %s", H->a.text);
	return nlraw_u64(&H->a, ZKHSM_A_MANAGER_LAST_NUMBER) + 1;
}

static void order_next(uint8_t type)
{
	order_make(&order, &faults.m, type, H->id, next_number(),
		   ZKHSM_REVOCATION_REASON_SUPERSEDED, (const uint8_t (*)[32])elements,
		   1 + ABSENT);
}

static struct nl_msg *order_msg(uint8_t type)
{
	struct nl_msg *msg;

	order_next(type);
	msg = nlraw_msg(&H->nl, ZKHSM_CMD_ORDER_APPLY);
	nla_put(msg, ZKHSM_A_ORDER_ORDER, (int)order.len, order.bytes);
	return msg;
}

static struct nl_msg *revoke_msg(void) { return order_msg(ZKHSM_ORDER_TYPE_REVOKE); }
static struct nl_msg *hold_msg(void) { return order_msg(ZKHSM_ORDER_TYPE_HOLD); }
static struct nl_msg *release_msg(void) { return order_msg(ZKHSM_ORDER_TYPE_RELEASE); }

static void apply(uint8_t type)
{
	order_next(type);
	order_apply(H, &order);
	require(!H->a.error, "order-apply: %s", H->a.text);
}

/* An active key, and elements that nobody has heard of. */
static void victim(void)
{
	int i;

	if (key_get(H, VICTIM)) {
		key_new(H, VICTIM);
		require(!H->a.error, "key-new: %s", H->a.text);
	}
	key_element(H, VICTIM, elements[0]);
	for (i = 1; i <= ABSENT; i++) {
		memset(elements[i], 0, 32);
		elements[i][31] = (uint8_t)i;
	}
}

static void victim_held(void)
{
	victim();
	if (key_state(H, VICTIM) != ZKHSM_KEY_STATE_HELD)
		apply(ZKHSM_ORDER_TYPE_HOLD);
}

static uint32_t tombstones(void)
{
	next_number();
	return nlraw_u32(&H->a, ZKHSM_A_MANAGER_TOMBSTONES);
}

static bool revoked(void)
{
	return key_state(H, VICTIM) == ZKHSM_KEY_STATE_COMPROMISED && tombstones() == ABSENT;
}

static bool held(void)
{
	return key_state(H, VICTIM) == ZKHSM_KEY_STATE_HELD && tombstones() == ABSENT;
}

static bool released(void)
{
	return key_state(H, VICTIM) == ZKHSM_KEY_STATE_ACTIVE && !tombstones();
}

static void release(void)
{
	apply(ZKHSM_ORDER_TYPE_RELEASE);
}

static void revoke_undo(void)
{
	key_del(H, VICTIM);
	require(!H->a.error, "key-del: %s", H->a.text);
	release();
}

/* --- a lower quorum, which stops what has votes enough now ------------------- */

static void set_stop(uint32_t stop)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_STOP, stop);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, 2);
	nlraw_do(&H->nl, msg, &H->a);
	require(!H->a.error, "hsm-set: %s", H->a.text);
}

/* One vote to hold, of the two that it takes. */
static void one_vote(void)
{
	victim();
	if (key_state(H, VICTIM) == ZKHSM_KEY_STATE_HELD)
		release();
	set_stop(2);
	apply(ZKHSM_ORDER_TYPE_HOLD);
	require(key_state(H, VICTIM) == ZKHSM_KEY_STATE_ACTIVE, "one vote of two holds");
}

static struct nl_msg *tighten_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_STOP, 1);
	return msg;
}

static void tighten_undo(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SET);

	release();
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, 1);
	nlraw_do(&H->nl, msg, &H->a);
	require(!H->a.error, "hsm-set: %s", H->a.text);
}

const struct scenario faults_orders[] = {
	{ .name = "order-apply (hold)", .prepare = victim, .message = hold_msg, .done = held,
	  .undo = release, .messages = 1, .events = 1 },
	{ .name = "order-apply (release)", .prepare = victim_held, .message = release_msg,
	  .done = released, .messages = 1, .events = 1 },
	{ .name = "order-apply (revoke)", .prepare = victim, .message = revoke_msg,
	  .done = revoked, .undo = revoke_undo, .messages = 1, .events = 1 },
	{ .name = "hsm-set (tighten)", .prepare = one_vote, .message = tighten_msg, .done = held,
	  .undo = tighten_undo, .messages = 1, .events = 2 },
};

const size_t faults_orders_count = sizeof(faults_orders) / sizeof(faults_orders[0]);
