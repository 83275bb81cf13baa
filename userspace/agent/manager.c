// SPDX-License-Identifier: GPL-2.0
/*
 * manager.c - the threads of one manager: their life, and their sleep
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "agent.h"

int64_t monotonic_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

/* Many hosts started together must not stay in step. */
uint64_t jitter(uint64_t ms)
{
	uint64_t span = ms / 5, r = 0;

	if (!span || getrandom(&r, sizeof(r), GRND_NONBLOCK) != sizeof(r))
		return ms;
	return ms - ms / 10 + r % (span + 1);
}

uint64_t backoff_next(const struct agent_config *c, uint64_t last_ms)
{
	uint64_t next = last_ms ? last_ms * 2 : c->backoff_min_ms;

	return next < c->backoff_max_ms ? next : c->backoff_max_ms;
}

void wait_on_monotonic(pthread_cond_t *c)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(c, &attr);
	pthread_condattr_destroy(&attr);
}

void wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms)
{
	struct timespec t = { until_ms / 1000, until_ms % 1000 * 1000000 };

	if (until_ms == INT64_MAX)
		pthread_cond_wait(c, lock);
	else
		pthread_cond_timedwait(c, lock, &t);
}

bool manager_sleep(struct manager *m, uint64_t ms)
{
	int64_t end = monotonic_ms() + (int64_t)ms;

	pthread_mutex_lock(&m->lock);
	while (!m->agent->stop && monotonic_ms() < end)
		wait_until(&m->wake, &m->lock, end);
	pthread_mutex_unlock(&m->lock);
	return !m->agent->stop;
}

int manager_https(struct manager *m, uint64_t timeout_ms, const atomic_bool *cancel,
		  struct zkhsm_https **out, struct zkhsm_error *err)
{
	struct zkhsm_https_config c = {
		.base_url = m->config.url,
		.ca_file = m->config.ca,
		.connect_timeout_ms = (long)m->agent->config.connect_timeout_ms,
		.timeout_ms = (long)timeout_ms,
		.max_response = 16U << 20,
		.cancel = cancel ? cancel : &m->agent->stop,
	};

	return zkhsm_https_new(&c, out, err);
}

void manager_init(struct manager *m)
{
	pthread_mutex_init(&m->lock, NULL);
	wait_on_monotonic(&m->wake);
	m->turn.due_ms = INT64_MAX;
}

int manager_start(struct manager *m, struct zkhsm_error *err)
{
	sigset_t all, old;
	int ret;

	/* Signals are the main thread's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ret = pthread_create(&m->attest_thread, NULL, attest_run, m);
	m->attesting = !ret;
	if (!ret && m->config.orders && !m->agent->rounds.once) {
		ret = pthread_create(&m->orders_thread, NULL, orders_run, m);
		m->ordering = !ret;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return ret ? zkhsm_fail(err, -ret, "no thread: %s", strerror(ret)) : 0;
}

void manager_stop(struct manager *m)
{
	m->cancel_orders = true;
	pthread_mutex_lock(&m->lock);
	pthread_cond_broadcast(&m->wake);
	pthread_mutex_unlock(&m->lock);
	if (m->attesting)
		pthread_join(m->attest_thread, NULL);
	if (m->ordering)
		pthread_join(m->orders_thread, NULL);
	m->attesting = false;
	m->ordering = false;
}

void manager_free(struct manager *m)
{
	json_decref(m->jwks);
	free(m->list.data);
	pthread_cond_destroy(&m->wake);
	pthread_mutex_destroy(&m->lock);
}
