// SPDX-License-Identifier: GPL-2.0
/*
 * kill_load.c - HSMs, administrators and clients, all at once, until the manager has gone
 *
 * Threads fail no test themselves. What they see that must not be is kept by
 * kill_wrong(), and ends them.
 */
#include "kill.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS		(2 * SITES + CLIENTS + 2)

static struct kill_thread threads[THREADS];

uint32_t kill_random(uint64_t *state, uint32_t below)
{
	/* Knuth's MMIX: a test that can be repeated needs no better one. */
	*state = *state * 6364136223846793005ULL + 1442695040888963407ULL;
	return (uint32_t)(*state >> 33) % below;
}

bool kill_wrong(struct life *l, const char *format, ...)
{
	va_list args;

	pthread_mutex_lock(&l->lock);
	va_start(args, format);
	if (!l->wrong[0])
		vsnprintf(l->wrong, sizeof(l->wrong), format, args);
	va_end(args);
	pthread_mutex_unlock(&l->lock);
	return false;
}

/* An answer that this test has no place for; no answer at all is what it waits for. */
bool kill_unexpected(struct kill_thread *t, const char *what, int status, json_t *o)
{
	char *text = json_dumps(o, JSON_COMPACT | JSON_ENCODE_ANY);

	if (status >= 0)
		kill_wrong(t->l, "%s: status %d: %.300s", what, status, text ? text : "");
	free(text);
	json_decref(o);
	return false;
}

const char *kill_problem(const json_t *o)
{
	const char *type = json_string_value(json_object_get(o, "type"));

	return type && strncmp(type, "urn:zkhsm:", 10) == 0 ? type + 10 : "";
}

/* --- all of them ------------------------------------------------------------- */

static void begin(struct life *l, size_t n, void *(*be)(void *), size_t which, const char *cert)
{
	struct kill_thread *t = &threads[n];

	*t = (struct kill_thread){ .l = l, .which = which, .h = daemon_client(l->d, cert),
				   .random = l->seed + n };
	assert_int_equal(pthread_create(&t->id, NULL, be, t), 0);
}

void kill_load_start(struct life *l)
{
	size_t n = 0;

	kill_random(&l->seed, 1);
	for (size_t i = 0; i < SITES; i++) {
		begin(l, n++, kill_be_hsm, i, NULL);
		begin(l, n++, kill_be_administrator, i, "admin");
	}
	for (size_t i = 0; i < CLIENTS; i++)
		begin(l, n++, kill_be_client, i, NULL);
	begin(l, n++, kill_be_reader, 0, NULL);
	begin(l, n++, kill_be_enroller, 0, "admin");
	assert_int_equal(n, THREADS);
}

void kill_load_join(struct life *l)
{
	for (size_t n = 0; n < THREADS; n++) {
		pthread_join(threads[n].id, NULL);
		zkhsm_https_free(threads[n].h);
	}
	if (l->wrong[0])
		fail_msg("%s", l->wrong);
}
