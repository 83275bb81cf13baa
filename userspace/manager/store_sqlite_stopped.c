// SPDX-License-Identifier: GPL-2.0
/*
 * store_sqlite_stopped.c - which elements are stopped on one HSM, for its lease
 *
 * What is stopped everywhere is the same for each HSM, and asked for with every
 * piece of evidence: it is kept in memory. It is read anew after a change by
 * this connection, where one was undone, and when PRAGMA data_version says that
 * another connection has committed something.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store_sqlite.h"

struct stopped {
	uint8_t element[32], action;
};

struct sq_stopped {
	int64_t version;
	size_t count, size;
	struct stopped *all;		/* ascending */
};

static void free_stopped(struct sq_stopped *t)
{
	if (!t)
		return;
	free(t->all);
	free(t);
}

void sq_stopped_forget(struct sq *s)
{
	free_stopped(s->stopped);
	s->stopped = NULL;
}

/* 1 for a row, as sq_step(). */
static int next_stopped(sqlite3_stmt *q, struct stopped *out)
{
	int ret = sq_step(q);

	if (ret <= 0)
		return ret;
	out->action = (uint8_t)sqlite3_column_int(q, 1);
	return sq_take(q, 0, out->element, sizeof(out->element)) ? 1 : -EUCLEAN;
}

static int append(struct sq_stopped *t, const struct stopped *one)
{
	if (t->count == t->size) {
		size_t size = t->size ? 2 * t->size : 64;
		struct stopped *all = reallocarray(t->all, size, sizeof(*all));

		if (!all)
			return -ENOMEM;
		t->all = all;
		t->size = size;
	}
	t->all[t->count++] = *one;
	return 0;
}

static int read_everywhere(struct sq *s, int64_t version)
{
	struct sq_stopped *t;
	sqlite3_stmt *q;
	struct stopped one;
	int ret, failed = 0;

	sq_stopped_forget(s);
	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->version = version;
	q = sq_stmt(s, SQL_REVOCATION_EVERYWHERE);
	while (!failed && (ret = next_stopped(q, &one)) > 0)
		failed = append(t, &one);
	ret = sq_end(q, failed ? failed : ret);
	if (ret)
		free_stopped(t);
	else
		s->stopped = t;
	return ret;
}

/* The version is read first: what is read after it is at least as new. */
static int know_everywhere(struct sq *s)
{
	sqlite3_stmt *q = sq_stmt(s, SQL_DATA_VERSION);
	int ret = sq_step(q);
	int64_t version = ret > 0 ? sqlite3_column_int64(q, 0) : 0;

	ret = sq_end(q, ret ? ret : -EIO);
	if (ret || (s->stopped && s->stopped->version == version))
		return ret;
	return read_everywhere(s, version);
}

/* Both are ascending; of two for one element the strongest, which is the least. */
int sq_revocation_elements(struct zkhsmd_store *store, const uint8_t hsm_id[32],
			   int (*fn)(const uint8_t element[32], uint8_t action, void *arg),
			   void *arg)
{
	struct sq *s = to_sq(store);
	const struct stopped *here, *end;
	struct stopped own;
	sqlite3_stmt *q;
	int ret = know_everywhere(s), stop = 0, d;

	if (ret)
		return ret;
	here = s->stopped->all;
	end = here + s->stopped->count;
	q = sq_stmt(s, SQL_REVOCATION_ELEMENTS);
	sq_blob(q, 1, hsm_id, 32);
	ret = next_stopped(q, &own);
	while (!stop && ret >= 0 && (ret > 0 || here < end)) {
		d = ret <= 0 ? 1 : here == end ? -1 : memcmp(own.element, here->element, 32);
		if (!d && here->action < own.action)
			own.action = here->action;
		stop = d <= 0 ? fn(own.element, own.action, arg) :
				fn(here->element, here->action, arg);
		if (d >= 0)
			here++;
		if (d <= 0)
			ret = next_stopped(q, &own);
	}
	return sq_end(q, stop ? stop : ret);
}
