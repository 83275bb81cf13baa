// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent.c - the agent between a simulated kernel and a simulated manager
 *
 * The kernel is tests/unit/prover.c behind the library's netlink functions,
 * which this file replaces; the manager is fake_manager.c.
 */
#include <errno.h>
#include <event2/thread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/agent/agent.h"
#include "fake_manager.h"
#include "no_kek.h"
#include "prover.h"

/* --- the kernel --------------------------------------------------------------- */

static struct {
	struct prover *p;
	int open_ret, evidence_ret, list_ret;	/* what to refuse with */
	uint64_t last_number;
	unsigned int applied;
	/* With a KEK: what waits to be stored, the store's answer, and what has been. */
	uint32_t kek_class, unsealed;
	int store_ret;
	unsigned int stored, changes;	/* how often something changes before evidence */
	bool locked;			/* the store's lock is taken */
	pthread_mutex_t lock;
	pthread_cond_t asked;
	uint8_t asked_for[32];		/* the manager of the last zkhsm_trust_get() */
} kernel = { .lock = PTHREAD_MUTEX_INITIALIZER, .asked = PTHREAD_COND_INITIALIZER };

int zkhsm_nl_open(struct zkhsm_nl **nl, struct zkhsm_error *err)
{
	*nl = kernel.open_ret ? NULL : (struct zkhsm_nl *)&kernel;
	return kernel.open_ret ? zkhsm_fail(err, kernel.open_ret, "no module") : 0;
}

void zkhsm_nl_close(struct zkhsm_nl *nl)
{
	(void)nl;
}

int zkhsm_hsm_get(struct zkhsm_nl *nl, struct zkhsm_hsm_info *out, struct zkhsm_error *err)
{
	(void)nl;
	(void)err;
	memset(out, 0, sizeof(*out));
	out->initialised = true;
	memcpy(out->hsm_id, kernel.p->hsm_id, 32);
	memcpy(out->identity, kernel.p->identity, 65);
	memcpy(out->instance_id, kernel.p->instance_id, 16);
	memcpy(out->configuration, kernel.p->config_bytes, kernel.p->config_len);
	out->configuration_len = kernel.p->config_len;
	out->kek_class = kernel.kek_class;
	out->unsealed = kernel.unsealed;
	return 0;
}

int zkhsm_store_open(const char *path, const struct zkhsm_store_owner *make,
		     struct zkhsm_store **out, struct zkhsm_error *err)
{
	(void)err;
	assert_string_equal(path, "/the/store");
	assert_null(make);
	assert_false(kernel.locked);
	kernel.locked = true;
	*out = (struct zkhsm_store *)&kernel;
	return 0;
}

void zkhsm_store_close(struct zkhsm_store *s)
{
	(void)s;
	assert_true(kernel.locked);
	kernel.locked = false;
}

int zkhsm_store_sync(struct zkhsm_store *s, struct zkhsm_nl *nl,
		     const struct zkhsm_seal_request *request, struct zkhsm_stored *out,
		     struct zkhsm_error *err)
{
	(void)s;
	(void)nl;
	assert_null(request);
	memset(out, 0, sizeof(*out));
	if (kernel.store_ret)
		return zkhsm_fail(err, kernel.store_ret, "disk");
	kernel.stored++;
	kernel.unsealed = 0;
	out->changed = true;
	return 0;
}

int zkhsm_evidence_get(struct zkhsm_nl *nl, const struct zkhsm_challenge *c, size_t count,
		       const uint8_t *expected, struct zkhsm_evidence *out, struct zkhsm_error *err)
{
	(void)nl;
	(void)expected;
	assert_int_equal(count, 1);
	if (kernel.changes) {
		kernel.changes--;
		kernel.unsealed = 1;
	}
	if (kernel.unsealed) {
		zkhsm_fail(err, -EAGAIN, "not stored");
		err->reason = ZKHSM_REASON_UNSEALED;
		return -EAGAIN;
	}
	if (kernel.evidence_ret) {
		zkhsm_fail(err, kernel.evidence_ret, "refused");
		err->reason = ZKHSM_REASON_RATE;
		return kernel.evidence_ret;
	}
	out->evidence_len = prover_answer(kernel.p, c->manager_id, c->nonce, out->evidence);
	prover_announcement(kernel.p, out->announcement);
	out->announcement_len = PROVER_ANNOUNCEMENT_LEN;
	memcpy(out->list_digest, kernel.p->list_digest, 32);
	memcpy(out->config_digest, kernel.p->config_digest, 32);
	out->number = kernel.p->number;
	return 0;
}

int zkhsm_list_get(struct zkhsm_nl *nl, const uint8_t digest[32], uint8_t **list, size_t *len,
		   struct zkhsm_error *err)
{
	(void)nl;
	if (kernel.list_ret) {
		zkhsm_fail(err, kernel.list_ret, "moved");
		err->reason = ZKHSM_REASON_LIST_MOVED;
		return kernel.list_ret;
	}
	assert_memory_equal(digest, kernel.p->list_digest, 32);
	*list = malloc(kernel.p->list_len);
	memcpy(*list, kernel.p->list, kernel.p->list_len);
	*len = kernel.p->list_len;
	return 0;
}

int zkhsm_trust_get(struct zkhsm_nl *nl, const uint8_t id[32], struct zkhsm_manager_info *out,
		    struct zkhsm_error *err)
{
	(void)nl;
	(void)err;
	pthread_mutex_lock(&kernel.lock);
	memcpy(kernel.asked_for, id, 32);
	pthread_cond_broadcast(&kernel.asked);
	pthread_mutex_unlock(&kernel.lock);
	memset(out, 0, sizeof(*out));
	out->last_number = kernel.last_number;
	return 0;
}

int zkhsm_order_apply(struct zkhsm_nl *nl, const uint8_t *order, size_t len,
		      struct zkhsm_order_result *out, struct zkhsm_error *err)
{
	struct zkhsm_order o;

	(void)nl;
	memset(out, 0, sizeof(*out));
	assert_int_equal(zkhsm_order_decode(&o, order, len), 0);
	if (o.number <= kernel.last_number)
		return zkhsm_fail(err, -EALREADY, "replay");
	kernel.last_number = o.number;
	kernel.applied++;
	kernel.unsealed = kernel.kek_class != 0;
	out->number = o.number;
	out->type = o.type;
	out->in_turn = true;
	return 0;
}

/* Of files that are linked along and not reached from here. */
int zkhsm_nl_subscribe(struct zkhsm_nl *nl, struct zkhsm_error *err)
{
	(void)nl;
	return zkhsm_fail(err, -EPERM, "not here");
}

int zkhsm_nl_fd(const struct zkhsm_nl *nl)
{
	(void)nl;
	return -1;
}

int zkhsm_nl_events(struct zkhsm_nl *nl, void (*fn)(const struct zkhsm_event_info *e, void *arg),
		    void *arg, struct zkhsm_error *err)
{
	(void)nl;
	(void)fn;
	(void)arg;
	return zkhsm_fail(err, -EIO, "not here");
}

/* --- the scene ------------------------------------------------------------------- */

static char dir[] = "/tmp/zkhsm-test-agent.XXXXXX";

static char *in_dir(const char *name)
{
	static char path[4][128];
	static int next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/%s", dir, name);
	return path[next];
}

static struct agent agent;

static struct manager *scene(void)
{
	struct manager *m = &agent.managers[0];
	pthread_condattr_t attr;

	memset(&agent, 0, sizeof(agent));
	agent.manager_count = 1;
	agent.config = (struct agent_config){
		.backoff_min_ms = 10, .backoff_max_ms = 50, .connect_timeout_ms = 5000,
		.request_timeout_ms = 10000, .orders_wait_ms = 1000,
	};
	snprintf(agent.config.state_dir, sizeof(agent.config.state_dir), "%s", dir);
	strcpy(agent.config.store, "/the/store");
	m->agent = &agent;
	strcpy(m->config.name, "test");
	snprintf(m->config.url, sizeof(m->config.url), "https://127.0.0.1:%u",
		 server_port(fake.server));
	snprintf(m->config.ca, sizeof(m->config.ca), "%s", in_dir("cert.pem"));
	m->due_ms = INT64_MAX;
	pthread_mutex_init(&m->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&m->wake, &attr);
	return m;
}

static int setup(void **state)
{
	char command[512];

	(void)state;
	log_setup(LOG_LEVEL_ERROR, false);
	/* As the agent does: a peer that hangs up is an error, not the end. */
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(evthread_use_pthreads(), 0);
	assert_non_null(mkdtemp(dir));
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key.pem "
		 "-out %s/cert.pem 2>/dev/null", dir, dir);
	assert_int_equal(system(command), 0);
	fake_manager_begin(in_dir("cert.pem"), in_dir("key.pem"));
	kernel.p = prover_new("test_agent", 20);
	prover_pin(kernel.p, fake.public);
	prover_refresh(kernel.p);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	fake_manager_end();
	prover_free(kernel.p);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

static void attest(struct manager *m, const char *verdict, int ret)
{
	struct attest_result r;
	struct zkhsm_error err = { 0 };
	int got = attest_once(m, &r, &err);

	if (got != ret || strcmp(r.verdict, verdict) != 0)
		fail_msg("%s (%d): %s, not %s (%d)", r.verdict, got, err.text, verdict, ret);
	if (!ret)
		assert_int_equal(r.next_ms, 1234);
}

/* The whole list once, then differences, from memory and from the disk. */
static void test_lists(void **state)
{
	struct manager *m = scene();

	(void)state;
	attest(m, "accepted", 0);
	assert_int_equal(fake.whole, 1);
	assert_int_equal(fake.configurations, 1);
	assert_int_equal(fake.evidence, 2);
	attest(m, "accepted", 0);
	assert_int_equal(fake.evidence, 3);

	prover_key_add(kernel.p, "added", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake.deltas, 1);
	assert_int_equal(fake.whole, 1);

	/* Killed and started again. */
	manager_free(m);
	m = scene();
	lists_load(m);
	prover_key_del(kernel.p, "added");
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake.deltas, 2);

	/* The manager lost it meanwhile. */
	fake.forget_base = true;
	prover_key_add(kernel.p, "again", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	fake.forget_base = false;
	assert_int_equal(fake.whole, 2);
	manager_free(m);
}

static void test_cache_broken(void **state)
{
	struct manager *m = scene();
	unsigned int whole = fake.whole;

	(void)state;
	assert_int_equal(zkhsm_write_file(in_dir("list-test.bin"), "ZKHSM rubbish", 13, 0600, NULL),
			 0);
	lists_load(m);
	prover_key_add(kernel.p, "after-rubbish", NULL);
	prover_refresh(kernel.p);
	attest(m, "accepted", 0);
	assert_int_equal(fake.whole, whole + 1);
	/* A new instance of the module begins anew. */
	kernel.p->instance_id[0]++;
	attest(m, "accepted", 0);
	assert_null(m->list.data);
	assert_int_not_equal(access(in_dir("list-test.bin"), F_OK), 0);
	manager_free(m);
}

static void test_refusals(void **state)
{
	struct manager *m = scene();
	unsigned int posts;

	(void)state;
	fake.refuse_status = 403;
	fake.refuse_urn = "pending";
	attest(m, "pending", -EREMOTEIO);
	fake.refuse_status = 422;
	fake.refuse_urn = "false";
	attest(m, "false", -EREMOTEIO);
	/* A conflict too, and nothing that more sending would help. */
	fake.refuse_status = 409;
	fake.refuse_urn = "late";
	posts = fake.evidence;
	attest(m, "late", -EREMOTEIO);
	assert_int_equal(fake.evidence, posts + 1);
	fake.refuse_urn = NULL;

	kernel.evidence_ret = -EAGAIN;
	attest(m, "rate", -EAGAIN);
	kernel.evidence_ret = 0;
	kernel.list_ret = -EAGAIN;
	prover_key_add(kernel.p, "moving", NULL);
	prover_refresh(kernel.p);
	attest(m, "list-moved", -EAGAIN);
	kernel.list_ret = 0;
	fake.never_satisfied = true;
	attest(m, "ELOOP", -ELOOP);
	fake.never_satisfied = false;
	kernel.open_ret = -ENOENT;
	attest(m, "ENOENT", -ENOENT);
	kernel.open_ret = 0;
	attest(m, "accepted", 0);

	/* Away: a port where nobody listens. */
	snprintf(m->config.url, sizeof(m->config.url), "https://127.0.0.1:1");
	attest(m, "ECONNREFUSED", -ECONNREFUSED);
	manager_free(m);
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
	struct manager *m = scene();
	unsigned int posts = fake.evidence;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.challenge_status = cases[i].status;
		fake.challenge = cases[i].body;
		attest(m, cases[i].verdict, cases[i].ret);
	}
	fake.challenge = NULL;
	assert_int_equal(fake.evidence, posts);
	attest(m, "accepted", 0);
	manager_free(m);
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
	struct manager *m = scene();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		fake.need = cases[i].need;
		attest(m, cases[i].verdict, cases[i].ret);
	}
	fake.need = "[\"configuration\"]";
	fake.put_status = 422;
	attest(m, "EREMOTEIO", -EREMOTEIO);
	fake.need = "[\"list\"]";
	attest(m, "EREMOTEIO", -EREMOTEIO);
	fake.put_status = 0;
	fake.need = NULL;
	attest(m, "accepted", 0);
	manager_free(m);
}

/* No manager is told what a loss of power would undo. */
static void test_stored(void **state)
{
	struct manager *m = scene();
	unsigned int posts = fake.evidence;
	uint64_t next;

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
	assert_int_equal(fake.evidence, posts + 4);
	/* All the time: given up, for a second. */
	kernel.changes = 1000;
	attest(m, "unsealed", -EAGAIN);
	assert_true(kernel.stored < 20);
	assert_false(attest_and_log(m, &next));
	assert_int_equal(next, 1000);
	kernel.changes = 0;
	/* The disk is full: stale rather than wrong, until it is not. */
	kernel.unsealed = 1;
	kernel.store_ret = -ENOSPC;
	attest(m, "ENOSPC", -ENOSPC);
	assert_int_equal(fake.evidence, posts + 4);
	kernel.store_ret = 0;
	attest(m, "accepted", 0);
	assert_int_equal(fake.evidence, posts + 5);
	assert_false(kernel.locked);
	kernel.kek_class = 0;
	manager_free(m);
}

static void add_order(uint64_t number)
{
	uint8_t element[1][32] = { { 1 } }, *order;
	size_t len;
	char *text;

	assert_int_equal(zkhsm_order_make(fake.key, ZKHSM_ORDER_TYPE_REVOKE, kernel.p->hsm_id,
					  number, 1, element, 1, &order, &len, NULL), 0);
	text = zkhsm_b64(order, len);
	json_array_append_new(fake.orders, json_string(text));
	free(text);
	free(order);
}

/* Orders reach the kernel once each, and wake whoever attests. */
static void test_orders(void **state)
{
	struct manager *m = scene();
	bool attested = false;

	(void)state;
	m->config.orders = true;
	fake.orders = json_array();
	add_order(1);
	add_order(2);
	kernel.kek_class = ZKHSM_KEK_CLASS_KEYRING;
	kernel.stored = 0;
	attest(m, "accepted", 0);
	assert_int_equal(pthread_create(&m->orders_thread, NULL, orders_run, m), 0);
	m->ordering = true;
	/* Ends with the wish of the orders' thread, long before its time. */
	attested = manager_sleep(m, 30000, true);
	assert_true(attested);
	assert_int_equal(kernel.applied, 2);
	assert_int_equal(kernel.last_number, 2);
	/* Before the manager can see that it was obeyed. */
	assert_int_equal(kernel.stored, 1);
	assert_int_equal(kernel.unsealed, 0);
	kernel.kek_class = 0;
	agent.stop = true;
	manager_stop(m);
	assert_int_equal(kernel.applied, 2);
	json_decref(fake.orders);
	manager_free(m);
}

static void wait_asked_for(const uint8_t id[32])
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 60;
	pthread_mutex_lock(&kernel.lock);
	while (memcmp(kernel.asked_for, id, 32) != 0)
		assert_int_equal(pthread_cond_timedwait(&kernel.asked, &kernel.lock, &until), 0);
	pthread_mutex_unlock(&kernel.lock);
}

/* A manager with new keys: the orders of these are asked for, without a restart. */
static void test_other_keys(void **state)
{
	struct manager *m = scene();

	(void)state;
	fake.orders = json_array();
	attest(m, "accepted", 0);
	assert_int_equal(pthread_create(&m->orders_thread, NULL, orders_run, m), 0);
	m->ordering = true;
	wait_asked_for(fake.id);
	fake.id[0] ^= 1;
	attest(m, "accepted", 0);
	wait_asked_for(fake.id);
	fake.id[0] ^= 1;
	agent.stop = true;
	manager_stop(m);
	json_decref(fake.orders);
	manager_free(m);
}

static void test_times(void **state)
{
	struct manager *m = scene();
	uint64_t ms = 0, low = UINT64_MAX, high = 0;
	int64_t start;

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

	/* A wish from before the sleep is granted at once, and only once. */
	manager_attest_within(m, 0);
	start = monotonic_ms();
	assert_true(manager_sleep(m, 30000, true));
	assert_true(monotonic_ms() - start < 5000);
	assert_int_equal(m->due_ms, INT64_MAX);
	/* Who does not attest does not take it away. */
	manager_attest_within(m, 0);
	assert_true(manager_sleep(m, 20, false));
	assert_int_not_equal(m->due_ms, INT64_MAX);
	agent.stop = true;
	assert_false(manager_sleep(m, 30000, true));
	manager_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lists),
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
