// SPDX-License-Identifier: GPL-2.0
/*
 * api.c - several requests to one manager, all the way: handlers, workers and
 * writer, on a store of its own in memory
 *
 * Input: up to 12 operations. One below the number of routes is that request:
 * path, path, query and body as in http.c, in which "@H" stands for the HSM's
 * id, "@E" for the element of its first key, "@C" for its configuration and
 * "@L" for its list, in hex. Any other is the HSM, which attests, truly or
 * with something changed. Threads and sockets there are none: a job runs where
 * it is submitted, in a transaction that ends with the input.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/manager/backup.h"
#include "../../userspace/manager/manager.h"
#include "../../userspace/manager/metrics.h"
#include "../../userspace/manager/rate.h"
#include "../../userspace/manager/status.h"
#include "../../userspace/manager/watch.h"
#include "../unit/prover.h"
#include "server_private.h"

#define OPERATIONS	12

void __wrap_server_send(struct server_request *rq);
void __wrap_zkhsmd_job_submit(struct zkhsmd_job *job);

static struct zkhsmd manager;
static struct zkhsmd_store *store;
static struct prover *prover;
/* Of the request that was answered last. */
static int status;
static json_t *said;
static unsigned int open_requests;

static void request_end(struct server_request *rq)
{
	if (rq->data)
		rq->data_free(rq->data);
	server_reply_drop(&rq->reply);
	evhttp_clear_headers(&rq->query);
	evhttp_request_free(rq->ev);
	free(rq->args[0]);
	free(rq->args[1]);
	free((void *)(uintptr_t)rq->body);
	free(rq);
	open_requests--;
}

void __wrap_server_send(struct server_request *rq)
{
	const struct server_reply *r = &rq->reply;

	json_decref(said);
	said = r->body ? json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL) : NULL;
	status = r->status;
	/* No fault of a request makes the manager fail. */
	FUZZ_ASSERT(r->status >= 200 && r->status < 500);
	if (r->status >= 400)
		FUZZ_ASSERT(json_integer_value(json_object_get(said, "status")) == r->status &&
			    json_is_string(json_object_get(said, "type")));
	request_end(rq);
}

static void failed(struct zkhsmd_job *job, int error)
{
	job->result = error;
	if (job->undone)
		job->undone(job);
}

/* As job.c does it, in a transaction that lasts. */
static void write_now(struct zkhsmd_job *job)
{
	int ret;

	FUZZ_ASSERT(!store->ops->mark(store));
	job->rq->reply.status = 0;
	ret = job->write(job, store);
	if (ret >= 0) {
		FUZZ_ASSERT(!store->ops->keep(store));
		return;
	}
	failed(job, ret);
	if (!job->rq->reply.status)
		zkhsmd_problem_store(job->rq, ret);
	FUZZ_ASSERT(!store->ops->undo(store));
}

void __wrap_zkhsmd_job_submit(struct zkhsmd_job *job)
{
	enum zkhsmd_next next = ZKHSMD_WRITE;

	job->result = 0;
	if (job->work)
		next = job->work(job, store);
	FUZZ_ASSERT(next != ZKHSMD_LATER);
	if (next == ZKHSMD_WRITE)
		write_now(job);
	if (!job->result && job->committed)
		job->committed(job);
	if (job->answered)
		job->answered(job);
	else
		server_send(job->rq);
}

static void configure(struct zkhsmd_config *c)
{
	c->nonce_life_ms = 60000;
	c->nonces_per_hsm = 8;
	c->nonces_max = 64;
	c->max_age_ms = 3600000;
	c->interval_ms = 1200000;
	c->next_update_ms = 3600000;
	c->leases = true;
	c->lease_ttl_ms = 1800000;
	c->pending_max = 4;
	c->pending_per_source = 2;
	c->polls_max = 4;
	c->lists_max = 1 << 20;
	c->guest_lists_max = 1 << 20;
	c->max_list_body = 1 << 20;
	c->false_per_minute = 1000000;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zkhsmd_identity *id = &manager.identity;
	char *hex;

	(void)argc;
	(void)argv;
	/* What is logged goes nowhere, but is made. */
	log_setup(LOG_LEVEL_ERROR, false);
	configure(&manager.config);
	manager.base = event_base_new();
	manager.store_ops = &zkhsmd_store_sqlite;
	FUZZ_ASSERT(manager.base &&
		    !manager.store_ops->open(":memory:", false, true, &store, NULL));
	id->order_key = fuzz_key();
	id->token_key = fuzz_key();
	FUZZ_ASSERT(!zkhsm_signer_public(id->order_key, id->order_public));
	zkhsm_sha256(id->order_public, 65, id->manager_id);
	hex = zkhsm_hex(id->manager_id, 32);
	snprintf(id->issuer, sizeof(id->issuer), "zkhsm:%s", hex);
	free(hex);
	id->jwks = zkhsm_jwks(&id->token_key, 1);
	return 0;
}

static void begin(void)
{
	const struct zkhsmd_config *c = &manager.config;

	FUZZ_ASSERT(!zkhsmd_nonces_new(c, &manager.nonces) &&
		    !zkhsmd_sources_new(c->false_per_minute, &manager.sources) &&
		    !zkhsmd_sources_new(1000, &manager.guest_parts) &&
		    !zkhsmd_cache_new(c->lists_max, &manager.lists) &&
		    !zkhsmd_cache_new(c->guest_lists_max, &manager.guest_lists) &&
		    !zkhsmd_confs_new(&manager.confs) && !zkhsmd_rlist_new(&manager.rlist) &&
		    !zkhsmd_statuses_new(&manager.statuses) &&
		    !zkhsmd_rates_new(&manager.rates) && !zkhsmd_watch_new(&manager.watch) &&
		    !zkhsmd_polls_new(&manager, &manager.polls) && !store->ops->begin(store));
	manager.newest_wall = 0;
	prover = prover_new("fuzz", 2);
	prover_pin(prover, manager.identity.order_public);
	prover_refresh(prover);
}

static void end(void)
{
	zkhsmd_polls_stop(manager.polls);
	FUZZ_ASSERT(!open_requests);
	FUZZ_ASSERT(!manager.heavy_guests && !manager.list_guests);
	store->ops->rollback(store);
	prover_free(prover);
	zkhsmd_polls_free(manager.polls);
	zkhsmd_watch_free(manager.watch);
	zkhsmd_rates_free(manager.rates);
	zkhsmd_statuses_free(manager.statuses);
	zkhsmd_rlist_free(manager.rlist);
	zkhsmd_confs_free(manager.confs);
	zkhsmd_cache_free(manager.guest_lists);
	zkhsmd_cache_free(manager.lists);
	zkhsmd_sources_free(manager.guest_parts);
	zkhsmd_sources_free(manager.sources);
	zkhsmd_nonces_free(manager.nonces);
}

/* The text with what stands for bytes of this HSM put in; terminated. */
static char *expand(const uint8_t *text, size_t len, size_t *out_len)
{
	char *out = malloc(len / 2 * 64 + 65), *to = out, *hex;
	uint8_t element[32];

	FUZZ_ASSERT(out);
	zkhsm_element_name(prover->keys[0].entry.type, prover->keys[0].entry.public, element);
	for (size_t i = 0; i < len; i++) {
		const uint8_t *bytes = NULL;

		if (text[i] == '@' && i + 1 < len)
			bytes = text[i + 1] == 'H' ? prover->hsm_id :
				text[i + 1] == 'E' ? element :
				text[i + 1] == 'C' ? prover->config_digest :
				text[i + 1] == 'L' ? prover->list_digest : NULL;
		if (!bytes) {
			*to++ = (char)text[i];
			continue;
		}
		hex = zkhsm_hex(bytes, 32);
		memcpy(to, hex, 64);
		to += 64;
		i++;
		free(hex);
	}
	*to = '\0';
	*out_len = (size_t)(to - out);
	return out;
}

static void handle(const struct server_route *route, char *first, char *second, const char *query,
		   const void *body, size_t len)
{
	struct server_request *rq = calloc(1, sizeof(*rq));
	struct evhttp_request *ev = evhttp_request_new(NULL, NULL);
	uint8_t *copy = malloc(len ? len : 1);

	FUZZ_ASSERT(rq && copy && ev);
	/* The one header that a handler looks at by itself. */
	if (second)
		evhttp_add_header(evhttp_request_get_input_headers(ev), "If-None-Match", second);
	if (len)
		memcpy(copy, body, len);
	*rq = (struct server_request){
		.ev = ev, .route = route, .arg = &manager, .id = "fuzz", .source = "192.0.2.1",
		.origin = "192.0.2.1", .peer = "CN=fuzz", .peer_cn = "fuzz", .roles = ~0U,
		.method = "POST", .path = "/fuzz", .query_text = "", .body = copy, .body_len = len,
		.args = { first, second },
	};
	open_requests++;
	/* These two read nothing that came; they need files, and a server with its threads. */
	if (route->handle == zkhsmd_api_backup || route->handle == zkhsmd_api_metrics)
		request_end(rq);
	/* The server has looked at these before. */
	else if (len > route->max_body || (!route->media && len) ||
	    evhttp_parse_query_str(query, &rq->query))
		request_end(rq);
	else
		route->handle(rq);
}

static void request(const struct server_route *route, const struct fuzz_piece p[4])
{
	char *text[3];
	size_t len;
	char *body;

	for (int i = 0; i < 3; i++)
		text[i] = expand(p[i].data, p[i].len, &len);
	body = expand(p[3].data, p[3].len, &len);
	handle(route, text[0], text[1], text[2], body, len);
	free(text[2]);
	free(body);
}

static const struct server_route *route_to(void (*fn)(struct server_request *rq))
{
	for (size_t i = 0; i < zkhsmd_route_count; i++)
		if (zkhsmd_routes[i].handle == fn)
			return &zkhsmd_routes[i];
	FUZZ_ASSERT(!"a route");
}

static char *hsm_hex(void)
{
	return zkhsm_hex(prover->hsm_id, 32);
}

/* Whatever evidence refers to, which the manager may know already. */
static void send_list(void)
{
	uint8_t *body = malloc(PROVER_ANNOUNCEMENT_LEN + prover->list_len);
	char *identity = zkhsm_hex(prover->identity, 65), *hsm = hsm_hex(), *query;

	FUZZ_ASSERT(body && asprintf(&query, "hsm_id=%s&identity=%s", hsm, identity) > 0);
	prover_announcement(prover, body);
	memcpy(body + PROVER_ANNOUNCEMENT_LEN, prover->list, prover->list_len);
	handle(route_to(zkhsmd_api_list_put), zkhsm_hex(prover->list_digest, 32), NULL, query,
	       body, PROVER_ANNOUNCEMENT_LEN + prover->list_len);
	handle(route_to(zkhsmd_api_configuration_put), zkhsm_hex(prover->config_digest, 32), NULL,
	       query, prover->config_bytes, prover->config_len);
	free(query);
	free(identity);
	free(hsm);
	free(body);
}

static void change_prover(uint8_t what, uint8_t value)
{
	char id[] = "key-a";

	switch (what % 8) {
	case 1:
		prover->boot_count += value;
		break;
	case 2:
		prover->fork_count++;
		prover->instance_id[0]++;
		break;
	case 3:
		prover->number -= value;
		break;
	case 4:
		prover->uptime_ms += (uint64_t)value << 20;
		break;
	case 5:
		id[4] = (char)('a' + value % 4);
		if (!prover_key(prover, id))
			prover_key_add(prover, id, NULL);
		break;
	case 6:
		prover->keys[0].entry.state = 1 + value % 5;
		break;
	case 7:
		prover->config.quorum = 1 + value % 2;
		break;
	}
	prover_refresh(prover);
}

/* Challenge, list and configuration, evidence; @data: what to change, what to leave out. */
static void attest(const uint8_t *data, size_t len)
{
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], nonce[32] = { 0 }, flags = len ? data[0] : 0;
	char *hsm = hsm_hex(), *body;
	const char *hex;
	size_t size;

	for (size_t i = 1; i + 1 < len && i < 16; i += 2)
		change_prover(data[i], data[i + 1]);
	FUZZ_ASSERT(asprintf(&body, "{\"hsm_id\":\"%s\"}", hsm) > 0);
	handle(route_to(zkhsmd_api_challenge), NULL, NULL, "", body, strlen(body));
	free(body);
	free(hsm);
	hex = json_string_value(json_object_get(said, "nonce"));
	if (hex)
		FUZZ_ASSERT(!zkhsm_unhex(hex, nonce, 32));
	if (!(flags & 1))
		send_list();
	size = prover_answer(prover, manager.identity.manager_id, nonce, evidence);
	if (flags & 2)
		evidence[(size_t)flags * 7 % size] ^= 1;
	handle(route_to(zkhsmd_api_evidence), NULL, NULL, "", evidence, size);
	/* The same bytes get the same answer. */
	if (flags & 4) {
		json_t *first = json_incref(said);
		int before = status;

		handle(route_to(zkhsmd_api_evidence), NULL, NULL, "", evidence, size);
		if (before == 200)
			FUZZ_ASSERT(status == 200 && json_equal(first, said));
		json_decref(first);
	}
}

static void operation(const struct fuzz_piece *o)
{
	struct fuzz_piece p[4];

	if (!o->len)
		return;
	if (o->data[0] >= zkhsmd_route_count) {
		attest(o->data + 1, o->len - 1);
		return;
	}
	fuzz_cut(o->data + 1, o->len - 1, p, 4);
	request(&zkhsmd_routes[o->data[0]], p);
	fuzz_free(p, 4);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece p[OPERATIONS];

	fuzz_cut(data, size, p, OPERATIONS);
	begin();
	for (size_t i = 0; i < OPERATIONS; i++)
		operation(&p[i]);
	end();
	json_decref(said);
	said = NULL;
	fuzz_free(p, OPERATIONS);
	return 0;
}
