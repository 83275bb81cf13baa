// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent_round.c - several managers in one evidence, and one that is away,
 * slow, hangs or is not pinned delays nobody
 *
 * Nothing is measured: whoever would wait for challenge_wait, which is a minute
 * here, comes too late for the test.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "agent_scene.h"

#define HOUR_MS	(3600 * 1000)

static struct turn *turn(size_t i)
{
	return &agent.managers[i].turn;
}

/* With fake_lock. */
static bool all_accepted(size_t count, unsigned int times)
{
	for (size_t i = 0; i < count; i++) {
		if (fakes[i]->accepted < times)
			return false;
	}
	return true;
}

/* Evidence number @n is for just these, a bit each. */
static void assert_made_for(size_t n, unsigned int who)
{
	const struct kernel_made *made = &kernel.made[n];
	size_t count = 0;

	assert_true(n < kernel.evidence);
	for (size_t i = 0; i < fake_count; i++) {
		bool found = false;

		for (size_t j = 0; j < made->count; j++)
			found |= memcmp(made->challenges[j].manager_id, fakes[i]->id, 32) == 0;
		if (found != (who >> i & 1))
			fail_msg("manager %zu is%s in evidence %zu", i, found ? "" : " not", n);
		count += found;
	}
	assert_int_equal(made->count, count);
	for (size_t j = 1; j < made->count; j++)
		assert_true(memcmp(made->challenges[j - 1].manager_id,
				   made->challenges[j].manager_id, 32) < 0);
}

static int setup(void **state)
{
	(void)state;
	stage_set("test_agent_round", 3);
	for (size_t i = 0; i < 3; i++) {
		fakes[i]->next_ms = HOUR_MS;
		fakes[i]->lease_ttl_ms = HOUR_MS;
	}
	scene(3);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_stop();
	scene_free();
	stage_clear();
	return 0;
}

static void test_one_evidence(void **state)
{
	(void)state;
	scene_start();
	FAKE_AWAIT(kernel.leases == 3);
	scene_stop();
	assert_int_equal(kernel.evidence, 1);
	assert_made_for(0, 7);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(fakes[i]->challenges, 1);
		assert_int_equal(agent.managers[i].result.number, 1);
		assert_string_equal(agent.managers[i].result.verdict, "accepted");
	}
}

static void test_two(void **state)
{
	(void)state;
	agent.manager_count = 2;
	scene_once();
	agent.manager_count = 3;
	assert_int_equal(kernel.evidence, 1);
	assert_made_for(0, 3);
	assert_int_equal(kernel.leases, 2);
}

/* Refuses the connection: nothing is waited for. */
static void test_dead(void **state)
{
	(void)state;
	strcpy(agent.managers[1].config.url, "https://127.0.0.1:1");
	scene_start();
	FAKE_AWAIT(kernel.leases == 2);
	TURN_AWAIT(turn(1)->away);
	assert_made_for(0, 5);
}

/* A port that takes connections, and nothing else happens. */
static int listen_mutely(struct manager *m)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	socklen_t len = sizeof(address);

	assert_int_equal(bind(fd, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(fd, 16), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &len), 0);
	snprintf(m->config.url, sizeof(m->config.url), "https://127.0.0.1:%u",
		 ntohs(address.sin_port));
	return fd;
}

/* The others get their leases when its time is up, and next time they do not wait. */
static void test_hangs(void **state)
{
	int fd = listen_mutely(&agent.managers[0]);

	(void)state;
	scene_start();
	TURN_AWAIT(turn(1)->state == TURN_READY && turn(2)->state == TURN_READY);
	assert_int_equal(kernel.evidence, 0);
	scene_time_is_up();
	FAKE_AWAIT(kernel.leases == 2);
	assert_made_for(0, 6);
	TURN_AWAIT(turn(1)->state == TURN_IDLE && turn(2)->state == TURN_IDLE);

	agent_attest_within(&agent, 0);
	FAKE_AWAIT(kernel.leases == 4);
	assert_made_for(1, 6);
	TURN_AWAIT(turn(0)->away);
	scene_stop();
	close(fd);
}

/* It was away before the time that is meant here began. */
static void test_hangs_again(void **state)
{
	int fd = listen_mutely(&agent.managers[2]);

	(void)state;
	turn(2)->away = true;
	scene_start();
	FAKE_AWAIT(kernel.leases == 2);
	assert_made_for(0, 3);
	scene_stop();
	close(fd);
}

/* Gets evidence of its own, for which the others are not asked again. */
static void test_late(void **state)
{
	(void)state;
	fakes[2]->hold_challenges = true;
	scene_start();
	TURN_AWAIT(turn(0)->state == TURN_READY && turn(1)->state == TURN_READY);
	FAKE_AWAIT(fakes[2]->held);
	scene_time_is_up();
	FAKE_AWAIT(kernel.leases == 2);
	assert_made_for(0, 3);
	fake_manager_let_go(fakes[2]);
	FAKE_AWAIT(kernel.leases == 3);
	scene_stop();
	assert_made_for(1, 4);
	assert_int_equal(kernel.evidence, 2);
	assert_int_equal(fakes[0]->challenges, 1);
	assert_int_equal(fakes[1]->challenges, 1);
	/* Nobody's lease was refused for one of a later evidence. */
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(kernel.managers[i].late, 0);
}

/* The answer of one is on its way for as long as it likes. */
static void test_leases_as_they_come(void **state)
{
	(void)state;
	fakes[0]->hold_evidence = true;
	scene_start();
	FAKE_AWAIT(fakes[0]->held && kernel.leases == 2);
	assert_made_for(0, 7);
	assert_int_equal(kernel.managers[0].leases, 0);
	/* And meanwhile the others have their next round. */
	manager_attest_within(&agent.managers[1], 0);
	FAKE_AWAIT(kernel.leases == 3);
	assert_made_for(1, 2);
	assert_int_equal(kernel.managers[0].leases, 0);
	fake_manager_let_go(fakes[0]);
	FAKE_AWAIT(kernel.leases == 4);
	assert_memory_equal(kernel.lease_log[3], fakes[0]->id, 32);
	assert_int_equal(kernel.managers[0].lease_number, 1);
}

/* Others take part when they have a wish, or soon would have been asked anyway. */
static void test_who_joins(void **state)
{
	(void)state;
	scene_start();
	FAKE_AWAIT(kernel.leases == 3);
	TURN_AWAIT(turn(0)->state == TURN_IDLE && turn(1)->state == TURN_IDLE &&
		   turn(2)->state == TURN_IDLE);
	manager_attest_within(&agent.managers[1], HOUR_MS);
	manager_attest_within(&agent.managers[0], 0);
	FAKE_AWAIT(kernel.leases == 5);
	assert_made_for(1, 3);
	TURN_AWAIT(turn(0)->state == TURN_IDLE && turn(1)->state == TURN_IDLE);
	assert_int_equal(turn(1)->due_ms, INT64_MAX);

	pthread_mutex_lock(&agent.rounds.lock);
	turn(2)->joins_ms = 0;
	pthread_mutex_unlock(&agent.rounds.lock);
	manager_attest_within(&agent.managers[0], 0);
	FAKE_AWAIT(kernel.leases == 7);
	assert_made_for(2, 5);
}

/* Tries again and again, alone; and is one of them again once it answers. */
static void test_comes_back(void **state)
{
	(void)state;
	fakes[2]->challenge_status = 500;
	fakes[2]->challenge = "oops";
	scene_start();
	FAKE_AWAIT(all_accepted(2, 1) && fakes[2]->challenges >= 5);
	assert_made_for(0, 3);
	kernel_lock();
	assert_int_equal(fakes[0]->challenges, 1);
	assert_int_equal(fakes[1]->challenges, 1);
	fakes[2]->challenge = NULL;
	kernel_unlock(0);
	FAKE_AWAIT(kernel.leases == 3);
	TURN_AWAIT(turn(0)->state == TURN_IDLE && turn(1)->state == TURN_IDLE &&
		   turn(2)->state == TURN_IDLE && !turn(2)->away);
	agent_attest_within(&agent, 0);
	FAKE_AWAIT(kernel.leases == 6);
	scene_stop();
	assert_made_for(kernel.evidence - 1, 7);
}

/* The kernel would refuse all for it. */
static void test_not_pinned(void **state)
{
	const struct attest_result *r = &agent.managers[2].result;

	(void)state;
	kernel.pinned = 2;
	scene_once();
	assert_made_for(0, 3);
	assert_int_equal(kernel.leases, 2);
	assert_int_equal(r->ret, -ENOKEY);
	assert_string_equal(r->verdict, "not-pinned");
	assert_int_equal(fakes[2]->evidence, 0);
}

static void test_unpinned_just_now(void **state)
{
	(void)state;
	kernel.unpins = 1;
	scene_once();
	assert_int_equal(kernel.evidence, 1);
	assert_made_for(0, 3);
	assert_int_equal(kernel.leases, 2);
	assert_string_equal(agent.managers[2].result.verdict, "not-pinned");
}

static void test_none_pinned(void **state)
{
	(void)state;
	kernel.pinned = 0;
	scene_once();
	assert_int_equal(kernel.evidence, 0);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(agent.managers[i].result.verdict, "not-pinned");
}

/* Two ways to one manager: two challenges of one are not for one evidence. */
static void test_twice(void **state)
{
	(void)state;
	strcpy(agent.managers[1].config.url, agent.managers[0].config.url);
	scene_once();
	assert_int_equal(kernel.evidence, 2);
	assert_int_equal(kernel.made[0].count + kernel.made[1].count, 3);
	for (size_t i = 0; i < 3; i++)
		assert_string_equal(agent.managers[i].result.verdict, "accepted");
	assert_int_equal(fakes[0]->accepted, 2);
}

/* No evidence before @ms. */
static void pace(int64_t ms)
{
	pthread_mutex_lock(&agent.rounds.lock);
	agent.rounds.paced_ms = ms;
	pthread_cond_broadcast(&agent.rounds.changed);
	pthread_mutex_unlock(&agent.rounds.lock);
}

/* One that attests without end would fill the kernel's places: all wait, for one evidence. */
static void test_paced(void **state)
{
	(void)state;
	pace(INT64_MAX);
	scene_start();
	TURN_AWAIT(turn(0)->state == TURN_READY && turn(1)->state == TURN_READY &&
		   turn(2)->state == TURN_READY);
	assert_int_equal(kernel.evidence, 0);
	pace(0);
	FAKE_AWAIT(kernel.leases == 3);
	scene_stop();
	assert_int_equal(kernel.evidence, 1);
	assert_made_for(0, 7);
	/* A long time without any allows a burst, and not more the longer it was. */
	assert_true(agent.rounds.paid_ms > monotonic_ms() - HOUR_MS);
	assert_true(agent.rounds.paid_ms < monotonic_ms());
	/* And none of it at once. */
	assert_true(agent.rounds.paced_ms > agent.rounds.paid_ms);
}

static bool answers(const struct kernel_made *made, const struct zkhsm_challenge *c)
{
	for (size_t i = 0; i < made->count; i++) {
		if (memcmp(made->challenges[i].nonce, c->nonce, 32) == 0)
			return true;
	}
	return false;
}

/* Of two with one name the first in the file does not always go first. */
static void test_twice_in_turn(void **state)
{
	struct zkhsm_challenge c[2];

	(void)state;
	strcpy(agent.managers[1].config.url, agent.managers[0].config.url);
	pace(INT64_MAX);
	scene_start();
	TURN_AWAIT(turn(0)->state == TURN_READY && turn(1)->state == TURN_READY &&
		   turn(2)->state == TURN_READY);
	pthread_mutex_lock(&agent.rounds.lock);
	c[0] = turn(0)->challenge;
	c[1] = turn(1)->challenge;
	turn(1)->asked_ms = turn(0)->asked_ms - 1;
	pthread_mutex_unlock(&agent.rounds.lock);
	pace(0);
	FAKE_AWAIT(fakes[0]->accepted == 2 && fakes[2]->accepted == 1);
	scene_stop();
	assert_true(answers(&kernel.made[0], &c[1]));
	assert_true(answers(&kernel.made[1], &c[0]));
}

/* What the kernel refuses all of them they try again together. */
static void test_kernel_busy(void **state)
{
	(void)state;
	kernel.evidence_ret = -EAGAIN;
	scene_start();
	TURN_AWAIT(turn(0)->next_ms && turn(1)->next_ms && turn(2)->next_ms);
	kernel_lock();
	kernel.evidence_ret = 0;
	kernel_unlock(0);
	FAKE_AWAIT(kernel.leases == 3);
	/* It was not theirs: they are waited for. */
	for (size_t i = 0; i < 3; i++)
		TURN_AWAIT(!turn(i)->away);
}

static void assert_stops(void)
{
	int64_t start = monotonic_ms();

	scene_stop();
	/* libcurl asks once a second whether to go on. */
	assert_true(monotonic_ms() - start < 8000);
}

static void test_stop_while_asking(void **state)
{
	(void)state;
	fakes[1]->hold_challenges = true;
	scene_start();
	TURN_AWAIT(turn(0)->state == TURN_READY);
	FAKE_AWAIT(fakes[1]->held);
	assert_stops();
	assert_int_equal(kernel.evidence, 0);
}

static void test_stop_while_posting(void **state)
{
	(void)state;
	fakes[1]->hold_evidence = true;
	scene_start();
	FAKE_AWAIT(fakes[1]->held);
	assert_stops();
}

static int begin(void **state)
{
	(void)state;
	return stage_begin();
}

static int end(void **state)
{
	(void)state;
	return stage_end();
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one_evidence),
		TEST(test_two),
		TEST(test_dead),
		TEST(test_hangs),
		TEST(test_hangs_again),
		TEST(test_late),
		TEST(test_leases_as_they_come),
		TEST(test_who_joins),
		TEST(test_comes_back),
		TEST(test_not_pinned),
		TEST(test_unpinned_just_now),
		TEST(test_none_pinned),
		TEST(test_paced),
		TEST(test_twice_in_turn),
		TEST(test_twice),
		TEST(test_kernel_busy),
		TEST(test_stop_while_asking),
		TEST(test_stop_while_posting),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
