// SPDX-License-Identifier: GPL-2.0
/*
 * status_list.c - pages of the Token Status List, signed, see status.h
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "revocation.h"
#include "signed.h"
#include "status.h"

#define PER_BYTE	(8 / ZKHSMD_STATUS_BITS)
#define PAGE_BYTES	(ZKHSMD_STATUS_PAGE / PER_BYTE)

struct zkhsmd_statuses {
	pthread_mutex_t lock;		/* both */
	struct zkhsmd_page **pages;
	size_t count;
};

int zkhsmd_statuses_new(struct zkhsmd_statuses **out)
{
	struct zkhsmd_statuses *s = calloc(1, sizeof(*s));

	if (!s)
		return -ENOMEM;
	pthread_mutex_init(&s->lock, NULL);
	*out = s;
	return 0;
}

void zkhsmd_statuses_free(struct zkhsmd_statuses *s)
{
	if (!s)
		return;
	for (size_t i = 0; i < s->count; i++)
		zkhsmd_page_free(s->pages[i]);
	free(s->pages);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

void zkhsmd_public_url(const struct zkhsmd *m, char out[ZKHSMD_STATUS_URI_MAX + 1])
{
	const struct zkhsmd_config *c = &m->config;
	const bool colons = strchr(c->address, ':') != NULL;

	if (c->public_url[0])
		snprintf(out, ZKHSMD_STATUS_URI_MAX + 1, "%s", c->public_url);
	else
		snprintf(out, ZKHSMD_STATUS_URI_MAX + 1, "https://%s%s%s:%u", colons ? "[" : "",
			 c->address, colons ? "]" : "",
			 m->server ? server_port(m->server) : (unsigned int)c->port);
}

void zkhsmd_status_uri(const struct zkhsmd *m, uint64_t page, char out[ZKHSMD_STATUS_URI_MAX + 1])
{
	size_t len;

	zkhsmd_public_url(m, out);
	len = strlen(out);
	/* A public_url leaves room for it, see config.c. */
	snprintf(out + len, ZKHSMD_STATUS_URI_MAX + 1 - len, "/v1/status-lists/%llu",
		 (unsigned long long)page);
}

int zkhsmd_status_reference(struct zkhsmd *m, struct zkhsmd_store *store, const uint8_t hsm_id[32],
			    const uint8_t element[32], uint64_t *index,
			    char uri[ZKHSMD_STATUS_URI_MAX + 1])
{
	uint64_t number;
	int ret = store->ops->status_get(store, hsm_id, element, &number);

	if (ret)
		return ret;
	*index = number % ZKHSMD_STATUS_PAGE;
	zkhsmd_status_uri(m, number / ZKHSMD_STATUS_PAGE, uri);
	return 0;
}

/* Of a page that is full nothing changes when keys are added. */
static int stamp_of(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		    struct zkhsmd_stamp *out)
{
	const uint64_t end = (*(const uint64_t *)arg + 1) * ZKHSMD_STATUS_PAGE - 1;
	struct zkhsmd_status_mark mark;
	int ret = store->ops->status_mark(store, &mark);

	if (!ret)
		ret = zkhsmd_rlist_number(m, store, &out->of[0]);
	if (ret)
		return ret;
	out->of[1] = mark.last < end ? mark.last : end;
	out->of[2] = mark.quarantined;
	out->of[3] = mark.quarantined_ms;
	return 0;
}

/* The strongest of what stops it. */
static int set_status(uint64_t number, uint8_t action, void *arg)
{
	const uint64_t index = number % ZKHSMD_STATUS_PAGE;
	const unsigned int shift = index % PER_BYTE * ZKHSMD_STATUS_BITS;
	uint8_t *byte = (uint8_t *)arg + index / PER_BYTE;

	*byte |= (action == ZKHSM_ORDER_TYPE_REVOKE ? ZKHSMD_STATUS_INVALID :
						      ZKHSMD_STATUS_SUSPENDED) << shift;
	if (*byte >> shift & ZKHSMD_STATUS_INVALID)
		*byte &= (uint8_t)~(ZKHSMD_STATUS_SUSPENDED << shift);
	return 0;
}

/* "lst": the bits, compressed as RFC 1950 has it. */
static int compress_page(const uint8_t *bits, char **out)
{
	uLongf len = compressBound(PAGE_BYTES);
	Bytef *small = malloc(len);

	*out = NULL;
	if (small && compress2(small, &len, bits, PAGE_BYTES, Z_BEST_COMPRESSION) == Z_OK)
		*out = zkhsm_b64(small, len);
	free(small);
	return *out ? 0 : -ENOMEM;
}

static int read_page(struct zkhsmd *m, struct zkhsmd_store *store, const uint64_t *page,
		     const struct zkhsmd_stamp *stamp, char **lst)
{
	const uint64_t first = *page * ZKHSMD_STATUS_PAGE;
	uint8_t *bits = calloc(1, PAGE_BYTES);
	struct zkhsmd_stamp again = { { 0 } };
	int ret;

	if (!bits)
		return -ENOMEM;
	ret = store->ops->status_stopped(store, first, first + ZKHSMD_STATUS_PAGE - 1, set_status,
					 bits);
	if (!ret)
		ret = stamp_of(m, store, page, &again);
	if (!ret && memcmp(&again, stamp, sizeof(again)) != 0)
		ret = -EAGAIN;
	if (!ret)
		ret = compress_page(bits, lst);
	free(bits);
	return ret;
}

int64_t zkhsmd_status_ttl(const struct zkhsmd *m)
{
	const int64_t half = (int64_t)m->config.next_update_ms / 2000;

	return half ? half : 1;
}

static int make(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		const struct zkhsmd_stamp *stamp, int64_t made_s, int64_t next_s, char **text,
		struct zkhsm_error *err)
{
	char uri[ZKHSMD_STATUS_URI_MAX + 1], all[ZKHSMD_STATUS_URI_MAX + 1];
	char *lst = NULL;
	json_t *payload;
	int ret = read_page(m, store, arg, stamp, &lst);

	if (ret)
		return ret;
	zkhsmd_status_uri(m, *(const uint64_t *)arg, uri);
	snprintf(all, sizeof(all), "%.*s", (int)(strrchr(uri, '/') - uri), uri);
	payload = json_pack("{s:s, s:s, s:I, s:I, s:I, s:{s:i, s:s, s:s}}", "iss",
			    m->identity.issuer, "sub", uri, "iat", (json_int_t)made_s, "exp",
			    (json_int_t)next_s, "ttl", (json_int_t)zkhsmd_status_ttl(m),
			    "status_list", "bits", ZKHSMD_STATUS_BITS, "lst", lst,
			    "aggregation_uri", all);
	free(lst);
	ret = payload ? zkhsm_jws_sign(m->identity.token_key, "statuslist+jwt", payload, text, err) :
			zkhsm_fail(err, -ENOMEM, "out of memory");
	json_decref(payload);
	return ret;
}

static const struct zkhsmd_maker maker = { .stamp = stamp_of, .make = make };

/*
 * Pages only come; the array is the one thing that moves. Its size is no product that
 * overflows: of 64-bit numbers there are 2^47 pages.
 */
static struct zkhsmd_page *page_at(struct zkhsmd_statuses *s, uint64_t page)
{
	struct zkhsmd_page **pages, *found = NULL;

	pthread_mutex_lock(&s->lock);
	if (page >= s->count) {
		pages = realloc(s->pages, (page + 1) * sizeof(struct zkhsmd_page *));
		if (pages) {
			s->pages = pages;
			while (s->count <= page && !zkhsmd_page_new(&pages[s->count]))
				s->count++;
		}
	}
	if (page < s->count)
		found = s->pages[page];
	pthread_mutex_unlock(&s->lock);
	return found;
}

static uint64_t pages_made(struct zkhsmd_statuses *s)
{
	uint64_t count;

	pthread_mutex_lock(&s->lock);
	count = s->count;
	pthread_mutex_unlock(&s->lock);
	return count;
}

int zkhsmd_status_pages(struct zkhsmd_store *store, uint64_t *count)
{
	struct zkhsmd_status_mark mark;
	int ret = store->ops->status_mark(store, &mark);

	if (!ret)
		*count = mark.last / ZKHSMD_STATUS_PAGE + 1;
	return ret;
}

int zkhsmd_status_get(struct zkhsmd *m, struct zkhsmd_store *store, uint64_t page,
		      struct zkhsmd_copy *out, struct zkhsm_error *err)
{
	struct zkhsmd_page *p;
	uint64_t count = 0;
	int ret = zkhsmd_status_pages(store, &count);

	/* While the store cannot be read there is what there was. */
	if (ret)
		count = pages_made(m->statuses);
	if (page >= count)
		return ret ? ret : -ERANGE;
	p = page_at(m->statuses, page);
	if (!p)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	return zkhsmd_page_get(m, store, p, &maker, &page, zkhsmd_rlist_committed(m), out, err);
}
