// SPDX-License-Identifier: GPL-2.0
/*
 * Leases while everything else goes on: whatever ends them, once the request
 * that does so has returned, or the time is over, no answer of a key that needs
 * them comes out, whoever uses it meanwhile, replays leases, asks for evidence
 * or looks at them.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lessor.h"

#define ROUNDS_ENOUGH	42
#define SECONDS_MAX	90
#define SIGNERS		3
#define SECOND		1000ull
#define HOUR		(3600 * SECOND)

static struct hsm h;
static struct manager m[3];
static uint64_t last_number[3];
static uint8_t digest[32] = { 1 };

static atomic_bool over;
/* Odd while no use may succeed; even, and may be granted, otherwise. */
static atomic_uint phase;
static atomic_uint uses, late, refusals, replays, asked, looks, churned;

/* The lease that was taken last, for whoever carries it again. */
static pthread_mutex_t taken_lock = PTHREAD_MUTEX_INITIALIZER;
static struct order taken;

static struct hsm *own_socket(void)
{
	struct hsm *x = calloc(1, sizeof(*x));

	if (x && !nlraw_open(&x->nl))
		return x;
	check(false, "a thread without a socket");
	free(x);
	return NULL;
}

static void close_socket(struct hsm *x)
{
	if (x)
		hsm_close(x);
	free(x);
}

static void surprise(const struct hsm *x, const char *what)
{
	check(false, "%s: %s reason %u \"%s\"", what, strerrorname_np(x->a.error), x->a.reason,
	      x->a.text);
}

static void *signer(void *arg)
{
	struct hsm *x = own_socket();

	while (x && !atomic_load(&over)) {
		unsigned int before = atomic_load(&phase);

		if (arg)
			key_prove(x, "leased", "client", 6, NULL, 0);
		else
			key_sign(x, "leased", digest);
		if (x->a.error) {
			atomic_fetch_add(&refusals, 1);
			/* Held, or deactivated, for a moment. */
			if (x->a.error != EKEYEXPIRED && x->a.error != EACCES)
				surprise(x, "use of the key");
			continue;
		}
		atomic_fetch_add(&uses, 1);
		if (before % 2 && before == atomic_load(&phase))
			atomic_fetch_add(&late, 1);
	}
	close_socket(x);
	return NULL;
}

static void *replayer(void *arg)
{
	static struct order o;
	struct hsm *x = own_socket();

	(void)arg;
	while (x && !atomic_load(&over)) {
		pthread_mutex_lock(&taken_lock);
		o = taken;
		pthread_mutex_unlock(&taken_lock);
		if (!o.len)
			continue;
		order_apply(x, &o);
		atomic_fetch_add(&replays, 1);
		if (x->a.error != EALREADY && x->a.error != ENOKEY)
			surprise(x, "a lease that was taken");
	}
	close_socket(x);
	return NULL;
}

/* Every other one to be answered by hand; now and then its manager is not pinned. */
static void *asker(void *arg)
{
	struct hsm *x = own_socket();
	unsigned int i;

	(void)arg;
	for (i = 0; x && !atomic_load(&over); i++) {
		struct nl_msg *msg = nlraw_msg(&x->nl, ZKHSM_CMD_EVIDENCE_GET);

		put_challenge(msg, m[i % 3].id, NULL);
		nla_put_u32(msg, ZKHSM_A_EVIDENCE_OFFLINE, i / 3 % 2);
		nlraw_do(&x->nl, msg, &x->a);
		atomic_fetch_add(&asked, 1);
		if (x->a.error && x->a.error != EAGAIN && x->a.error != ENOKEY &&
		    x->a.error != EBUSY)
			surprise(x, "evidence-get");
	}
	close_socket(x);
	return NULL;
}

static void *looker(void *arg)
{
	struct hsm *x = own_socket();

	(void)arg;
	while (x && !atomic_load(&over)) {
		nlraw_dump(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_LEASE_GET), NULL, NULL, &x->a);
		if (x->a.error)
			surprise(x, "dump of leases");
		nlraw_dump(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_KEY_GET), NULL, NULL, &x->a);
		if (x->a.error)
			surprise(x, "dump of keys");
		key_get(x, "leased");
		if (x->a.error)
			surprise(x, "key-get");
		lease_get(x, &m[1]);
		if (x->a.error && x->a.error != ENOKEY)
			surprise(x, "lease-get");
		atomic_fetch_add(&looks, 1);
	}
	close_socket(x);
	return NULL;
}

static void *churner(void *arg)
{
	struct hsm *x = own_socket();

	(void)arg;
	while (x && !atomic_load(&over)) {
		key_new(x, "churn");
		if (x->a.error)
			surprise(x, "key-new");
		key_del(x, "churn");
		if (x->a.error)
			surprise(x, "key-del");
		atomic_fetch_add(&churned, 1);
	}
	close_socket(x);
	return NULL;
}

/* The keystore moves on all the time. */
static void attest_at_last(const struct manager *by, struct attested *a)
{
	do {
		evidence_get(&h, by);
	} while (h.a.error == EAGAIN);
	attested_read(&h, a);
}

/* False when its time was over before it came. */
static bool granted(const struct manager *by, uint64_t ttl_ms, struct attested *a)
{
	struct terms t = { .of = a, .ttl_ms = ttl_ms, .verdict = GRANT };
	static struct order o;

	attest_at_last(by, a);
	lease_make(&o, by, h.id, &t);
	order_apply(&h, &o);
	if (h.a.error == EKEYEXPIRED && h.a.reason == ZKHSM_REASON_LEASE_EXPIRED)
		return false;
	require(!h.a.error, "lease: %s", h.a.text);
	pthread_mutex_lock(&taken_lock);
	taken = o;
	pthread_mutex_unlock(&taken_lock);
	return true;
}

static void grant(const struct manager *by, struct attested *a)
{
	check(granted(by, HOUR, a), "a lease for an hour is over");
}

static void wait_until(uint64_t ms)
{
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };

	while (boottime_ms() < ms)
		nanosleep(&moment, NULL);
}

static void deny(void)
{
	struct attested a;

	attest_at_last(&m[0], &a);
	lease_all(&h, &m[0], &a, DENY, HOUR);
}

static void unpin(void)
{
	manager_unpin(&h, &m[0]);
	check_done(&h.a, "trust-del");
}

static void expire(void)
{
	struct attested a;
	uint64_t life = SECOND;

	/* As long as this machine needs to bring it. */
	while (!granted(&m[1], life, &a))
		life *= 2;
	wait_until(a.issued_ms + life);
}

/* What a shorter max-ttl-ms has ended a longer one does not bring back. */
static void cut(void)
{
	struct attested a;

	grant(&m[1], &a);
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, ZKHSM_TTL_MIN_MS);
	check_done(&h.a, "a shorter max-ttl-ms");
	wait_until(a.issued_ms + ZKHSM_TTL_MIN_MS);
	hsm_set_u64(&h, ZKHSM_A_HSM_MAX_TTL_MS, 24 * HOUR);
	check_done(&h.a, "a longer max-ttl-ms");
}

static void switch_off_and_on(void)
{
	key_set_u32(&h, "leased", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
	check_done(&h.a, "key-set");
	key_set_u32(&h, "leased", ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_ACTIVE);
	check_done(&h.a, "key-set");
}

static void order_next(unsigned int i, uint8_t type, const uint8_t element[32])
{
	order_one(&h, &m[i], type, ++last_number[i], element);
	check_done(&h.a, "order %u", type);
}

static void hold_and_release(void)
{
	uint8_t element[32];

	key_element(&h, "leased", element);
	order_next(0, ZKHSM_ORDER_TYPE_HOLD, element);
	order_next(0, ZKHSM_ORDER_TYPE_RELEASE, element);
	order_next(1, ZKHSM_ORDER_TYPE_RELEASE, element);
}

/* By both that are pinned; the third one takes the place of @gone. */
static void replace(unsigned int gone, unsigned int by)
{
	struct zkhsm_configuration c;
	const struct manager stay[2] = { m[1], m[by] };
	uint8_t previous[32];

	config_read(&h, &c, previous);
	config_set_managers(&c, stay, 2);
	trust_change(&h, &m[1], ++last_number[1], previous, &c);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME) == ZKHSM_ORDER_OUTCOME_WAITING, "first vote");
	trust_change(&h, &m[gone], ++last_number[gone], previous, &c);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_OUTCOME) == ZKHSM_ORDER_OUTCOME_DONE, "second vote");
}

static void there_and_back(void)
{
	replace(0, 2);
	replace(2, 0);
}

static void (*const enders[])(void) = {
	deny, unpin, expire, cut, switch_off_and_on, hold_and_release, there_and_back,
};

#define ENDERS	(sizeof(enders) / sizeof(enders[0]))

static void one_round(unsigned int i)
{
	const struct timespec moment = { .tv_nsec = 1000 * 1000 };
	struct attested a;
	unsigned int before;

	grant(&m[0], &a);
	grant(&m[1], &a);
	before = atomic_load(&uses);
	while (atomic_load(&uses) < before + 2)
		nanosleep(&moment, NULL);
	enders[i % ENDERS]();
	atomic_fetch_add(&phase, 1);
	key_sign(&h, "leased", digest);
	check(h.a.error == EKEYEXPIRED, "ender %zu: %s %s", i % ENDERS, strerrorname_np(h.a.error),
	      h.a.text);
	nanosleep(&moment, NULL);
	atomic_fetch_add(&phase, 1);
	if (enders[i % ENDERS] == unpin)
		manager_pin(&h, &m[0]);
}

static void ended_is_ended(void)
{
	pthread_t threads[SIGNERS + 5];
	unsigned int n = 0, i;
	time_t begin;

	hsm_fresh_quorum(&h, LESSOR_PARAMS " nonce_slots=65536", 2, 1, 2);
	manager_new_pinned(&h, &m[0]);
	manager_new_pinned(&h, &m[1]);
	manager_new(&m[2]);
	key_new_leased(&h, "leased");
	check(ec_on_curve(h.identity), "OpenSSL is set up before there are threads");
	for (i = 0; i < SIGNERS; i++)
		pthread_create(&threads[n++], NULL, signer, i ? NULL : &over);
	pthread_create(&threads[n++], NULL, replayer, NULL);
	pthread_create(&threads[n++], NULL, asker, NULL);
	pthread_create(&threads[n++], NULL, looker, NULL);
	pthread_create(&threads[n++], NULL, churner, NULL);
	begin = time(NULL);
	for (i = 0; i < ROUNDS_ENOUGH && (i < ENDERS || time(NULL) < begin + SECONDS_MAX); i++)
		one_round(i);
	atomic_store(&over, true);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);

	ktap_note("%u uses, %u refused, %u replays, evidence %u times, %u looks, %u keys",
		  atomic_load(&uses), atomic_load(&refusals), atomic_load(&replays),
		  atomic_load(&asked), atomic_load(&looks), atomic_load(&churned));
	check(!atomic_load(&late), "%u uses without leases", atomic_load(&late));
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_FAULTS), "a recheck failed");
	key_get(&h, "leased");
	check(!nlraw_u64(&h.a, ZKHSM_A_KEY_UNLEASED_USES), "uses that were counted as unleased");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "ended_is_ended", ended_is_ended },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
