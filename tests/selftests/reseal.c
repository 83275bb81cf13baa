// SPDX-License-Identifier: GPL-2.0
/*
 * What is stored fits together whatever came between sealing and commit: more
 * changes, another sealing, a loss of power. And nobody who may change a
 * little keeps the HSM from coming back, or from being attested.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "sealed.h"

#define LENGTH(a)	(sizeof(a) / sizeof((a)[0]))
#define KEYS		5
#define ABSENT		3
#define LIVES		8
#define STEPS		40
#define UNREAD_MAX	8	/* sealings that are given out and not read to the end */
#define PATIENCE	1000	/* in tens of milliseconds */

static struct hsm h;
static struct sealed store, out;
static struct manager managers[2];
static uint64_t numbers[2], stored_numbers[2], out_numbers[2];
static uint8_t absent[ABSENT][32];
static int32_t keks[2];
/* Which KEK the kernel has, what was given out was sealed under, the store is under. */
static unsigned int live, given, stored;

static unsigned int pick(unsigned int n)
{
	return (unsigned int)rand() % n;
}

static void change_key(void)
{
	char id[8];

	snprintf(id, sizeof(id), "k%u", pick(KEYS));
	switch (pick(3)) {
	case 0:
		key_new(&h, id);
		break;
	case 1:
		key_del(&h, id);
		break;
	default:
		key_set_u32(&h, id, ZKHSM_A_KEY_STATE, pick(2) ? ZKHSM_KEY_STATE_ACTIVE :
			    ZKHSM_KEY_STATE_DEACTIVATED);
	}
}

static void change_votes(void)
{
	static const uint8_t types[] = { ZKHSM_ORDER_TYPE_REVOKE, ZKHSM_ORDER_TYPE_HOLD,
					 ZKHSM_ORDER_TYPE_RELEASE, ZKHSM_ORDER_TYPE_RELEASE };
	unsigned int who = pick(2), what = pick(KEYS + ABSENT);
	uint8_t type = types[pick(LENGTH(types))], element[32];
	bool ahead = type != ZKHSM_ORDER_TYPE_RELEASE && !pick(4);
	char id[8];

	if (what < KEYS) {
		snprintf(id, sizeof(id), "k%u", what);
		if (key_get(&h, id))
			return;
		key_element(&h, id, element);
	} else {
		memcpy(element, absent[what - KEYS], 32);
	}
	order_one(&h, &managers[who], type, numbers[who] + 1 + ahead, element);
	if (check_done(&h.a, "an order") && !ahead)
		numbers[who]++;
}

/* A sealing of some kind, which may be lost, stored, or stored and committed. */
static void seal_once(void)
{
	unsigned int kind = pick(8), fate = pick(4);

	memcpy(out_numbers, numbers, sizeof(numbers));
	given = kind ? live : !live;
	if (!kind)
		sealed_take(&h, &out, true, keks[given]);
	else if (kind == 1)
		sealed_take(&h, &out, false, 0);
	else
		sealed_changes(&h, &out);
	if (!check_done(&h.a, "hsm-seal") || !fate)
		return;
	sealed_merge(&store, &out);
	memcpy(stored_numbers, out_numbers, sizeof(numbers));
	stored = given;
	check(store.count == store.counted, "%u records stored, the head counts %u", store.count,
	      store.counted);
	if (pick(2))
		change_key();
	if (fate == 1)
		return;
	sealed_commit(&h, &out);
	if (check_done(&h.a, "commit"))
		live = given;
}

static void lose_power(unsigned int life)
{
	sealed_empty(&h);
	sealed_restore(&h, &store, keks[stored]);
	require(!h.a.error, "life %u: hsm-unseal: %s %s", life, strerrorname_np(h.a.error),
		h.a.text);
	live = stored;
	memcpy(numbers, stored_numbers, sizeof(numbers));
}

static void start(uint32_t stop)
{
	unsigned int i;

	for (i = 0; i < LENGTH(keks); i++)
		keks[i] = sealed_kek((uint8_t)(i + 1));
	sealed_fresh(&h, keks[0], 1, stop, stop);
	live = 0;
	memset(&store, 0, sizeof(store));
	memset(numbers, 0, sizeof(numbers));
	for (i = 0; i < LENGTH(managers); i++)
		manager_new_pinned(&h, &managers[i]);
}

static void histories(void)
{
	uint8_t scalar[32], public[65];
	unsigned int life, i;

	start(2);
	srand(4);
	for (i = 0; i < ABSENT; i++) {
		ec_random_scalar(scalar);
		ec_public(scalar, public);
		ec_element(public, absent[i]);
	}
	for (life = 0; life < LIVES; life++) {
		for (i = 0; i < STEPS || !store.head.len; i++) {
			switch (pick(3)) {
			case 0:
				change_key();
				break;
			case 1:
				change_votes();
				break;
			default:
				seal_once();
			}
		}
		lose_power(life);
	}
}

/* Managers may vote on anything, also on each other and on the HSM. */
static void votes_on_roles(void)
{
	uint8_t element[32];

	start(1);
	ec_element(h.identity, element);
	order_one(&h, &managers[0], ZKHSM_ORDER_TYPE_REVOKE, 1, element);
	check_done(&h.a, "a vote on the identity");
	ec_element(managers[1].public, element);
	order_one(&h, &managers[0], ZKHSM_ORDER_TYPE_REVOKE, 2, element);
	check_done(&h.a, "a vote on a manager");
	sealed_store(&h, &store);
	sealed_empty(&h);
	sealed_restore(&h, &store, keks[0]);
	check_done(&h.a, "hsm-unseal");
}

struct restless {
	atomic_bool over;
	atomic_uint switched;
};

static struct restless *restless;

static void switch_for_ever(void *arg)
{
	struct hsm *x = calloc(1, sizeof(*x));
	unsigned int i;

	(void)arg;
	if (!x || nlraw_open(&x->nl)) {
		check(false, "no socket");
		return;
	}
	for (i = 0; !atomic_load(&restless->over); i++)
		if (!key_set_u32(x, "restless", ZKHSM_A_KEY_STATE,
				 i & 1 ? ZKHSM_KEY_STATE_ACTIVE : ZKHSM_KEY_STATE_DEACTIVATED))
			atomic_fetch_add(&restless->switched, 1);
	hsm_close(x);
	free(x);
}

/* Seals what waits and asks again, as an agent does. */
static void restless_owner(void)
{
	unsigned int i, asked, before;
	pid_t child;

	start(1);
	key_new_owned(&h, "restless", UID_OWNER);
	restless = mmap(NULL, sizeof(*restless), PROT_READ | PROT_WRITE,
			MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	require(restless != MAP_FAILED, "mmap");
	child = ktap_child_start(UID_OWNER, switch_for_ever, NULL);
	for (i = 0; i < 3; i++) {
		before = atomic_load(&restless->switched);
		while (atomic_load(&restless->switched) < before + 3)
			usleep(1000);
		for (asked = 0; asked < 20; asked++) {
			evidence_get(&h, &managers[0]);
			if (!h.a.error)
				break;
			sealed_changes(&h, &out);
			usleep(5000);
			sealed_commit(&h, &out);
		}
		check(asked < 20, "no evidence after 20 times sealing: %s", h.a.text);
	}
	atomic_store(&restless->over, true);
	check(!ktap_child_wait(child), "the restless child");
	munmap(restless, sizeof(*restless));
}

/* Netlink forgets a socket that was closed a moment later. */
static bool seals_before_long(void)
{
	unsigned int i;

	for (i = 0; i < PATIENCE; i++) {
		sealed_changes(&h, &out);
		if (h.a.error != EBUSY)
			break;
		usleep(10000);
	}
	return check_done(&h.a, "hsm-seal after one of the unread was closed");
}

/* Each unread sealing keeps memory; those who leave them do not spoil what was given out. */
static void unread(void)
{
	static struct hsm readers[UNREAD_MAX];
	unsigned int i;

	start(1);
	key_new(&h, "k0");
	check_done(&h.a, "key-new");
	for (i = 0; i < UNREAD_MAX; i++) {
		hsm_reopen(&readers[i]);
		nlraw_send(&readers[i].nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL), NLM_F_DUMP);
	}
	sealed_changes(&h, &out);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_FULL, "a sealing beside %u unread", UNREAD_MAX);
	sealed_receive(&readers[UNREAD_MAX - 1], &out);
	check_done(&readers[UNREAD_MAX - 1].a, "the last one given out, read late");
	sealed_commit(&h, &out);
	check_done(&h.a, "its commit");
	sealed_merge(&store, &out);

	sealed_changes(&h, &out);
	check_done(&h.a, "hsm-seal after one of the unread was read");
	nlraw_send(&readers[UNREAD_MAX - 1].nl, nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL), NLM_F_DUMP);
	sealed_changes(&h, &out);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_FULL, "a sealing beside %u unread again",
		      UNREAD_MAX);
	key_new(&h, "k1");
	hsm_close(&readers[0]);
	if (seals_before_long()) {
		sealed_merge(&store, &out);
		sealed_commit(&h, &out);
		check_done(&h.a, "commit");
		check(store.count == 2 && store.counted == 2, "%u records, the head counts %u",
		      store.count, store.counted);
	}
	for (i = 1; i < UNREAD_MAX; i++)
		hsm_close(&readers[i]);
	sealed_empty(&h);
	sealed_restore(&h, &store, keks[0]);
	check_done(&h.a, "hsm-unseal");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "histories", histories },
		{ "votes_on_roles", votes_on_roles },
		{ "restless_owner", restless_owner },
		{ "unread", unread },
	};

	return ktap_run(tests, LENGTH(tests), argc, argv);
}
