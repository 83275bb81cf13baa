// SPDX-License-Identifier: GPL-2.0
/*
 * test_rate.c - how often: the buckets by a clock of the test's, and the manager with
 * small ones
 */
#include "daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/manager/rate.h"

#define K ZKHSMD_RATE_TOKENS

static void buckets(void **state)
{
	struct zkhsmd_rates *t;

	(void)state;
	assert_int_equal(zkhsmd_rates_new(&t), 0);
	for (int i = 0; i < 5; i++)
		assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 1000), 0);
	/* Two a second: half a second until the next. */
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 1000), 501);
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 1250), 251);
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 1500), 0);
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 1500), 501);
	/* Others have their own, and so have other kinds. */
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.2", 2, 5, 1500), 0);
	assert_int_equal(zkhsmd_rate_take(t, ZKHSMD_RATE_GRANTS, "192.0.2.1", 2, 5, 1500), 0);
	/* No more than it holds, however long nobody came. */
	for (int i = 0; i < 5; i++)
		assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 10000000), 0);
	assert_int_not_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 10000000), 0);
	/* A clock that goes back gives nothing. */
	assert_int_not_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 5000), 0);
	assert_int_not_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 10000000), 0);
	zkhsmd_rate_give(t, K, "192.0.2.1", 5);
	assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 10000000), 0);
	assert_int_not_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 2, 5, 10000000), 0);
	/* 0 is no limit. */
	for (int i = 0; i < 1000; i++)
		assert_int_equal(zkhsmd_rate_take(t, K, "192.0.2.1", 0, 0, 10000000), 0);
	zkhsmd_rates_free(t);
}

/* Many addresses make it forget some, and never refuse one that did nothing. */
static void many(void **state)
{
	struct zkhsmd_rates *t;
	char key[48];

	(void)state;
	assert_int_equal(zkhsmd_rates_new(&t), 0);
	for (int i = 0; i < 200000; i++) {
		snprintf(key, sizeof(key), "2001:db8:%x:%x::/64", i >> 16, i & 0xffff);
		assert_int_equal(zkhsmd_rate_take(t, K, key, 1, 1, 1000 + i / 1000), 0);
	}
	zkhsmd_rates_free(t);
}

/* A request that is answered with 429 and when to come again. */
static void refused(struct zkhsm_https *h, const char *path, const char *body, const char *why)
{
	struct zkhsm_response r = { 0 };
	json_t *o;

	/* On a slow machine there may be room again. */
	for (int i = 0; r.status != 429 && i < 1000; i++) {
		zkhsm_response_free(&r);
		assert_int_equal(zkhsm_https_do(h, body ? "POST" : "GET", path, body ? JSON : NULL,
						body, body ? strlen(body) : 0, &r, NULL), 0);
	}
	assert_int_equal(r.status, 429);
	assert_string_equal(r.content_type, "application/problem+json");
	assert_in_range(r.retry_after_s, 1, 2);
	o = json_loadb((const char *)r.body, r.body_len, 0, NULL);
	assert_string_equal(text_of(o, "type"), "urn:zkhsm:too-many");
	assert_non_null(strstr(text_of(o, "detail"), why));
	json_decref(o);
	zkhsm_response_free(&r);
}

static void ask_token(const struct daemon *d, unsigned int hsm, char body[256], long status)
{
	struct zkhsm_response r = { 0 };

	snprintf(body, 256, "{\"hsm_id\":\"%064x\",\"key_id\":\"a\",\"aud\":\"b\"}", hsm);
	if (!status)
		return;
	assert_int_equal(zkhsm_https_do(d->public, "POST", "/v1/tokens", JSON, body, strlen(body), &r,
					NULL), 0);
	assert_int_equal(r.status, status);
	zkhsm_response_free(&r);
}

/* How often tokens of this HSM are refused with 404 before it is 429; at most @max times. */
static int until_refused(const struct daemon *d, unsigned int hsm, int max)
{
	struct zkhsm_response r = { 0 };
	char body[256];
	int count = 0;

	snprintf(body, sizeof(body), "{\"hsm_id\":\"%064x\",\"key_id\":\"a\",\"aud\":\"b\"}", hsm);
	for (;; count++) {
		assert_int_equal(zkhsm_https_do(d->public, "POST", "/v1/tokens", JSON, body,
						strlen(body), &r, NULL), 0);
		if (r.status == 429 || count == max)
			break;
		assert_int_equal(r.status, 404);
		zkhsm_response_free(&r);
	}
	zkhsm_response_free(&r);
	return count;
}

/* How much of a counter there is. */
static long metric(struct daemon *d, const char *what)
{
	struct zkhsm_response r = { 0 };
	const char *at;
	long n;

	assert_int_equal(zkhsm_https_do(d->admin, "GET", "/metrics", NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, 200);
	at = strstr((const char *)r.body, what);
	n = at ? strtol(at + strlen(what), NULL, 10) : 0;
	zkhsm_response_free(&r);
	return n;
}

/*
 * One a second, ten at once. A slow machine gives out more than ten before it refuses:
 * that it does at all, and not before the tenth, is what holds on any.
 */
static void per_hsm(void **state)
{
	struct daemon *d = daemon_new("", "hsm_tokens_per_second = 1\ntokens_per_second = 100");
	char body[256];

	(void)state;
	daemon_start(d, 0);
	assert_in_range(until_refused(d, 1, 10000), 10, 9999);
	ask_token(d, 1, body, 0);
	refused(d->public, "/v1/tokens", body, "for this HSM from this address");
	/* What one HSM's agent does is no other's loss, and took nothing of what all share. */
	ask_token(d, 2, body, 404);
	assert_true(metric(d, "zkhsm_rate_limited_total{by=\"hsm\"} ") >= 2);
	assert_int_equal(metric(d, "zkhsm_rate_limited_total{by=\"source\"} "), 0);
	daemon_free(d);
}

static void per_source(void **state)
{
	struct daemon *d = daemon_new("", "tokens_per_second = 1\nrequests_per_second = 0");
	char body[256];
	unsigned int hsm = 0;

	(void)state;
	daemon_start(d, 0);
	while (until_refused(d, ++hsm, 1) == 1 && hsm < 10000)
		;
	assert_in_range(hsm, 10 / 2, 9999);
	ask_token(d, ++hsm, body, 0);
	refused(d->public, "/v1/tokens", body, "from this address");
	/* Other kinds have a limit of their own, and here none. */
	for (int i = 0; i < 50; i++)
		tell(get(d->public, 200, NULL, "/health/alive"));
	assert_true(metric(d, "zkhsm_rate_limited_total{by=\"source\"} ") >= 2);
	daemon_free(d);
}

/* What there is no route for counts too, and is refused like everything else. */
static void everything(void **state)
{
	struct daemon *d = daemon_new("", "requests_per_second = 2");
	struct zkhsm_response r = { 0 };
	int count = 0;

	(void)state;
	daemon_start(d, 0);
	for (;; count++) {
		assert_int_equal(zkhsm_https_do(d->public, "GET", "/nothing", NULL, NULL, 0, &r, NULL), 0);
		if (r.status == 429 || count == 10000)
			break;
		assert_int_equal(r.status, 404);
		zkhsm_response_free(&r);
	}
	zkhsm_response_free(&r);
	assert_in_range(count, 10, 9999);
	daemon_free(d);
}

/* 200 HSMs of one gateway's address, as the limits are when nobody sets them. */
static void gateway(void **state)
{
	struct daemon *d = daemon_new("", "nonces = 4096");
	char body[128];

	(void)state;
	daemon_start(d, 0);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(body, sizeof(body), "{\"hsm_id\":\"%064x\"}", i);
		tell(ask(d->public, "POST", "/v1/challenges", JSON, body, strlen(body), 201, NULL));
	}
	assert_int_equal(metric(d, "zkhsm_rate_limited_total"), 0);
	daemon_free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(buckets), cmocka_unit_test(many), cmocka_unit_test(per_hsm),
		cmocka_unit_test(per_source), cmocka_unit_test(everything),
		cmocka_unit_test(gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
