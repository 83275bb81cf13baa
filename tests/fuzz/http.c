// SPDX-License-Identifier: GPL-2.0
/*
 * http.c - what handlers of the manager read of a request: path, query, body;
 * and what agent and command line read of an answer
 *
 * Input: which, then two segments of a path, a query, and the body. There is no
 * server: where a handler would answer, the answer is checked; where it would
 * give the request to a worker, it is done with.
 */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

#include "../../userspace/manager/manager.h"
#include "../../userspace/manager/rate.h"
#include "../../userspace/manager/watch.h"
#include "server_private.h"

void __wrap_server_send(struct server_request *rq);
void __wrap_zkhsmd_job_submit(struct zkhsmd_job *job);

static struct zkhsmd manager;
static bool done;

static void finish(struct server_request *rq)
{
	FUZZ_ASSERT(!done);
	done = true;
	if (rq->data)
		rq->data_free(rq->data);
}

void __wrap_server_send(struct server_request *rq)
{
	const struct server_reply *r = &rq->reply;
	json_t *body = r->body ? json_loadb(r->body, r->len, JSON_REJECT_DUPLICATES, NULL) : NULL;

	FUZZ_ASSERT(r->status >= 200 && r->status < 600);
	if (r->status >= 400)
		FUZZ_ASSERT(json_integer_value(json_object_get(body, "status")) == r->status &&
			    json_is_string(json_object_get(body, "type")));
	json_decref(body);
	finish(rq);
}

/* A job has what its threads will need, or it is not submitted. */
void __wrap_zkhsmd_job_submit(struct zkhsmd_job *job)
{
	FUZZ_ASSERT(job->work || job->write);
	finish(job->rq);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct zkhsmd_config *c = &manager.config;

	(void)argc;
	(void)argv;
	log_setup(LOG_LEVEL_ERROR, false);
	c->nonce_life_ms = 60000;
	c->nonces_per_hsm = 16;
	c->nonces_max = 1024;
	FUZZ_ASSERT(!zkhsmd_nonces_new(c, &manager.nonces));
	/* So many that none of what is fuzzed is refused for coming too often. */
	FUZZ_ASSERT(!zkhsmd_sources_new(1000000000, &manager.sources) &&
		    !zkhsmd_sources_new(1000000000, &manager.guest_parts));
	FUZZ_ASSERT(!zkhsmd_polls_new(&manager, &manager.polls));
	FUZZ_ASSERT(!zkhsmd_rates_new(&manager.rates) && !zkhsmd_watch_new(&manager.watch));
	manager.identity.token_key = fuzz_key();
	FUZZ_ASSERT(!zkhsm_signer_public(manager.identity.token_key,
					 manager.identity.order_public));
	zkhsm_sha256(manager.identity.order_public, 65, manager.identity.manager_id);
	manager.identity.jwks = zkhsm_jwks(&manager.identity.token_key, 1);
	return 0;
}

static void request(const struct server_route *route, const struct fuzz_piece p[4])
{
	struct server_request rq = {
		.route = route, .arg = &manager, .id = "fuzz", .source = "192.0.2.1",
		.origin = "192.0.2.1", .peer = "CN=fuzz", .peer_cn = "fuzz", .roles = ~0U,
		.method = "POST", .path = "/fuzz", .query_text = "", .body = p[3].data, .body_len = p[3].len,
	};
	char *query = fuzz_string(&p[2]);

	/* The server has looked at these before. */
	if (p[3].len > route->max_body || (!route->media && p[3].len) ||
	    evhttp_parse_query_str(query, &rq.query)) {
		free(query);
		return;
	}
	rq.args[0] = fuzz_string(&p[0]);
	rq.args[1] = fuzz_string(&p[1]);
	done = false;
	route->handle(&rq);
	FUZZ_ASSERT(done);
	server_reply_drop(&rq.reply);
	evhttp_clear_headers(&rq.query);
	free(rq.args[0]);
	free(rq.args[1]);
	free(query);
}

static void answer(const struct fuzz_piece *body)
{
	struct zkhsm_response r = { .status = 400, .content_type = "application/problem+json" };
	struct zkhsm_error err = { 0 };
	json_t *o = NULL;
	int ret;

	/* As it comes: terminated behind its length. */
	r.body = malloc(body->len + 1);
	FUZZ_ASSERT(r.body);
	memcpy(r.body, body->data, body->len);
	r.body[body->len] = '\0';
	r.body_len = body->len;
	FUZZ_ASSERT(zkhsm_response_problem(&r, &err) == -EREMOTEIO && err.text[0]);
	ret = zkhsm_response_json(&r, &o, &err);
	FUZZ_ASSERT(ret ? ret == -EBADMSG && !o : json_is_object(o));
	json_decref(o);
	free(r.body);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece p[4];
	size_t which;

	if (!size)
		return 0;
	which = data[0] % (zkhsmd_route_count + 1);
	fuzz_cut(data + 1, size - 1, p, 4);
	if (which == zkhsmd_route_count)
		answer(&p[3]);
	else
		request(&zkhsmd_routes[which], p);
	fuzz_free(p, 4);
	return 0;
}
