// SPDX-License-Identifier: GPL-2.0
/*
 * That a grant is good once, for as long as it says, and in no other state of
 * the key than any use; and that what has been used is remembered.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "grantor.h"
#include "sealed.h"

#define LIFE	50000ull
#define KEY	"granted"
#define THREADS	4
#define ROUNDS	8
#define SLOTS	4

static const uint8_t digest[32] = { 1 }, another[32] = { 2 };
static struct hsm h;
static struct manager m;
static struct granted g;
static struct brought b;

static void start(const char *params)
{
	hsm_close(&h);
	hsm_fresh(&h, params);
	manager_free(&m);
	manager_new_pinned(&h, &m);
	key_new_granted(&h, KEY);
}

static void new_grant(uint64_t life_ms)
{
	grant_to_sign(&h, KEY, digest, life_ms, &g);
	bring(&b, &m, 1, h.id, &g, NULL);
}

static void works(const char *what)
{
	const uint8_t *sig;
	uint8_t public[65];

	key_public(&h, KEY, public);
	granted_sign(&h, KEY, digest, &b);
	check_receipt(&h, ZKHSM_A_KEY_SIGNATURE, 64, ZKHSM_A_KEY_RECEIPT, &g, what);
	sig = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(sig && ec_verify(public, digest, sig), "%s: the signature is false", what);
}

static void refused(int error, uint32_t reason, const char *what)
{
	granted_sign(&h, KEY, digest, &b);
	check_refused(&h.a, error, reason, "%s", what);
}

static void once(void)
{
	struct granted first;

	start(LESSOR_PARAMS);
	new_grant(LIFE);
	works("the first time");
	refused(EALREADY, ZKHSM_REASON_GRANT_USED, "the second time");
	/* Signed anew, it is the same grant. */
	bring(&b, &m, 1, h.id, &g, NULL);
	refused(EALREADY, ZKHSM_REASON_GRANT_USED, "signed anew");
	/* The jti is what is used up, whatever else it says. */
	first = g;
	grant_to_sign(&h, KEY, another, LIFE, &g);
	memcpy(g.jti, first.jti, sizeof(g.jti));
	bring(&b, &m, 1, h.id, &g, NULL);
	granted_sign(&h, KEY, another, &b);
	check_refused(&h.a, EALREADY, ZKHSM_REASON_GRANT_USED, "its jti for something else");
	new_grant(LIFE);
	works("another one");
}

struct user {
	struct hsm h;
	pthread_t thread;
	pthread_barrier_t *ready;
	int error;
	uint32_t reason;
};

static void *use(void *arg)
{
	struct user *u = arg;

	pthread_barrier_wait(u->ready);
	u->error = granted_sign(&u->h, KEY, digest, &b);
	u->reason = u->h.a.reason;
	return NULL;
}

/* Of any number at once, one. */
static void once_of_many(void)
{
	static struct user users[THREADS];
	pthread_barrier_t ready;
	int i, round;

	start(LESSOR_PARAMS);
	pthread_barrier_init(&ready, NULL, THREADS);
	for (i = 0; i < THREADS; i++) {
		hsm_reopen(&users[i].h);
		users[i].ready = &ready;
	}
	for (round = 0; round < ROUNDS; round++) {
		int done = 0, used = 0;

		new_grant(LIFE);
		for (i = 0; i < THREADS; i++)
			require(!pthread_create(&users[i].thread, NULL, use, &users[i]), "thread");
		for (i = 0; i < THREADS; i++) {
			pthread_join(users[i].thread, NULL);
			done += !users[i].error;
			used += users[i].error == EALREADY &&
				users[i].reason == ZKHSM_REASON_GRANT_USED;
		}
		check(done == 1 && used == THREADS - 1, "round %d: %d done, %d found it used",
		      round, done, used);
	}
	for (i = 0; i < THREADS; i++)
		hsm_close(&users[i].h);
	pthread_barrier_destroy(&ready);
}

/* On a machine that takes longer than it lives it is made to live longer. */
static uint64_t use_shortlived(void)
{
	uint64_t life;

	for (life = 300; life < LIFE; life *= 2) {
		new_grant(life);
		granted_sign(&h, KEY, digest, &b);
		if (!h.a.error)
			break;
		check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED,
			      "one of %llu ms", (unsigned long long)life);
	}
	check_done(&h.a, "one of %llu ms", (unsigned long long)life);
	return life;
}

static void expires(void)
{
	uint64_t life;

	start(LESSOR_PARAMS);
	life = use_shortlived();
	/* The used one, once it is forgotten, is none that could be used. */
	wait_uptime(g.not_after_ms);
	refused(EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED, "a used one, after its end");
	new_grant(life);
	wait_uptime(g.not_after_ms);
	refused(EKEYEXPIRED, ZKHSM_REASON_GRANT_EXPIRED, "an unused one, after its end");
	new_grant(LIFE);
	works("a later one");
}

/* A table of four; what is in it is never pushed out, and goes at its end. */
static void full(void)
{
	struct granted first;
	int i;

	start(LESSOR_PARAMS " grant_slots=4");
	for (i = 0; i < SLOTS - 1; i++) {
		new_grant(LIFE);
		if (!i)
			first = g;
		works("while there is room");
	}
	use_shortlived();
	wait_uptime(g.not_after_ms);
	new_grant(LIFE);
	works("in the place of one that is over");
	new_grant(LIFE);
	refused(EBUSY, ZKHSM_REASON_GRANTS_OUTSTANDING, "a full table");
	g = first;
	bring(&b, &m, 1, h.id, &g, NULL);
	refused(EALREADY, ZKHSM_REASON_GRANT_USED, "a used one, while the table is full");
}

/* What a refusal of the key itself leaves, and what uses it up. */
static void refused_otherwise(void)
{
	struct attested now;

	start(LESSOR_PARAMS);
	new_grant(LIFE);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	refused(EACCES, ZKHSM_REASON_STATE, "deactivated");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	key_set_u32(&h, KEY, ZKHSM_A_KEY_FLAGS, ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE |
		    ZKHSM_KEY_FLAG_GRANT_REQUIRED | ZKHSM_KEY_FLAG_LEASE_REQUIRED);
	refused(EKEYEXPIRED, ZKHSM_REASON_NO_LEASE, "without a lease");
	attest(&h, &m, &now);
	lease_all(&h, &m, &now, GRANT, 3600000);
	works("with a lease");
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NO_GRANT, "a lease is no grant");
	new_grant(LIFE);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 1, g.element);
	refused(EKEYREVOKED, ZKHSM_REASON_REVOKED, "revoked");
	key_del(&h, KEY);
	refused(ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "deleted");
}

/* The same key in another load is another instance, or another HSM: both are refused. */
static void reloaded(void)
{
	struct granted old;

	start(LESSOR_PARAMS);
	new_grant(LIFE);
	old = g;
	hsm_close(&h);
	hsm_fresh(&h, LESSOR_PARAMS);
	manager_pin(&h, &m);
	key_new_granted(&h, KEY);
	refused(EKEYREJECTED, ZKHSM_REASON_OTHER_HSM, "of the identity before");
	new_grant(LIFE);
	memcpy(g.instance_id, old.instance_id, sizeof(g.instance_id));
	bring(&b, &m, 1, h.id, &g, NULL);
	refused(ESTALE, ZKHSM_REASON_GRANT_INSTANCE, "of the instance before");
}

/* The same HSM, key and manager in another load: the flag is kept, no grant is. */
static void unsealed(void)
{
	static struct sealed s;
	struct granted unused;
	int32_t kek = sealed_kek(0x17);

	hsm_close(&h);
	sealed_fresh(&h, kek, 1, 1, 1);
	manager_free(&m);
	manager_new_pinned(&h, &m);
	key_new_granted(&h, KEY);
	sealed_store(&h, &s);
	new_grant(LIFE);
	unused = g;
	sealed_empty(&h);
	sealed_restore(&h, &s, kek);
	require(!h.a.error, "hsm-unseal: %s", h.a.text);
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NO_GRANT, "key-sign without");
	key_set_u32(&h, KEY, ZKHSM_A_KEY_FLAGS, 0);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "to take the flag back");
	g = unused;
	bring(&b, &m, 1, h.id, &g, NULL);
	refused(ESTALE, ZKHSM_REASON_GRANT_INSTANCE, "of the load before");
	new_grant(LIFE);
	works("for this load");
}

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Told, not judged: one signature to verify for each manager, and a proof for the receipt. */
static void cost(void)
{
	static struct brought with[ROUNDS];
	uint64_t began, plain, granted;
	int i;

	start(LESSOR_PARAMS);
	key_new(&h, "plain");
	for (i = 0; i < ROUNDS; i++) {
		new_grant(LIFE);
		with[i] = b;
	}
	began = now_us();
	for (i = 0; i < ROUNDS; i++) {
		key_sign(&h, "plain", digest);
		check_done(&h.a, "key-sign");
	}
	plain = now_us() - began;
	began = now_us();
	for (i = 0; i < ROUNDS; i++) {
		granted_sign(&h, KEY, digest, &with[i]);
		check_done(&h.a, "key-sign with a grant");
	}
	granted = now_us() - began;
	ktap_note("key-sign takes %llu us, with a grant %llu us",
		  (unsigned long long)plain / ROUNDS, (unsigned long long)granted / ROUNDS);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "once", once },
		{ "once_of_many", once_of_many },
		{ "expires", expires },
		{ "full", full },
		{ "refused_otherwise", refused_otherwise },
		{ "reloaded", reloaded },
		{ "unsealed", unsealed },
		{ "cost", cost },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
