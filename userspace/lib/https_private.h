/* SPDX-License-Identifier: GPL-2.0 */
/*
 * https_private.h - a request by libcurl in its parts, for one at a time and many
 */
#ifndef ZKHSM_HTTPS_PRIVATE_H
#define ZKHSM_HTTPS_PRIVATE_H

#include <curl/curl.h>

#include "lib_private.h"

struct zkhsm_https {
	CURL *curl;
	char *base_url, *ca_file, *cert_file, *key_file;
	long connect_timeout_ms, timeout_ms;
	size_t max_response;
	const _Atomic(bool) *cancel;
	char message[CURL_ERROR_SIZE];
	/* "0123456789abcdef-1": all of one handle begin alike, and are counted. */
	char id[17], request_id[32];
	unsigned int count;
};

/* One request under way. */
struct exchange {
	struct zkhsm_response *out;
	size_t size, max, headers;
	char *url;
	struct curl_slist *lines;
	bool head_ended;	/* of the answer, not of a "100 Continue" before it */
	int ret;
};

/* https.c. After a begin that returned 0 comes the end; @body and @out live so long. */
int zkhsm_https_begin(struct zkhsm_https *h, const char *method, const char *path,
		      const char *content_type, const void *body, size_t body_len,
		      struct zkhsm_response *out, struct exchange *x, struct zkhsm_error *err);
/* @code: what libcurl says of it. The result is that of zkhsm_https_do(). */
int zkhsm_https_end(struct zkhsm_https *h, CURLcode code, struct exchange *x,
		    struct zkhsm_response *out, struct zkhsm_error *err);

#endif /* ZKHSM_HTTPS_PRIVATE_H */
