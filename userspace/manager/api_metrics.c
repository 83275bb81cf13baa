// SPDX-License-Identifier: GPL-2.0
/*
 * api_metrics.c - GET /metrics
 *
 * What the store says is gathered by the worker for slow things, in one pass; what
 * the loop owns is added on the loop, with the counters.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <openssl/crypto.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#include "fleet.h"
#include "metrics.h"
#include "tally.h"

#define MEDIA	"text/plain; version=0.0.4; charset=utf-8"

struct scrape {
	struct evbuffer *text;
	enum zkhsmd_tallied last;	/* whose head stands there already */
};

static const char *scope_name(const char *number)
{
	static const char *const names[] = { "other", "key", "element", "hsm", "cluster" };
	size_t n = strtoul(number, NULL, 10);

	return names[n < ARRAY_SIZE(names) ? n : 0];
}

static int print_tally(const struct zkhsmd_tally *t, void *arg)
{
	static const struct { const char *name, *help; } gauges[] = {
		[ZKHSMD_TALLY_ALERTS] = { "zkhsm_alerts", "Alerts that nobody has closed." },
		[ZKHSMD_TALLY_REVOCATIONS] = { "zkhsm_revocations",
					       "Revocations and holds in force." },
		[ZKHSMD_TALLY_STOPPED] = { "zkhsm_keys_stopped",
					   "Proved keys that are revoked or held, by their element." },
		[ZKHSMD_TALLY_DELIVERIES] = { "zkhsm_webhook_queue", "Deliveries that wait." },
		[ZKHSMD_TALLY_BYTES] = { "zkhsm_store_bytes", "Size of the database." },
	};
	const char *action = t->kind == ZKHSM_ORDER_TYPE_HOLD ? "hold" : "revoke";
	struct scrape *s = arg;
	const char *help = s->last == t->what ? NULL : gauges[t->what].help;
	char labels[96] = "";

	s->last = t->what;
	if (t->what == ZKHSMD_TALLY_ALERTS)
		snprintf(labels, sizeof(labels), "code=\"%s\",state=\"%s\"", t->name,
			 t->kind == 1 ? "open" : "acknowledged");
	else if (t->what == ZKHSMD_TALLY_REVOCATIONS)
		snprintf(labels, sizeof(labels), "scope=\"%s\",action=\"%s\"", scope_name(t->name),
			 action);
	else if (t->what == ZKHSMD_TALLY_STOPPED)
		snprintf(labels, sizeof(labels), "action=\"%s\"", action);
	return zkhsmd_gauge_print(s->text, gauges[t->what].name, help, labels[0] ? labels : NULL,
				  (double)t->count);
}

static int print_states(struct evbuffer *to, const char *name, const char *help,
			const uint64_t counts[ZKHSMD_STATES])
{
	char label[64];
	int ret = 0;

	for (int i = 0; !ret && i < ZKHSMD_STATES; i++) {
		if (!zkhsmd_state_name(i))
			continue;
		snprintf(label, sizeof(label), "state=\"%s\"", zkhsmd_state_name(i));
		ret = zkhsmd_gauge_print(to, name, i ? NULL : help, label, (double)counts[i]);
	}
	return ret;
}

static int print_fleet(struct zkhsmd *m, struct zkhsmd_store *store, struct evbuffer *to)
{
	struct zkhsmd_fleet f;
	int ret = zkhsmd_fleet_count(m, store, &f);

	if (!ret)
		ret = print_states(to, "zkhsm_hsms", "HSMs, by state.", f.hsms);
	if (!ret)
		ret = print_states(to, "zkhsm_keys", "Keys of their newest lists, by the state of their HSM.",
				   f.keys);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_hsms_due",
					 "Attested HSMs whose next attestation is late.", NULL,
					 (double)f.due);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_revocation_list_number",
					 "Number of the revocation list.", NULL,
					 (double)f.list_number);
	return ret;
}

static enum zkhsmd_next gather(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct scrape *s = job->data;
	int ret = print_fleet(job->m, store, s->text);

	if (!ret)
		ret = store->ops->tally(store, print_tally, s);
	if (ret)
		zkhsmd_problem_store(job->rq, ret);
	return ZKHSMD_ANSWER;
}

static int print_build(struct evbuffer *to)
{
	char labels[128];

	snprintf(labels, sizeof(labels), "version=\"%s\",openssl=\"%s\",sqlite=\"%s\"",
		 ZKHSMD_VERSION, OpenSSL_version(OPENSSL_VERSION_STRING), sqlite3_libversion());
	return zkhsmd_gauge_print(to, "zkhsm_build_info", "What this is.", labels, 1);
}

static int print_queues(struct zkhsmd *m, struct evbuffer *to)
{
	struct zkhsmd_waiting w;
	int ret;

	zkhsmd_jobs_waiting(m, &w);
	ret = zkhsmd_gauge_print(to, "zkhsm_queue_length", "Requests that no thread has taken yet.",
				 "queue=\"light\"", (double)w.light);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_queue_length", NULL, "queue=\"heavy\"",
					 (double)w.heavy);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_queue_length", NULL, "queue=\"slow\"",
					 (double)w.slow);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_queue_length", NULL, "queue=\"writer\"",
					 (double)w.writes);
	return ret;
}

static int print_loop(struct zkhsmd *m, struct evbuffer *to)
{
	int ret = print_build(to);

	if (!ret)
		ret = print_queues(m, to);
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_connections", "Open connections.", NULL,
					 (double)server_connections(m->server));
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_long_polls", "Clients that wait for orders.",
					 NULL, (double)zkhsmd_polls_waiting(m->polls));
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_challenges_outstanding",
					 "Challenges that can be answered.", NULL,
					 (double)zkhsmd_nonces_count(m->nonces));
	if (!ret)
		ret = zkhsmd_gauge_print(to, "zkhsm_last_attestation_timestamp_seconds",
					 "When evidence was accepted last, since 1970.", NULL,
					 (double)m->newest_wall / 1000);
	if (!ret)
		ret = zkhsmd_metrics_print(m->metrics, to);
	return ret;
}

/* With the loop's own, and what was counted until now. */
static void gathered(struct zkhsmd_job *job)
{
	struct scrape *s = job->data;
	size_t len;
	char *body;

	if (!job->rq->reply.status) {
		if (print_loop(job->m, s->text)) {
			zkhsmd_problem(job->rq, P_STORE, "out of memory");
		} else {
			len = evbuffer_get_length(s->text);
			body = malloc(len);
			if (body && evbuffer_remove(s->text, body, len) == (int)len)
				server_reply_bytes(job->rq, 200, MEDIA, body, len);
			else
				free(body);
		}
	}
	server_send(job->rq);
}

static void scrape_end(void *data)
{
	struct scrape *s = data;

	if (s->text)
		evbuffer_free(s->text);
}

void zkhsmd_api_metrics(struct server_request *rq)
{
	struct zkhsmd_job *job = zkhsmd_job_new(rq, sizeof(struct scrape));
	struct scrape *s;

	if (!job)
		return;
	s = job->data;
	s->text = evbuffer_new();
	job->data_end = scrape_end;
	if (!s->text) {
		zkhsmd_problem(rq, P_STORE, "out of memory");
		server_send(rq);
		return;
	}
	job->work = gather;
	job->answered = gathered;
	job->slow = true;
	zkhsmd_job_submit(job);
}
