/* SPDX-License-Identifier: GPL-2.0 */
/*
 * signed.h - documents that are signed once for all who ask
 *
 * One is made when what it says has changed, or when half of its time has gone, so
 * that whoever asks gets one that will do for a while. While the store cannot be read
 * the last one is given as long as it is good, unless something newer is known to
 * have been committed.
 */
#ifndef ZKHSM_SIGNED_H
#define ZKHSM_SIGNED_H

#include "manager.h"

/* What a document follows from; the first is the number of the revocation list. */
struct zkhsmd_stamp {
	uint64_t of[4];
};

/**
 * struct zkhsmd_maker - how one kind of document is made
 * @stamp:	what it would follow from now
 * @make:	its text, of exactly @stamp and the two times; -EAGAIN when that
 *		has changed meanwhile
 */
struct zkhsmd_maker {
	int (*stamp)(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		     struct zkhsmd_stamp *out);
	int (*make)(struct zkhsmd *m, struct zkhsmd_store *store, const void *arg,
		    const struct zkhsmd_stamp *stamp, int64_t made_s, int64_t next_s, char **text,
		    struct zkhsm_error *err);
};

struct zkhsmd_page;

int zkhsmd_page_new(struct zkhsmd_page **out);
void zkhsmd_page_free(struct zkhsmd_page *p);

/* A reference to one, for zkhsmd_signed_put(). */
struct zkhsmd_copy {
	struct zkhsmd_signed *jws;
	uint64_t number;
	char etag[96];			/* quoted */
	int64_t left_s;			/* for how long it may be kept */
};

/* @least: the number of the revocation list that is known to be committed. */
int zkhsmd_page_get(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_page *p,
		    const struct zkhsmd_maker *maker, const void *arg, uint64_t least,
		    struct zkhsmd_copy *out, struct zkhsm_error *err);
/*
 * Answers with @copy, which is used up: 304 for who has it, else all of it. @keep_s is
 * how long caches may keep it.
 */
void zkhsmd_page_answer(struct server_request *rq, struct zkhsmd_copy *copy, const char *media,
			int64_t keep_s);
/* RFC 9110 section 13.1.2: whether one of the tags in If-None-Match is this one. */
bool zkhsmd_etag_in(const char *header, const char *etag);

#endif /* ZKHSM_SIGNED_H */
