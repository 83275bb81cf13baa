// SPDX-License-Identifier: GPL-2.0
/*
 * HTTPS requests by libcurl: TLS 1.3, one trusted CA file, no redirects, no
 * proxies, bounded answers. The connection is kept between requests.
 */
#include <curl/curl.h>
#include <ctype.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "https_private.h"

#define DEFAULT_MAX_RESPONSE	(64UL * 1024 * 1024)
#define MAX_HEADERS		(64UL * 1024)

static CURLcode global;

static void init_curl(void)
{
	global = curl_global_init(CURL_GLOBAL_DEFAULT);
}

/* https://host[:port] and nothing else: no user, no path, no query. */
static bool base_url_valid(const char *url)
{
	CURLU *u = curl_url();
	char *text = NULL;
	bool good = u && !curl_url_set(u, CURLUPART_URL, url, 0) &&
		    !curl_url_get(u, CURLUPART_SCHEME, &text, 0) && !strcmp(text, "https");
	static const CURLUPart absent[] = {
		CURLUPART_USER, CURLUPART_PASSWORD, CURLUPART_QUERY, CURLUPART_FRAGMENT,
	};
	size_t i;

	curl_free(text);
	text = NULL;
	good = good && !curl_url_get(u, CURLUPART_PATH, &text, 0) && !strcmp(text, "/");
	curl_free(text);
	for (i = 0; good && i < ARRAY_SIZE(absent); i++) {
		text = NULL;
		good = curl_url_get(u, absent[i], &text, 0) != CURLUE_OK;
		curl_free(text);
	}
	curl_url_cleanup(u);
	return good;
}

static int copy_text(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

/* What the logs of both ends are brought together by: it has to be distinct, not secret. */
static void set_id(struct zkhsm_https *h)
{
	uint8_t made[8] = { 0 };
	char *hex;

	if (RAND_bytes(made, sizeof(made)) != 1)
		memset(made, 0, sizeof(made));
	hex = zkhsm_hex(made, sizeof(made));
	snprintf(h->id, sizeof(h->id), "%s", hex ? hex : "none");
	free(hex);
}

/**
 * zkhsm_https_new() - prepare requests to one server
 * @c: where and how; copied, but for what @cancel points to
 * @out: for zkhsm_https_free()
 * @err: why not
 *
 * Nothing is connected and no file is read yet.
 *
 * Return: 0; -EINVAL for another URL than https://host[:port], or without a CA
 * file, or with one of certificate and key; -ENOMEM.
 */
int zkhsm_https_new(const struct zkhsm_https_config *c, struct zkhsm_https **out,
		    struct zkhsm_error *err)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct zkhsm_https *h;
	size_t len;

	*out = NULL;
	pthread_once(&once, init_curl);
	if (global)
		return zkhsm_fail(err, -EIO, "libcurl: %s", curl_easy_strerror(global));
	if (!c->base_url || !base_url_valid(c->base_url))
		return zkhsm_fail(err, -EINVAL, "not of the form https://host:port: %s",
				  c->base_url ? c->base_url : "(nothing)");
	if (!c->ca_file)
		return zkhsm_fail(err, -EINVAL, "no CA file to check the server with");
	if (!c->cert_file != !c->key_file)
		return zkhsm_fail(err, -EINVAL, "a client certificate and its key belong together");

	h = calloc(1, sizeof(*h));
	if (!h || copy_text(&h->base_url, c->base_url) || copy_text(&h->ca_file, c->ca_file) ||
	    copy_text(&h->cert_file, c->cert_file) || copy_text(&h->key_file, c->key_file) ||
	    !(h->curl = curl_easy_init())) {
		zkhsm_https_free(h);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	len = strlen(c->base_url);
	if (h->base_url && h->base_url[len - 1] == '/')
		h->base_url[len - 1] = '\0';
	h->connect_timeout_ms = c->connect_timeout_ms;
	h->timeout_ms = c->timeout_ms;
	h->max_response = c->max_response ? c->max_response : DEFAULT_MAX_RESPONSE;
	h->cancel = c->cancel;
	set_id(h);
	*out = h;
	return 0;
}

const char *zkhsm_https_request_id(const struct zkhsm_https *h)
{
	return h->request_id;
}

void zkhsm_https_free(struct zkhsm_https *h)
{
	if (!h)
		return;
	curl_easy_cleanup(h->curl);
	free(h->base_url);
	free(h->ca_file);
	free(h->cert_file);
	free(h->key_file);
	free(h);
}

/* Returning less than it was given makes libcurl end the transfer. */
static size_t on_body(char *data, size_t one, size_t len, void *arg)
{
	struct exchange *x = arg;
	struct zkhsm_response *r = x->out;

	len *= one;
	if (len > x->max - r->body_len) {
		x->ret = -EMSGSIZE;
		return 0;
	}
	if (r->body_len + len + 1 > x->size) {
		size_t size = (r->body_len + len + 1) * 2;
		uint8_t *body = realloc(r->body, size);

		if (!body) {
			x->ret = -ENOMEM;
			return 0;
		}
		r->body = body;
		x->size = size;
	}
	memcpy(r->body + r->body_len, data, len);
	r->body_len += len;
	r->body[r->body_len] = '\0';
	return len;
}

/* libcurl keeps headers as long as they come. */
static size_t on_header(char *data, size_t one, size_t len, void *arg)
{
	struct exchange *x = arg;

	len *= one;
	x->headers += len;
	if (len >= 5 && !memcmp(data, "HTTP/", 5))
		x->head_ended = false;
	else if (len && (*data == '\r' || *data == '\n'))
		x->head_ended = true;
	if (x->headers > MAX_HEADERS) {
		x->ret = -EMSGSIZE;
		return 0;
	}
	return len;
}

/* libcurl asks at least once a second; not 0 ends the transfer. */
static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct zkhsm_https *h = arg;

	(void)a;
	(void)b;
	(void)c;
	(void)d;
	return h->cancel && *h->cancel;
}

static void set_security(struct zkhsm_https *h)
{
	curl_easy_setopt(h->curl, CURLOPT_PROTOCOLS_STR, "https");
	curl_easy_setopt(h->curl, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(h->curl, CURLOPT_PROXY, "");
	curl_easy_setopt(h->curl, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(h->curl, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(h->curl, CURLOPT_CAINFO, h->ca_file);
	/* The system's certificates would be trusted beside the file otherwise. */
	curl_easy_setopt(h->curl, CURLOPT_CAPATH, NULL);
	if (h->cert_file) {
		curl_easy_setopt(h->curl, CURLOPT_SSLCERT, h->cert_file);
		curl_easy_setopt(h->curl, CURLOPT_SSLKEY, h->key_file);
	}
}

static void set_request(struct zkhsm_https *h, const char *method, const char *url,
			struct curl_slist *headers, const void *body, size_t body_len)
{
	curl_easy_setopt(h->curl, CURLOPT_URL, url);
	curl_easy_setopt(h->curl, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(h->curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(h->curl, CURLOPT_USERAGENT, "zkhsm");
	curl_easy_setopt(h->curl, CURLOPT_HTTPHEADER, headers);
	curl_easy_setopt(h->curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(h->curl, CURLOPT_ERRORBUFFER, h->message);
	curl_easy_setopt(h->curl, CURLOPT_CONNECTTIMEOUT_MS, h->connect_timeout_ms);
	curl_easy_setopt(h->curl, CURLOPT_TIMEOUT_MS, h->timeout_ms);
	if (body || !strcmp(method, "POST") || !strcmp(method, "PUT")) {
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body_len);
		curl_easy_setopt(h->curl, CURLOPT_POSTFIELDS, body ? body : "");
	}
	curl_easy_setopt(h->curl, CURLOPT_CUSTOMREQUEST, method);
}

/* What went wrong below HTTP, as an errno that says who has to do something. */
static int errno_of(CURL *curl, CURLcode code)
{
	long os = 0;

	switch (code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return -EHOSTUNREACH;
	case CURLE_COULDNT_CONNECT:
		curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os);
		return os ? -(int)os : -EHOSTUNREACH;
	case CURLE_OPERATION_TIMEDOUT:
		return -ETIMEDOUT;
	case CURLE_PEER_FAILED_VERIFICATION:
		return -EKEYREJECTED;
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CACERT_BADFILE:
		return -EINVAL;
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_WEIRD_SERVER_REPLY:
	case CURLE_HTTP2:
		return -EPROTO;
	case CURLE_GOT_NOTHING:
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_PARTIAL_FILE:
		return -ECONNRESET;
	case CURLE_OUT_OF_MEMORY:
		return -ENOMEM;
	case CURLE_ABORTED_BY_CALLBACK:
		return -ECANCELED;
	default:
		return -EIO;
	}
}

/* Printable characters of a header's value, up to @stop; these go into logs. */
static void take_header(CURL *curl, const char *name, const char *stop, char *out, size_t size)
{
	struct curl_header *header;
	size_t i;

	out[0] = '\0';
	if (curl_easy_header(curl, name, 0, CURLH_HEADER, -1, &header))
		return;
	for (i = 0; i + 1 < size && isgraph((unsigned char)header->value[i]) &&
	     !strchr(stop, header->value[i]); i++)
		out[i] = header->value[i];
	out[i] = '\0';
}

static void take_headers(CURL *curl, struct zkhsm_response *r)
{
	char seconds[16], *end;

	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &r->status);
	take_header(curl, "Content-Type", ";", r->content_type, sizeof(r->content_type));
	take_header(curl, "X-Request-Id", "", r->request_id, sizeof(r->request_id));
	take_header(curl, "Retry-After", "", seconds, sizeof(seconds));
	r->retry_after_s = -1;
	/* The other form, a date, is none that our servers send. */
	if (isdigit((unsigned char)seconds[0])) {
		long value = strtol(seconds, &end, 10);

		if (!*end)
			r->retry_after_s = value;
	}
}

static void prepare(struct zkhsm_https *h, const char *method, const void *body, size_t body_len,
		    struct exchange *x)
{
	/* Forgets the last request, not the connection. */
	curl_easy_reset(h->curl);
	h->message[0] = '\0';
	set_security(h);
	set_request(h, method, x->url, x->lines, body, body_len);
	curl_easy_setopt(h->curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(h->curl, CURLOPT_WRITEDATA, x);
	curl_easy_setopt(h->curl, CURLOPT_HEADERFUNCTION, on_header);
	curl_easy_setopt(h->curl, CURLOPT_HEADERDATA, x);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFOFUNCTION, on_progress);
	curl_easy_setopt(h->curl, CURLOPT_XFERINFODATA, h);
	curl_easy_setopt(h->curl, CURLOPT_NOPROGRESS, 0L);
}

/* What came of it, when libcurl has ended it. */
static int result(struct zkhsm_https *h, CURLcode code, const struct exchange *x,
		  struct zkhsm_response *out, struct zkhsm_error *err)
{
	if (x->ret == -EMSGSIZE)
		return zkhsm_fail(err, x->ret, "%s: the answer is larger than %zu bytes", x->url,
				  x->max);
	if (x->ret)
		return zkhsm_fail(err, x->ret, "out of memory");
	if (code)
		return zkhsm_fail(err, errno_of(h->curl, code), "%.128s: %.160s", x->url,
				  h->message[0] ? h->message : curl_easy_strerror(code));
	/* A connection that ends within the head is an answer to libcurl. */
	if (!x->head_ended)
		return zkhsm_fail(err, -ECONNRESET, "%.128s: the answer was cut off", x->url);
	take_headers(h->curl, out);
	if (!out->body) {
		out->body = calloc(1, 1);
		if (!out->body)
			return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	return 0;
}

static int add_header(struct curl_slist **list, const char *name, const char *value)
{
	struct curl_slist *longer;
	char *line;

	if (asprintf(&line, "%s:%s%s", name, *value ? " " : "", value) < 0)
		return -ENOMEM;
	longer = curl_slist_append(*list, line);
	free(line);
	if (!longer)
		return -ENOMEM;
	*list = longer;
	return 0;
}

/* Neither a path nor a media type may smuggle a line into the request. */
static bool one_word(const char *text)
{
	for (; *text; text++)
		if (!isgraph((unsigned char)*text))
			return false;
	return true;
}

int zkhsm_https_begin(struct zkhsm_https *h, const char *method, const char *path,
		      const char *content_type, const void *body, size_t body_len,
		      struct zkhsm_response *out, struct exchange *x, struct zkhsm_error *err)
{
	memset(out, 0, sizeof(*out));
	memset(x, 0, sizeof(*x));
	x->out = out;
	x->max = h->max_response;
	if (path[0] != '/' || !one_word(path) || strchr(path, '#'))
		return zkhsm_fail(err, -EINVAL, "not a path: %s", path);
	if (content_type && !one_word(content_type))
		return zkhsm_fail(err, -EINVAL, "not a media type: %s", content_type);
	if (asprintf(&x->url, "%s%s", h->base_url, path) < 0) {
		x->url = NULL;
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	snprintf(h->request_id, sizeof(h->request_id), "%s-%u", h->id, ++h->count);
	/* An empty value keeps libcurl from sending its own: no form type, no 100-continue. */
	if (add_header(&x->lines, "X-Request-Id", h->request_id) ||
	    add_header(&x->lines, "Expect", "") ||
	    add_header(&x->lines, "Content-Type", content_type ? content_type : "")) {
		curl_slist_free_all(x->lines);
		free(x->url);
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	}
	prepare(h, method, body, body_len, x);
	return 0;
}

int zkhsm_https_end(struct zkhsm_https *h, CURLcode code, struct exchange *x,
		    struct zkhsm_response *out, struct zkhsm_error *err)
{
	int ret = result(h, code, x, out, err);

	curl_slist_free_all(x->lines);
	free(x->url);
	if (ret)
		zkhsm_response_free(out);
	return ret;
}

/**
 * zkhsm_https_do() - one request and its answer
 * @h: the server
 * @method: GET, POST, PUT, DELETE
 * @path: from the slash on, with the query, percent-encoded
 * @content_type: of @body, or NULL
 * @body: or NULL
 * @body_len: its length
 * @out: the answer, of any status; zkhsm_response_free() it when 0 is returned
 * @err: why there is none
 *
 * Return: 0; -EINVAL for a path or media type that is none, or a certificate
 * file that cannot be used; -EKEYREJECTED when the server's certificate does
 * not chain to the CA file or is for another name; -EPROTO when it does not
 * speak TLS 1.3 or HTTP; -EMSGSIZE when the answer is too large; -ETIMEDOUT,
 * -ECONNREFUSED, -EHOSTUNREACH, -ECONNRESET, -ECANCELED, -ENOMEM, -EIO.
 */
int zkhsm_https_do(struct zkhsm_https *h, const char *method, const char *path,
		   const char *content_type, const void *body, size_t body_len,
		   struct zkhsm_response *out, struct zkhsm_error *err)
{
	struct exchange x;
	int ret;

	ret = zkhsm_https_begin(h, method, path, content_type, body, body_len, out, &x, err);
	return ret ? ret : zkhsm_https_end(h, curl_easy_perform(h->curl), &x, out, err);
}
