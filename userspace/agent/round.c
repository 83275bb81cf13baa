// SPDX-License-Identifier: GPL-2.0
/*
 * round.c - who attests when, and one evidence for all who do
 *
 * A round begins when the time of a manager has come. It is asked for a
 * challenge, and with it those whose time is near; their threads ask, at the
 * same time. When all have answered, or some have and the rest has been waited
 * for long enough, the kernel makes one evidence with all the challenges, and
 * the threads post it, each for itself. Whoever comes later gets evidence of its
 * own: a round is held up by a manager that has gone away no longer than
 * challenge_wait, and only once, since it is not waited for the next time.
 *
 * Only so many pieces of evidence are made in a while: the kernel remembers each
 * one for ten minutes and has 1024 places, and it makes 5 a second. A manager that
 * has itself attested to without end, by orders say, would fill them, or use up the
 * challenges of others for evidence that the kernel refuses, and the others would
 * get no leases. As one evidence serves all who are ready, they wait for it.
 *
 * The evidence of one manager never overtakes another one for it, which its
 * lease would not survive: it has one turn at a time, and its thread ends that
 * when the lease is in the kernel.
 */
#include <errno.h>
#include <string.h>

#include "agent.h"

/* Something may change between storing and asking, but not for ever. */
#define TRIES_MAX	5

/* 857 in ten minutes at most, and some places are left to administrators. */
#define PACE_MS		1000
#define PACE_BURST	256
/* Below the kernel's rate, whose refusal would cost each its challenge. */
#define SPACE_MS	250

/* What evidence is made for; of all these no two have one manager_id. */
struct asker {
	struct manager *m;
	struct zkhsm_challenge challenge;
	int ret;			/* -EINPROGRESS: not known yet */
	struct zkhsm_error why;
};

struct batch {
	struct asker askers[AGENT_MANAGERS_MAX];
	size_t count;
	struct zkhsm_evidence evidence;
};

void rounds_init(struct agent *a)
{
	pthread_mutex_init(&a->rounds.lock, NULL);
	wait_on_monotonic(&a->rounds.changed);
	a->rounds.paid_ms = INT64_MIN;
}

void rounds_free(struct agent *a)
{
	pthread_cond_destroy(&a->rounds.changed);
	pthread_mutex_destroy(&a->rounds.lock);
}

/* --- evidence for some managers; without the lock ---------------------------------- */

struct pinned {
	uint8_t ids[ZKHSM_MANAGERS_MAX][32];
	size_t count;
};

static int add_pinned(const struct zkhsm_manager_info *info, void *arg)
{
	struct pinned *p = arg;

	if (p->count == ARRAY_SIZE(p->ids))
		return -E2BIG;
	memcpy(p->ids[p->count++], info->manager_id, 32);
	return 0;
}

static bool is_pinned(const struct pinned *p, const uint8_t id[32])
{
	for (size_t i = 0; i < p->count; i++) {
		if (memcmp(p->ids[i], id, 32) == 0)
			return true;
	}
	return false;
}

/*
 * Who is pinned, and so may be answered: the kernel refuses a request with one
 * other in it, and would not say which. Returns how many, or an errno.
 */
static int leave_out_unpinned(struct batch *b, struct zkhsm_nl *nl,
			      struct zkhsm_challenge challenges[], struct zkhsm_error *err)
{
	struct pinned pinned = { .count = 0 };
	int ret, count = 0;

	ret = zkhsm_trust_list(nl, add_pinned, &pinned, err);
	if (ret)
		return ret;
	for (size_t i = 0; i < b->count; i++) {
		struct asker *asker = &b->askers[i];

		asker->ret = -EINPROGRESS;
		if (is_pinned(&pinned, asker->challenge.manager_id)) {
			challenges[count++] = asker->challenge;
			continue;
		}
		asker->ret = zkhsm_fail(&asker->why, -ENOKEY,
					"the kernel knows no such manager: it is not pinned");
		asker->why.reason = ZKHSM_REASON_NOT_PINNED;
	}
	return count;
}

/* Worth another try: something changed, or a manager was unpinned, just now. */
static bool changed_meanwhile(int ret, const struct zkhsm_error *err)
{
	return (ret == -EAGAIN && err->reason == ZKHSM_REASON_UNSEALED) ||
		(ret == -ENOKEY && err->reason == ZKHSM_REASON_NOT_PINNED);
}

/* The kernel gives evidence of nothing that a loss of power would undo. */
static int try_evidence(struct agent *a, struct batch *b, struct zkhsm_nl *nl,
			struct zkhsm_error *err)
{
	struct zkhsm_challenge challenges[AGENT_MANAGERS_MAX];
	int ret, count;

	ret = agent_store(a, nl, err);
	if (ret)
		return ret;
	count = leave_out_unpinned(b, nl, challenges, err);
	if (count <= 0)
		return count;
	return zkhsm_evidence_get(nl, challenges, (size_t)count, NULL, &b->evidence, err);
}

static void make_evidence(struct agent *a, struct batch *b)
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *nl = NULL;
	int ret;

	/* Opened each time: the module may have been loaded anew, with another family id. */
	ret = zkhsm_nl_open(&nl, &err);
	if (!ret) {
		for (int i = 0; i < TRIES_MAX; i++) {
			ret = try_evidence(a, b, nl, &err);
			if (!changed_meanwhile(ret, &err))
				break;
		}
		zkhsm_nl_close(nl);
	}
	for (size_t i = 0; i < b->count; i++) {
		if (b->askers[i].ret != -EINPROGRESS)
			continue;
		b->askers[i].ret = ret;
		b->askers[i].why = err;
	}
}

/* --- turns; with the lock ----------------------------------------------------------- */

static bool any(const struct agent *a, bool (*is)(const struct turn *t, int64_t now), int64_t now)
{
	for (size_t i = 0; i < a->manager_count; i++) {
		if (is(&a->managers[i].turn, now))
			return true;
	}
	return false;
}

static bool is_due(const struct turn *t, int64_t now)
{
	return t->state == TURN_IDLE && !t->ended && (now >= t->next_ms || now >= t->due_ms);
}

/* One evidence serves all; but nobody has to answer much more often than it wishes. */
static bool joins(const struct turn *t, int64_t now)
{
	return t->state == TURN_IDLE && !t->ended &&
		(now >= t->joins_ms || t->due_ms != INT64_MAX);
}

static bool is_ready(const struct turn *t, int64_t now)
{
	(void)now;
	return t->state == TURN_READY;
}

/* Waited for, by those who are ready. */
static bool is_awaited(const struct turn *t, int64_t now)
{
	(void)now;
	return t->state == TURN_ASKED && !t->away;
}

static bool goes_on(const struct turn *t, int64_t now)
{
	(void)now;
	return !t->ended;
}

/* Begins a round if it is time. */
static bool ask(struct agent *a, int64_t now)
{
	if (!any(a, is_due, now))
		return false;
	/* Those who wait already do not wait longer because others come. */
	if (!any(a, is_ready, now) && !any(a, is_awaited, now))
		a->rounds.until_ms = now + (int64_t)a->config.challenge_wait_ms;
	for (size_t i = 0; i < a->manager_count; i++) {
		struct turn *t = &a->managers[i].turn;

		if (!is_due(t, now) && !joins(t, now))
			continue;
		t->state = TURN_ASKED;
		t->asked_ms = now;
		/* The wish is about to be granted; one that comes from now on counts anew. */
		t->due_ms = INT64_MAX;
	}
	pthread_cond_broadcast(&a->rounds.changed);
	return true;
}

static void give_up_waiting(struct agent *a)
{
	for (size_t i = 0; i < a->manager_count; i++) {
		struct turn *t = &a->managers[i].turn;

		if (t->state == TURN_ASKED)
			t->away = true;
	}
}

/*
 * One configured twice, or one that takes another's name, waits for the next
 * evidence: whoever was asked first goes first, so that nobody waits for ever.
 */
static bool is_first(const struct agent *a, const struct turn *t)
{
	for (size_t i = 0; i < a->manager_count; i++) {
		const struct turn *u = &a->managers[i].turn;

		if (u != t && u->state == TURN_READY &&
		    memcmp(u->challenge.manager_id, t->challenge.manager_id, 32) == 0 &&
		    (u->asked_ms < t->asked_ms || (u->asked_ms == t->asked_ms && u < t)))
			return false;
	}
	return true;
}

static void take(struct agent *a, struct batch *b)
{
	memset(b, 0, sizeof(*b));
	for (size_t i = 0; i < a->manager_count; i++) {
		struct turn *t = &a->managers[i].turn;

		if (t->state == TURN_READY && is_first(a, t))
			b->askers[b->count++] = (struct asker){
				.m = &a->managers[i], .challenge = t->challenge,
				.ret = -EINPROGRESS,
			};
	}
	for (size_t i = 0; i < b->count; i++)
		b->askers[i].m->turn.state = TURN_TAKEN;
}

/* One more is made: what was not made lately may be, up to the burst. */
static void pace(struct rounds *r, int64_t now)
{
	int64_t least = now - (int64_t)PACE_BURST * PACE_MS;

	r->paid_ms = (r->paid_ms > least ? r->paid_ms : least) + PACE_MS;
	r->paced_ms = r->paid_ms > now + SPACE_MS ? r->paid_ms : now + SPACE_MS;
}

static void answer(struct agent *a, const struct batch *b)
{
	for (size_t i = 0; i < b->count; i++) {
		struct turn *t = &b->askers[i].m->turn;

		t->evidence = b->evidence;
		t->ret = b->askers[i].ret;
		t->why = b->askers[i].why;
		t->state = TURN_ANSWERED;
	}
	pthread_cond_broadcast(&a->rounds.changed);
}

/* When something has to be done next if nothing happens. */
static int64_t next_time(const struct agent *a)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < a->manager_count; i++) {
		const struct turn *t = &a->managers[i].turn;

		if (t->state == TURN_IDLE && !t->ended) {
			next = t->next_ms < next ? t->next_ms : next;
			next = t->due_ms < next ? t->due_ms : next;
		}
	}
	if (any(a, is_awaited, 0))
		next = a->rounds.until_ms < next ? a->rounds.until_ms : next;
	else if (any(a, is_ready, 0))
		next = a->rounds.paced_ms < next ? a->rounds.paced_ms : next;
	return next;
}

static void hold_rounds(struct agent *a)
{
	struct rounds *r = &a->rounds;
	struct batch batch;
	int64_t now;

	pthread_mutex_lock(&r->lock);
	while (!a->stop && any(a, goes_on, 0)) {
		now = monotonic_ms();
		if (now >= r->until_ms)
			give_up_waiting(a);
		if (any(a, is_ready, now) && !any(a, is_awaited, now) && now >= r->paced_ms) {
			pace(r, now);
			take(a, &batch);
			pthread_mutex_unlock(&r->lock);
			make_evidence(a, &batch);
			pthread_mutex_lock(&r->lock);
			answer(a, &batch);
		} else if (ask(a, now)) {
			pthread_mutex_unlock(&r->lock);
			agent_store_anyway(a);
			pthread_mutex_lock(&r->lock);
		} else {
			wait_until(&r->changed, &r->lock, next_time(a));
		}
	}
	pthread_mutex_unlock(&r->lock);
}

static void *run(void *arg)
{
	hold_rounds(arg);
	return NULL;
}

/* --- for the other threads ---------------------------------------------------------- */

int rounds_start(struct agent *a, struct zkhsm_error *err)
{
	int ret = pthread_create(&a->rounds.thread, NULL, run, a);

	a->rounds.running = !ret;
	return ret ? zkhsm_fail(err, -ret, "no thread: %s", strerror(ret)) : 0;
}

void rounds_stop(struct agent *a)
{
	pthread_mutex_lock(&a->rounds.lock);
	pthread_cond_broadcast(&a->rounds.changed);
	pthread_mutex_unlock(&a->rounds.lock);
	if (a->rounds.running)
		pthread_join(a->rounds.thread, NULL);
	a->rounds.running = false;
}

void rounds_once(struct agent *a)
{
	hold_rounds(a);
}

void manager_attest_within(struct manager *m, uint64_t ms)
{
	struct rounds *r = &m->agent->rounds;
	int64_t due = monotonic_ms() + (int64_t)ms;

	pthread_mutex_lock(&r->lock);
	if (due < m->turn.due_ms) {
		m->turn.due_ms = due;
		pthread_cond_broadcast(&r->changed);
	}
	pthread_mutex_unlock(&r->lock);
}

void agent_attest_within(struct agent *a, uint64_t ms)
{
	for (size_t i = 0; i < a->manager_count; i++)
		manager_attest_within(&a->managers[i], ms);
}

bool turn_wait(struct manager *m)
{
	struct rounds *r = &m->agent->rounds;
	bool asked;

	pthread_mutex_lock(&r->lock);
	while (!m->agent->stop && !m->turn.ended && m->turn.state != TURN_ASKED)
		pthread_cond_wait(&r->changed, &r->lock);
	asked = !m->agent->stop && m->turn.state == TURN_ASKED;
	pthread_mutex_unlock(&r->lock);
	return asked;
}

int turn_evidence(struct manager *m, const struct zkhsm_challenge *c, struct zkhsm_evidence *out,
		  struct zkhsm_error *err)
{
	struct rounds *r = &m->agent->rounds;
	struct turn *t = &m->turn;
	int ret;

	pthread_mutex_lock(&r->lock);
	t->challenge = *c;
	t->away = monotonic_ms() - t->asked_ms > (int64_t)m->agent->config.challenge_wait_ms;
	t->state = TURN_READY;
	pthread_cond_broadcast(&r->changed);
	while (!m->agent->stop && t->state != TURN_ANSWERED)
		pthread_cond_wait(&r->changed, &r->lock);
	if (t->state != TURN_ANSWERED) {
		ret = zkhsm_fail(err, -ECANCELED, "the agent is being stopped");
	} else {
		ret = t->ret;
		*out = t->evidence;
		if (ret)
			*err = t->why;
	}
	pthread_mutex_unlock(&r->lock);
	return ret;
}

void turn_end(struct manager *m, uint64_t ms)
{
	struct rounds *r = &m->agent->rounds;
	int64_t now = monotonic_ms();
	struct turn *t = &m->turn;

	pthread_mutex_lock(&r->lock);
	/* It gave no challenge at all. */
	if (t->state == TURN_ASKED)
		t->away = true;
	t->state = TURN_IDLE;
	t->next_ms = now + (int64_t)ms;
	t->joins_ms = t->next_ms - (int64_t)(ms / 4);
	t->ended = r->once;
	pthread_cond_broadcast(&r->changed);
	pthread_mutex_unlock(&r->lock);
}
