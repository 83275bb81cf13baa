// SPDX-License-Identifier: GPL-2.0
/*
 * webhook_send.c - the thread that tells webhooks: libcurl, several requests at a time
 */
#include <curl/curl.h>
#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "webhook.h"

#define SECRET_MIN	16
#define SECRET_MAX	1024
#define ANSWER_MAX	65536
#define WHSEC		"whsec_"

struct zkhsmd_sender {
	pthread_t thread;
	CURLM *multi;
	struct request *active;		/* the thread's */
	pthread_mutex_t lock;		/* @todo, @done, @stop */
	struct zkhsmd_sending *todo, *done;
	bool stop;
};

/* One that libcurl works on. */
struct request {
	struct zkhsmd_sending *one;
	CURL *curl;
	struct curl_slist *headers;
	size_t answered;
	char message[CURL_ERROR_SIZE];
	struct request *next;
};

void zkhsmd_sending_free(struct zkhsmd_sending *one)
{
	while (one) {
		struct zkhsmd_sending *next = one->next;

		free(one->body);
		free(one);
		one = next;
	}
}

/* --- signing -------------------------------------------------------------- */

/* @out has room for 3/4 of @len; its length, or negative. */
static int decode_base64(const uint8_t *text, size_t len, uint8_t *out)
{
	size_t pad = len > 1 && text[len - 1] == '=' ? 1 + (text[len - 2] == '=') : 0;
	int n;

	if (!len || len % 4)
		return -EINVAL;
	n = EVP_DecodeBlock(out, text, (int)len);
	return n < 0 ? -EINVAL : n - (int)pad;
}

int zkhsmd_webhook_sign(const uint8_t *secret, size_t len, const char *id, int64_t timestamp,
			const char *body, char out[64])
{
	uint8_t key[SECRET_MAX + 3], mac[32], b64[48];
	unsigned int mac_len = sizeof(mac);
	int key_len = (int)len, text_len, ret = -EINVAL;
	char *text;

	if (len > SECRET_MAX)
		return -EINVAL;
	if (len > strlen(WHSEC) && memcmp(secret, WHSEC, strlen(WHSEC)) == 0)
		key_len = decode_base64(secret + strlen(WHSEC), len - strlen(WHSEC), key);
	else
		memcpy(key, secret, len);
	if (key_len < SECRET_MIN) {
		OPENSSL_cleanse(key, sizeof(key));
		return -EINVAL;
	}
	text_len = asprintf(&text, "%s.%lld.%s", id, (long long)timestamp, body);
	if (text_len < 0)
		ret = -ENOMEM;
	else if (HMAC(EVP_sha256(), key, key_len, (const uint8_t *)text, (size_t)text_len, mac,
		      &mac_len))
		ret = 0;
	OPENSSL_cleanse(key, sizeof(key));
	if (text_len >= 0)
		free(text);
	if (ret)
		return ret;
	EVP_EncodeBlock(b64, mac, sizeof(mac));
	snprintf(out, 64, "v1,%s", (char *)b64);
	return 0;
}

/* Read each time: a new secret needs no restart. Newlines at its end are no part of it. */
static int sign(struct zkhsmd_sending *one, int64_t timestamp, char out[64])
{
	struct zkhsm_error err = { .code = 0 };
	uint8_t *secret = NULL;
	size_t len = 0;
	int ret = zkhsm_read_file(one->hook.secret_file, SECRET_MAX, &secret, &len, &err);

	if (ret) {
		snprintf(one->why, sizeof(one->why), "%.150s", err.text);
		return ret;
	}
	while (len && (secret[len - 1] == '\n' || secret[len - 1] == '\r'))
		len--;
	ret = zkhsmd_webhook_sign(secret, len, one->id, timestamp, one->body, out);
	if (ret)
		snprintf(one->why, sizeof(one->why), "%.100s has no secret of %d to %d bytes",
			 one->hook.secret_file, SECRET_MIN, SECRET_MAX);
	OPENSSL_cleanse(secret, len);
	free(secret);
	return ret;
}

/* --- one request ----------------------------------------------------------- */

/* What a receiver says beyond its status is of no interest, and is not let grow. */
static size_t drop_answer(char *data, size_t size, size_t count, void *arg)
{
	struct request *rq = arg;

	(void)data;
	rq->answered += size * count;
	return rq->answered > ANSWER_MAX ? 0 : size * count;
}

static int add_header(struct request *rq, const char *name, const char *value)
{
	struct curl_slist *list;
	char line[192];

	snprintf(line, sizeof(line), "%s: %s", name, value);
	list = curl_slist_append(rq->headers, line);
	if (!list)
		return -ENOMEM;
	rq->headers = list;
	return 0;
}

static int add_headers(struct request *rq)
{
	const int64_t timestamp = zkhsmd_now().wall / 1000;
	char signature[64], number[24];
	int ret = sign(rq->one, timestamp, signature);

	if (ret)
		return ret;
	snprintf(number, sizeof(number), "%lld", (long long)timestamp);
	return add_header(rq, "Content-Type", "application/json") ||
	       add_header(rq, "User-Agent", "zkhsmd/" ZKHSMD_VERSION) ||
	       add_header(rq, "Expect", "") ||
	       add_header(rq, "webhook-id", rq->one->id) ||
	       add_header(rq, "webhook-timestamp", number) ||
	       add_header(rq, "webhook-signature", signature) ? -ENOMEM : 0;
}

/* No redirects: whoever moves says so to the administrators, not to the alert. */
static int set_options(struct request *rq)
{
	const struct zkhsmd_hook *hook = &rq->one->hook;
	CURL *c = rq->curl;
	bool bad = false;

	bad |= curl_easy_setopt(c, CURLOPT_URL, hook->url) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "https") != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYPEER, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_SSL_VERIFYHOST, 2L) != CURLE_OK;
	if (hook->ca_file[0]) {
		bad |= curl_easy_setopt(c, CURLOPT_CAINFO, hook->ca_file) != CURLE_OK;
		bad |= curl_easy_setopt(c, CURLOPT_CAPATH, NULL) != CURLE_OK;
	}
	bad |= curl_easy_setopt(c, CURLOPT_NOPROXY, "*") != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_TIMEOUT_MS, (long)hook->timeout_ms) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_POSTFIELDS, rq->one->body) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_HTTPHEADER, rq->headers) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, drop_answer) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_WRITEDATA, rq) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_ERRORBUFFER, rq->message) != CURLE_OK;
	bad |= curl_easy_setopt(c, CURLOPT_PRIVATE, rq) != CURLE_OK;
	return bad ? -EINVAL : 0;
}

/* Takes @rq apart; what it was about goes to whoever asked for it. */
static void end_request(struct zkhsmd_sender *s, struct request *rq)
{
	struct zkhsmd_sending *one = rq->one;
	struct request **at = &s->active;

	while (*at != rq)
		at = &(*at)->next;
	*at = rq->next;
	if (rq->curl)
		curl_easy_cleanup(rq->curl);
	curl_slist_free_all(rq->headers);
	free(rq);
	pthread_mutex_lock(&s->lock);
	one->next = s->done;
	s->done = one;
	pthread_mutex_unlock(&s->lock);
}

static void begin_request(struct zkhsmd_sender *s, struct zkhsmd_sending *one)
{
	struct request *rq = calloc(1, sizeof(*rq));

	one->next = NULL;
	snprintf(one->why, sizeof(one->why), "out of memory");
	if (!rq) {
		pthread_mutex_lock(&s->lock);
		one->next = s->done;
		s->done = one;
		pthread_mutex_unlock(&s->lock);
		return;
	}
	rq->one = one;
	rq->next = s->active;
	s->active = rq;
	rq->curl = curl_easy_init();
	if (!rq->curl || add_headers(rq) || set_options(rq) ||
	    curl_multi_add_handle(s->multi, rq->curl) != CURLM_OK)
		end_request(s, rq);
}

static void on_message(struct zkhsmd_sender *s, CURL *curl, CURLcode code)
{
	struct zkhsmd_sending *one;
	struct request *rq = NULL;
	long status = 0;

	curl_easy_getinfo(curl, CURLINFO_PRIVATE, (char **)&rq);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_multi_remove_handle(s->multi, curl);
	one = rq->one;
	/* Its status was there before it said too much. */
	one->sent = status >= 200 && status < 300 && (code == CURLE_OK || code == CURLE_WRITE_ERROR);
	if (code != CURLE_OK)
		snprintf(one->why, sizeof(one->why), "%.150s",
			 rq->message[0] ? rq->message : curl_easy_strerror(code));
	else
		snprintf(one->why, sizeof(one->why), "status %ld", status);
	end_request(s, rq);
}

/* --- the thread ------------------------------------------------------------ */

static bool next_todo(struct zkhsmd_sender *s, struct zkhsmd_sending **todo)
{
	bool stop;

	pthread_mutex_lock(&s->lock);
	*todo = s->todo;
	s->todo = NULL;
	stop = s->stop;
	pthread_mutex_unlock(&s->lock);
	return !stop;
}

static void *send_loop(void *arg)
{
	struct zkhsmd_sender *s = arg;
	struct zkhsmd_sending *todo, *next;
	int running, left;
	CURLMsg *msg;

	while (next_todo(s, &todo)) {
		for (; todo; todo = next) {
			next = todo->next;
			begin_request(s, todo);
		}
		curl_multi_perform(s->multi, &running);
		while ((msg = curl_multi_info_read(s->multi, &left))) {
			if (msg->msg == CURLMSG_DONE)
				on_message(s, msg->easy_handle, msg->data.result);
		}
		curl_multi_poll(s->multi, NULL, 0, 60000, NULL);
	}
	zkhsmd_sending_free(todo);
	return NULL;
}

int zkhsmd_sender_new(struct zkhsmd_sender **out, struct zkhsm_error *err)
{
	struct zkhsmd_sender *s = calloc(1, sizeof(*s));
	int ret = -ENOMEM;

	if (s && curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK)
		s->multi = curl_multi_init();
	if (s && s->multi) {
		pthread_mutex_init(&s->lock, NULL);
		ret = -pthread_create(&s->thread, NULL, send_loop, s);
	}
	if (!ret) {
		*out = s;
		return 0;
	}
	if (s && s->multi)
		curl_multi_cleanup(s->multi);
	free(s);
	return zkhsm_fail(err, ret, "no thread for webhooks: %s", strerror(-ret));
}

void zkhsmd_sender_free(struct zkhsmd_sender *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	curl_multi_wakeup(s->multi);
	pthread_join(s->thread, NULL);
	while (s->active) {
		curl_multi_remove_handle(s->multi, s->active->curl);
		end_request(s, s->active);
	}
	curl_multi_cleanup(s->multi);
	zkhsmd_sending_free(s->todo);
	zkhsmd_sending_free(s->done);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void zkhsmd_sender_put(struct zkhsmd_sender *s, struct zkhsmd_sending *one)
{
	pthread_mutex_lock(&s->lock);
	one->next = s->todo;
	s->todo = one;
	pthread_mutex_unlock(&s->lock);
	curl_multi_wakeup(s->multi);
}

bool zkhsmd_sender_ready(struct zkhsmd_sender *s)
{
	bool ready;

	pthread_mutex_lock(&s->lock);
	ready = s->done;
	pthread_mutex_unlock(&s->lock);
	return ready;
}

struct zkhsmd_sending *zkhsmd_sender_take(struct zkhsmd_sender *s)
{
	struct zkhsmd_sending *done;

	pthread_mutex_lock(&s->lock);
	done = s->done;
	s->done = NULL;
	pthread_mutex_unlock(&s->lock);
	return done;
}
