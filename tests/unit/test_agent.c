// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent.c - the agent between a simulated kernel and a simulated manager
 *
 * See agent_kernel.h and fake_manager.c. Here with one manager; others are in
 * test_agent_round.c.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent_scene.h"

static struct fake_manager *fake;

static int setup(void **state)
{
	(void)state;
	assert_int_equal(stage_begin(), 0);
	stage_set("test_agent", 1);
	fake = fakes[0];
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	stage_clear();
	return stage_end();
}

static void finish(struct manager *m)
{
	agent.stop = true;
	manager_stop(m);
	scene_free();
}

static void attest(struct manager *m, const char *verdict, int ret)
{
	const struct attest_result *r = &m->result;

	scene_once();
	if (r->ret != ret || strcmp(r->verdict, verdict) != 0)
		fail_msg("%s (%d): %s, not %s (%d)", r->verdict, r->ret, r->error.text, verdict,
			 ret);
	if (!ret)
		assert_int_equal(r->next_ms, 1234);
}

/* The whole list once, then differences, from memory and from the disk. */
static void test_lists(void **state)
{
	struct manager *m = scene(1);

	(void)state;
	attest(m, "accepted", 0);
	assert_int_equal(fake->whole, 1);
	assert_int_equal(fake->configurations, 1);
	assert_int_equal(fake->evidence, 2);
	attest(m, "accepted", 0);
	assert_int_equal(fake->evidence, 3);

	prover_key_add(kernel.p, "added", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake->deltas, 1);
	assert_int_equal(fake->whole, 1);

	/* Killed and started again. */
	finish(m);
	m = scene(1);
	lists_load(m);
	prover_key_del(kernel.p, "added");
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake->deltas, 2);

	/* The manager lost it meanwhile. */
	fake->forget_base = true;
	prover_key_add(kernel.p, "again", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	fake->forget_base = false;
	assert_int_equal(fake->whole, 2);
	finish(m);
}

/* One attestation is one id in both logs, and the next one is another. */
static void test_request_ids(void **state)
{
	struct manager *m = scene(1);
	char before[65];

	(void)state;
	attest(m, "accepted", 0);
	assert_string_equal(m->result.request_id, fake->evidence_id);
	assert_int_equal(strcspn(fake->evidence_id, "-"), 16);
	assert_memory_equal(fake->challenge_id, fake->evidence_id, 16);
	assert_string_not_equal(fake->challenge_id, fake->evidence_id);
	memcpy(before, fake->evidence_id, sizeof(before));
	attest(m, "accepted", 0);
	assert_string_equal(m->result.request_id, fake->evidence_id);
	assert_memory_not_equal(before, fake->evidence_id, 16);
	finish(m);
}

static void test_cache_broken(void **state)
{
	struct manager *m = scene(1);
	unsigned int whole = fake->whole;

	(void)state;
	assert_int_equal(zkhsm_write_file(in_dir("list-test0.bin"), "ZKHSM rubbish", 13, 0600, NULL),
			 0);
	lists_load(m);
	prover_key_add(kernel.p, "after-rubbish", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake->whole, whole + 1);
	/* A new instance of the module begins anew. */
	kernel.p->instance_id[0]++;
	attest(m, "accepted", 0);
	assert_null(m->list.data);
	assert_int_not_equal(access(in_dir("list-test0.bin"), F_OK), 0);
	finish(m);
}

static void test_refusals(void **state)
{
	struct manager *m = scene(1);
	unsigned int posts;

	(void)state;
	fake->refuse_status = 403;
	fake->refuse_urn = "pending";
	attest(m, "pending", -EREMOTEIO);
	fake->refuse_status = 422;
	fake->refuse_urn = "false";
	attest(m, "false", -EREMOTEIO);
	/* A conflict too, and nothing that more sending would help. */
	fake->refuse_status = 409;
	fake->refuse_urn = "late";
	posts = fake->evidence;
	attest(m, "late", -EREMOTEIO);
	assert_int_equal(fake->evidence, posts + 1);
	fake->refuse_urn = NULL;

	kernel.evidence_ret = -EAGAIN;
	attest(m, "rate", -EAGAIN);
	kernel.evidence_ret = 0;
	kernel.list_ret = -EAGAIN;
	prover_key_add(kernel.p, "moving", NULL);
	prover_refresh(kernel.p);
	attest(m, "list-moved", -EAGAIN);
	kernel.list_ret = 0;
	fake->never_satisfied = true;
	attest(m, "ELOOP", -ELOOP);
	fake->never_satisfied = false;
	kernel.open_ret = -ENOENT;
	attest(m, "ENOENT", -ENOENT);
	kernel.open_ret = 0;
	attest(m, "accepted", 0);

	/* Away: a port where nobody listens. */
	snprintf(m->config.url, sizeof(m->config.url), "https://127.0.0.1:1");
	attest(m, "ECONNREFUSED", -ECONNREFUSED);
	finish(m);
}

/* Nothing is signed for a manager that cannot even ask. */
static void test_broken_challenges(void **state)
{
#define HEX32	"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	static const struct {
		int status;
		const char *body, *verdict;
		int ret;
	} cases[] = {
		{ 201, "", "EBADMSG", -EBADMSG },
		{ 201, "[]", "EBADMSG", -EBADMSG },
		{ 201, "{}", "EBADMSG", -EBADMSG },
		{ 201, "{\"manager_id\":\"" HEX32 "\"}", "EBADMSG", -EBADMSG },
		{ 201, "{\"manager_id\":\"" HEX32 "\",\"nonce\":1}", "EBADMSG", -EBADMSG },
		{ 201, "{\"manager_id\":\"" HEX32 "\",\"nonce\":\"00\"}", "EBADMSG", -EBADMSG },
		{ 201, "{\"manager_id\":\"00\",\"nonce\":\"" HEX32 "\"}", "EBADMSG", -EBADMSG },
		{ 201, "{\"manager_id\":\"" HEX32 "\",\"nonce\":\"" HEX32 "\",\"nonce\":\"" HEX32
		  "\"}", "EBADMSG", -EBADMSG },
		{ 200, "{}", "http-200", -EREMOTEIO },
		{ 500, "oops", "http-500", -EREMOTEIO },
		{ 503, "{\"type\":\"urn:zkhsm:store\",\"title\":\"x\",\"status\":503}", "store",
		  -EREMOTEIO },
	};
	struct manager *m = scene(1);
	unsigned int posts = fake->evidence;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake->challenge_status = cases[i].status;
		fake->challenge = cases[i].body;
		attest(m, cases[i].verdict, cases[i].ret);
	}
	fake->challenge = NULL;
	assert_int_equal(fake->evidence, posts);
	attest(m, "accepted", 0);
	finish(m);
}

/* What a manager needs has a name that we know, and is not sent a second time. */
static void test_broken_needs(void **state)
{
	static const struct {
		const char *need, *verdict;
		int ret;
	} cases[] = {
		{ "[]", "EBADMSG", -EBADMSG },
		{ "{}", "EBADMSG", -EBADMSG },
		{ "\"list\"", "EBADMSG", -EBADMSG },
		{ "null", "EBADMSG", -EBADMSG },
		{ "[\"keys\"]", "EOPNOTSUPP", -EOPNOTSUPP },
		{ "[1]", "EOPNOTSUPP", -EOPNOTSUPP },
		{ "[\"configuration\"]", "ELOOP", -ELOOP },
	};
	struct manager *m = scene(1);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake->need = cases[i].need;
		attest(m, cases[i].verdict, cases[i].ret);
	}
	fake->need = "[\"configuration\"]";
	fake->put_status = 422;
	attest(m, "EREMOTEIO", -EREMOTEIO);
	fake->need = "[\"list\"]";
	attest(m, "EREMOTEIO", -EREMOTEIO);
	fake->put_status = 0;
	fake->need = NULL;
	attest(m, "accepted", 0);
	finish(m);
}

/* No manager is told what a loss of power would undo. */
static void test_stored(void **state)
{
	struct manager *m = scene(1);
	unsigned int posts = fake->evidence;
	int64_t wait;

	(void)state;
	/* Without a KEK nothing is. */
	attest(m, "accepted", 0);
	assert_int_equal(kernel.stored, 0);
	kernel.kek_class = ZKHSM_KEK_CLASS_KEYRING;
	attest(m, "accepted", 0);
	assert_int_equal(kernel.stored, 0);
	kernel.unsealed = 3;
	attest(m, "accepted", 0);
	assert_int_equal(kernel.stored, 1);
	/* Something changes meanwhile: stored, and asked again. */
	kernel.changes = 3;
	attest(m, "accepted", 0);
	assert_int_equal(kernel.stored, 4);
	assert_int_equal(fake->evidence, posts + 4);
	/* All the time: given up, for a second. */
	kernel.changes = 1000;
	attest(m, "unsealed", -EAGAIN);
	assert_true(kernel.stored < 20);
	wait = m->turn.next_ms - monotonic_ms();
	assert_in_range(wait, 500, 1100);
	kernel.changes = 0;
	/* The disk is full: stale rather than wrong, until it is not. */
	kernel.unsealed = 1;
	kernel.store_ret = -ENOSPC;
	attest(m, "ENOSPC", -ENOSPC);
	assert_int_equal(fake->evidence, posts + 4);
	kernel.store_ret = 0;
	attest(m, "accepted", 0);
	assert_int_equal(fake->evidence, posts + 5);
	assert_false(kernel.locked);
	kernel.kek_class = 0;
	finish(m);
}

static void add_order(uint64_t number)
{
	uint8_t element[1][32] = { { 1 } }, *order;
	size_t len;
	char *text;

	assert_int_equal(zkhsm_order_make(fake->key, ZKHSM_ORDER_TYPE_REVOKE, kernel.p->hsm_id,
					  number, 1, element, 1, &order, &len, NULL), 0);
	text = zkhsm_b64(order, len);
	json_array_append_new(fake->orders, json_string(text));
	free(text);
	free(order);
}

static bool has_wish(const struct manager *m)
{
	bool wish;

	pthread_mutex_lock(&agent.rounds.lock);
	wish = m->turn.due_ms != INT64_MAX;
	pthread_mutex_unlock(&agent.rounds.lock);
	return wish;
}

static void start_orders(struct manager *m)
{
	assert_int_equal(pthread_create(&m->orders_thread, NULL, orders_run, m), 0);
	m->ordering = true;
}

/* Orders reach the kernel once each, and wake whoever attests. */
static void test_orders(void **state)
{
	struct manager *m = scene(1);

	(void)state;
	fake->orders = json_array();
	add_order(1);
	add_order(2);
	kernel.kek_class = ZKHSM_KEK_CLASS_KEYRING;
	kernel.stored = 0;
	attest(m, "accepted", 0);
	assert_false(has_wish(m));
	start_orders(m);
	FAKE_AWAIT(has_wish(m));
	assert_int_equal(kernel.applied, 2);
	assert_int_equal(kernel.managers[0].last_number, 2);
	/* Before the manager can see that it was obeyed. */
	assert_int_equal(kernel.stored, 1);
	assert_int_equal(kernel.unsealed, 0);
	finish(m);
	kernel.kek_class = 0;
	assert_int_equal(kernel.applied, 2);
	json_decref(fake->orders);
}

/* A manager with new keys: the orders of these are asked for, without a restart. */
static void test_other_keys(void **state)
{
	struct manager *m = scene(1);

	(void)state;
	fake->orders = json_array();
	attest(m, "accepted", 0);
	start_orders(m);
	FAKE_AWAIT(memcmp(kernel.asked_for, fake->id, 32) == 0);
	kernel_lock();
	fake->id[0] ^= 1;
	kernel_pin(fake->id);
	kernel_unlock(0);
	attest(m, "accepted", 0);
	FAKE_AWAIT(memcmp(kernel.asked_for, fake->id, 32) == 0);
	finish(m);
	fake->id[0] ^= 1;
	json_decref(fake->orders);
}

static void test_times(void **state)
{
	struct manager *m = scene(1);
	uint64_t ms = 0, low = UINT64_MAX, high = 0;
	int64_t start, due;

	(void)state;
	for (int i = 0; i < 1000; i++) {
		uint64_t j = jitter(1000);

		low = j < low ? j : low;
		high = j > high ? j : high;
	}
	assert_in_range(low, 900, 920);
	assert_in_range(high, 1080, 1100);
	assert_int_equal(jitter(0), 0);

	for (unsigned int i = 0; i < 3; i++) {
		static const uint64_t want[] = { 10, 20, 40 };

		ms = backoff_next(&agent.config, ms);
		assert_int_equal(ms, want[i]);
	}
	assert_int_equal(backoff_next(&agent.config, ms), 50);
	assert_int_equal(backoff_next(&agent.config, 50), 50);

	/* The earliest wish counts, and goes with the turn that grants it. */
	manager_attest_within(m, 30000);
	due = m->turn.due_ms;
	manager_attest_within(m, 60000);
	assert_int_equal(m->turn.due_ms, due);
	manager_attest_within(m, 0);
	assert_true(m->turn.due_ms < due);
	attest(m, "accepted", 0);
	assert_int_equal(m->turn.due_ms, INT64_MAX);

	start = monotonic_ms();
	assert_true(manager_sleep(m, 20));
	assert_true(monotonic_ms() - start >= 20);
	agent.stop = true;
	assert_false(manager_sleep(m, 30000));
	finish(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_request_ids),
		cmocka_unit_test(test_cache_broken),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_broken_challenges),
		cmocka_unit_test(test_broken_needs),
		cmocka_unit_test(test_stored),
		cmocka_unit_test(test_orders),
		cmocka_unit_test(test_other_keys),
		cmocka_unit_test(test_times),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
