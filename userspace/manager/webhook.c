// SPDX-License-Identifier: GPL-2.0
/*
 * webhook.c - which alerts webhooks have not been told of yet, and when it is time
 *
 * An alert and what has to be told of it are one commit. The loop asks once a second
 * what is due, gives it to the thread that sends, and has written down what came of it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "metrics.h"
#include "webhook.h"

#define QUEUE_MAX	10000		/* in the store, of all webhooks */
#define HOOKS_MAX	16		/* under way, or due, at one time */
#define FIRST_MS	1000
#define LONGEST_MS	300000
#define SWEEP_TICKS	60

/**
 * struct zkhsmd_webhooks - the loop's
 * @busy:	the webhooks that something is under way to
 * @looking:	a job looks for what is due, or writes what was done
 */
struct zkhsmd_webhooks {
	struct zkhsmd_sender *sender;
	char busy[HOOKS_MAX][33];
	size_t busy_count;
	bool looking, writing;
	unsigned int ticks;
};

int zkhsmd_webhooks_start(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_webhooks *w = calloc(1, sizeof(*w));
	int ret;

	if (!w)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	ret = zkhsmd_sender_new(&w->sender, err);
	if (ret)
		free(w);
	else
		m->webhooks = w;
	return ret;
}

void zkhsmd_webhooks_stop(struct zkhsmd *m)
{
	struct zkhsmd_webhooks *w = m->webhooks;

	if (!w)
		return;
	zkhsmd_sender_free(w->sender);
	free(w);
	m->webhooks = NULL;
}

int zkhsmd_webhooks_queue(struct zkhsmd *m, struct zkhsmd_store *store, int64_t alert)
{
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);
	const struct zkhsmd_hook *hooks;
	size_t count;
	int ret = 0;

	hooks = zkhsmd_policy_hooks(p, &count);
	for (size_t i = 0; !ret && i < count; i++) {
		struct zkhsmd_delivery d = { .alert = alert, .next_ms = zkhsmd_now().wall };

		snprintf(d.hook, sizeof(d.hook), "%s", hooks[i].name);
		ret = store->ops->delivery_add(store, &d, QUEUE_MAX);
		if (ret != -ENOBUFS)
			continue;
		/* The alert itself is stored; evidence is not refused because nobody listens. */
		log_event(LOG_LEVEL_ERROR, "webhook", "hook", d.hook, "alert", LOG_NUMBER(alert),
			  "error", "too many wait already", NULL);
		ret = 0;
	}
	zkhsmd_policy_put(p);
	return ret;
}

/* --- who is being told ------------------------------------------------------ */

static bool is_busy(const struct zkhsmd_webhooks *w, const char *hook)
{
	for (size_t i = 0; i < w->busy_count; i++) {
		if (strcmp(w->busy[i], hook) == 0)
			return true;
	}
	return false;
}

/* What is under way to one that the policy has replaced counts too. */
static bool set_busy(struct zkhsmd_webhooks *w, const char *hook)
{
	if (w->busy_count == HOOKS_MAX)
		return false;
	snprintf(w->busy[w->busy_count++], sizeof(w->busy[0]), "%s", hook);
	return true;
}

static void set_idle(struct zkhsmd_webhooks *w, const char *hook)
{
	for (size_t i = 0; i < w->busy_count; i++) {
		if (strcmp(w->busy[i], hook) == 0) {
			memmove(w->busy[i], w->busy[--w->busy_count], sizeof(*w->busy));
			return;
		}
	}
}

/* --- what is due ------------------------------------------------------------ */

/**
 * struct due - a look for it
 * @hooks:	those that nothing is under way to
 * @sweep:	also for what is of webhooks that there are not any more
 * @found:	a chain
 */
struct due {
	struct zkhsmd_hook hooks[HOOKS_MAX];
	size_t count;
	bool sweep;
	struct zkhsmd_sending *found;
	struct zkhsmd_policy *policy;
};

static void due_end(void *data)
{
	struct due *due = data;

	zkhsmd_sending_free(due->found);
	zkhsmd_policy_put(due->policy);
}

static int fill(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_sending *one)
{
	char *manager = zkhsm_hex(m->identity.manager_id, 32);
	struct zkhsmd_alert_row r;
	json_t *o = NULL;
	int ret = manager ? store->ops->alert_get(store, one->d.alert, &r) : -ENOMEM;

	if (!ret) {
		/* Rows are never used twice, unlike those of deliveries. */
		snprintf(one->id, sizeof(one->id), "alert-%.16s-%lld", manager,
			 (long long)one->d.alert);
		o = json_pack("{s:s, s:s, s:o*}", "type", "zkhsm.alert", "manager_id", manager,
			      "alert", zkhsmd_alert_json(&r));
		one->body = o ? json_dumps(o, JSON_COMPACT | JSON_SORT_KEYS) : NULL;
		ret = one->body ? 0 : -ENOMEM;
	}
	json_decref(o);
	free(manager);
	return ret;
}

static int find_due(struct zkhsmd *m, struct zkhsmd_store *store, struct due *due,
		    const struct zkhsmd_hook *hook)
{
	struct zkhsmd_sending *one = calloc(1, sizeof(*one));
	int ret;

	if (!one)
		return -ENOMEM;
	one->hook = *hook;
	ret = store->ops->delivery_due(store, hook->name, zkhsmd_now().wall, &one->d);
	if (!ret)
		ret = fill(m, store, one);
	if (ret) {
		zkhsmd_sending_free(one);
		return ret == -ENOENT ? 0 : ret;
	}
	one->next = due->found;
	due->found = one;
	return 0;
}

static bool is_declared(const struct due *due, const char *name)
{
	const struct zkhsmd_hook *hooks;
	size_t count;

	hooks = zkhsmd_policy_hooks(due->policy, &count);
	for (size_t i = 0; i < count; i++) {
		if (strcmp(hooks[i].name, name) == 0)
			return true;
	}
	return false;
}

static int find_foreign(const char *hook, void *arg)
{
	return !is_declared(arg, hook);
}

static enum zkhsmd_next work_due(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct due *due = job->data;
	int ret = 0;

	for (size_t i = 0; !ret && i < due->count; i++)
		ret = find_due(job->m, store, due, &due->hooks[i]);
	return due->sweep && store->ops->delivery_hooks(store, find_foreign, due) > 0 ?
	       ZKHSMD_WRITE : ZKHSMD_ANSWER;
}

struct foreign {
	const struct due *due;
	char name[33];
};

static int name_foreign(const char *hook, void *arg)
{
	struct foreign *f = arg;

	if (is_declared(f->due, hook))
		return 0;
	snprintf(f->name, sizeof(f->name), "%s", hook);
	return 1;
}

/* Nobody would ever ask for these again. */
static int write_sweep(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct foreign f = { .due = job->data };
	int ret;

	while ((ret = store->ops->delivery_hooks(store, name_foreign, &f)) > 0) {
		log_event(LOG_LEVEL_WARNING, "webhook", "hook", f.name, "error",
			  "not in the policy any more: what waited for it is dropped", NULL);
		ret = store->ops->delivery_clear(store, f.name);
		if (ret)
			return ret;
	}
	return ret;
}

static void due_found(struct zkhsmd_job *job)
{
	struct zkhsmd_webhooks *w = job->m->webhooks;
	struct due *due = job->data;
	struct zkhsmd_sending *one;

	w->looking = false;
	while ((one = due->found)) {
		due->found = one->next;
		one->next = NULL;
		if (set_busy(w, one->hook.name))
			zkhsmd_sender_put(w->sender, one);
		else
			zkhsmd_sending_free(one);
	}
}

static void look(struct zkhsmd *m)
{
	struct zkhsmd_webhooks *w = m->webhooks;
	struct zkhsmd_job *job = zkhsmd_job_own(m, sizeof(struct due));
	const struct zkhsmd_hook *hooks;
	struct due *due;
	size_t count;

	if (!job)
		return;
	due = job->data;
	job->data_end = due_end;
	due->policy = zkhsmd_policy_get(m);
	hooks = zkhsmd_policy_hooks(due->policy, &count);
	due->sweep = w->ticks++ % SWEEP_TICKS == 0;
	for (size_t i = 0; i < count; i++) {
		if (due->count < HOOKS_MAX && !is_busy(w, hooks[i].name))
			due->hooks[due->count++] = hooks[i];
	}
	w->looking = true;
	job->work = work_due;
	job->write = write_sweep;
	job->answered = due_found;
	zkhsmd_job_submit(job);
}

/* --- what came of it --------------------------------------------------------- */

struct outcome {
	struct zkhsmd_sending *done;
};

static void outcome_end(void *data)
{
	zkhsmd_sending_free(((struct outcome *)data)->done);
}

/* 1 s, 2 s, 4 s and so on: whoever is down is not asked more often than it helps. */
static int64_t delay_after(uint64_t attempts)
{
	int64_t ms = FIRST_MS;

	while (--attempts && ms < LONGEST_MS)
		ms *= 2;
	return ms < LONGEST_MS ? ms : LONGEST_MS;
}

static int write_one(struct zkhsmd *m, struct zkhsmd_store *store, struct zkhsmd_sending *one)
{
	bool over;

	if (one->sent) {
		zkhsmd_metric_add(m, M_WEBHOOK_SENT, 1);
		return store->ops->delivery_del(store, one->d.row);
	}
	one->d.attempts++;
	one->d.next_ms = zkhsmd_now().wall + delay_after(one->d.attempts);
	over = one->d.attempts >= one->hook.attempts;
	zkhsmd_metric_add(m, M_WEBHOOK_FAILED, 1);
	log_event(over ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING, "webhook", "hook", one->hook.name,
		  "alert", LOG_NUMBER(one->d.alert), "attempt", LOG_NUMBER(one->d.attempts),
		  "result", over ? "given up" : "will be tried again", "error", one->why, NULL);
	return over ? store->ops->delivery_del(store, one->d.row) :
		      store->ops->delivery_put(store, &one->d);
}

static int write_outcome(struct zkhsmd_job *job, struct zkhsmd_store *store)
{
	struct outcome *o = job->data;
	int ret = 0;

	for (struct zkhsmd_sending *one = o->done; !ret && one; one = one->next)
		ret = write_one(job->m, store, one);
	return ret;
}

/* Also when it could not be written: then the same is sent again, with the same id. */
static void outcome_written(struct zkhsmd_job *job)
{
	struct zkhsmd_webhooks *w = job->m->webhooks;
	struct outcome *o = job->data;

	w->writing = false;
	for (struct zkhsmd_sending *one = o->done; one; one = one->next)
		set_idle(w, one->hook.name);
}

static void settle(struct zkhsmd *m)
{
	struct zkhsmd_webhooks *w = m->webhooks;
	struct zkhsmd_sending *done;
	struct zkhsmd_job *job;
	struct outcome *o;

	job = zkhsmd_job_own(m, sizeof(*o));
	if (!job)
		return;
	done = zkhsmd_sender_take(w->sender);
	o = job->data;
	o->done = done;
	job->data_end = outcome_end;
	w->writing = true;
	job->write = write_outcome;
	job->answered = outcome_written;
	zkhsmd_job_submit(job);
}

void zkhsmd_webhooks_tick(struct zkhsmd *m, struct zkhsmd_time now)
{
	struct zkhsmd_webhooks *w = m->webhooks;
	struct zkhsmd_policy *p = zkhsmd_policy_get(m);
	size_t count;

	(void)now;
	zkhsmd_policy_hooks(p, &count);
	zkhsmd_policy_put(p);
	if (!w->writing && w->busy_count && zkhsmd_sender_ready(w->sender))
		settle(m);
	/* Without any, only what earlier ones left is looked for. */
	if (!w->looking && (count > w->busy_count || w->ticks % SWEEP_TICKS == 0))
		look(m);
	else if (!count)
		w->ticks++;
}
