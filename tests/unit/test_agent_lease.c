// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent_lease.c - leases from a manager's answer into the kernel, orders
 * that have to come before them, and what becomes of those that are refused
 */
#include <fcntl.h>
#include <stdlib.h>

#include "agent_scene.h"

#define HOUR_MS	(3600 * 1000)

static struct fake_manager *fake;

static int setup(void **state)
{
	(void)state;
	stage_set("test_agent_lease", 1);
	fake = fakes[0];
	fake->next_ms = HOUR_MS;
	fake->lease_ttl_ms = HOUR_MS;
	fake->in_turn = true;
	fake->orders = json_array();
	scene(1);
	agent.managers[0].config.orders = true;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	scene_stop();
	scene_free();
	json_decref(fake->orders);
	stage_clear();
	return 0;
}

static void add_order(uint8_t *order, size_t len)
{
	char *text = zkhsm_b64(order, len);

	json_array_append_new(fake->orders, json_string(text));
	free(text);
	free(order);
}

static void add_revocation(uint64_t number)
{
	uint8_t element[1][32] = { { 1 } }, *order;
	size_t len;

	assert_int_equal(zkhsm_order_make(fake->key, ZKHSM_ORDER_TYPE_REVOKE, kernel.p->hsm_id,
					  number, 1, element, 1, &order, &len, NULL), 0);
	add_order(order, len);
}

/* Attests, which is accepted whatever becomes of the lease. */
static void attest(int lease_ret)
{
	const struct attest_result *r = &agent.managers[0].result;

	scene_once();
	if (r->ret)
		fail_msg("%s: %s", r->verdict, r->error.text);
	assert_string_equal(r->verdict, "accepted");
	assert_int_equal(r->lease_ret, lease_ret);
}

static void test_taken(void **state)
{
	(void)state;
	attest(0);
	assert_int_equal(kernel.leases, 1);
	assert_int_equal(kernel.managers[0].lease_number, 1);
	assert_int_equal(fake->polls, 0);
	/* Two attempts before it ends; it may have lived for a moment. */
	assert_in_range(agent.managers[0].result.next_ms, HOUR_MS / 2 - 60000, HOUR_MS / 2);
	attest(0);
	assert_int_equal(kernel.managers[0].lease_number, 2);
}

static void test_interval(void **state)
{
	(void)state;
	/* As the manager says, as that is earlier. */
	fake->next_ms = 20 * 60 * 1000;
	attest(0);
	assert_int_equal(agent.managers[0].result.next_ms, 20 * 60 * 1000);
	/* A manager that gives none, or whose answer was posted for before. */
	fake->lease_ttl_ms = 0;
	attest(0);
	assert_int_equal(kernel.leases, 1);
	assert_int_equal(agent.managers[0].result.next_ms, 20 * 60 * 1000);
}

/* Fetched and applied, oldest first, and then the very same lease. */
static void test_orders_first(void **state)
{
	(void)state;
	for (uint64_t n = 1; n <= 3; n++)
		add_revocation(n);
	fake->lease_least = 3;
	attest(0);
	assert_int_equal(kernel.applied, 3);
	assert_int_equal(kernel.managers[0].last_number, 3);
	assert_int_equal(kernel.leases, 1);
	assert_int_equal(kernel.evidence, 1);
	assert_int_equal(fake->polls, 1);
	/* The manager is to see that they were obeyed. */
	assert_int_not_equal(agent.managers[0].turn.due_ms, INT64_MAX);
}

static void test_orders_that_do_not_come(void **state)
{
	(void)state;
	fake->lease_least = 2;
	attest(-EAGAIN);
	assert_int_equal(fake->polls, 1);
	/* Some do, and not all. */
	add_revocation(1);
	attest(-EAGAIN);
	assert_int_equal(kernel.applied, 1);
	assert_int_equal(fake->polls, 3);
	/* Replays are no progress. */
	fake->in_turn = false;
	attest(-EAGAIN);
	assert_int_equal(fake->polls, 4);
	assert_int_equal(kernel.leases, 0);
	/* Backs off, as otherwise it would ask for ever. */
	assert_true(agent.managers[0].turn.next_ms - monotonic_ms() <= 55);
	add_revocation(2);
	attest(0);
	assert_int_equal(kernel.leases, 1);
}

/* The orders' thread has applied them while this one was about to ask for them. */
static void test_orders_there_meanwhile(void **state)
{
	(void)state;
	kernel.refuse_leases = 1;
	kernel.lease_ret = -EAGAIN;
	kernel.lease_reason = ZKHSM_REASON_OUT_OF_TURN;
	attest(0);
	assert_int_equal(fake->polls, 1);
	assert_int_equal(kernel.applied, 0);
	assert_int_equal(kernel.leases, 1);
}

/* Whoever said that no orders are to be fetched gets none. */
static void test_orders_not_wanted(void **state)
{
	(void)state;
	add_revocation(1);
	fake->lease_least = 1;
	agent.managers[0].config.orders = false;
	attest(-EAGAIN);
	assert_int_equal(fake->polls, 0);
	assert_int_equal(kernel.applied, 0);
}

static void refused(int ret, uint32_t reason, int lease_ret)
{
	unsigned int leases = kernel.leases;

	kernel.refuse_leases = 1;
	kernel.lease_ret = ret;
	kernel.lease_reason = reason;
	attest(lease_ret);
	assert_int_equal(kernel.refuse_leases, 0);
	assert_int_equal(kernel.leases, leases);
}

static void test_refused(void **state)
{
	(void)state;
	refused(-EKEYEXPIRED, ZKHSM_REASON_NONCE, -EKEYEXPIRED);
	refused(-EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED, -EKEYEXPIRED);
	refused(-EINVAL, ZKHSM_REASON_TTL, -EINVAL);
	refused(-EKEYREJECTED, ZKHSM_REASON_SIGNATURE, -EKEYREJECTED);
	refused(-ENOKEY, ZKHSM_REASON_NOT_PINNED, -ENOKEY);
	/* EAGAIN for another reason is not for missing orders. */
	refused(-EAGAIN, ZKHSM_REASON_RATE, -EAGAIN);
	assert_int_equal(fake->polls, 0);
	/* It is there: all is well. */
	refused(-EALREADY, ZKHSM_REASON_REPLAY, 0);
	attest(0);
	assert_int_equal(kernel.leases, 1);
}

/* The next evidence gets another, soon, with pauses that grow. */
static void test_attests_again(void **state)
{
	int64_t start = monotonic_ms();

	(void)state;
	agent.managers[0].config.orders = false;
	kernel.refuse_leases = 3;
	kernel.lease_ret = -EKEYEXPIRED;
	kernel.lease_reason = ZKHSM_REASON_LEASE_EXPIRED;
	scene_start();
	FAKE_AWAIT(kernel.leases == 1);
	scene_stop();
	assert_int_equal(kernel.evidence, 4);
	assert_int_equal(kernel.managers[0].lease_number, 4);
	/* 10, 20 and 40 ms, less 10 percent. */
	assert_true(monotonic_ms() - start >= 9 + 18 + 36);
}

static void test_no_leases_at_all(void **state)
{
	static const char *const broken[] = {
		"null", "1", "[]", "\"\"", "\"A\"", "\"AAAA\"", "\"not base64url!\"",
	};
	uint8_t element[1][32] = { { 1 } }, *order;
	size_t len;
	char *text, json[1024];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++) {
		fake->lease = broken[i];
		attest(-EBADMSG);
	}
	/* A good order, but this is not the way for it. */
	assert_int_equal(zkhsm_order_make(fake->key, ZKHSM_ORDER_TYPE_REVOKE, kernel.p->hsm_id,
					  1, 1, element, 1, &order, &len, NULL), 0);
	text = zkhsm_b64(order, len);
	snprintf(json, sizeof(json), "\"%s\"", text);
	free(text);
	free(order);
	fake->lease = json;
	attest(-EBADMSG);
	assert_int_equal(kernel.applied, 0);
	assert_int_equal(kernel.leases, 0);
}

/* --- trust changes come as other orders do ------------------------------------------ */

static char *logged(void (*act)(void))
{
	int saved = dup(STDERR_FILENO), fd = open(in_dir("log"), O_RDWR | O_CREAT | O_TRUNC, 0600);
	static char text[8192];
	ssize_t len;

	assert_true(saved >= 0 && fd >= 0);
	log_setup(LOG_LEVEL_INFO, false);
	dup2(fd, STDERR_FILENO);
	act();
	dup2(saved, STDERR_FILENO);
	log_setup(LOG_LEVEL_ERROR, false);
	len = pread(fd, text, sizeof(text) - 1, 0);
	text[len > 0 ? len : 0] = '\0';
	close(saved);
	close(fd);
	return text;
}

static void fetch(void)
{
	struct manager *m = &agent.managers[0];
	struct zkhsm_error err = { 0 };
	struct zkhsm_https *h;

	assert_int_equal(manager_https(m, 10000, NULL, &h, &err), 0);
	assert_int_equal(orders_catch_up(m, h, (struct zkhsm_nl *)&kernel, kernel.p->hsm_id,
					 fake->id, &err), 0);
	zkhsm_https_free(h);
}

static void assert_has(const char *text, const char *part)
{
	if (!strstr(text, part))
		fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void add_trust_change(uint64_t number, uint32_t outcome, uint32_t reason)
{
	uint8_t previous[32] = { 1 }, *order;
	size_t len;

	assert_int_equal(zkhsm_trust_change_make(fake->key, kernel.p->hsm_id, number, previous,
						 kernel.p->config_bytes, kernel.p->config_len,
						 &order, &len, NULL), 0);
	add_order(order, len);
	kernel.trust_change = (struct zkhsm_order_result){
		.outcome = outcome, .votes = 1, .needed = 2, .reason = reason,
	};
}

static void test_trust_changes(void **state)
{
	const char *text;

	(void)state;
	add_trust_change(1, ZKHSM_ORDER_OUTCOME_WAITING, 0);
	text = logged(fetch);
	assert_has(text, "event=order manager=test0 type=trust-change number=1 in_turn=yes");
	assert_has(text, "outcome=waiting votes=1 needed=2");
	add_trust_change(2, ZKHSM_ORDER_OUTCOME_VOID, ZKHSM_REASON_OTHER_CONFIGURATION);
	text = logged(fetch);
	assert_has(text, "level=warning event=order");
	assert_has(text, "outcome=void votes=1 needed=2 reason=other-configuration");
	add_trust_change(3, ZKHSM_ORDER_OUTCOME_WITHDRAWN, 0);
	assert_has(logged(fetch), "outcome=withdrawn");
	add_trust_change(4, ZKHSM_ORDER_OUTCOME_DONE, 0);
	assert_has(logged(fetch), "outcome=done");
	assert_int_equal(kernel.managers[0].last_number, 4);
}

static void attest_for_the_log(void)
{
	attest(0);
}

static void attest_in_vain(void)
{
	refused(-EKEYEXPIRED, ZKHSM_REASON_NONCE, -EKEYEXPIRED);
}

static void test_log(void **state)
{
	const char *text;

	(void)state;
	text = logged(attest_for_the_log);
	assert_has(text, "level=info event=lease manager=test0 n=1 verdict=grant expires_in_ms=3");
	assert_has(text, " denied=0\n");
	text = logged(attest_in_vain);
	assert_has(text, "level=warning event=lease manager=test0 n=2 refused=nonce error=");
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
		TEST(test_taken),
		TEST(test_interval),
		TEST(test_orders_first),
		TEST(test_orders_that_do_not_come),
		TEST(test_orders_there_meanwhile),
		TEST(test_orders_not_wanted),
		TEST(test_refused),
		TEST(test_attests_again),
		TEST(test_no_leases_at_all),
		TEST(test_trust_changes),
		TEST(test_log),
	};

	return cmocka_run_group_tests(tests, begin, end);
}
