// SPDX-License-Identifier: GPL-2.0
/*
 * attest.c - one manager's part in a round: challenge, evidence, answer, lease;
 * and when to do it again
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

#define EVIDENCE_TYPE	"application/vnd.zkhsm.evidence"
/* List and configuration, and once more should one go missing meanwhile. */
#define POSTS_MAX	4
/* How long a full nonce table or an empty rate bucket takes to be worth another try. */
#define KERNEL_BUSY_MS	1000
/* The longest Retry-After that is obeyed. */
#define RETRY_MAX_S	3600L
/* And the longest interval that a manager may ask for. */
#define NEXT_MAX_MS	(24 * 3600 * 1000LL)

struct attempt {
	struct manager *m;
	struct attest_result *result;
	struct zkhsm_nl *nl;
	struct zkhsm_https *h;
	struct zkhsm_hsm_info hsm;
	struct zkhsm_challenge challenge;
	struct zkhsm_evidence evidence;
	json_t *known_list;
};

static json_t *body_of(const struct zkhsm_response *r)
{
	return json_loadb((const char *)r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
}

/* The URN of a refusal, of which only the last part is looked at; @body is its JSON. */
static const char *urn_of(const json_t *body)
{
	const char *type = json_string_value(json_object_get(body, "type"));
	const char *name = type ? strrchr(type, ':') : NULL;

	return name ? name + 1 : NULL;
}

/* 409 is the answer to late evidence as well, and then nothing is to be sent. */
static bool is_need(const struct zkhsm_response *r)
{
	json_t *body = r->status == 409 ? body_of(r) : NULL;
	const char *urn = urn_of(body);
	bool need = urn && strcmp(urn, "need") == 0;

	json_decref(body);
	return need;
}

/* What the log and the backoff know a refusal by: the URN's last part. */
static int refused(const struct zkhsm_response *r, struct attest_result *result,
		   struct zkhsm_error *err)
{
	json_t *body = body_of(r);
	const char *urn = urn_of(body);

	if (urn)
		snprintf(result->verdict, sizeof(result->verdict), "%s", urn);
	else
		snprintf(result->verdict, sizeof(result->verdict), "http-%ld", r->status);
	json_decref(body);
	if (r->retry_after_s > 0)
		result->next_ms = (uint64_t)(r->retry_after_s < RETRY_MAX_S ? r->retry_after_s :
					     RETRY_MAX_S) * 1000;
	return zkhsm_response_problem(r, err);
}

/* A module loaded anew, or another VM from the same snapshot, is another instance. */
static void note_instance(struct attempt *at)
{
	struct manager *m = at->m;
	char *hsm, *instance;

	if (m->has_instance && memcmp(m->instance_id, at->hsm.instance_id, 16) == 0)
		return;
	hsm = zkhsm_hex(at->hsm.hsm_id, 32);
	instance = zkhsm_hex(at->hsm.instance_id, 16);
	log_event(LOG_LEVEL_INFO, m->has_instance ? "instance-changed" : "instance",
		  "manager", m->config.name, "hsm_id", hsm, "instance_id", instance, NULL);
	free(hsm);
	free(instance);
	if (m->has_instance)
		lists_forget(m);
	memcpy(m->instance_id, at->hsm.instance_id, 16);
	m->has_instance = true;
}

static void learn_manager_id(struct manager *m, const uint8_t id[32])
{
	pthread_mutex_lock(&m->lock);
	/* It has other keys now: the kernel counts the orders of these from another number. */
	if (m->known && memcmp(m->manager_id, id, 32) != 0)
		m->cancel_orders = true;
	memcpy(m->manager_id, id, 32);
	m->known = true;
	pthread_cond_broadcast(&m->wake);	/* the orders' thread may wait for it */
	pthread_mutex_unlock(&m->lock);
}

static int get_challenge(struct attempt *at, struct zkhsm_error *err)
{
	char *hex = zkhsm_hex(at->hsm.hsm_id, 32), request[128];
	const char *manager, *nonce;
	struct zkhsm_response r;
	json_t *body;
	int ret;

	snprintf(request, sizeof(request), "{\"hsm_id\":\"%s\"}", hex ? hex : "");
	free(hex);
	ret = zkhsm_https_do(at->h, "POST", "/v1/challenges", "application/json", request,
			     strlen(request), &r, err);
	if (ret)
		return ret;
	if (r.status != 201) {
		ret = refused(&r, at->result, err);
		zkhsm_response_free(&r);
		return ret;
	}
	body = body_of(&r);
	zkhsm_response_free(&r);
	manager = json_string_value(json_object_get(body, "manager_id"));
	nonce = json_string_value(json_object_get(body, "nonce"));
	if (!manager || !nonce || zkhsm_unhex(manager, at->challenge.manager_id, 32) ||
	    zkhsm_unhex(nonce, at->challenge.nonce, 32)) {
		ret = zkhsm_fail(err, -EBADMSG, "the manager's challenge is malformed");
	} else {
		at->known_list = json_incref(json_object_get(body, "known_list"));
		learn_manager_id(at->m, at->challenge.manager_id);
	}
	json_decref(body);
	return ret;
}

/* "need": ["list", "configuration"]: sends them; known_list is newer here than in the challenge. */
static int send_needed(struct attempt *at, const struct zkhsm_response *r,
		       struct zkhsm_error *err)
{
	const char *what;
	json_t *body = body_of(r), *item, *known;
	int ret = 0, sent = 0;
	size_t i;

	known = json_object_get(body, "known_list");
	json_array_foreach(json_object_get(body, "need"), i, item) {
		what = json_string_value(item) ? json_string_value(item) : "";
		if (strcmp(what, "list") == 0)
			ret = lists_send(at->m, at->h, at->nl, at->hsm.hsm_id, at->hsm.identity,
					 &at->evidence, known ? known : at->known_list,
					 &at->result->sent_bytes, err);
		else if (strcmp(what, "configuration") == 0)
			ret = configuration_send(at->h, at->nl, at->hsm.hsm_id, &at->evidence,
						 &at->result->sent_bytes, err);
		else
			ret = zkhsm_fail(err, -EOPNOTSUPP, "the manager needs \"%.40s\"", what);
		if (ret)
			break;
		sent++;
	}
	if (!ret && !sent)
		ret = zkhsm_fail(err, -EBADMSG,
				 "the manager says that it needs something, and not what");
	json_decref(body);
	return ret;
}

static int accepted(struct attempt *at, const struct zkhsm_response *r, struct zkhsm_error *err)
{
	struct lease_answer answer = {
		.nl = at->nl, .h = at->h, .hsm_id = at->hsm.hsm_id,
		.manager_id = at->challenge.manager_id, .number = at->evidence.number,
	};
	struct attest_result *result = at->result;
	json_t *body = body_of(r);
	json_int_t keys = 0, next = 0;
	int ret;

	ret = json_unpack(body, "{s:I, s:I}", "keys", &keys, "next_ms", &next);
	if (ret || next < 0) {
		json_decref(body);
		return zkhsm_fail(err, -EBADMSG, "the manager's answer has no keys and next_ms");
	}
	result->keys = (uint64_t)keys;
	result->next_ms = (uint64_t)(next < NEXT_MAX_MS ? next : NEXT_MAX_MS);
	snprintf(result->verdict, sizeof(result->verdict), "accepted");
	answer.body = body;
	result->lease_ret = lease_take(at->m, &answer, &result->next_ms);
	json_decref(body);
	return 0;
}

static int post_evidence(struct attempt *at, struct zkhsm_error *err)
{
	struct attest_result *result = at->result;
	struct zkhsm_response r;
	bool need;
	int ret;

	for (int i = 0; i < POSTS_MAX; i++) {
		ret = zkhsm_https_do(at->h, "POST", "/v1/evidence", EVIDENCE_TYPE,
				     at->evidence.evidence, at->evidence.evidence_len, &r, err);
		if (ret)
			return ret;
		result->sent_bytes += at->evidence.evidence_len;
		need = is_need(&r);
		if (r.status == 200)
			ret = accepted(at, &r, err);
		else if (need)
			ret = send_needed(at, &r, err);
		else
			ret = refused(&r, result, err);
		zkhsm_response_free(&r);
		if (ret || !need)
			return ret;
	}
	return zkhsm_fail(err, -ELOOP, "the manager asks for the same again and again");
}

static int attest(struct attempt *at, struct zkhsm_error *err)
{
	struct manager *m = at->m;
	int ret;

	/* Opened each time: the module may have been loaded anew, with another family id. */
	ret = zkhsm_nl_open(&at->nl, err);
	ret = ret ? ret : zkhsm_hsm_get(at->nl, &at->hsm, err);
	if (!ret && !at->hsm.initialised)
		ret = zkhsm_fail(err, -ENOKEY, "the HSM has no identity yet");
	if (ret)
		return ret;
	note_instance(at);
	ret = manager_https(m, m->agent->config.request_timeout_ms, NULL, &at->h, err);
	ret = ret ? ret : get_challenge(at, err);
	ret = ret ? ret : turn_evidence(m, &at->challenge, &at->evidence, err);
	if (ret)
		return ret;
	at->result->number = at->evidence.number;
	return post_evidence(at, err);
}

static void take_turn(struct manager *m)
{
	struct attest_result *r = &m->result;
	struct attempt at = { .m = m, .result = r };

	memset(r, 0, sizeof(*r));
	r->ret = attest(&at, &r->error);
	if (r->ret && !r->verdict[0])
		snprintf(r->verdict, sizeof(r->verdict), "%s",
			 r->error.reason ? zkhsm_reason_name(r->error.reason) :
			 strerrorname_np(-r->ret) ? strerrorname_np(-r->ret) : "error");
	json_decref(at.known_list);
	/* Of the last request, answered or not: by its first half all of them are found. */
	if (at.h) {
		snprintf(r->request_id, sizeof(r->request_id), "%s", zkhsm_https_request_id(at.h));
		zkhsm_https_free(at.h);
	}
	if (at.nl)
		zkhsm_nl_close(at.nl);
}

static void attest_and_log(struct manager *m)
{
	const struct attest_result *r = &m->result;
	int64_t start = monotonic_ms();

	take_turn(m);
	/* Broken off by our own end. */
	if (r->ret && m->agent->stop)
		return;
	log_event(r->ret ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "evidence",
		  "manager", m->config.name,
		  "request_id", r->request_id[0] ? r->request_id : NULL,
		  "n", r->number ? LOG_NUMBER(r->number) : NULL,
		  "keys", r->ret ? NULL : LOG_NUMBER(r->keys), "bytes", LOG_NUMBER(r->sent_bytes),
		  "ms", LOG_NUMBER(monotonic_ms() - start), "verdict", r->verdict,
		  "error", r->ret ? r->error.text : NULL, NULL);
}

/* When to come again; *@backoff goes up with each failure. */
static uint64_t next_turn(const struct agent_config *c, const struct attest_result *r,
			  uint64_t *backoff)
{
	if (r->ret == -EBUSY || r->ret == -EAGAIN)
		return KERNEL_BUSY_MS;
	if (!r->ret && !r->lease_ret) {
		*backoff = 0;
		/* A manager that says "at once" must not make us run in circles. */
		return r->next_ms > c->backoff_min_ms ? r->next_ms : c->backoff_min_ms;
	}
	/* As the manager says; but of a lease that was refused it does not know. */
	if (r->ret && r->next_ms)
		return r->next_ms;
	*backoff = backoff_next(c, *backoff);
	return *backoff;
}

static void keep_jwks(struct manager *m, int64_t *asked_ms)
{
	struct zkhsm_error err;

	if (m->jwks && monotonic_ms() - *asked_ms < (int64_t)m->config.jwks_refresh_ms)
		return;
	if (jwks_refresh(m, &err))
		log_event(LOG_LEVEL_WARNING, "jwks", "manager", m->config.name, "error", err.text,
			  NULL);
	*asked_ms = monotonic_ms();
}

void *attest_run(void *arg)
{
	struct manager *m = arg;
	uint64_t backoff = 0;
	int64_t jwks_at = 0;

	lists_load(m);
	while (turn_wait(m)) {
		/* Who attests only once serves no clients. */
		if (!m->agent->rounds.once)
			keep_jwks(m, &jwks_at);
		attest_and_log(m);
		turn_end(m, jitter(next_turn(&m->agent->config, &m->result, &backoff)));
	}
	return NULL;
}
