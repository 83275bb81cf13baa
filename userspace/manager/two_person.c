// SPDX-License-Identifier: GPL-2.0
/*
 * two_person.c - acts that take two administrators
 *
 * A proposal is named by the digest of the request, so there is nothing to compare when
 * it comes again, and nothing of it can be exchanged in between.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "audit_log.h"
#include "policy_private.h"

#define PROPOSALS_MAX	256
#define CANONICAL	(JSON_COMPACT | JSON_SORT_KEYS)

const struct zkhsmd_two *zkhsmd_policy_two(const struct zkhsmd_policy *p)
{
	static const struct zkhsmd_two none;

	return p ? &p->two : &none;
}

uint64_t zkhsmd_two_window(const struct zkhsmd_policy *p)
{
	const uint64_t ms = zkhsmd_policy_two(p)->window_ms;

	return ms ? ms : 86400000;
}

static bool needs_two(const struct zkhsmd_policy *p, const char *action)
{
	if (zkhsmd_policy_fraud(p)->two_release && strncmp(action, "release-", 8) == 0)
		return true;
	for (size_t i = 0; zkhsmd_two_words[i]; i++) {
		if (strcmp(zkhsmd_two_words[i], action) == 0)
			return zkhsmd_policy_two(p)->actions & 1U << i;
	}
	return false;
}

/* One of @p is being judged: what is asked, when, and by whose rules. */
struct judged {
	struct zkhsmd_job *job;
	struct zkhsmd_store *store;
	const struct zkhsmd_policy *policy;
	const char *action;
	int64_t now_ms;
};

/* The request in the one form that it is hashed in; NULL when it has none. */
static char *canonical(const struct server_request *rq)
{
	json_t *body = NULL, *o;
	char *text;

	if (rq->body_len) {
		body = json_loadb((const char *)rq->body, rq->body_len, JSON_REJECT_DUPLICATES,
				  NULL);
		if (!body)
			return NULL;
	}
	o = json_pack("{s:s, s:s, s:s, s:o}", "method", rq->method, "path", rq->path, "query",
		      rq->query_text, "body", body ? body : json_null());
	text = o ? json_dumps(o, CANONICAL) : NULL;
	json_decref(o);
	return text;
}

static json_t *about(const struct zkhsmd_proposal *p)
{
	return json_pack("{s:s, s:s, s:s, s:I}", "proposal", p->id, "proposed", p->action,
			 "proposed_by", p->who, "proposed_ms", (json_int_t)p->at_ms);
}

/* The clock going back makes a proposal old, never new. */
static bool expired(const struct zkhsmd_policy *policy, const struct zkhsmd_proposal *p,
		    int64_t now_ms)
{
	return now_ms < p->at_ms ||
	       (uint64_t)(now_ms - p->at_ms) > zkhsmd_two_window(policy);
}

static int expire(struct zkhsmd_store *store, const struct zkhsmd_proposal *p)
{
	int ret = store->ops->proposal_del(store, p->id);

	return ret ? ret : zkhsmd_audit_add(store, NULL, "proposal-expired", NULL, about(p));
}

/* --- a new one -------------------------------------------------------------- */

struct sweep {
	const struct judged *j;
	struct zkhsmd_proposal old[PROPOSALS_MAX];
	size_t old_count, live;
};

static int look_at(const struct zkhsmd_proposal *p, void *arg)
{
	struct sweep *s = arg;

	if (!expired(s->j->policy, p, s->j->now_ms)) {
		s->live++;
	} else if (s->old_count < PROPOSALS_MAX) {
		s->old[s->old_count] = *p;
		s->old[s->old_count++].request = NULL;	/* the store's */
	}
	return 0;
}

/* Those whose time is over go; *@live is how many are left. */
static int sweep(const struct judged *j, size_t *live)
{
	struct sweep *s = calloc(1, sizeof(*s));
	int ret;

	if (!s)
		return -ENOMEM;
	s->j = j;
	ret = j->store->ops->proposal_each(j->store, look_at, s);
	for (size_t i = 0; !ret && i < s->old_count; i++)
		ret = expire(j->store, &s->old[i]);
	*live = s->live;
	free(s);
	return ret;
}

/* What is stored: the request as it was hashed, and what the first one's roles were. */
static int store_it(const struct judged *j, struct zkhsmd_proposal *p)
{
	json_t *o = json_pack("{s:o, s:I}", "request", json_loads(p->request, 0, NULL), "roles",
			      (json_int_t)j->job->rq->roles);
	char *hashed = p->request;
	int ret;

	p->request = o ? json_dumps(o, CANONICAL) : NULL;
	json_decref(o);
	ret = p->request ? j->store->ops->proposal_add(j->store, p) : -ENOMEM;
	free(p->request);
	p->request = hashed;
	return ret;
}

static int propose(const struct judged *j, struct zkhsmd_proposal *p)
{
	struct server_request *rq = j->job->rq;
	json_t *details;
	size_t live;
	int ret = sweep(j, &live);

	if (ret)
		return ret;
	if (live >= PROPOSALS_MAX) {
		server_reply_header(rq, "Retry-After", "60");
		zkhsmd_problem(rq, P_TOO_MANY, "%d proposals wait already: withdraw some", PROPOSALS_MAX);
		return 1;
	}
	strncpy(p->action, j->action, sizeof(p->action) - 1);
	memcpy(p->who, rq->peer_cn, sizeof(p->who));
	memcpy(p->x5t, rq->peer_x5t, sizeof(p->x5t));
	p->at_ms = j->now_ms;
	ret = store_it(j, p);
	if (ret)
		return ret;
	details = about(p);
	json_object_set_new(details, "request", json_loads(p->request, 0, NULL));
	ret = zkhsmd_audit_add(j->store, rq, "propose", NULL, details);
	if (ret)
		return ret;
	server_reply_json(rq, 202, json_pack("{s:s, s:s, s:I}", "proposal", p->id, "action", p->action,
					     "expires_ms", (json_int_t)p->at_ms +
					     (json_int_t)zkhsmd_two_window(j->policy)));
	return 1;
}

/* --- one that is there -------------------------------------------------------- */

/* The same person, as far as certificates tell: X.520 compares names without case. */
static bool same_person(const struct server_request *rq, const struct zkhsmd_proposal *p)
{
	return memcmp(rq->peer_x5t, p->x5t, sizeof(p->x5t)) == 0 ||
	       strcasecmp(rq->peer_cn, p->who) == 0;
}

/* Whether who proposed it is still all that made it a proposal. */
static bool still_may(const struct judged *j, const struct zkhsmd_proposal *p)
{
	json_t *o = json_loads(p->request, 0, NULL);
	const unsigned int then = (unsigned int)json_integer_value(json_object_get(o, "roles"));
	const unsigned int now = zkhsmd_roles_of(zkhsmd_policy_roles(j->policy), p->who, false);

	json_decref(o);
	return then && (now & then) == then;
}

static int decide(const struct judged *j, struct zkhsmd_proposal *known, struct zkhsmd_proposal *p)
{
	struct server_request *rq = j->job->rq;
	int ret;

	if (expired(j->policy, known, j->now_ms) || !still_may(j, known)) {
		ret = expire(j->store, known);
		if (ret)
			return ret;
		if (same_person(rq, known))
			return propose(j, p);
		zkhsmd_problem(rq, P_PROPOSAL_EXPIRED,
			       "%s proposed this too long ago, or may not any more: it was not done, and is no proposal now",
			       known->who);
		return 1;
	}
	if (same_person(rq, known)) {
		zkhsmd_problem(rq, P_TWO_PERSON,
			       "%s proposed this: somebody else, with another certificate and another name, has to ask for it too",
			       known->who);
		return 1;
	}
	memcpy(j->job->proposal, known->id, sizeof(j->job->proposal));
	return 0;
}

static int judge(const struct judged *j)
{
	struct server_request *rq = j->job->rq;
	struct zkhsmd_proposal p = { .request = canonical(rq) }, known;
	uint8_t hash[32];
	char *hex;
	int ret;

	if (!p.request) {
		zkhsmd_problem(rq, P_REQUEST, "this request has no canonical form to propose it in");
		return 1;
	}
	zkhsm_sha256(p.request, strlen(p.request), hash);
	hex = zkhsm_hex(hash, sizeof(hash));
	ret = hex ? 0 : -ENOMEM;
	if (!ret) {
		memcpy(p.id, hex, sizeof(p.id));
		ret = j->store->ops->proposal_get(j->store, p.id, &known);
		if (ret == -ENOENT) {
			ret = propose(j, &p);
		} else if (!ret) {
			ret = decide(j, &known, &p);
			free(known.request);
		}
	}
	free(hex);
	free(p.request);
	return ret;
}

int zkhsmd_two_person(struct zkhsmd_job *job, struct zkhsmd_store *store, const char *action)
{
	struct zkhsmd_policy *policy = zkhsmd_policy_get(job->m);
	struct judged j = { .job = job, .store = store, .policy = policy, .action = action,
			    .now_ms = zkhsmd_now().wall };
	int ret = 0;

	if (needs_two(policy, action) && !job->rq->peer_cn[0]) {
		zkhsmd_problem(job->rq, P_TWO_PERSON,
			       "this takes two administrators, told apart by the common names of their certificates: this one has none");
		ret = 1;
	} else if (needs_two(policy, action)) {
		ret = judge(&j);
	}
	zkhsmd_policy_put(policy);
	return ret;
}

int zkhsmd_two_person_done(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct zkhsmd_proposal p;
	int ret;

	if (!job->proposal[0] || job->rq->reply.status >= 300)
		return 0;
	ret = store->ops->proposal_get(store, job->proposal, &p);
	if (ret)
		return ret == -ENOENT ? -EUCLEAN : ret;
	free(p.request);
	ret = store->ops->proposal_del(store, p.id);
	return ret ? ret : zkhsmd_audit_add(store, job->rq, "approve", NULL, about(&p));
}
