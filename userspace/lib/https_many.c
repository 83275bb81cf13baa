// SPDX-License-Identifier: GPL-2.0
/*
 * https_many.c - requests to several servers at a time: who does not answer
 * costs the others nothing
 */
#include <stdlib.h>

#include "https_private.h"

/* libcurl wakes up for its own timers; this only bounds how long a cancel waits. */
#define POLL_MS		500

/* libcurl keeps the connections of requests made together here, not with each. */
struct zkhsm_https_group {
	CURLM *multi;
};

struct flight {
	struct exchange x;
	bool begun, ended;
};

static void note_ended(CURLM *multi, const struct zkhsm_https_call *calls, struct flight *flights,
		       size_t count, CURLcode *codes)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		for (size_t i = 0; i < count; i++) {
			if (flights[i].begun && calls[i].h->curl == message->easy_handle) {
				flights[i].ended = true;
				codes[i] = message->data.result;
			}
		}
	}
}

/* Where libcurl itself fails, those that have not ended are given up. */
static void perform(CURLM *multi, const struct zkhsm_https_call *calls, struct flight *flights,
		    size_t count, CURLcode *codes)
{
	int running;

	do {
		if (curl_multi_perform(multi, &running))
			return;
		note_ended(multi, calls, flights, count, codes);
		if (running && curl_multi_poll(multi, NULL, 0, POLL_MS, NULL))
			return;
	} while (running);
}

/* Each is ended, also one that libcurl could not be given. */
static void begin_all(CURLM *multi, struct zkhsm_https_call *calls, struct flight *flights,
		      size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct zkhsm_https_call *c = &calls[i];
		struct flight *f = &flights[i];

		c->ret = zkhsm_https_begin(c->h, c->method, c->path,
					   c->body ? c->content_type : NULL, c->body,
					   c->body_len, &c->response, &f->x, &c->error);
		if (c->ret)
			continue;
		f->begun = !curl_multi_add_handle(multi, c->h->curl);
		if (!f->begun)
			c->ret = zkhsm_https_end(c->h, CURLE_OUT_OF_MEMORY, &f->x, &c->response,
						 &c->error);
	}
}

int zkhsm_https_group_new(struct zkhsm_https_group **out)
{
	struct zkhsm_https_group *g = calloc(1, sizeof(*g));

	*out = g;
	if (g)
		g->multi = curl_multi_init();
	if (g && g->multi)
		return 0;
	free(g);
	*out = NULL;
	return -ENOMEM;
}

void zkhsm_https_group_free(struct zkhsm_https_group *g)
{
	if (!g)
		return;
	curl_multi_cleanup(g->multi);
	free(g);
}

/**
 * zkhsm_https_do_many() - requests to different servers, at the same time
 * @g: keeps their connections for the next time
 * @calls: each with a @h of its own; @ret, @response and @error are what
 *	   zkhsm_https_do() gives of each
 * @count: how many
 *
 * Returns when the last one has its answer or has failed; the longest time is
 * that of the object with the longest timeout.
 *
 * Return: 0, or -ENOMEM when none was begun.
 */
int zkhsm_https_do_many(struct zkhsm_https_group *g, struct zkhsm_https_call *calls,
			size_t count)
{
	struct flight *flights = calloc(count ? count : 1, sizeof(*flights));
	CURLcode *codes = calloc(count ? count : 1, sizeof(*codes));
	int ret = flights && codes ? 0 : -ENOMEM;

	if (!ret) {
		begin_all(g->multi, calls, flights, count);
		perform(g->multi, calls, flights, count, codes);
	}
	for (size_t i = 0; !ret && i < count; i++) {
		struct zkhsm_https_call *c = &calls[i];

		if (!flights[i].begun)
			continue;
		curl_multi_remove_handle(g->multi, c->h->curl);
		c->ret = zkhsm_https_end(c->h, flights[i].ended ? codes[i] :
					 CURLE_ABORTED_BY_CALLBACK, &flights[i].x, &c->response,
					 &c->error);
	}
	free(codes);
	free(flights);
	return ret;
}
