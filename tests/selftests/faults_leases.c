// SPDX-License-Identifier: GPL-2.0
/* Leases, and changes of the configuration by order and by the administrator. */
#include <errno.h>
#include <string.h>

#include "faults.h"
#include "lessor.h"

#define H		(&faults.h)
#define LEASED		"leased"
#define HOUR		3600000ull
/* So many that they may take memory of another kind. */
#define EXCEPTIONS	300

static uint8_t exceptions[EXCEPTIONS][32];
static struct attested now;
static struct order order;
static struct zkhsm_configuration next;
static uint8_t previous[32];
static struct manager other;
static uint64_t number, grace;

static void leased_key(void)
{
	if (key_get(H, LEASED))
		key_new_leased(H, LEASED);
}

/* Evidence that no lease has answered yet. */
static void attested(void)
{
	int i;

	leased_key();
	for (i = 0; i < EXCEPTIONS; i++) {
		exceptions[i][0] = (uint8_t)(i >> 8);
		exceptions[i][1] = (uint8_t)i;
	}
	attest(H, &faults.m, &now);
}

static struct nl_msg *order_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_ORDER_APPLY);

	nla_put(msg, ZKHSM_A_ORDER_ORDER, (int)order.len, order.bytes);
	return msg;
}

static struct nl_msg *lease_msg(void)
{
	const struct terms t = { .of = &now, .ttl_ms = HOUR, .verdict = GRANT,
				 .count = EXCEPTIONS,
				 .exceptions = (const uint8_t (*)[32])exceptions };

	lease_make(&order, &faults.m, H->id, &t);
	return order_msg();
}

static bool leased(void)
{
	lease_get(H, &faults.m);
	return nlraw_u32(&H->a, ZKHSM_A_LEASE_NUMBER) == now.number &&
	       nlraw_u32(&H->a, ZKHSM_A_LEASE_EXCEPTIONS) == EXCEPTIONS;
}

static struct nl_msg *lease_get_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_LEASE_GET);

	nla_put(msg, ZKHSM_A_LEASE_MANAGER_ID, 32, faults.m.id);
	return msg;
}

static struct nl_msg *lease_dump_msg(void) { return nlraw_msg(&H->nl, ZKHSM_CMD_LEASE_GET); }
static struct nl_msg *key_get_msg(void) { return id_msg(H, ZKHSM_CMD_KEY_GET, LEASED); }

/* Denied, so that the refusal has a sentence to write. */
static void denied(void)
{
	attested();
	lease_all(H, &faults.m, &now, DENY, HOUR);
}

static struct nl_msg *sign_msg(void)
{
	struct nl_msg *msg = id_msg(H, ZKHSM_CMD_KEY_SIGN, LEASED);

	nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, now.statement);
	return msg;
}

/* --- a trust-change, whose quorum is one ------------------------------------- */

static uint64_t last_number(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_TRUST_GET);

	nla_put(msg, ZKHSM_A_MANAGER_MANAGER_ID, 32, faults.m.id);
	nlraw_do(&H->nl, msg, &H->a);
	require(!H->a.error, "trust-get: %s", H->a.text);
	return nlraw_u64(&H->a, ZKHSM_A_MANAGER_LAST_NUMBER);
}

/* One more manager. */
static void another(void)
{
	struct manager both[2];

	if (!other.key)
		manager_new(&other);
	both[0] = faults.m;
	both[1] = other;
	config_read(H, &next, previous);
	config_set_managers(&next, both, 2);
	number = last_number() + 1;
}

static void void_change(void)
{
	another();
	memset(previous, 0, sizeof(previous));
}

static struct nl_msg *change_msg(void)
{
	trust_change_make(&order, &faults.m, H->id, number, previous, &next);
	return order_msg();
}

static bool changed(void)
{
	return last_number() == number && !lease_get(H, &other);
}

static void unpin_other(void)
{
	manager_unpin(H, &other);
	require(!H->a.error, "trust-del: %s", H->a.text);
}

static bool counted(void)
{
	return last_number() == number && lease_get(H, &other) == ENOKEY;
}

/* --- by the administrator ----------------------------------------------------- */

static void read_grace(void)
{
	hsm_get(H);
	grace = nlraw_u64(&H->a, ZKHSM_A_HSM_ENFORCE_GRACE_MS);
}

static struct nl_msg *grace_msg(void)
{
	struct nl_msg *msg = nlraw_msg(&H->nl, ZKHSM_CMD_HSM_SET);

	nla_put_u64(msg, ZKHSM_A_HSM_ENFORCE_GRACE_MS, grace ^ 1);
	return msg;
}

static bool grace_set(void)
{
	hsm_get(H);
	return nlraw_u64(&H->a, ZKHSM_A_HSM_ENFORCE_GRACE_MS) == (grace ^ 1);
}

const struct scenario faults_leases[] = {
	{ .name = "order-apply (lease)", .prepare = attested, .message = lease_msg, .done = leased,
	  .messages = 1, .events = 1 },
	{ .name = "lease-get", .prepare = leased_key, .message = lease_get_msg, .messages = 1 },
	{ .name = "lease-get (dump)", .message = lease_dump_msg, .dump = true, .messages = 1 },
	{ .name = "key-get (leased)", .prepare = leased_key, .message = key_get_msg,
	  .messages = 1 },
	{ .name = "key-sign (denied)", .prepare = denied, .message = sign_msg,
	  .refusal = EKEYEXPIRED },
	{ .name = "order-apply (trust-change)", .prepare = another, .message = change_msg,
	  .done = changed, .undo = unpin_other, .messages = 1, .events = 2 },
	{ .name = "order-apply (void)", .prepare = void_change, .message = change_msg,
	  .done = counted, .messages = 1 },
	{ .name = "hsm-set (grace)", .prepare = read_grace, .message = grace_msg,
	  .done = grace_set, .messages = 1, .events = 1 },
};

const size_t faults_leases_count = sizeof(faults_leases) / sizeof(faults_leases[0]);
