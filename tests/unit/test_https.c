// SPDX-License-Identifier: GPL-2.0
/*
 * test_https.c - the HTTPS client against servers of every kind
 */
#include "mutate.h"

#include <openssl/ssl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tls.h"
#include "zkhsm.h"

#define OK	"HTTP/1.1 200 OK\r\nContent-Type: application/json; charset=utf-8\r\n" \
		"X-Request-Id: req-1\r\nRetry-After: 17\r\nContent-Length: 7\r\n\r\n{\"a\":1}"

static char directory[] = "/tmp/zkhsm-https-XXXXXX";
static struct tls_cert good, stranger, other_name, client;

static int make_files(void **state)
{
	(void)state;
	signal(SIGPIPE, SIG_IGN);
	if (!mkdtemp(directory) || chdir(directory))
		return -1;
	good = tls_cert_new("good", "IP:127.0.0.1", NULL);
	stranger = tls_cert_new("stranger", "IP:127.0.0.1", NULL);
	other_name = tls_cert_new("other", "DNS:elsewhere.example", &good);
	client = tls_cert_new("client", NULL, &good);
	tls_cert_save(&good, "ca.pem", NULL);
	tls_cert_save(&client, "client.pem", "client.key");
	/* As the other side would find them in the environment of a service. */
	setenv("https_proxy", "http://127.0.0.1:1", 1);
	return 0;
}

static int remove_files(void **state)
{
	(void)state;
	tls_cert_free(&good);
	tls_cert_free(&stranger);
	tls_cert_free(&other_name);
	tls_cert_free(&client);
	return unlink("ca.pem") || unlink("client.pem") || unlink("client.key") || chdir("/") ||
	       rmdir(directory) ? -1 : 0;
}

struct peer {
	struct tls_server *server;
	struct zkhsm_https *client;
	struct zkhsm_response r;
	struct zkhsm_error err;
	char url[64];
};

static struct zkhsm_https_config config_for(struct peer *p)
{
	struct zkhsm_https_config c = { .base_url = p->url, .ca_file = "ca.pem",
					.connect_timeout_ms = 5000, .timeout_ms = 10000 };

	snprintf(p->url, sizeof(p->url), "https://127.0.0.1:%d", tls_server_port(p->server));
	return c;
}

static void start(struct peer *p, const struct tls_server_config *s, size_t max_response)
{
	struct zkhsm_https_config c;

	memset(p, 0, sizeof(*p));
	p->server = tls_server_start(s);
	c = config_for(p);
	c.max_response = max_response;
	assert_int_equal(zkhsm_https_new(&c, &p->client, NULL), 0);
}

static void end(struct peer *p)
{
	zkhsm_https_free(p->client);
	tls_server_stop(p->server);
}

static int get(struct peer *p)
{
	int ret = zkhsm_https_do(p->client, "GET", "/v1/x?a=%20", NULL, NULL, 0, &p->r, &p->err);

	if (ret) {
		assert_int_equal(p->err.code, ret);
		assert_null(p->r.body);
	}
	return ret;
}

static void answers(void **state)
{
	struct tls_server_config c = { .cert = &good, .reply = OK };
	struct peer p;
	json_t *json;
	int i;

	(void)state;
	start(&p, &c, 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(get(&p), 0);
		assert_int_equal(p.r.status, 200);
		assert_int_equal(p.r.body_len, 7);
		assert_string_equal((char *)p.r.body, "{\"a\":1}");
		assert_string_equal(p.r.content_type, "application/json");
		assert_string_equal(p.r.request_id, "req-1");
		assert_int_equal(p.r.retry_after_s, 17);
		assert_int_equal(zkhsm_response_json(&p.r, &json, NULL), 0);
		json_decref(json);
		zkhsm_response_free(&p.r);
	}
	/* One handshake for all. */
	assert_int_equal(tls_server_connections(p.server), 1);
	assert_memory_equal(tls_server_request(p.server), "GET /v1/x?a=%20 HTTP/1.1\r\n", 26);
	assert_null(strcasestr(tls_server_request(p.server), "Content-Type"));
	end(&p);
}

static void requests(void **state)
{
	struct tls_server_config c = { .cert = &good,
				       .reply = "HTTP/1.1 204 No Content\r\n\r\n" };
	char body[3000];
	const char *sent;
	struct peer p;

	(void)state;
	memset(body, 'b', sizeof(body));
	start(&p, &c, 0);
	assert_int_equal(zkhsm_https_do(p.client, "POST", "/p", "application/json", body,
					sizeof(body), &p.r, &p.err), 0);
	assert_int_equal(p.r.status, 204);
	assert_int_equal(p.r.body_len, 0);
	assert_string_equal((char *)p.r.body, "");
	assert_int_equal(p.r.retry_after_s, -1);
	assert_string_equal(p.r.content_type, "");
	zkhsm_response_free(&p.r);
	sent = tls_server_request(p.server);
	assert_memory_equal(sent, "POST /p HTTP/1.1\r\n", 18);
	assert_non_null(strstr(sent, "\r\nContent-Length: 3000\r\n"));
	assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
	assert_null(strcasestr(sent, "Expect"));
	assert_int_equal(strspn(strstr(sent, "\r\n\r\n") + 4, "b"), 3000);

	assert_int_equal(zkhsm_https_do(p.client, "PUT", "/p", "a/b", "xyz", 3, &p.r, &p.err), 0);
	zkhsm_response_free(&p.r);
	assert_memory_equal(sent, "PUT /p HTTP/1.1\r\n", 17);
	assert_int_equal(zkhsm_https_do(p.client, "POST", "/p", NULL, NULL, 0, &p.r, &p.err), 0);
	zkhsm_response_free(&p.r);
	assert_non_null(strstr(sent, "\r\nContent-Length: 0\r\n"));
	assert_null(strcasestr(sent, "Content-Type"));
	assert_int_equal(zkhsm_https_do(p.client, "DELETE", "/p", NULL, NULL, 0, &p.r, &p.err), 0);
	zkhsm_response_free(&p.r);
	assert_memory_equal(sent, "DELETE /p HTTP/1.1\r\n", 20);
	end(&p);
}

static void requests_that_are_none(void **state)
{
	static const char *const paths[] = { "", "x", "/a b", "/a\r\nX: y", "/a\n", "/\x01", "/a#b",
					     "@evil.example/", "/\xff" };
	struct tls_server_config c = { .cert = &good, .reply = OK };
	struct peer p;
	size_t i;

	(void)state;
	start(&p, &c, 0);
	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		assert_int_equal(zkhsm_https_do(p.client, "GET", paths[i], NULL, NULL, 0, &p.r,
						&p.err), -EINVAL);
	assert_int_equal(zkhsm_https_do(p.client, "POST", "/", "a/b\r\nX: y", "", 0, &p.r, &p.err),
			 -EINVAL);
	assert_int_equal(tls_server_connections(p.server), 0);
	end(&p);
}

static void configurations(void **state)
{
	static const char *const bad[] = {
		"", "http://127.0.0.1:1", "ftp://127.0.0.1", "127.0.0.1", "https://", "https://a/b",
		"https://user@a", "https://u:p@a", "https://a?q", "https://a#f", "file:///etc/passwd",
	};
	struct zkhsm_https_config c = { .ca_file = "ca.pem" };
	struct zkhsm_https *h;
	struct zkhsm_error err;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		c.base_url = bad[i];
		if (zkhsm_https_new(&c, &h, &err) != -EINVAL)
			fail_msg("%s", bad[i]);
		assert_null(h);
	}
	c.base_url = NULL;
	assert_int_equal(zkhsm_https_new(&c, &h, &err), -EINVAL);
	c.base_url = "https://[::1]:8443/";
	assert_int_equal(zkhsm_https_new(&c, &h, &err), 0);
	zkhsm_https_free(h);
	c.cert_file = "client.pem";
	assert_int_equal(zkhsm_https_new(&c, &h, &err), -EINVAL);
	c.cert_file = NULL;
	c.ca_file = NULL;
	assert_int_equal(zkhsm_https_new(&c, &h, &err), -EINVAL);
	assert_string_equal(err.text, "no CA file to check the server with");
}

static void servers_not_trusted(void **state)
{
	struct tls_server_config c = { .cert = &stranger, .reply = OK };
	struct peer p;

	(void)state;
	start(&p, &c, 0);
	assert_int_equal(get(&p), -EKEYREJECTED);
	end(&p);
	c.cert = &other_name;
	start(&p, &c, 0);
	assert_int_equal(get(&p), -EKEYREJECTED);
	end(&p);
	c.cert = &good;
	c.max_version = TLS1_2_VERSION;
	start(&p, &c, 0);
	assert_int_equal(get(&p), -EPROTO);
	end(&p);
}

static void files_that_are_none(void **state)
{
	struct tls_server_config c = { .cert = &good, .reply = OK };
	struct zkhsm_https_config config;
	struct peer p = { .server = tls_server_start(&c) };

	(void)state;
	config = config_for(&p);
	config.ca_file = "nothing.pem";
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -EINVAL);
	zkhsm_https_free(p.client);
	config = config_for(&p);
	config.cert_file = "client.pem";
	config.key_file = "ca.pem";
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -EINVAL);
	end(&p);
}

static void client_certificates(void **state)
{
	struct tls_server_config c = { .cert = &good, .clients = &good, .reply = OK };
	struct zkhsm_https_config config;
	struct peer p;
	int ret;

	(void)state;
	start(&p, &c, 0);
	/* In TLS 1.3 the client learns of it when it reads. */
	ret = get(&p);
	assert_true(ret == -EPROTO || ret == -ECONNRESET);
	zkhsm_https_free(p.client);
	config = config_for(&p);
	config.cert_file = "client.pem";
	config.key_file = "client.key";
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), 0);
	zkhsm_response_free(&p.r);
	end(&p);
}

static void redirects_are_not_followed(void **state)
{
	struct tls_server_config c = { .cert = &good, .reply =
		"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n" };
	struct peer p;

	(void)state;
	start(&p, &c, 0);
	assert_int_equal(get(&p), 0);
	assert_int_equal(p.r.status, 302);
	assert_memory_equal(tls_server_request(p.server), "GET /v1/x", 9);
	zkhsm_response_free(&p.r);
	end(&p);
}

static void sizes(void **state)
{
	static char large[200000];
	struct tls_server_config c = { .cert = &good, .close_after_reply = true };
	int head = snprintf(large, sizeof(large), "HTTP/1.1 200 OK\r\n\r\n");
	struct peer p;

	(void)state;
	memset(large + head, 'x', sizeof(large) - (size_t)head);
	c.reply = large;
	/* Without a length, ended by the end of the connection: exactly the limit, and one more. */
	c.reply_len = (size_t)head + 1000;
	start(&p, &c, 1000);
	assert_int_equal(get(&p), 0);
	assert_int_equal(p.r.body_len, 1000);
	zkhsm_response_free(&p.r);
	end(&p);
	c.reply_len++;
	start(&p, &c, 1000);
	assert_int_equal(get(&p), -EMSGSIZE);
	end(&p);
	/* A head without end. */
	memcpy(large, "HTTP/1.1 200 OK\r\nX: ", 20);
	for (head = 1000; head < (int)sizeof(large) - 5; head += 1000)
		memcpy(large + head, "\r\nX: ", 5);
	c.reply_len = sizeof(large);
	start(&p, &c, 1000);
	assert_int_equal(get(&p), -EMSGSIZE);
	end(&p);
}

static void broken_answers(void **state)
{
	static const struct {
		const char *reply;
		int expected, or_expected;
	} cases[] = {
		{ "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort", -ECONNRESET, 0 },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", -ECONNRESET, -EIO },
		{ "nonsense\r\n\r\n", -EIO, -EPROTO },
		{ "HTTP/1.1 200 OK\r\nContent-Le", -ECONNRESET, -EPROTO },
		{ "", -ECONNRESET, -EPROTO },
	};
	struct tls_server_config c = { .cert = &good, .close_after_reply = true };
	struct peer p;
	size_t i;
	int ret;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		c.reply = cases[i].reply;
		start(&p, &c, 0);
		ret = get(&p);
		if (ret != cases[i].expected && ret != cases[i].or_expected)
			fail_msg("case %zu: %d (%s)", i, ret, p.err.text);
		end(&p);
	}
}

static void nobody_there(void **state)
{
	struct tls_server_config c = { .cert = &good, .reply = OK, .say_nothing = true };
	struct zkhsm_https_config config;
	_Atomic(bool) cancel = true;
	struct peer p;

	(void)state;
	start(&p, &c, 0);
	zkhsm_https_free(p.client);
	config = config_for(&p);
	config.timeout_ms = 100;
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -ETIMEDOUT);
	zkhsm_https_free(p.client);
	config.timeout_ms = 10000;
	config.cancel = &cancel;
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -ECANCELED);
	zkhsm_https_free(p.client);
	tls_server_stop(p.server);
	/* The port that was its own. */
	config.cancel = NULL;
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -ECONNREFUSED);
	zkhsm_https_free(p.client);
	config.base_url = "https://nobody.invalid";
	assert_int_equal(zkhsm_https_new(&config, &p.client, NULL), 0);
	assert_int_equal(get(&p), -EHOSTUNREACH);
	zkhsm_https_free(p.client);
}

static struct zkhsm_response response(const char *type, const char *body)
{
	struct zkhsm_response r = { .status = 403, .body = (uint8_t *)(uintptr_t)body,
				    .body_len = strlen(body) };

	snprintf(r.content_type, sizeof(r.content_type), "%s", type);
	return r;
}

static void problems(void **state)
{
	static const char *const bad[] = { "", "[]", "1", "{", "{\"a\":1,\"a\":2}", "{}x" };
	struct zkhsm_response r = response("application/problem+json",
		"{\"type\":\"urn:zkhsm:stale\",\"title\":\"Stale\",\"detail\":\"too \\u001b old\"}");
	struct zkhsm_error err;
	json_t *json;
	size_t i;

	(void)state;
	assert_int_equal(zkhsm_response_problem(&r, &err), -EREMOTEIO);
	assert_string_equal(err.text, "Stale: too ? old (status 403)");
	r = response("application/problem+json", "{\"title\":7}");
	assert_int_equal(zkhsm_response_problem(&r, &err), -EREMOTEIO);
	assert_string_equal(err.text, "refused (status 403)");
	r = response("text/html", "<html>");
	assert_int_equal(zkhsm_response_problem(&r, &err), -EREMOTEIO);
	assert_string_equal(err.text, "the server answers with status 403");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		r = response("application/json", bad[i]);
		assert_int_equal(zkhsm_response_json(&r, &json, &err), -EBADMSG);
		assert_null(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(answers),
		cmocka_unit_test(requests),
		cmocka_unit_test(requests_that_are_none),
		cmocka_unit_test(configurations),
		cmocka_unit_test(servers_not_trusted),
		cmocka_unit_test(files_that_are_none),
		cmocka_unit_test(client_certificates),
		cmocka_unit_test(redirects_are_not_followed),
		cmocka_unit_test(sizes),
		cmocka_unit_test(broken_answers),
		cmocka_unit_test(nobody_there),
		cmocka_unit_test(problems),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
