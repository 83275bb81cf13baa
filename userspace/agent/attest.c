// SPDX-License-Identifier: GPL-2.0
/*
 * attest.c - challenge, evidence, answer; and when to do it again
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
/* Something may change between storing and asking, but not for ever. */
#define STORES_MAX	5
/* The longest Retry-After that is obeyed. */
#define RETRY_MAX_S	3600L
/* And the longest interval that a manager may ask for. */
#define NEXT_MAX_MS	(24 * 3600 * 1000LL)

struct round {
	struct manager *m;
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
static void note_instance(struct round *rd)
{
	struct manager *m = rd->m;
	char *hsm, *instance;

	if (m->has_instance && memcmp(m->instance_id, rd->hsm.instance_id, 16) == 0)
		return;
	hsm = zkhsm_hex(rd->hsm.hsm_id, 32);
	instance = zkhsm_hex(rd->hsm.instance_id, 16);
	log_event(LOG_LEVEL_INFO, m->has_instance ? "instance-changed" : "instance",
		  "manager", m->config.name, "hsm_id", hsm, "instance_id", instance, NULL);
	free(hsm);
	free(instance);
	if (m->has_instance)
		lists_forget(m);
	memcpy(m->instance_id, rd->hsm.instance_id, 16);
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

static int get_challenge(struct round *rd, struct attest_result *result, struct zkhsm_error *err)
{
	char *hex = zkhsm_hex(rd->hsm.hsm_id, 32), request[128];
	const char *manager, *nonce;
	struct zkhsm_response r;
	json_t *body;
	int ret;

	snprintf(request, sizeof(request), "{\"hsm_id\":\"%s\"}", hex ? hex : "");
	free(hex);
	ret = zkhsm_https_do(rd->h, "POST", "/v1/challenges", "application/json", request,
			     strlen(request), &r, err);
	if (ret)
		return ret;
	if (r.status != 201) {
		ret = refused(&r, result, err);
		zkhsm_response_free(&r);
		return ret;
	}
	body = body_of(&r);
	zkhsm_response_free(&r);
	manager = json_string_value(json_object_get(body, "manager_id"));
	nonce = json_string_value(json_object_get(body, "nonce"));
	if (!manager || !nonce || zkhsm_unhex(manager, rd->challenge.manager_id, 32) ||
	    zkhsm_unhex(nonce, rd->challenge.nonce, 32)) {
		ret = zkhsm_fail(err, -EBADMSG, "the manager's challenge is malformed");
	} else {
		rd->known_list = json_incref(json_object_get(body, "known_list"));
		learn_manager_id(rd->m, rd->challenge.manager_id);
	}
	json_decref(body);
	return ret;
}

/* "need": ["list", "configuration"]: sends them; known_list is newer here than in the challenge. */
static int send_needed(struct round *rd, const struct zkhsm_response *r,
		       struct attest_result *result, struct zkhsm_error *err)
{
	const char *what;
	json_t *body = body_of(r), *item, *known;
	int ret = 0, sent = 0;
	size_t i;

	known = json_object_get(body, "known_list");
	json_array_foreach(json_object_get(body, "need"), i, item) {
		what = json_string_value(item) ? json_string_value(item) : "";
		if (strcmp(what, "list") == 0)
			ret = lists_send(rd->m, rd->h, rd->nl, rd->hsm.hsm_id, rd->hsm.identity,
					 &rd->evidence, known ? known : rd->known_list,
					 &result->sent_bytes, err);
		else if (strcmp(what, "configuration") == 0)
			ret = configuration_send(rd->h, rd->nl, rd->hsm.hsm_id, &rd->evidence,
						 &result->sent_bytes, err);
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

static int accepted(const struct zkhsm_response *r, struct attest_result *result,
		    struct zkhsm_error *err)
{
	json_t *body = body_of(r);
	json_int_t keys = 0, next = 0;
	int ret;

	ret = json_unpack(body, "{s:I, s:I}", "keys", &keys, "next_ms", &next);
	json_decref(body);
	if (ret || next < 0)
		return zkhsm_fail(err, -EBADMSG, "the manager's answer has no keys and next_ms");
	result->keys = (uint64_t)keys;
	result->next_ms = (uint64_t)(next < NEXT_MAX_MS ? next : NEXT_MAX_MS);
	snprintf(result->verdict, sizeof(result->verdict), "accepted");
	return 0;
}

static int post_evidence(struct round *rd, struct attest_result *result, struct zkhsm_error *err)
{
	struct zkhsm_response r;
	bool need;
	int ret;

	for (int i = 0; i < POSTS_MAX; i++) {
		ret = zkhsm_https_do(rd->h, "POST", "/v1/evidence", EVIDENCE_TYPE,
				     rd->evidence.evidence, rd->evidence.evidence_len, &r, err);
		if (ret)
			return ret;
		result->sent_bytes += rd->evidence.evidence_len;
		snprintf(result->request_id, sizeof(result->request_id), "%s", r.request_id);
		need = is_need(&r);
		if (r.status == 200)
			ret = accepted(&r, result, err);
		else if (need)
			ret = send_needed(rd, &r, result, err);
		else
			ret = refused(&r, result, err);
		zkhsm_response_free(&r);
		if (ret || !need)
			return ret;
	}
	return zkhsm_fail(err, -ELOOP, "the manager asks for the same again and again");
}

/* The kernel gives evidence of nothing that a loss of power would undo. */
static int get_evidence(struct round *rd, struct zkhsm_error *err)
{
	int ret;

	for (int i = 0; i < STORES_MAX; i++) {
		ret = agent_store(rd->m->agent, rd->nl, err);
		ret = ret ? ret : zkhsm_evidence_get(rd->nl, &rd->challenge, 1, NULL,
						     &rd->evidence, err);
		if (ret != -EAGAIN || err->reason != ZKHSM_REASON_UNSEALED)
			break;
	}
	return ret;
}

int attest_once(struct manager *m, struct attest_result *result, struct zkhsm_error *err)
{
	struct round rd = { .m = m };
	int ret;

	memset(result, 0, sizeof(*result));
	/* Opened each time: the module may have been loaded anew, with another family id. */
	ret = zkhsm_nl_open(&rd.nl, err);
	ret = ret ? ret : zkhsm_hsm_get(rd.nl, &rd.hsm, err);
	if (!ret && !rd.hsm.initialised)
		ret = zkhsm_fail(err, -ENOKEY, "the HSM has no identity yet");
	if (!ret)
		note_instance(&rd);
	/* Also while no manager answers. */
	ret = ret ? ret : agent_store(m->agent, rd.nl, err);
	ret = ret ? ret : manager_https(m, m->agent->config.request_timeout_ms, NULL, &rd.h, err);
	ret = ret ? ret : get_challenge(&rd, result, err);
	ret = ret ? ret : get_evidence(&rd, err);
	if (!ret) {
		result->number = rd.evidence.number;
		ret = post_evidence(&rd, result, err);
	}
	if (ret && !result->verdict[0])
		snprintf(result->verdict, sizeof(result->verdict), "%s",
			 err->reason ? zkhsm_reason_name(err->reason) : strerrorname_np(-ret) ?
			 strerrorname_np(-ret) : "error");
	json_decref(rd.known_list);
	if (rd.h)
		zkhsm_https_free(rd.h);
	if (rd.nl)
		zkhsm_nl_close(rd.nl);
	return ret;
}

bool attest_and_log(struct manager *m, uint64_t *next_ms)
{
	int64_t start = monotonic_ms();
	struct zkhsm_error err = { 0 };
	struct attest_result r;
	int ret;

	ret = attest_once(m, &r, &err);
	/* Broken off by our own end. */
	if (ret && m->agent->stop)
		return false;
	log_event(ret ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "evidence", "manager", m->config.name,
		  "request_id", r.request_id[0] ? r.request_id : NULL,
		  "n", r.number ? LOG_NUMBER(r.number) : NULL,
		  "keys", ret ? NULL : LOG_NUMBER(r.keys), "bytes", LOG_NUMBER(r.sent_bytes),
		  "ms", LOG_NUMBER(monotonic_ms() - start), "verdict", r.verdict,
		  "error", ret ? err.text : NULL, NULL);
	*next_ms = r.next_ms;
	if (ret == -EBUSY || ret == -EAGAIN)
		*next_ms = KERNEL_BUSY_MS;
	/* A manager that says "at once" must not make us run in circles. */
	else if (!ret && r.next_ms < m->agent->config.backoff_min_ms)
		*next_ms = m->agent->config.backoff_min_ms;
	return !ret;
}

void *attest_run(void *arg)
{
	struct manager *m = arg;
	uint64_t next, backoff = 0, jwks_age = UINT64_MAX;
	int64_t jwks_at = 0;
	struct zkhsm_error err;

	lists_load(m);
	do {
		if (!m->jwks || jwks_age >= m->config.jwks_refresh_ms) {
			if (jwks_refresh(m, &err))
				log_event(LOG_LEVEL_WARNING, "jwks", "manager", m->config.name,
					  "error", err.text, NULL);
			jwks_at = monotonic_ms();
		}
		if (attest_and_log(m, &next)) {
			backoff = 0;
		} else if (!next) {
			backoff = backoff_next(&m->agent->config, backoff);
			next = backoff;
		}
		jwks_age = (uint64_t)(monotonic_ms() - jwks_at);
	} while (manager_sleep(m, jitter(next), true));
	return NULL;
}
