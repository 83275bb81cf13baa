// SPDX-License-Identifier: GPL-2.0
/*
 * Everything at once, on as many processors as there are: keys come and go,
 * sign, prove, are attested, listed and revoked by threads with sockets of
 * their own. And the promise that matters most: once order-apply of a
 * revocation has returned, no signature by that key comes out.
 */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hsm.h"

#define ROUNDS		40
#define ROUNDS_MIN	3
/* Enough is enough; on a slow machine it takes longer until enough has happened. */
#define SECONDS_ENOUGH	8
#define SECONDS_MAX	60
#define SIGNERS		3

static struct hsm h;
static struct manager m;
static uint8_t digest[32] = { 1 };

static atomic_bool over;
/* The victim of a round is called "victim-<round>"; rounds below @revoked are done. */
static atomic_int current_round;
static atomic_int revoked;
static atomic_uint signatures, late, unexpected, refusals, evidence_asked, dumps, churned;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

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
	hsm_close(x);
	free(x);
}

/* What is no answer to expect is told once per thread, counted always. */
static void surprise(const struct hsm *x, const char *what)
{
	atomic_fetch_add(&unexpected, 1);
	check(false, "%s: %s reason %u \"%s\"", what, strerrorname_np(x->a.error), x->a.reason,
	      x->a.text);
}

static void sign_once(struct hsm *x, bool prove)
{
	int round = atomic_load(&current_round);
	bool was_revoked = round < atomic_load(&revoked);
	char id[32];

	snprintf(id, sizeof(id), "victim-%d", round);
	if (prove)
		key_prove(x, id, "client", 6, NULL, 0);
	else
		key_sign(x, id, digest);
	if (!x->a.error) {
		atomic_fetch_add(&signatures, 1);
		if (was_revoked)
			atomic_fetch_add(&late, 1);
		return;
	}
	atomic_fetch_add(&refusals, 1);
	if (x->a.error != EKEYREVOKED && x->a.error != ENOKEY)
		surprise(x, "use of the victim");
}

static void *signer(void *arg)
{
	struct hsm *x = own_socket();

	while (x && !atomic_load(&over))
		sign_once(x, arg);
	if (x)
		close_socket(x);
	return NULL;
}

/* Keys that nobody revokes, made and destroyed under the others' feet. */
static void *churner(void *arg)
{
	struct hsm *x = own_socket();
	unsigned int i;
	char id[32];

	for (i = 0; x && !atomic_load(&over); i++) {
		snprintf(id, sizeof(id), "churn-%s-%u", (const char *)arg, i % 4);
		key_new(x, id);
		if (x->a.error)
			surprise(x, "key-new");
		key_sign(x, id, digest);
		if (x->a.error)
			surprise(x, "key-sign");
		key_set_u32(x, id, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_DEACTIVATED);
		if (x->a.error)
			surprise(x, "key-set");
		key_del(x, id);
		if (x->a.error)
			surprise(x, "key-del");
		atomic_fetch_add(&churned, 1);
	}
	if (x)
		close_socket(x);
	return NULL;
}

/* The keystore moves on all the time: EAGAIN is an answer to expect here. */
static void *attester(void *arg)
{
	struct hsm *x = own_socket();
	uint32_t number = 0;

	(void)arg;
	while (x && !atomic_load(&over)) {
		evidence_get(x, &m);
		atomic_fetch_add(&evidence_asked, 1);
		if (x->a.error == EAGAIN && x->a.reason == ZKHSM_REASON_LIST_MOVED)
			continue;
		if (x->a.error) {
			surprise(x, "evidence-get");
			continue;
		}
		check(nlraw_u32(&x->a, ZKHSM_A_EVIDENCE_NUMBER) > number, "n does not go up");
		number = nlraw_u32(&x->a, ZKHSM_A_EVIDENCE_NUMBER);
		nlraw_dump(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_LIST_GET), NULL, NULL, &x->a);
		if (x->a.error && x->a.error != EAGAIN)
			surprise(x, "list-get");
	}
	if (x)
		close_socket(x);
	return NULL;
}

static void *dumper(void *arg)
{
	struct hsm *x = own_socket();

	(void)arg;
	while (x && !atomic_load(&over)) {
		nlraw_dump(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_KEY_GET), NULL, NULL, &x->a);
		if (x->a.error)
			surprise(x, "dump");
		nlraw_do(&x->nl, nlraw_msg(&x->nl, ZKHSM_CMD_HSM_GET), &x->a);
		if (x->a.error)
			surprise(x, "hsm-get");
		atomic_fetch_add(&dumps, 1);
	}
	if (x)
		close_socket(x);
	return NULL;
}

/* Whether everybody has had his turn. */
static bool all_ran(int rounds)
{
	return rounds >= ROUNDS_MIN && atomic_load(&evidence_asked) && atomic_load(&dumps) &&
	       atomic_load(&churned);
}

static void wait_for_signatures(unsigned int target, double deadline)
{
	const struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };

	while (atomic_load(&signatures) < target && seconds() < deadline)
		nanosleep(&moment, NULL);
}

/* One victim: made, used by the others, revoked; from then on it must be silent. */
static void one_round(int round, double deadline)
{
	uint8_t element[32];
	unsigned int before;
	char id[32];

	snprintf(id, sizeof(id), "victim-%d", round);
	key_new(&h, id);
	require(!h.a.error, "key-new: %s", h.a.text);
	key_element(&h, id, element);
	before = atomic_load(&signatures);
	atomic_store(&current_round, round);
	wait_for_signatures(before + 2, deadline);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, (uint64_t)round + 1, element);
	atomic_store(&revoked, round + 1);
	check_done(&h.a, "revoke %d", round);
	check(nlraw_u32(&h.a, ZKHSM_A_ORDER_KEYS_CHANGED) == 1, "revoke %d changed nothing", round);
	key_sign(&h, id, digest);
	check_refused(&h.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "key-sign after revoke %d", round);
	if (round % 2)
		key_del(&h, id);
}

static void everything(void)
{
	static const char *const names[] = { "a", "b" };
	pthread_t threads[SIGNERS + 5];
	unsigned int n = 0, i;
	double begin;
	int round;

	hsm_fresh(&h, "evidence_rate=100000 evidence_burst=100000 nonce_slots=65536");
	manager_new_pinned(&h, &m);
	check(ec_on_curve(h.identity), "OpenSSL is set up before there are threads");
	atomic_store(&current_round, -1);
	begin = seconds();
	for (i = 0; i < SIGNERS; i++)
		pthread_create(&threads[n++], NULL, signer, NULL);
	pthread_create(&threads[n++], NULL, signer, &over);	/* not NULL: proves */
	for (i = 0; i < 2; i++)
		pthread_create(&threads[n++], NULL, churner, (void *)names[i]);
	pthread_create(&threads[n++], NULL, attester, NULL);
	pthread_create(&threads[n++], NULL, dumper, NULL);
	for (round = 0; round < ROUNDS && seconds() < begin + SECONDS_MAX; round++) {
		if (seconds() > begin + SECONDS_ENOUGH && all_ran(round))
			break;
		one_round(round, begin + SECONDS_MAX);
	}
	atomic_store(&over, true);
	for (i = 0; i < n; i++)
		pthread_join(threads[i], NULL);

	ktap_note("%d revocations, %u uses, %u refused, evidence %u times, %u dumps, %u keys",
		  round, atomic_load(&signatures), atomic_load(&refusals),
		  atomic_load(&evidence_asked), atomic_load(&dumps), atomic_load(&churned));
	check(!atomic_load(&late), "%u signatures after the revocation had returned",
	      atomic_load(&late));
	check(atomic_load(&signatures) >= (unsigned int)round, "too little happened");
	check(all_ran(round), "somebody never got his turn");
	evidence_get(&h, &m);
	check_done(&h.a, "evidence-get when all is quiet");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT) == (uint32_t)(round + 1) / 2,
	      "%u keys are left", nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT));
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_FAULTS), "a recheck failed");
}

/* The same id by many at once: exactly one gets it. */
static atomic_uint made, taken;

static void *maker(void *arg)
{
	struct hsm *x = own_socket();
	int i;
	char id[32];

	(void)arg;
	for (i = 0; x && i < 10; i++) {
		snprintf(id, sizeof(id), "wanted-%d", i);
		key_new(x, id);
		if (!x->a.error)
			atomic_fetch_add(&made, 1);
		else if (x->a.error == EEXIST && x->a.reason == ZKHSM_REASON_ID_EXISTS)
			atomic_fetch_add(&taken, 1);
		else
			surprise(x, "key-new");
	}
	if (x)
		close_socket(x);
	return NULL;
}

static void one_winner(void)
{
	pthread_t threads[4];
	int i;

	hsm_fresh(&h, NULL);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, maker, NULL);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	check(atomic_load(&made) == 10, "%u keys were made", atomic_load(&made));
	check(atomic_load(&taken) == 30, "%u were too late", atomic_load(&taken));
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT) == 10, "key count");
}

/* The owner of one key switches it off and on for ever: the HSM is attested all the same. */
struct restless {
	atomic_bool over;
	atomic_uint switched, refused, unexpected;
};

static struct restless *restless;

static void switch_for_ever(void *arg)
{
	struct hsm *x = own_socket();
	unsigned int i;

	(void)arg;
	for (i = 0; x && !atomic_load(&restless->over); i++) {
		key_set_u32(x, "restless", ZKHSM_A_KEY_STATE,
			    key_state(x, "restless") == ZKHSM_KEY_STATE_ACTIVE ?
			    ZKHSM_KEY_STATE_DEACTIVATED : ZKHSM_KEY_STATE_ACTIVE);
		if (!x->a.error)
			atomic_fetch_add(&restless->switched, 1);
		else if (x->a.error == EAGAIN && x->a.reason == ZKHSM_REASON_RATE)
			atomic_fetch_add(&restless->refused, 1);
		else
			atomic_fetch_add(&restless->unexpected, 1);
	}
}

static void restless_owner(void)
{
	const struct timespec moment = { .tv_nsec = 2 * 1000 * 1000 };
	unsigned int before, i;
	double deadline;
	pid_t child;

	hsm_fresh(&h, "evidence_rate=1000 evidence_burst=1000");
	manager_new_pinned(&h, &m);
	/* So many that the list is written in more than one slice. */
	key_new_many(&h, "quiet-", 300);
	key_new_owned(&h, "restless", UID_OWNER);
	require(!h.a.error, "key-new: %s", h.a.text);
	restless = mmap(NULL, sizeof(*restless), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(restless != MAP_FAILED, "mmap");
	child = ktap_child_start(UID_OWNER, switch_for_ever, NULL);
	deadline = seconds() + SECONDS_MAX;
	for (i = 0; i < 5; i++) {
		before = atomic_load(&restless->switched);
		while (atomic_load(&restless->switched) < before + 3 && seconds() < deadline)
			nanosleep(&moment, NULL);
		evidence_get(&h, &m);
		check_done(&h.a, "evidence-get %u", i);
	}
	before = atomic_load(&restless->switched);
	deadline = seconds() + SECONDS_MAX;
	while (atomic_load(&restless->switched) == before && seconds() < deadline)
		nanosleep(&moment, NULL);
	check(atomic_load(&restless->switched) > before, "no more changes after the evidence");
	atomic_store(&restless->over, true);
	check(!ktap_child_wait(child), "the restless child");
	ktap_note("%u times switched, %u times asked to wait", atomic_load(&restless->switched),
		  atomic_load(&restless->refused));
	check(!atomic_load(&restless->unexpected), "other answers to key-set");
	munmap(restless, sizeof(*restless));
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "everything", everything },
		{ "one_winner", one_winner },
		{ "restless_owner", restless_owner },
	};

	if (sysconf(_SC_NPROCESSORS_ONLN) < 2)
		printf("# only one processor: races are rare\n");
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
