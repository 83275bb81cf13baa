// SPDX-License-Identifier: GPL-2.0
/*
 * test_agent_sign.c - the agent's HTTPS endpoint: who gets a signature, and
 * every way not to get one
 *
 * The kernel's part is played here; server, tokens and client are the real ones.
 */
#include <errno.h>
#include <event2/thread.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/agent/agent.h"
#include "no_kek.h"

/* --- the kernel: one key, "k" -------------------------------------------------- */

static EVP_PKEY *hsm_key, *replaced_key;
static int open_ret, sign_ret;
static uint32_t sign_reason;
static bool replaced;

int zkhsm_nl_open(struct zkhsm_nl **nl, struct zkhsm_error *err)
{
	*nl = NULL;
	if (open_ret)
		return zkhsm_fail(err, open_ret, "no module");
	*nl = (struct zkhsm_nl *)&open_ret;
	return 0;
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
	memset(out->hsm_id, 7, 32);
	return 0;
}

int zkhsm_key_get(struct zkhsm_nl *nl, const char *id, struct zkhsm_key_info *out,
		  struct zkhsm_error *err)
{
	(void)nl;
	memset(out, 0, sizeof(*out));
	if (strcmp(id, "k") != 0) {
		zkhsm_fail(err, -ENOKEY, "no key has this id");
		err->reason = ZKHSM_REASON_NO_SUCH_KEY;
		return -ENOKEY;
	}
	zkhsm_signer_public(replaced ? replaced_key : hsm_key, out->public);
	zkhsm_element_name(1, out->public, out->element);
	return 0;
}

int zkhsm_key_sign(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
		   uint8_t signature[64], uint8_t public[65], struct zkhsm_error *err)
{
	(void)nl;
	(void)id;
	if (sign_ret) {
		zkhsm_fail(err, sign_ret, "the kernel's sentence");
		err->reason = sign_reason;
		return sign_ret;
	}
	/* A simulation: of the digest's digest, which the test knows. */
	zkhsm_signer_public(hsm_key, public);
	return zkhsm_signer_sign(hsm_key, digest, 32, signature, err);
}

/* What came, as the agent took it apart. */
static size_t grants_seen;
static bool client_seen;

int zkhsm_key_sign_granted(struct zkhsm_nl *nl, const char *id, const uint8_t digest[32],
			   const struct zkhsm_grants *grants, uint8_t signature[64],
			   uint8_t public[65], uint8_t receipt[ZKHSM_RECEIPT_LEN],
			   struct zkhsm_error *err)
{
	grants_seen = grants->count;
	for (size_t i = 0; i < grants->count; i++) {
		assert_int_equal(grants->orders[i].len, ZKHSM_GRANT_LEN);
		assert_int_equal(grants->orders[i].data[5], i);
	}
	client_seen = grants->client_signature && grants->client_signature[63] == 9;
	memset(receipt, 5, ZKHSM_RECEIPT_LEN);
	return zkhsm_key_sign(nl, id, digest, signature, public, err);
}

/* Of files that are linked along and not reached from here. */
#define UNREACHED(name, ...)				\
	int name(__VA_ARGS__);				\
	int name(__VA_ARGS__) { abort(); }
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
UNREACHED(zkhsm_nl_subscribe, struct zkhsm_nl *nl, struct zkhsm_error *err)
UNREACHED(zkhsm_nl_fd, const struct zkhsm_nl *nl)
UNREACHED(zkhsm_nl_events, struct zkhsm_nl *nl,
	  void (*fn)(const struct zkhsm_event_info *e, void *arg), void *arg,
	  struct zkhsm_error *err)
UNREACHED(zkhsm_evidence_get, struct zkhsm_nl *nl, const struct zkhsm_challenge *c, size_t count,
	  const uint8_t *expected, struct zkhsm_evidence *out, struct zkhsm_error *err)
UNREACHED(zkhsm_list_get, struct zkhsm_nl *nl, const uint8_t digest[32], uint8_t **list,
	  size_t *len, struct zkhsm_error *err)
UNREACHED(zkhsm_trust_get, struct zkhsm_nl *nl, const uint8_t id[32],
	  struct zkhsm_manager_info *out, struct zkhsm_error *err)
UNREACHED(zkhsm_trust_list, struct zkhsm_nl *nl,
	  int (*fn)(const struct zkhsm_manager_info *m, void *arg), void *arg,
	  struct zkhsm_error *err)
UNREACHED(zkhsm_order_apply, struct zkhsm_nl *nl, const uint8_t *order, size_t len,
	  struct zkhsm_order_result *out, struct zkhsm_error *err)
UNREACHED(zkhsm_store_open, const char *path, const struct zkhsm_store_owner *make,
	  struct zkhsm_store **out, struct zkhsm_error *err)
UNREACHED(zkhsm_store_sync, struct zkhsm_store *s, struct zkhsm_nl *nl,
	  const struct zkhsm_seal_request *request, struct zkhsm_stored *out,
	  struct zkhsm_error *err)
void zkhsm_store_close(struct zkhsm_store *s)
{
	abort();
}
#pragma GCC diagnostic pop

/* --- the scene: an agent's server in a thread, a client with a certificate -------- */

static struct agent agent;
static EVP_PKEY *token_key, *stranger;
static struct event *stop;
static pthread_t thread;
static struct zkhsm_https *client;
static uint8_t client_x5t[32], manager_id[32];
static char dir[] = "/tmp/zkhsm-test-sign.XXXXXX", url[64];

static void on_stop(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	event_base_loopbreak(arg);
}

static void *serve(void *arg)
{
	event_base_loop(arg, EVLOOP_NO_EXIT_ON_EMPTY);
	return NULL;
}

static void make_certificates(void)
{
	char command[1024], path[64];
	uint8_t *pem;
	size_t len;
	BIO *bio;
	X509 *cert;

	snprintf(command, sizeof(command),
		 "cd %s && for n in server client; do openssl req -x509 -newkey ec -pkeyopt "
		 "ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=$n -addext "
		 "subjectAltName=IP:127.0.0.1 -keyout $n.key -out $n.pem 2>/dev/null || exit 1; done",
		 dir);
	assert_int_equal(system(command), 0);
	snprintf(path, sizeof(path), "%s/client.pem", dir);
	assert_int_equal(zkhsm_read_file(path, 65536, &pem, &len, NULL), 0);
	bio = BIO_new_mem_buf(pem, (int)len);
	cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	assert_true(cert && X509_digest(cert, EVP_sha256(), client_x5t, NULL));
	X509_free(cert);
	BIO_free(bio);
	free(pem);
}

static void connect_client(bool certificate, struct zkhsm_https **out)
{
	char ca[64], cert[64], key[64];
	struct zkhsm_https_config c = { .base_url = url, .ca_file = ca, .timeout_ms = 10000,
					.connect_timeout_ms = 5000 };

	snprintf(ca, sizeof(ca), "%s/server.pem", dir);
	snprintf(cert, sizeof(cert), "%s/client.pem", dir);
	snprintf(key, sizeof(key), "%s/client.key", dir);
	c.cert_file = certificate ? cert : NULL;
	c.key_file = certificate ? key : NULL;
	assert_int_equal(zkhsm_https_new(&c, out, NULL), 0);
}

static int setup(void **state)
{
	struct manager *m = &agent.managers[0];
	struct https_config *h = &agent.https;
	struct zkhsm_error err;
	uint8_t public[65];

	(void)state;
	log_setup(LOG_LEVEL_ERROR, false);
	assert_int_equal(evthread_use_pthreads(), 0);
	assert_non_null(mkdtemp(dir));
	make_certificates();
	assert_int_equal(zkhsm_signer_generate(&hsm_key, NULL), 0);
	assert_int_equal(zkhsm_signer_generate(&replaced_key, NULL), 0);
	assert_int_equal(zkhsm_signer_generate(&token_key, NULL), 0);
	assert_int_equal(zkhsm_signer_generate(&stranger, NULL), 0);
	zkhsm_signer_public(token_key, public);
	zkhsm_sha256(public, 65, manager_id);

	agent.manager_count = 1;
	agent.base = event_base_new();
	m->agent = &agent;
	pthread_mutex_init(&m->lock, NULL);
	pthread_cond_init(&m->wake, NULL);
	strcpy(h->listen, "127.0.0.1");
	snprintf(h->certificate, sizeof(h->certificate), "%s/server.pem", dir);
	snprintf(h->private_key, sizeof(h->private_key), "%s/server.key", dir);
	snprintf(h->client_ca, sizeof(h->client_ca), "%s/client.pem", dir);
	h->connections_max = 8;
	h->idle_timeout_ms = 10000;
	h->request_timeout_ms = 10000;
	h->token_leeway_ms = 2000;
	assert_int_equal(client_start(&agent, &err), 0);
	snprintf(url, sizeof(url), "https://127.0.0.1:%u", server_port(agent.server));
	stop = event_new(agent.base, -1, 0, on_stop, agent.base);
	assert_int_equal(pthread_create(&thread, NULL, serve, agent.base), 0);
	connect_client(true, &client);
	return 0;
}

static int teardown(void **state)
{
	char command[64];

	(void)state;
	zkhsm_https_free(client);
	event_active(stop, EV_READ, 0);
	pthread_join(thread, NULL);
	event_free(stop);
	server_free(agent.server);
	event_base_free(agent.base);
	manager_free(&agent.managers[0]);
	EVP_PKEY_free(hsm_key);
	EVP_PKEY_free(replaced_key);
	EVP_PKEY_free(token_key);
	EVP_PKEY_free(stranger);
	snprintf(command, sizeof(command), "rm -r %s", dir);
	return system(command);
}

/* A token that is good for key "k" until it is changed. */
static struct zkhsm_token_claims good_claims(void)
{
	struct zkhsm_token_claims c = { .issued_at = time(NULL), .expires_at = time(NULL) + 60,
					.attested_at = time(NULL), .key_state = 2 };
	char *hex = zkhsm_hex(manager_id, 32);
	uint8_t public[65];

	snprintf(c.issuer, sizeof(c.issuer), "zkhsm:%s", hex);
	free(hex);
	memset(c.hsm_id, 7, 32);
	hex = zkhsm_hex(c.hsm_id, 32);
	snprintf(c.audience, sizeof(c.audience), "zkhsm-agent:%s", hex);
	free(hex);
	strcpy(c.jti, "1");
	strcpy(c.key_id, "k");
	strcpy(c.status, "affirming");
	strcpy(c.policy, "urn:zkhsm:policy:default");
	zkhsm_signer_public(hsm_key, public);
	zkhsm_element_name(1, public, c.element);
	zkhsm_jwk_thumbprint(public, c.thumbprint);
	return c;
}

/* Posts, and asserts status and the problem's type (NULL: none). */
static void post(const char *body, long status, const char *type, const char *reason)
{
	struct zkhsm_response r;
	json_t *answer;

	assert_int_equal(zkhsm_https_do(client, "POST", "/v1/sign", "application/json", body,
					strlen(body), &r, NULL), 0);
	answer = json_loadb((char *)r.body, r.body_len, 0, NULL);
	if (r.status != status)
		fail_msg("%ld instead of %ld: %s", r.status, status, r.body);
	if (type)
		assert_string_equal(json_string_value(json_object_get(answer, "type")), type);
	if (reason)
		assert_string_equal(json_string_value(json_object_get(answer, "reason")), reason);
	if (!type) {
		assert_true(json_string_value(json_object_get(answer, "signature")) != NULL);
		assert_int_equal(!!json_object_get(answer, "receipt"), grants_seen > 0);
	}
	json_decref(answer);
	zkhsm_response_free(&r);
}

static void ask_as(EVP_PKEY *signer, const struct zkhsm_token_claims *c, const char *key_id,
		   long status, const char *type, const char *reason)
{
	uint8_t digest[32] = { 1 };
	char *token, *text = zkhsm_b64(digest, 32), *body;
	json_t *o;

	assert_int_equal(zkhsm_token_sign(signer, c, &token, NULL), 0);
	o = json_pack("{s:s, s:s, s:s}", "key_id", key_id, "digest", text, "token", token);
	body = json_dumps(o, 0);
	post(body, status, type, reason);
	free(body);
	json_decref(o);
	free(token);
	free(text);
}

static void test_no_keys_yet(void **state)
{
	struct zkhsm_token_claims c = good_claims();
	struct manager *m = &agent.managers[0];

	(void)state;
	ask_as(token_key, &c, "k", 503, "urn:zkhsm:not-ready", NULL);
	pthread_mutex_lock(&m->lock);
	m->jwks = zkhsm_jwks(&token_key, 1);
	memcpy(m->manager_id, manager_id, 32);
	m->known = true;
	pthread_mutex_unlock(&m->lock);
	ask_as(token_key, &c, "k", 200, NULL, NULL);
}

static void test_binding(void **state)
{
	struct zkhsm_token_claims c = good_claims();
	char *x5t = zkhsm_b64(client_x5t, 32);

	(void)state;
	strcpy(c.x5t, x5t);
	free(x5t);
	ask_as(token_key, &c, "k", 200, NULL, NULL);
	c.x5t[0] = c.x5t[0] == 'A' ? 'B' : 'A';
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-binding", NULL);
}

static void test_tokens(void **state)
{
	struct zkhsm_token_claims c = good_claims();

	(void)state;
	ask_as(stranger, &c, "k", 403, "urn:zkhsm:token", NULL);
	c.issuer[10] ^= 1;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token", NULL);
	c = good_claims();
	c.issued_at = c.attested_at = time(NULL) - 100;
	c.expires_at = time(NULL) - 10;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-expired", NULL);
	c = good_claims();
	c.audience[15] ^= 1;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-audience", NULL);
	c = good_claims();
	c.hsm_id[0] ^= 1;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-key", NULL);
	c = good_claims();
	ask_as(token_key, &c, "other", 403, "urn:zkhsm:token-key", NULL);
	c.element[0] ^= 1;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-key", NULL);
}

/* Attested a moment ago, as the token says, and stopped since: not the agent's to judge. */
static void test_stopped(void **state)
{
	static const struct { int ret; uint32_t reason; const char *name; } cases[] = {
		{ -EKEYREVOKED, ZKHSM_REASON_REVOKED, "revoked" },
		{ -EACCES, ZKHSM_REASON_HELD, "held" },
		{ -EKEYEXPIRED, ZKHSM_REASON_NO_LEASE, "no-lease" },
		{ -EKEYEXPIRED, ZKHSM_REASON_LEASE_EXPIRED, "lease-expired" },
		{ -EKEYEXPIRED, ZKHSM_REASON_LEASE_DENIED, "lease-denied" },
		{ -EKEYEXPIRED, ZKHSM_REASON_LEASE_CHANGED, "lease-changed" },
		{ -EKEYEXPIRED, ZKHSM_REASON_LEASE_QUORUM, "lease-quorum" },
	};
	struct zkhsm_token_claims c = good_claims();

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		sign_ret = cases[i].ret;
		sign_reason = cases[i].reason;
		ask_as(token_key, &c, "k", 403, "urn:zkhsm:kernel", cases[i].name);
	}
	sign_ret = 0;
}

static void test_kernel(void **state)
{
	struct zkhsm_token_claims c = good_claims();

	(void)state;
	strcpy(c.key_id, "gone");
	ask_as(token_key, &c, "gone", 403, "urn:zkhsm:kernel", "no-such-key");
	c = good_claims();
	/* Made anew under the same id. */
	replaced = true;
	ask_as(token_key, &c, "k", 403, "urn:zkhsm:token-key", NULL);
	replaced = false;
	open_ret = -ENOENT;
	ask_as(token_key, &c, "k", 503, "urn:zkhsm:not-ready", NULL);
	open_ret = 0;
	ask_as(token_key, &c, "k", 200, NULL, NULL);
}

static void test_malformed(void **state)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"key_id\":\"k\"}",
		"{\"key_id\":1,\"digest\":\"\",\"token\":\"\"}",
		"{\"key_id\":\"k\",\"digest\":\"AA\",\"token\":\"x\"}",
		"{\"key_id\":\"k\",\"digest\":\"AA==\",\"token\":\"x\"}",
		"{\"key_id\":\"k\",\"key_id\":\"k\",\"digest\":\"AA\",\"token\":\"x\"}",
		"{\"key_id\":\"k\",\"digest\":\"AA\",\"token\":\"x\",\"more\":1}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		post(bad[i], 400, "urn:zkhsm:request", NULL);
}

/* @count grants of @len bytes, numbered; caller decrefs. */
static json_t *make_grants(size_t count, size_t len)
{
	json_t *array = json_array();
	uint8_t *data = calloc(1, len);

	for (size_t i = 0; i < count; i++) {
		char *text;

		data[5] = (uint8_t)i;
		text = zkhsm_b64(data, len);
		json_array_append_new(array, json_string(text));
		free(text);
	}
	free(data);
	return array;
}

/* Steals @grants; @client_len 0: no signature. */
static void ask_granted(json_t *grants, size_t client_len, long status, const char *type,
			const char *reason)
{
	struct zkhsm_token_claims c = good_claims();
	uint8_t digest[32] = { 1 }, named[80] = { [63] = 9 };
	char *token, *text = zkhsm_b64(digest, 32), *sig = zkhsm_b64(named, client_len), *body;
	json_t *o;

	grants_seen = 0;
	client_seen = false;
	assert_int_equal(zkhsm_token_sign(token_key, &c, &token, NULL), 0);
	o = json_pack("{s:s, s:s, s:s, s:o*, s:s*}", "key_id", "k", "digest", text, "token", token,
		      "grants", grants, "client_signature", client_len ? sig : NULL);
	body = json_dumps(o, 0);
	post(body, status, type, reason);
	free(body);
	json_decref(o);
	free(token);
	free(sig);
	free(text);
}

static void test_grants(void **state)
{
	static const char *const malformed = "urn:zkhsm:request";

	(void)state;
	ask_granted(make_grants(2, ZKHSM_GRANT_LEN), 64, 200, NULL, NULL);
	assert_int_equal(grants_seen, 2);
	assert_true(client_seen);
	ask_granted(make_grants(ZKHSM_MANAGERS_MAX, ZKHSM_GRANT_LEN), 0, 200, NULL, NULL);
	assert_int_equal(grants_seen, ZKHSM_MANAGERS_MAX);
	assert_false(client_seen);

	ask_granted(make_grants(0, ZKHSM_GRANT_LEN), 0, 400, malformed, NULL);
	ask_granted(make_grants(ZKHSM_MANAGERS_MAX + 1, ZKHSM_GRANT_LEN), 0, 400, malformed, NULL);
	ask_granted(make_grants(1, ZKHSM_GRANT_LEN - 1), 0, 400, malformed, NULL);
	ask_granted(make_grants(1, ZKHSM_GRANT_LEN + 1), 0, 400, malformed, NULL);
	ask_granted(json_string("x"), 0, 400, malformed, NULL);
	ask_granted(json_pack("[i]", 1), 0, 400, malformed, NULL);
	ask_granted(json_pack("[s]", "A="), 0, 400, malformed, NULL);
	ask_granted(make_grants(1, ZKHSM_GRANT_LEN), 63, 400, malformed, NULL);
	ask_granted(make_grants(1, ZKHSM_GRANT_LEN), 65, 400, malformed, NULL);
	ask_granted(NULL, 64, 400, malformed, NULL);
	assert_int_equal(grants_seen, 0);

	/* The kernel's word goes through as it is. */
	sign_ret = -EALREADY;
	sign_reason = ZKHSM_REASON_GRANT_USED;
	ask_granted(make_grants(1, ZKHSM_GRANT_LEN), 64, 403, "urn:zkhsm:kernel", "grant-used");
	sign_ret = -EACCES;
	sign_reason = ZKHSM_REASON_NO_GRANT;
	ask_granted(NULL, 0, 403, "urn:zkhsm:kernel", "no-grant");
	sign_ret = 0;
}

static void test_no_certificate(void **state)
{
	struct zkhsm_https *nobody;
	struct zkhsm_response r;

	(void)state;
	connect_client(false, &nobody);
	assert_int_equal(zkhsm_https_do(nobody, "GET", "/v1/hsm", NULL, NULL, 0, &r, NULL), 0);
	assert_int_equal(r.status, 401);
	zkhsm_response_free(&r);
	zkhsm_https_free(nobody);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_keys_yet),
		cmocka_unit_test(test_binding),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_stopped),
		cmocka_unit_test(test_kernel),
		cmocka_unit_test(test_malformed),
		cmocka_unit_test(test_grants),
		cmocka_unit_test(test_no_certificate),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
