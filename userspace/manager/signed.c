// SPDX-License-Identifier: GPL-2.0
/*
 * signed.c - documents that are signed once for all who ask, see signed.h
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "signed.h"

struct zkhsmd_signed {
	atomic_uint refs;
	char *text;
};

struct zkhsmd_page {
	pthread_mutex_t lock;		/* all below */
	struct zkhsmd_signed *jws;
	struct zkhsmd_stamp stamp;
	int64_t made_s, next_s;
	bool kept;			/* given although the store could not be read: told once */
};

const char *zkhsmd_signed_text(const struct zkhsmd_signed *s)
{
	return s->text;
}

void zkhsmd_signed_put(void *arg)
{
	struct zkhsmd_signed *s = arg;

	if (!s || atomic_fetch_sub(&s->refs, 1) > 1)
		return;
	free(s->text);
	free(s);
}

int zkhsmd_page_new(struct zkhsmd_page **out)
{
	struct zkhsmd_page *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	pthread_mutex_init(&p->lock, NULL);
	*out = p;
	return 0;
}

void zkhsmd_page_free(struct zkhsmd_page *p)
{
	if (!p)
		return;
	pthread_mutex_destroy(&p->lock);
	zkhsmd_signed_put(p->jws);
	free(p);
}

static int make(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_page *p,
		const struct zkhsmd_maker *maker, const void *arg, const struct zkhsmd_stamp *stamp,
		int64_t now_s, struct zkhsm_error *err)
{
	int64_t next_s = now_s + (int64_t)m->config.next_update_ms / 1000;
	struct zkhsmd_signed *jws = calloc(1, sizeof(*jws));
	int ret;

	if (!jws)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = maker->make(m, store, arg, stamp, now_s, next_s, &jws->text, err);
	if (ret) {
		free(jws);
		return ret;
	}
	atomic_init(&jws->refs, 1);
	zkhsmd_signed_put(p->jws);
	p->jws = jws;
	p->stamp = *stamp;
	p->made_s = now_s;
	p->next_s = next_s;
	return 0;
}

/* Not in its second half, and the clock has not been set back before it was made. */
static bool good(const struct zkhsmd_page *p, const struct zkhsmd_stamp *stamp, int64_t now_s)
{
	return p->jws && memcmp(&p->stamp, stamp, sizeof(*stamp)) == 0 && now_s >= p->made_s &&
	       now_s < p->made_s + (p->next_s - p->made_s + 1) / 2;
}

static int renew(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_page *p,
		 const struct zkhsmd_maker *maker, const void *arg, int64_t now_s,
		 struct zkhsm_error *err)
{
	struct zkhsmd_stamp stamp;
	int ret;

	do {
		memset(&stamp, 0, sizeof(stamp));
		ret = maker->stamp(m, store, arg, &stamp);
		if (!ret && !good(p, &stamp, now_s))
			ret = make(m, store, p, maker, arg, &stamp, now_s, err);
	} while (ret == -EAGAIN);
	return ret;
}

int zkhsmd_page_get(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_page *p,
		    const struct zkhsmd_maker *maker, const void *arg, uint64_t least,
		    struct zkhsmd_copy *out, struct zkhsm_error *err)
{
	int64_t now_s = zkhsmd_now().wall / 1000;
	int ret;

	pthread_mutex_lock(&p->lock);
	ret = renew(m, store, p, maker, arg, now_s, err);
	if (ret && ret != -ENOENT && p->jws && now_s >= p->made_s && now_s < p->next_s &&
	    p->stamp.of[0] >= least) {
		if (!p->kept)
			log_event(LOG_LEVEL_WARNING, "signed list kept", "number",
				  LOG_NUMBER((int64_t)p->stamp.of[0]), "why", strerror(-ret), NULL);
		p->kept = true;
		ret = 0;
	} else if (!ret) {
		p->kept = false;
	}
	out->jws = ret ? NULL : p->jws;
	if (out->jws)
		atomic_fetch_add(&p->jws->refs, 1);
	out->number = p->stamp.of[0];
	out->left_s = p->next_s - now_s;
	/* All of the stamp: within one second a page may be made more than once. */
	snprintf(out->etag, sizeof(out->etag), "\"%llx-%llx-%llx-%llx-%llx\"",
		 (unsigned long long)p->stamp.of[0], (unsigned long long)p->stamp.of[1],
		 (unsigned long long)p->stamp.of[2], (unsigned long long)p->stamp.of[3],
		 (unsigned long long)p->made_s);
	pthread_mutex_unlock(&p->lock);
	return ret;
}

bool zkhsmd_etag_in(const char *header, const char *etag)
{
	size_t len = strlen(etag);

	for (const char *p = header; p && *p; ) {
		p += strspn(p, " \t,");
		if (*p == '*')
			return true;
		if (strncmp(p, "W/", 2) == 0)
			p += 2;
		if (strncmp(p, etag, len) == 0 && strchr(" \t,", p[len]))
			return true;
		/* To the end of this one; what is no tag ends it all. */
		if (*p != '"' || !(p = strchr(p + 1, '"')))
			return false;
		p++;
	}
	return false;
}

void zkhsmd_page_answer(struct server_request *rq, struct zkhsmd_copy *copy, const char *media,
			int64_t keep_s)
{
	const char *match = evhttp_find_header(evhttp_request_get_input_headers(rq->ev),
					       "If-None-Match");

	server_reply_header(rq, "ETag", "%s", copy->etag);
	server_reply_header(rq, "Cache-Control", "max-age=%lld", (long long)keep_s);
	/* It is signed and everybody's: also for programs in a browser. */
	server_reply_header(rq, "Access-Control-Allow-Origin", "*");
	if (zkhsmd_etag_in(match, copy->etag)) {
		zkhsmd_signed_put(copy->jws);
		server_reply_bytes(rq, 304, NULL, NULL, 0);
	} else {
		server_reply_shared(rq, 200, media, zkhsmd_signed_text(copy->jws),
				    strlen(zkhsmd_signed_text(copy->jws)), zkhsmd_signed_put,
				    copy->jws);
	}
	copy->jws = NULL;
}
