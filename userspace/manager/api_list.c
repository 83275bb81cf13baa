// SPDX-License-Identifier: GPL-2.0
/*
 * api_list.c - PUT /v1/lists and /v1/configurations: what evidence refers to
 *
 * Kept in memory for the evidence that follows; it is that evidence which
 * makes them durable.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

/* What a list has to be longer than for a stranger's to be counted. */
#define LONG_LIST	SERVER_SMALL
/* Long lists of strangers that are decoded at a time, and parts of them in a minute. */
#define GUESTS		1
#define PART_LEN	(ZKHSMD_LIST_MAX / ZKHSMD_GUEST_PARTS)

/* @enrolled is found out by welcome(); @guest: counted in list_guests. */
struct upload {
	uint8_t digest[32], hsm_id[32], identity[65], base[32];
	bool delta, enrolled, guest;
};

/*
 * Lists are read from HSMs that are known, or that were just asked for evidence.
 * Without an answer yet who sends one is welcome.
 */
static enum zkhsmd_next welcome(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct upload *u = job->data;
	struct zkhsmd_hsm h;
	int ret = store->ops->hsm_get(store, u->hsm_id, &h);

	if (ret && ret != -ENOENT)
		return zkhsmd_job_unread(job, ret);
	u->enrolled = !ret && h.enrolled;
	if (!u->enrolled && !zkhsmd_nonce_any(job->m->nonces, u->hsm_id, zkhsmd_now()))
		zkhsmd_problem(job->rq, P_STRANGER,
			       "this HSM is not enrolled and has no live challenge");
	else if (!u->enrolled && u->delta)
		zkhsmd_problem(job->rq, P_BASE,
			       "an HSM that is not enrolled has no base here; send the whole list");
	return ZKHSMD_ANSWER;
}

static bool announced(struct zkhsmd_job *job, struct zkhsm_announcement *a)
{
	struct upload *u = job->data;
	struct zkhsm_error err;
	int ret;

	ret = zkhsm_verify_announcement(u->identity, job->rq->body, ZKHSMD_ANNOUNCED, a, &err);
	if (!ret && memcmp(a->list_digest, u->digest, 32) == 0)
		return true;
	zkhsmd_source_charge(job->m->sources, job->rq->origin, zkhsmd_now().boot);
	if (!ret)
		zkhsmd_problem(job->rq, P_ANNOUNCEMENT, "the announcement is about another list");
	else if (ret == -EKEYREJECTED)
		zkhsmd_problem(job->rq, P_ANNOUNCEMENT, "%s", err.text);
	else
		zkhsmd_problem(job->rq, P_MALFORMED, "%s", err.text);
	return false;
}

/* The bytes of L from a difference; NULL when answered. */
static uint8_t *rebuild(struct zkhsmd_job *job, struct zkhsmd_store *store, const uint8_t *delta,
			size_t delta_len, size_t *len)
{
	struct upload *u = job->data;
	struct zkhsm_keylist *base;
	struct zkhsm_error err;
	const uint8_t *bytes;
	uint8_t *list = NULL;
	size_t base_len;
	int ret;

	ret = zkhsmd_list_find(job->m, store, u->base, &base);
	if (ret == -ENOENT) {
		zkhsmd_problem(job->rq, P_BASE, "the base list is not known here; send the whole list");
		return NULL;
	}
	if (ret) {
		zkhsmd_problem_store(job->rq, ret);
		return NULL;
	}
	bytes = zkhsm_keylist_bytes(base, &base_len);
	ret = zkhsm_list_delta_apply(bytes, base_len, delta, delta_len, &list, len, &err);
	zkhsm_keylist_free(base);
	if (!ret)
		return list;
	zkhsmd_problem(job->rq, ret == -ESTALE ? P_BASE : ret == -EKEYREJECTED ? P_FALSE :
		       P_MALFORMED, "%s", err.text);
	return NULL;
}

static void take_list(struct zkhsmd_job *job, const struct zkhsm_announcement *a,
		      const uint8_t *bytes, size_t len)
{
	struct upload *u = job->data;
	struct zkhsm_keylist *list;
	struct zkhsm_error err;
	int ret;

	if (len != a->list_len) {
		zkhsmd_problem(job->rq, P_MALFORMED, "the list has %zu bytes, %u were announced", len,
			       a->list_len);
		return;
	}
	ret = zkhsm_keylist_new(bytes, len, &list, &err);
	if (ret == -ENOMEM) {
		zkhsmd_problem_store(job->rq, ret);
		return;
	}
	if (ret) {
		zkhsmd_problem(job->rq, P_MALFORMED, "%s", err.text);
		return;
	}
	if (memcmp(zkhsm_keylist_digest(list), u->digest, 32) != 0 ||
	    zkhsm_keylist_count(list) != a->list_count) {
		zkhsmd_problem(job->rq, P_FALSE, "the list is not the one that was announced");
	} else {
		zkhsmd_cache_put(u->enrolled ? job->m->lists : job->m->guest_lists, list);
		server_reply_json(job->rq, 204, NULL);
	}
	zkhsm_keylist_free(list);
}

static enum zkhsmd_next work_list(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	const uint8_t *bytes = job->rq->body + ZKHSMD_ANNOUNCED;
	size_t len = job->rq->body_len - ZKHSMD_ANNOUNCED;
	struct upload *u = job->data;
	struct zkhsm_announcement a;
	uint8_t *whole;

	if (!announced(job, &a))
		return ZKHSMD_ANSWER;
	if (!u->delta) {
		take_list(job, &a, bytes, len);
		return ZKHSMD_ANSWER;
	}
	whole = rebuild(job, store, bytes, len, &len);
	if (whole)
		take_list(job, &a, whole, len);
	free(whole);
	return ZKHSMD_ANSWER;
}

static void decoded(struct zkhsmd_job *job)
{
	struct upload *u = job->data;

	if (u->guest)
		job->m->list_guests--;
	server_send(job->rq);
}

/*
 * Identities cost nothing, and each can sign a list that takes a heavy worker half
 * a second to decode: strangers have that done for one of them at a time, and an
 * address as much of it in a minute as one list of full length. What it sends is
 * charged before it is read.
 */
static bool admit_guest(struct zkhsmd_job *job)
{
	struct server_request *rq = job->rq;
	struct upload *u = job->data;
	struct zkhsmd *m = job->m;
	int64_t now = zkhsmd_now().boot;

	if (zkhsmd_source_over(m->guest_parts, rq->origin, now)) {
		server_reply_header(rq, "Retry-After", "60");
		zkhsmd_problem(rq, P_TOO_MANY,
			       "too many long lists of HSMs that are not enrolled came from this address");
		return false;
	}
	if (m->list_guests >= GUESTS) {
		server_reply_header(rq, "Retry-After", "2");
		zkhsmd_problem(rq, P_TOO_MANY,
			       "another long list of an HSM that is not enrolled is being decoded");
		return false;
	}
	for (size_t i = 0; i <= rq->body_len / PART_LEN; i++)
		zkhsmd_source_charge(m->guest_parts, rq->origin, now);
	m->list_guests++;
	u->guest = true;
	return true;
}

/* On the loop, with welcome()'s answer. */
static void welcomed(struct zkhsmd_job *job)
{
	struct upload *u = job->data;

	if (job->rq->reply.status ||
	    (!u->enrolled && job->rq->body_len > LONG_LIST && !admit_guest(job))) {
		server_send(job->rq);
		return;
	}
	job->heavy = true;
	job->work = work_list;
	job->answered = decoded;
	zkhsmd_job_submit(job);
}

static bool read_identity(struct server_request *rq, struct upload *u)
{
	const char *identity = server_query(rq, "identity");
	uint8_t id[32];

	if (!identity || zkhsm_unhex(identity, u->identity, sizeof(u->identity))) {
		zkhsmd_problem(rq, P_REQUEST, "identity has to be the HSM's identity in lower-case hex");
		return false;
	}
	zkhsm_sha256(u->identity, sizeof(u->identity), id);
	if (memcmp(id, u->hsm_id, sizeof(id)) == 0)
		return true;
	zkhsmd_problem(rq, P_ANNOUNCEMENT, "hsm_id is not the digest of this identity");
	return false;
}

static void put_list(struct server_request *rq, bool delta)
{
	const char *base = server_query(rq, "base");
	struct upload u = { .delta = delta };
	struct zkhsmd_job *job;
	bool ok;

	ok = zkhsmd_hash_of(rq, "the list's digest", rq->args[0], u.digest) &&
	     zkhsmd_hash_of(rq, "hsm_id", server_query(rq, "hsm_id"), u.hsm_id) &&
	     read_identity(rq, &u) && (!delta || zkhsmd_hash_of(rq, "base", base, u.base));
	if (ok && !delta && base) {
		zkhsmd_problem(rq, P_REQUEST, "base goes with a difference, not with a list");
		ok = false;
	}
	if (ok && zkhsmd_source_over(((struct zkhsmd *)rq->arg)->sources, rq->origin,
				     zkhsmd_now().boot)) {
		server_reply_header(rq, "Retry-After", "60");
		zkhsmd_problem(rq, P_TOO_MANY, "too much false evidence came from this address");
		ok = false;
	}
	if (ok && rq->body_len < ZKHSMD_ANNOUNCED) {
		zkhsmd_problem(rq, P_MALFORMED, "the body is shorter than an announcement");
		ok = false;
	}
	if (!ok) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(u));
	if (!job)
		return;
	memcpy(job->data, &u, sizeof(u));
	job->quick = true;
	job->work = welcome;
	job->answered = welcomed;
	zkhsmd_job_submit(job);
}

void zkhsmd_api_list_put(struct server_request *rq)
{
	put_list(rq, false);
}

void zkhsmd_api_delta_put(struct server_request *rq)
{
	put_list(rq, true);
}

static enum zkhsmd_next work_configuration(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct server_request *rq = job->rq;
	struct zkhsm_configuration c;
	struct upload *u = job->data;
	uint8_t digest[32];

	if (welcome(job, store) != ZKHSMD_ANSWER || rq->reply.status)
		return ZKHSMD_ANSWER;
	zkhsm_sha256(rq->body, rq->body_len, digest);
	if (zkhsm_configuration_decode(&c, rq->body, rq->body_len)) {
		zkhsmd_problem(rq, P_MALFORMED, "these bytes are not a configuration");
	} else if (memcmp(digest, u->digest, sizeof(digest)) != 0) {
		zkhsmd_problem(rq, P_FALSE, "the configuration does not have this digest");
	} else {
		zkhsmd_conf_put(job->m->confs, rq->origin, digest, rq->body, rq->body_len);
		server_reply_json(rq, 204, NULL);
	}
	return ZKHSMD_ANSWER;
}

void zkhsmd_api_configuration_put(struct server_request *rq)
{
	struct upload u = { .delta = false };
	struct zkhsmd_job *job;

	if (!zkhsmd_hash_of(rq, "the configuration's digest", rq->args[0], u.digest) ||
	    !zkhsmd_hash_of(rq, "hsm_id", server_query(rq, "hsm_id"), u.hsm_id)) {
		server_send(rq);
		return;
	}
	job = zkhsmd_job_new(rq, sizeof(u));
	if (!job)
		return;
	memcpy(job->data, &u, sizeof(u));
	job->work = work_configuration;
	zkhsmd_job_submit(job);
}
