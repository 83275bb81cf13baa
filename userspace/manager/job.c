// SPDX-License-Identifier: GPL-2.0
/*
 * job.c - the threads: workers that read and verify, one writer that commits
 *
 * The writer takes whatever is waiting into one transaction: while the disk
 * syncs for some, the next gather. Long work has workers of its own, so that a
 * list of 100,000 keys does not stand before a token.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "audit_log.h"
#include "manager.h"
#include "metrics.h"
#include "two_person.h"

#define BATCH_MAX	256

struct queue {
	pthread_mutex_t lock;		/* @first, @last, @stop */
	pthread_cond_t some;
	struct zkhsmd_job *first, **last;
	bool stop;
};

struct worker {
	pthread_t thread;
	struct zkhsmd_jobs *jobs;
	struct queue *queue;
	struct zkhsmd_store *store;
	_Atomic int64_t since;		/* CLOCK_BOOTTIME ms of what it is at; 0: it waits */
};

struct zkhsmd_jobs {
	struct zkhsmd *m;
	struct queue light, heavy, slow, writes, done;
	/* The light ones, then the heavy, then the one for what is slow, then the writer. */
	struct worker *workers;
	size_t worker_count, started;
	struct event *wake;
	int wake_fd;
	size_t pending;			/* the loop's, like @store */
	struct zkhsmd_store *store;	/* for quick jobs, never waits; or NULL */
};

static void queue_init(struct queue *q)
{
	pthread_mutex_init(&q->lock, NULL);
	pthread_cond_init(&q->some, NULL);
	q->last = &q->first;
}

static void queue_end(struct queue *q)
{
	pthread_cond_destroy(&q->some);
	pthread_mutex_destroy(&q->lock);
}

/* Whether it was empty. */
static bool queue_put(struct queue *q, struct zkhsmd_job *job)
{
	bool empty;

	job->next = NULL;
	pthread_mutex_lock(&q->lock);
	empty = !q->first;
	*q->last = job;
	q->last = &job->next;
	pthread_cond_signal(&q->some);
	pthread_mutex_unlock(&q->lock);
	return empty;
}

static void queue_stop(struct queue *q)
{
	pthread_mutex_lock(&q->lock);
	q->stop = true;
	pthread_cond_broadcast(&q->some);
	pthread_mutex_unlock(&q->lock);
}

/* Up to @max of them as a chain; NULL when stopped, or when none and not @wait. */
static struct zkhsmd_job *queue_take(struct queue *q, size_t max, bool wait)
{
	struct zkhsmd_job *chain, **end = &chain;

	pthread_mutex_lock(&q->lock);
	while (wait && !q->first && !q->stop)
		pthread_cond_wait(&q->some, &q->lock);
	chain = q->first;
	while (*end && max--)
		end = &(*end)->next;
	q->first = *end;
	if (!q->first)
		q->last = &q->first;
	*end = NULL;
	pthread_mutex_unlock(&q->lock);
	return chain;
}

static void job_done(struct zkhsmd_jobs *jobs, struct zkhsmd_job *job)
{
	const uint64_t one = 1;

	if (queue_put(&jobs->done, job) &&
	    write(jobs->wake_fd, &one, sizeof(one)) != sizeof(one))
		abort();	/* an eventfd takes 2^64 - 2 of these */
}

static void *work_loop(void *arg)
{
	struct worker *w = arg;
	struct zkhsmd_job *job;

	while ((job = queue_take(w->queue, 1, true))) {
		w->since = zkhsmd_now().boot;
		if (job->work(job, w->store) == ZKHSMD_ANSWER)
			job_done(w->jobs, job);
		else
			queue_put(&w->jobs->writes, job);
		w->since = 0;
	}
	return NULL;
}

static void job_free(void *arg)
{
	struct zkhsmd_job *job = arg;

	if (job->data_end)
		job->data_end(job->data);
	free(job);
}

static void job_failed(struct zkhsmd_job *job, int error)
{
	job->result = error;
	if (job->undone)
		job->undone(job);
}

/* Nothing of it is recorded: what it was going to say, good or bad, is not so. */
static void deny(struct zkhsmd_job *job, int error)
{
	if (!job->rq)
		return;
	job->rq->reply.header_count = 0;
	zkhsmd_problem_store(job->rq, error);
}

/* One job in its own mark; -EIO when the whole transaction is gone. */
static int write_one(struct zkhsmd_store *s, struct zkhsmd_job *job)
{
	const uint64_t added = s->audit_added;
	int ret = s->ops->mark(s);

	if (ret)
		return ret;
	if (job->rq)
		job->rq->reply.status = 0;
	ret = job->write(job, s);
	/* What was done or refused, and by whom, belongs to it. */
	if (ret >= 0)
		ret = zkhsmd_audit_job(job, s, added);
	if (ret >= 0)
		ret = zkhsmd_two_person_done(job, s);
	if (ret >= 0)
		return s->ops->keep(s);
	job_failed(job, ret);
	deny(job, ret);
	return s->ops->undo(s);
}

static void fail_batch(struct zkhsmd_job *batch, int error)
{
	for (struct zkhsmd_job *job = batch; job; job = job->next) {
		if (job->result)
			continue;
		job_failed(job, error);
		deny(job, error);
	}
}

static void count_batch(struct zkhsmd *m, const struct zkhsmd_job *batch, int error, uint64_t began)
{
	uint64_t jobs = 0;

	for (; batch; batch = batch->next)
		jobs += !batch->result;
	zkhsmd_metric_time(m, T_COMMIT, began);
	zkhsmd_metric_add(m, error ? M_COMMIT_FAILURES : M_COMMITS, 1);
	if (!error)
		zkhsmd_metric_add(m, M_COMMITTED_JOBS, jobs);
}

static void write_batch(struct zkhsmd *m, struct zkhsmd_store *s, struct zkhsmd_job *batch)
{
	const uint64_t began = zkhsmd_metric_now();
	int ret = s->ops->begin(s);

	for (struct zkhsmd_job *job = batch; !ret && job; job = job->next)
		ret = write_one(s, job);
	if (!ret)
		ret = s->ops->commit(s);
	else
		s->ops->rollback(s);
	count_batch(m, batch, ret, began);
	if (ret)
		fail_batch(batch, ret);
	else
		zkhsmd_audit_tell(m, s);
}

static void *write_loop(void *arg)
{
	struct worker *w = arg;
	struct zkhsmd_job *batch, *job;

	while ((batch = queue_take(w->queue, BATCH_MAX, true))) {
		w->since = zkhsmd_now().boot;
		write_batch(w->jobs->m, w->store, batch);
		while ((job = batch)) {
			batch = job->next;
			job_done(w->jobs, job);
		}
		w->since = 0;
	}
	return NULL;
}

static void finish(struct zkhsmd_job *job)
{
	const bool own = !job->rq;

	if (!job->result && job->committed)
		job->committed(job);
	if (job->answered)
		job->answered(job);
	else if (!own)
		server_send(job->rq);
	if (own)
		job_free(job);
}

static void on_done(evutil_socket_t fd, short what, void *arg)
{
	struct zkhsmd_jobs *jobs = arg;
	struct zkhsmd_job *chain, *job;
	uint64_t count;

	(void)what;
	if (read(fd, &count, sizeof(count)) != sizeof(count))
		return;
	chain = queue_take(&jobs->done, SIZE_MAX, false);
	while ((job = chain)) {
		chain = job->next;
		jobs->pending--;
		finish(job);
	}
}

static int start_worker(struct zkhsmd_jobs *jobs, struct queue *q, bool writer,
			struct zkhsm_error *err)
{
	struct worker *w = &jobs->workers[jobs->started];
	const struct zkhsmd_store_ops *ops = jobs->m->store_ops;
	int ret;

	w->jobs = jobs;
	w->queue = q;
	ret = ops->open(jobs->m->store_path, !writer, false, &w->store, err);
	if (ret)
		return ret;
	ret = pthread_create(&w->thread, NULL, writer ? write_loop : work_loop, w);
	if (ret) {
		ops->close(w->store);
		return zkhsm_fail(err, -ret, "no thread: %s", strerror(ret));
	}
	jobs->started++;
	return 0;
}

int zkhsmd_jobs_start(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_jobs *jobs = calloc(1, sizeof(*jobs));
	size_t light = m->config.workers, heavy = (m->config.workers + 1) / 2;
	int ret = 0;

	if (!jobs)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	m->jobs = jobs;
	jobs->m = m;
	queue_init(&jobs->light);
	queue_init(&jobs->heavy);
	queue_init(&jobs->slow);
	queue_init(&jobs->writes);
	queue_init(&jobs->done);
	jobs->worker_count = light + heavy + 2;
	jobs->workers = calloc(jobs->worker_count, sizeof(*jobs->workers));
	jobs->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (jobs->wake_fd >= 0)
		jobs->wake = event_new(m->base, jobs->wake_fd, EV_READ | EV_PERSIST, on_done, jobs);
	if (!jobs->workers || !jobs->wake || event_add(jobs->wake, NULL))
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	if (m->store_ops->hurry)
		ret = m->store_ops->open(m->store_path, true, false, &jobs->store, err);
	if (m->store_ops->hurry && jobs->store && m->store_ops->hurry(jobs->store))
		ret = zkhsm_fail(err, -EIO, "%s cannot be read", m->store_path);
	for (size_t i = 0; !ret && i < jobs->worker_count; i++)
		ret = start_worker(jobs, i < light ? &jobs->light :
				   i < light + heavy ? &jobs->heavy :
				   i == light + heavy ? &jobs->slow : &jobs->writes,
				   i == light + heavy + 1, err);
	return ret;
}

void zkhsmd_jobs_stop(struct zkhsmd *m)
{
	struct zkhsmd_jobs *jobs = m->jobs;

	if (!jobs)
		return;
	queue_stop(&jobs->light);
	queue_stop(&jobs->heavy);
	queue_stop(&jobs->slow);
	queue_stop(&jobs->writes);
	for (size_t i = 0; i < jobs->started; i++) {
		pthread_join(jobs->workers[i].thread, NULL);
		m->store_ops->close(jobs->workers[i].store);
	}
	m->store_ops->close(jobs->store);
	if (jobs->wake)
		event_free(jobs->wake);
	if (jobs->wake_fd >= 0)
		close(jobs->wake_fd);
	queue_end(&jobs->light);
	queue_end(&jobs->heavy);
	queue_end(&jobs->slow);
	queue_end(&jobs->writes);
	queue_end(&jobs->done);
	free(jobs->workers);
	free(jobs);
	m->jobs = NULL;
}

struct zkhsmd_job *zkhsmd_job_own(struct zkhsmd *m, size_t size)
{
	const size_t head = (sizeof(struct zkhsmd_job) + 15) & ~(size_t)15;
	struct zkhsmd_job *job = calloc(1, head + size);

	if (!job)
		return NULL;
	job->m = m;
	job->data = (uint8_t *)job + head;
	return job;
}

struct zkhsmd_job *zkhsmd_job_new(struct server_request *rq, size_t size)
{
	struct zkhsmd_job *job = zkhsmd_job_own(rq->arg, size);

	if (!job) {
		zkhsmd_problem(rq, P_STORE, "out of memory");
		server_send(rq);
		return NULL;
	}
	job->rq = rq;
	rq->data = job;
	rq->data_free = job_free;
	return job;
}

enum zkhsmd_next zkhsmd_job_unread(struct zkhsmd_job *job, int error)
{
	if (job->quick && error == -EBUSY)
		return ZKHSMD_LATER;
	zkhsmd_problem_store(job->rq, error);
	return ZKHSMD_ANSWER;
}

/* A job without work() goes to the writer at once. */
void zkhsmd_job_submit(struct zkhsmd_job *job)
{
	struct zkhsmd_jobs *jobs = job->m->jobs;

	job->result = 0;
	/* It only reads, so it has its answer, or could not read. */
	if (job->quick && jobs->store && job->work(job, jobs->store) == ZKHSMD_ANSWER) {
		finish(job);
		return;
	}
	job->quick = false;
	jobs->pending++;
	queue_put(!job->work ? &jobs->writes : job->slow ? &jobs->slow :
		  job->heavy ? &jobs->heavy : &jobs->light, job);
}

bool zkhsmd_jobs_pending(struct zkhsmd *m)
{
	return m->jobs && m->jobs->pending;
}

/* What is slow may be: it scans or copies the whole store, and nobody waits behind it. */
int64_t zkhsmd_jobs_longest(struct zkhsmd *m)
{
	const int64_t now = zkhsmd_now().boot;
	int64_t longest = 0;

	for (size_t i = 0; m->jobs && i < m->jobs->started; i++) {
		const struct worker *w = &m->jobs->workers[i];
		int64_t since = w->since;

		if (since && w->queue != &m->jobs->slow && now - since > longest)
			longest = now - since;
	}
	return longest;
}

static size_t length(struct queue *q)
{
	size_t n = 0;

	pthread_mutex_lock(&q->lock);
	for (const struct zkhsmd_job *job = q->first; job; job = job->next)
		n++;
	pthread_mutex_unlock(&q->lock);
	return n;
}

void zkhsmd_jobs_waiting(struct zkhsmd *m, struct zkhsmd_waiting *out)
{
	struct zkhsmd_jobs *jobs = m->jobs;

	out->light = length(&jobs->light);
	out->heavy = length(&jobs->heavy);
	out->slow = length(&jobs->slow);
	out->writes = length(&jobs->writes);
}
