// SPDX-License-Identifier: GPL-2.0
/*
 * test_trust_change.c - another configuration by order: approved when evidence
 * shows it, and only then; and what becomes of orders that come to nothing
 */
#include "daemon.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct daemon *d;
static struct prover *hsm;
static struct applied applied;

/* A configuration as bytes. */
struct conf {
	struct zkhsm_configuration c;
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN], digest[32];
	size_t len;
};

static int start(void **state)
{
	(void)state;
	d = daemon_new("", "nonces_per_hsm = 64\nlong_polls = 1\n");
	daemon_start(d, 0);
	return 0;
}

static int end(void **state)
{
	(void)state;
	daemon_free(d);
	return 0;
}

static int new_hsm(void **state)
{
	static unsigned int number;
	char seed[32];

	(void)state;
	snprintf(seed, sizeof(seed), "trust %u", number++);
	hsm = prover_new(seed, 2);
	prover_pin(hsm, d->order_public);
	hsm->config.flags = ZKHSM_HSM_FLAG_LOCKED;
	prover_refresh(hsm);
	applied = (struct applied){ .number = 0 };
	return 0;
}

static int free_hsm(void **state)
{
	(void)state;
	prover_free(hsm);
	return 0;
}

static struct conf now(void)
{
	struct conf c = { .c = hsm->config, .len = hsm->config_len };

	memcpy(c.bytes, hsm->config_bytes, c.len);
	memcpy(c.digest, hsm->config_digest, sizeof(c.digest));
	return c;
}

/* What the HSM has now, with another max_ttl. */
static struct conf with_ttl(uint64_t max_ttl_ms)
{
	struct conf c = now();
	int len;

	c.c.max_ttl_ms = max_ttl_ms;
	len = zkhsm_configuration_encode(&c.c, c.bytes, sizeof(c.bytes));
	assert_true(len > 0);
	c.len = (size_t)len;
	zkhsm_sha256(c.bytes, c.len, c.digest);
	return c;
}

static void become(const struct conf *c)
{
	hsm->config = c->c;
	prover_refresh(hsm);
	assert_memory_equal(hsm->config_digest, c->digest, 32);
	put_configuration(d, hsm, 204, NULL);
}

static json_t *order_as(struct zkhsm_https *who, const struct conf *c, const uint8_t *previous,
			long status, const char *urn)
{
	char path[160], *b64 = zkhsm_b64(c->bytes, c->len);
	json_t *o;

	assert_non_null(b64);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/trust-change", hex32(hsm->hsm_id));
	if (previous)
		o = ask_json(who, "POST", path, status, urn,
			     "{'previous':'%s','configuration':'%s'}", hex32(previous), b64);
	else
		o = ask_json(who, "POST", path, status, urn, "{'configuration':'%s'}", b64);
	free(b64);
	return o;
}

static void order(const struct conf *c, uint64_t number)
{
	json_t *o = order_as(d->admin, c, NULL, 201, NULL);

	assert_int_equal(number_of(o, "number"), number);
	assert_string_equal(text_of(o, "hsm_id"), hex32(hsm->hsm_id));
	assert_string_equal(text_of(o, "config_digest"), hex32(c->digest));
	json_decref(o);
}

static json_t *show(long status, const char *urn)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN];
	size_t len = make_evidence_after(d, hsm, &applied, evidence);
	json_t *o = post_evidence(d, evidence, len, status, urn);

	assert_int_equal(json_is_string(json_object_get(o, "lease")), status == 200);
	return o;
}

/* The row that administrators see, for the caller to free. */
static json_t *row(void)
{
	json_t *o = get(d->admin, 200, NULL, "/v1/admin/hsms"), *one, *is = NULL;
	size_t i;

	json_array_foreach(json_object_get(o, "hsms"), i, one) {
		if (strcmp(text_of(one, "hsm_id"), hex32(hsm->hsm_id)) == 0)
			is = json_incref(one);
	}
	assert_non_null(is);
	json_decref(o);
	return is;
}

/* @number 0: nothing waits. */
static void expect(const struct conf *approved, uint64_t number, const struct conf *wanted,
		   bool is_applied)
{
	json_t *o = row(), *waits = json_object_get(o, "trust_change");

	assert_string_equal(text_of(o, "config_digest"), hex32(approved->digest));
	if (number) {
		assert_int_equal(number_of(waits, "number"), number);
		assert_string_equal(text_of(waits, "config_digest"), hex32(wanted->digest));
		assert_int_equal(json_is_true(json_object_get(waits, "applied")), is_applied);
	} else {
		assert_true(json_is_null(waits));
	}
	json_decref(o);
}

static void killed(void)
{
	daemon_end(d, SIGKILL);
	daemon_start(d, 0);
}

static void check_order(const struct conf *old, const struct conf *new)
{
	json_t *o = get(d->public, 200, NULL, "/v1/hsms/%s/orders?after=0", hex32(hsm->hsm_id));
	const char *b64 = json_string_value(json_array_get(json_object_get(o, "orders"), 0));
	struct zkhsm_order made;
	uint8_t *bytes;
	size_t len;

	assert_non_null(b64);
	assert_int_equal(zkhsm_unb64(b64, &bytes, &len), 0);
	assert_int_equal(zkhsm_order_verify(d->order_public, bytes, len, &made, NULL), 0);
	assert_int_equal(made.type, ZKHSM_ORDER_TYPE_TRUST_CHANGE);
	assert_int_equal(made.number, 1);
	assert_memory_equal(made.hsm_id, hsm->hsm_id, 32);
	assert_memory_equal(made.previous, old->digest, 32);
	assert_int_equal(made.config_len, new->len);
	assert_memory_equal(made.config, new->bytes, new->len);
	free(bytes);
	json_decref(o);
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_string_equal(text_of(json_array_get(json_object_get(o, "orders"), 0), "type"),
			    "trust-change");
	assert_string_equal(text_of(json_array_get(json_object_get(o, "orders"), 0),
				    "config_digest"), hex32(new->digest));
	json_decref(o);
}

/* --- stories ---------------------------------------------------------------- */

static void story(void **state)
{
	struct conf old, new;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	/* The order outlives whatever happens to the manager, and so does what it waits for. */
	killed();
	expect(&old, 1, &new, false);
	check_order(&old, &new);
	/* Nothing is approved by being ordered: not what it will be less than what it is. */
	tell(show(200, NULL));
	expect(&old, 1, &new, false);
	/* The kernel has it; the other managers have not agreed. */
	obey(d, hsm, &applied, 1);
	tell(show(200, NULL));
	expect(&old, 1, &new, true);
	killed();
	expect(&old, 1, &new, true);
	/* Now they have. */
	become(&new);
	tell(show(200, NULL));
	daemon_log_wait(d, "event=trust-change");
	expect(&new, 0, NULL, false);
	killed();
	expect(&new, 0, NULL, false);
	tell(show(200, NULL));
	/* And never back without another order. */
	become(&old);
	tell(show(403, "configuration"));
	expect(&new, 0, NULL, false);
}

/* Shown before it was ordered, it is refused; before the order got there, it is not. */
static void others_were_first(void **state)
{
	struct conf old, new;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	become(&new);
	tell(show(403, "configuration"));
	tell(order_as(d->admin, &new, old.digest, 201, NULL));
	expect(&old, 1, &new, false);
	tell(show(200, NULL));
	expect(&new, 0, NULL, false);
}

/* Until somebody else has the one place that there is for those who wait. */
static void await_waiting(void)
{
	struct zkhsm_response r = { .status = 0 };
	long status = 204;
	char path[160];

	snprintf(path, sizeof(path), "/v1/hsms/%s/orders?after=0&wait=1", hex32(hsm->hsm_id));
	while (status == 204) {
		assert_int_equal(zkhsm_https_do(d->public, "GET", path, NULL, NULL, 0, &r, NULL), 0);
		status = r.status;
		zkhsm_response_free(&r);
		sleep_ms(50);	/* the place is free meanwhile */
	}
	assert_int_equal(status, 429);
}

/* Who waits for orders gets it at once. */
static void pushed(void **state)
{
	struct poller p = { .d = d, .hsm = hsm };
	struct conf new;
	pthread_t thread;

	(void)state;
	enrol(d, hsm);
	new = with_ttl(3600000);
	assert_int_equal(pthread_create(&thread, NULL, poll_orders, &p), 0);
	await_waiting();
	order(&new, 1);
	pthread_join(thread, NULL);
	assert_int_equal(p.orders, 1);
	assert_true(p.took_ms < 20000);
}

/* Restarts of the HSM make kernels forget what waits: an order that was applied is repeated. */
static void repeated(void **state)
{
	struct conf old, new;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	tell(order_as(d->admin, &new, NULL, 409, "already"));
	obey(d, hsm, &applied, 1);
	tell(show(200, NULL));
	order(&new, 2);
	expect(&old, 2, &new, false);
	become(&new);
	obey(d, hsm, &applied, 1);
	tell(show(200, NULL));
	expect(&new, 0, NULL, false);
}

/* One at a time, the newest, as in the kernel. */
static void replaced(void **state)
{
	struct conf old, first, second;

	(void)state;
	enrol(d, hsm);
	old = now();
	first = with_ttl(3600000);
	second = with_ttl(7200000);
	order(&first, 1);
	order(&second, 2);
	expect(&old, 2, &second, false);
	become(&first);
	tell(show(403, "configuration"));
	become(&second);
	obey(d, hsm, &applied, 2);
	tell(show(200, NULL));
	expect(&second, 0, NULL, false);
}

static void withdrawn(void **state)
{
	struct conf old, new;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	order(&old, 2);
	expect(&old, 0, NULL, false);
	obey(d, hsm, &applied, 2);
	tell(show(200, NULL));
	become(&new);
	tell(show(403, "configuration"));
	expect(&old, 0, NULL, false);
}

/* It came too late: another one is in force already. */
static void came_to_nothing(void **state)
{
	struct conf old, new, other;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	other = with_ttl(5000000);
	order(&new, 1);
	become(&other);
	/* Not before it has got there. */
	tell(show(403, "configuration"));
	expect(&old, 1, &new, false);
	obey(d, hsm, &applied, 1);
	tell(show(403, "configuration"));
	daemon_log_wait(d, "code=trust-change-void");
	expect(&old, 0, NULL, false);
	become(&new);
	tell(show(403, "configuration"));
}

/* An administrator who approves something has decided. */
static void approved_meanwhile(void **state)
{
	struct conf old, new;
	char path[160];

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/configuration", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 200, NULL, "{'config_digest':'%s'}",
		      hex32(old.digest)));
	expect(&old, 0, NULL, false);
	become(&new);
	tell(show(403, "configuration"));
	/* As has one who ends the enrolment. */
	become(&old);
	order(&new, 2);
	snprintf(path, sizeof(path), "/v1/admin/hsms/%s", hex32(hsm->hsm_id));
	tell(ask(d->admin, "DELETE", path, NULL, NULL, 0, 204, NULL));
	tell(order_as(d->admin, &new, NULL, 404, "unknown"));
	enrol(d, hsm);
	expect(&old, 0, NULL, false);
}

/* This store was restored from a backup: kernels would take its order for a replay. */
static void made_again(void **state)
{
	struct conf old, new;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	applied = (struct applied){ .number = 41, .digest = { 1 } };
	tell(show(200, NULL));
	daemon_log_wait(d, "code=orders-unknown");
	expect(&old, 42, &new, false);
	obey(d, hsm, &applied, 1);
	become(&new);
	tell(show(200, NULL));
	expect(&new, 0, NULL, false);
}

/* But one that is not wanted any more is not. */
static void not_made_again(void **state)
{
	struct conf old, first, new;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	old = now();
	first = with_ttl(1800000);
	new = with_ttl(3600000);
	order(&first, 1);
	order(&new, 2);
	applied = (struct applied){ .number = 41, .digest = { 1 } };
	tell(show(200, NULL));
	expect(&old, 42, &new, false);
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_int_equal(json_array_size(json_object_get(o, "orders")), 3);
	json_decref(o);
}

/* A number that this manager has used, for an order that it never made. */
static void not_ours(void **state)
{
	unsigned int alerts = daemon_log_count(d, "code=orders-unknown");
	struct conf old, new;
	struct applied forged;
	json_t *o;

	(void)state;
	enrol(d, hsm);
	old = now();
	new = with_ttl(3600000);
	order(&new, 1);
	forged = (struct applied){ .number = 1, .digest = { 7 } };
	applied = forged;
	tell(show(200, NULL));
	daemon_log_wait(d, "code=orders-unknown");
	assert_int_equal(daemon_log_count(d, "code=orders-unknown"), alerts + 1);
	/* Ours can no longer be the first; it is the second. */
	expect(&old, 2, &new, false);
	o = get(d->admin, 200, NULL, "/v1/admin/orders/%s", hex32(hsm->hsm_id));
	assert_int_equal(number_of(o, "last_applied"), 0);
	json_decref(o);
	/* Said once, not with each evidence. */
	tell(show(200, NULL));
	assert_int_equal(daemon_log_count(d, "code=orders-unknown"), alerts + 1);
	obey(d, hsm, &applied, 1);
	become(&new);
	tell(show(200, NULL));
	expect(&new, 0, NULL, false);
}

/* --- refusals ----------------------------------------------------------------- */

static void void_ones(void)
{
	struct conf c = now();
	uint32_t flags = c.c.flags;

	c.c.flags ^= ZKHSM_HSM_FLAG_LOCKED;
	c.len = (size_t)zkhsm_configuration_encode(&c.c, c.bytes, sizeof(c.bytes));
	tell(order_as(d->admin, &c, NULL, 409, "void"));
	/* What it replaces is not known here: the kernel will say what it thinks of it. */
	tell(order_as(d->admin, &c, hsm->hsm_id, 201, NULL));
	c.c.flags = flags;
	c.c.quorum = (uint8_t)(c.c.manager_count + 1);
	c.len = (size_t)zkhsm_configuration_encode(&c.c, c.bytes, sizeof(c.bytes));
	tell(order_as(d->admin, &c, NULL, 409, "void"));
}

static void refused(void **state)
{
	struct conf c = now();
	char path[160];

	(void)state;
	tell(order_as(d->admin, &c, NULL, 404, "unknown"));
	tell(order_as(d->public, &c, NULL, 401, "client-certificate"));
	tell(order_as(d->stranger, &c, NULL, 401, "client-certificate"));
	/* Enrolled, but never seen. */
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms", 201, NULL,
		      "{'hsm_id':'%s','name':'unseen','config_digest':'%s'}", hex32(hsm->hsm_id),
		      hex32(c.digest)));
	tell(order_as(d->admin, &c, NULL, 409, "unseen"));
	tell(attest(d, hsm, 200, NULL));
	void_ones();

	snprintf(path, sizeof(path), "/v1/admin/hsms/%s/trust-change", hex32(hsm->hsm_id));
	tell(ask_json(d->admin, "POST", path, 400, "request", "{'configuration':'***'}"));
	tell(ask_json(d->admin, "POST", path, 400, "request", "{'configuration':5}"));
	tell(ask_json(d->admin, "POST", path, 400, "request", "{}"));
	tell(ask_json(d->admin, "POST", path, 400, "request",
		      "{'configuration':'AAAA','previous':'AA'}"));
	tell(ask_json(d->admin, "POST", path, 422, "malformed", "{'configuration':'AAAA'}"));
	tell(ask_json(d->admin, "POST", path, 422, "malformed", "{'configuration':''}"));
	tell(ask_json(d->admin, "POST", "/v1/admin/hsms/xx/trust-change", 400, "request",
		      "{'configuration':'AAAA'}"));
	/* A manager whose key is not a point. */
	c.c.managers[0][64] ^= 1;
	c.len = (size_t)zkhsm_configuration_encode(&c.c, c.bytes, sizeof(c.bytes));
	tell(order_as(d->admin, &c, NULL, 422, "malformed"));
	daemon_log_wait(d, "action=trust-change");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, new_hsm, free_hsm)
	const struct CMUnitTest tests[] = {
		TEST(story),
		TEST(others_were_first),
		TEST(pushed),
		TEST(repeated),
		TEST(replaced),
		TEST(withdrawn),
		TEST(came_to_nothing),
		TEST(approved_meanwhile),
		TEST(made_again),
		TEST(not_made_again),
		TEST(not_ours),
		TEST(refused),
	};

	return cmocka_run_group_tests(tests, start, end);
}
