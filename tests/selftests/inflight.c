// SPDX-License-Identifier: GPL-2.0
/*
 * A use that is in the middle of its arithmetic when its key is revoked. Two
 * threads, one socket: one sends the request and is in the kernel until it has
 * been served, the other looks into the socket as soon as order-apply has
 * returned. What is not there by then must be a refusal when it comes.
 */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "hsm.h"

#define ROUNDS_MIN	10
#define ROUNDS_MAX	100
#define SECONDS_MAX	20

static struct hsm h, user;
static struct manager m;
static const uint8_t digest[32] = { 1 };
static char id[32];

static void *use(void *prove)
{
	struct nl_msg *msg = id_msg(&user, prove ? ZKHSM_CMD_PROOF_GET : ZKHSM_CMD_KEY_SIGN, id);

	if (prove)
		nla_put(msg, ZKHSM_A_PROOF_USER_ID, 6, "client");
	else
		nla_put(msg, ZKHSM_A_KEY_DIGEST, sizeof(digest), digest);
	nlraw_send(&user.nl, msg, NLM_F_ACK);
	return NULL;
}

static bool nothing_there(void)
{
	char byte;

	return recv(nlraw_fd(&user.nl), &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0 && errno == EAGAIN;
}

/* Returns whether a use was in flight when the order returned. */
static bool one_round(unsigned int round)
{
	/* Later and later, so that every step of the use is hit on any machine. */
	const struct timespec delay = { .tv_nsec = (round % 20) * 500000L };
	static struct order order;
	uint8_t element[1][32];
	pthread_t thread;
	bool in_flight;

	snprintf(id, sizeof(id), "in-flight-%u", round);
	key_new(&h, id);
	require(!h.a.error, "key-new: %s", h.a.text);
	key_element(&h, id, element[0]);
	order_make(&order, &m, ZKHSM_ORDER_TYPE_REVOKE, h.id, round + 1,
		   ZKHSM_REVOCATION_REASON_KEY_COMPROMISE, element, 1);
	hsm_reopen(&user);

	require(!pthread_create(&thread, NULL, use, round % 2 ? &user : NULL), "no thread");
	nanosleep(&delay, NULL);
	order_apply(&h, &order);
	in_flight = nothing_there();
	check_done(&h.a, "revoke");

	pthread_join(thread, NULL);
	nlraw_receive(&user.nl, NULL, NULL, &user.a);
	if (in_flight || user.a.error)
		check_refused(&user.a, EKEYREVOKED, ZKHSM_REASON_REVOKED, "round %u", round);
	hsm_close(&user);
	return in_flight;
}

static void revoked_in_flight(void)
{
	unsigned int round, in_flight = 0;
	time_t end = time(NULL) + SECONDS_MAX;

	hsm_fresh(&h, NULL);
	manager_new_pinned(&h, &m);
	for (round = 0; round < ROUNDS_MAX && (round < ROUNDS_MIN || time(NULL) < end); round++)
		in_flight += one_round(round);
	ktap_note("%u of %u uses were in flight", in_flight, round);
	manager_free(&m);
	hsm_close(&h);
	if (!in_flight && sysconf(_SC_NPROCESSORS_ONLN) == 1)
		ktap_skip("one processor, and no use was in flight");
	check(in_flight, "no use was in flight, so nothing was tested");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "revoked_in_flight", revoked_in_flight },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
