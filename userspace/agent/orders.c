// SPDX-License-Identifier: GPL-2.0
/*
 * orders.c - waits for a manager's orders and gives them to the kernel
 *
 * The kernel's counter says which orders are wanted; nothing is kept here. The
 * kernel verifies each order: whoever sends others here gains nothing.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent.h"

static void log_applied(const struct manager *m, const struct zkhsm_order_result *r, size_t len,
			int64_t ms)
{
	const char *type = zkhsm_order_type_name(r->type);
	bool change = r->type == ZKHSM_ORDER_TYPE_TRUST_CHANGE;
	bool is_void = change && r->outcome == ZKHSM_ORDER_OUTCOME_VOID;

	log_event(is_void ? LOG_LEVEL_WARNING : LOG_LEVEL_INFO, "order",
		  "manager", m->config.name, "type", type ? type : "other",
		  "number", LOG_NUMBER(r->number), "in_turn", r->in_turn ? "yes" : "no",
		  "keys_changed", LOG_NUMBER(r->keys_changed),
		  "tombstones", LOG_NUMBER(r->tombstones),
		  "dropped", r->dropped ? LOG_NUMBER(r->dropped) : NULL,
		  "outcome", change ? zkhsm_order_outcome_name(r->outcome) : NULL,
		  "votes", change ? LOG_NUMBER(r->votes) : NULL,
		  "needed", change ? LOG_NUMBER(r->needed) : NULL,
		  "reason", is_void ? zkhsm_reason_name(r->reason) : NULL,
		  "bytes", LOG_NUMBER(len), "ms", LOG_NUMBER(ms), NULL);
}

/* One order. A replay is no fault: a restarted agent or a slow answer brings one. */
static int apply(struct manager *m, struct zkhsm_nl *nl, const char *text, bool *applied,
		 struct zkhsm_error *err)
{
	int64_t start = monotonic_ms();
	struct zkhsm_order_result r;
	uint8_t *order = NULL;
	size_t len = 0;
	int ret;

	if (!text || zkhsm_unb64(text, &order, &len))
		return zkhsm_fail(err, -EBADMSG, "the manager's order is not base64url");
	ret = zkhsm_order_apply(nl, order, len, &r, err);
	/* An HSM with a counter takes none before the head of this boot is stored. */
	if (ret == -EAGAIN && err->reason == ZKHSM_REASON_UNSEALED &&
	    !agent_store(m->agent, nl, err))
		ret = zkhsm_order_apply(nl, order, len, &r, err);
	free(order);
	if (ret == -EALREADY)
		return 0;
	if (ret)
		return ret;
	log_applied(m, &r, len, monotonic_ms() - start);
	*applied = true;
	return 0;
}

/* All of one answer, until one is refused: those after it would be out of turn. */
static int apply_all(struct manager *m, struct zkhsm_nl *nl, const struct zkhsm_response *r,
		     struct zkhsm_error *err)
{
	json_t *body, *orders, *order;
	struct zkhsm_error stored;
	bool applied = false;
	int ret = 0;
	size_t i;

	body = json_loadb((const char *)r->body, r->body_len, JSON_REJECT_DUPLICATES, NULL);
	orders = json_object_get(body, "orders");
	if (!json_array_size(orders))
		ret = zkhsm_fail(err, -EBADMSG, "the manager's answer has no orders");
	json_array_foreach(orders, i, order) {
		ret = apply(m, nl, json_string_value(order), &applied, err);
		/* A manager that sends the same order very often does not keep us from ending. */
		if (ret || m->agent->stop)
			break;
	}
	if (!applied && !ret)
		ret = zkhsm_fail(err, -EALREADY, "the manager sends only orders applied before");
	/*
	 * Obeyed is what a loss of power does not undo. New evidence shows it to the
	 * manager, and there is none before it is stored: attesting tries that again.
	 */
	if (applied && agent_store(m->agent, nl, &stored))
		log_event(LOG_LEVEL_ERROR, "store", "error", stored.text, NULL);
	/* A change for the others, who with that wish join the round if they are idle. */
	if (applied) {
		agent_attest_within(m->agent, m->agent->config.debounce_ms);
		manager_attest_within(m, 0);
	}
	json_decref(body);
	return ret;
}

/* Who the manager is, by the attesting thread, once that has learnt it; keys may change. */
static bool wait_for_id(struct manager *m, uint8_t id[32])
{
	pthread_mutex_lock(&m->lock);
	while (!m->known && !m->agent->stop)
		pthread_cond_wait(&m->wake, &m->lock);
	memcpy(id, m->manager_id, 32);
	pthread_mutex_unlock(&m->lock);
	return !m->agent->stop;
}

/* One question for orders above @after: -ENODATA if there are none. */
static int ask(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
	       const uint8_t hsm_id[32], uint64_t after, uint64_t wait_ms, struct zkhsm_error *err)
{
	char path[256], *hex = zkhsm_hex(hsm_id, 32);
	struct zkhsm_response r;
	int ret;

	snprintf(path, sizeof(path), "/v1/hsms/%s/orders?after=%llu&wait=%llu", hex ? hex : "",
		 (unsigned long long)after, (unsigned long long)wait_ms / 1000);
	free(hex);
	ret = zkhsm_https_do(h, "GET", path, NULL, NULL, 0, &r, err);
	if (ret)
		return ret;
	if (r.status == 200)
		ret = apply_all(m, nl, &r, err);
	else if (r.status == 204)
		ret = zkhsm_fail(err, -ENODATA, "the manager has no order above %llu",
				 (unsigned long long)after);
	else
		ret = zkhsm_response_problem(&r, err);
	zkhsm_response_free(&r);
	return ret;
}

/*
 * All new orders, the first at most @wait_ms after now. Another thread may have
 * applied what was sent meanwhile: then there is nothing wrong with that.
 */
static int ask_and_apply(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
			 const uint8_t hsm_id[32], const uint8_t id[32], uint64_t wait_ms,
			 struct zkhsm_error *err)
{
	struct zkhsm_manager_info before, now;
	struct zkhsm_error ignored;
	int ret;

	ret = zkhsm_trust_get(nl, id, &before, err);
	ret = ret ? ret : ask(m, h, nl, hsm_id, before.last_number, wait_ms, err);
	if (ret == -EALREADY && !zkhsm_trust_get(nl, id, &now, &ignored) &&
	    now.last_number > before.last_number)
		ret = 0;
	return ret;
}

int orders_catch_up(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
		    const uint8_t hsm_id[32], const uint8_t manager_id[32],
		    struct zkhsm_error *err)
{
	return ask_and_apply(m, h, nl, hsm_id, manager_id, 0, err);
}

/* One question to the manager, at most orders_wait long; @none: there was no order. */
static int poll_once(struct manager *m, struct zkhsm_https *h, const uint8_t id[32], bool *none,
		     struct zkhsm_error *err)
{
	struct zkhsm_hsm_info hsm;
	struct zkhsm_nl *nl;
	int ret;

	ret = zkhsm_nl_open(&nl, err);
	if (ret)
		return ret;
	ret = zkhsm_hsm_get(nl, &hsm, err);
	if (!ret && !hsm.initialised)
		ret = zkhsm_fail(err, -ENOKEY, "the HSM has no identity yet");
	ret = ret ? ret : ask_and_apply(m, h, nl, hsm.hsm_id, id, m->agent->config.orders_wait_ms,
					err);
	*none = ret == -ENODATA;
	zkhsm_nl_close(nl);
	return *none ? 0 : ret;
}

void *orders_run(void *arg)
{
	struct manager *m = arg;
	const struct agent_config *c = &m->agent->config;
	struct zkhsm_error err = { 0 };
	struct zkhsm_https *h;
	uint64_t backoff = 0;
	int64_t asked;
	uint8_t id[32];
	bool none;

	/* One connection for good: the manager's answer then comes without a handshake. */
	if (manager_https(m, c->orders_wait_ms + c->request_timeout_ms, &m->cancel_orders, &h,
			  &err)) {
		log_event(LOG_LEVEL_ERROR, "orders", "manager", m->config.name, "error", err.text,
			  NULL);
		return NULL;
	}
	while (wait_for_id(m, id)) {
		asked = monotonic_ms();
		if (!poll_once(m, h, id, &none, &err)) {
			backoff = 0;
			/* A manager that does not wait must not make us run in circles. */
			if (none && monotonic_ms() - asked < (int64_t)c->backoff_min_ms &&
			    !manager_sleep(m, c->backoff_min_ms))
				break;
			continue;
		}
		if (m->agent->stop)
			break;
		/* The question was about an HSM or a manager that is no more; ask anew. */
		if (atomic_exchange(&m->cancel_orders, false))
			continue;
		backoff = backoff_next(c, backoff);
		log_event(LOG_LEVEL_WARNING, "orders", "manager", m->config.name,
			  "request_id", zkhsm_https_request_id(h),
			  "retry_ms", LOG_NUMBER(backoff), "error", err.text, NULL);
		if (!manager_sleep(m, jitter(backoff)))
			break;
	}
	zkhsm_https_free(h);
	return NULL;
}
