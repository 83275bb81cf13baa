// SPDX-License-Identifier: GPL-2.0
/*
 * drill.c - a key to rehearse on, and the wait for what happens to it
 */
#include <errno.h>
#include <openssl/rand.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "drill.h"

#define KEY_PREFIX	"drill-"

/* Read by libcurl's callbacks too, so that a request ends as well. */
static _Atomic(bool) interrupted;

static void on_signal(int signal)
{
	(void)signal;
	interrupted = true;
}

double drill_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_BOOTTIME, &t);
	return (double)t.tv_sec * 1000 + (double)t.tv_nsec / 1e6;
}

static int make_key(struct drill *d)
{
	struct zkhsm_key_params p = {
		.type = ZKHSM_KEY_TYPE_EC_P256,
		.set_usage = true, .usage = ZKHSM_KEY_USAGE_SIGN,
		.set_flags = true, .flags = ZKHSM_KEY_FLAG_LEASE_REQUIRED,
	};
	char id[sizeof(KEY_PREFIX) + 16];
	uint8_t drawn[8];
	int ret;

	if (RAND_bytes(drawn, sizeof(drawn)) != 1)
		return zkhsm_fail(&d->cli->err, -EIO, "OpenSSL gives no random numbers");
	snprintf(id, sizeof(id), KEY_PREFIX "%02x%02x%02x%02x%02x%02x%02x%02x", drawn[0], drawn[1],
		 drawn[2], drawn[3], drawn[4], drawn[5], drawn[6], drawn[7]);
	p.id = id;
	ret = zkhsm_key_new(d->cli->nl, &p, &d->key, &d->cli->err);
	if (ret)
		return ret;
	d->made = true;
	fprintf(stderr, "zkhsm: drill: made the key %s\n", id);
	return cli_durable(d->cli);
}

int drill_begin(struct drill *d)
{
	/* Without SA_RESTART: whoever waits is to look. */
	const struct sigaction action = { .sa_handler = on_signal };
	const struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct cli *cli = d->cli;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &d->hsm, &cli->err);
	if (!ret && !d->hsm.initialised) {
		ret = zkhsm_fail(&cli->err, -ENOKEY, "the HSM has no identity yet");
		cli->err.reason = ZKHSM_REASON_NO_IDENTITY;
	}
	if (!ret && d->hsm.enforce_grace_ms == UINT64_MAX)
		ret = zkhsm_fail(&cli->err, -EINVAL,
				 "this HSM only reports (enforce-grace): no key would stop");
	ret = ret ? ret : zkhsm_nl_open(&d->events, &cli->err);
	ret = ret ? ret : zkhsm_nl_subscribe(d->events, &cli->err);
	if (ret)
		return ret;
	cli->cancel = &interrupted;
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	sigaction(SIGHUP, &action, NULL);
	/* A reader, or a manager, that hangs up is no reason to leave the key there. */
	sigaction(SIGPIPE, &ignore, NULL);
	d->end_ms = (uint64_t)drill_now_ms() + d->max_wait_ms;
	return make_key(d);
}

int drill_end(struct drill *d, int ret)
{
	struct zkhsm_error why = d->cli->err;
	int failed = 0;

	if (d->made) {
		failed = zkhsm_key_del(d->cli->nl, d->key.id, &d->cli->err);
		failed = failed ? failed : cli_durable(d->cli);
	}
	zkhsm_nl_close(d->events);
	d->events = NULL;
	if (!ret || !failed) {
		if (ret)
			d->cli->err = why;
		return ret ? ret : failed;
	}
	/* Both: what stopped the drill is the result, and this has to be known all the same. */
	fprintf(stderr, "zkhsm: drill: the key %s is still there: %s\n", d->key.id,
		d->cli->err.text);
	d->cli->err = why;
	return ret;
}

static void on_event(const struct zkhsm_event_info *e, void *arg)
{
	struct drill *d = arg;

	if (e->kind != ZKHSM_CMD_LEASE_NTF ||
	    memcmp(e->lease.manager_id, d->manager_id, sizeof(d->manager_id)) != 0)
		return;
	/* One that was on its way when the newer one was looked at. */
	if (e->event == ZKHSM_EVENT_LEASED && e->lease.number <= d->lease.number)
		return;
	d->lease = e->lease;
	d->event = e->event;
}

/* Signals come only here, so that none is missed between the look and the wait. */
static int poll_events(struct drill *d, const struct timespec *timeout)
{
	struct pollfd fd = { .fd = zkhsm_nl_fd(d->events), .events = POLLIN };
	sigset_t ours, before;
	int ret = 0;

	sigemptyset(&ours);
	sigaddset(&ours, SIGINT);
	sigaddset(&ours, SIGTERM);
	sigaddset(&ours, SIGHUP);
	sigprocmask(SIG_BLOCK, &ours, &before);
	if (!interrupted && ppoll(&fd, 1, timeout, &before) < 0 && errno != EINTR)
		ret = zkhsm_fail(&d->cli->err, -errno, "cannot wait for events");
	sigprocmask(SIG_SETMASK, &before, NULL);
	if (!ret && interrupted)
		ret = zkhsm_fail(&d->cli->err, -EINTR, "interrupted");
	return ret;
}

int drill_wait(struct drill *d, uint64_t until_ms, const char *for_what)
{
	double now = drill_now_ms(), left, end = (double)d->end_ms;
	struct timespec timeout;
	int ret;

	if (now >= end)
		return zkhsm_fail(&d->cli->err, -ETIMEDOUT, "gave up waiting for %s", for_what);
	left = (until_ms && (double)until_ms < end ? (double)until_ms : end) - now;
	left = left > 0 ? left : 0;
	timeout.tv_sec = (time_t)(left / 1000);
	timeout.tv_nsec = (long)((left - (double)timeout.tv_sec * 1000) * 1e6);
	ret = poll_events(d, &timeout);
	ret = ret ? ret : zkhsm_nl_events(d->events, on_event, d, &d->cli->err);
	/* Events were lost: what they would say is looked at after each of them anyway. */
	return ret == -ENOBUFS ? 0 : ret;
}

int drill_use(struct drill *d, bool *works)
{
	static const uint8_t digest[32] = "zkhsm drill";
	uint8_t signature[64], public[65];
	struct zkhsm_error why;
	int ret;

	*works = false;
	ret = zkhsm_key_sign(d->cli->nl, d->key.id, digest, signature, public, &why);
	if (!ret) {
		*works = true;
		return 0;
	}
	/* These are what a drill is about; anything else is a failure of it. */
	if (ret == -EKEYEXPIRED || ret == -EKEYREVOKED ||
	    (ret == -EACCES && why.reason == ZKHSM_REASON_HELD)) {
		d->refusal = why;
		return 0;
	}
	d->cli->err = why;
	return ret;
}

const struct zkhsm_key_lease *drill_says(const struct drill *d, const uint8_t manager_id[32])
{
	for (size_t i = 0; i < d->key.lease_count; i++)
		if (!memcmp(d->key.leases[i].manager_id, manager_id, 32))
			return &d->key.leases[i];
	return NULL;
}

int drill_await_working(struct drill *d, const uint8_t *manager_id)
{
	const struct zkhsm_key_lease *l;
	bool works = false;
	int ret;

	fprintf(stderr, "zkhsm: drill: waiting for leases that grant it\n");
	for (;;) {
		ret = drill_use(d, &works);
		ret = ret ? ret : zkhsm_key_get(d->cli->nl, d->key.id, &d->key, &d->cli->err);
		if (ret)
			return ret;
		l = manager_id ? drill_says(d, manager_id) : NULL;
		if (manager_id && !l)
			return zkhsm_fail(&d->cli->err, -ENOKEY,
					  "this HSM has not pinned that manager");
		if (works && (!l || l->verdict == ZKHSM_LEASE_VERDICT_GRANT))
			return 0;
		ret = drill_wait(d, 0, "leases that grant the key: does the agent run?");
		if (ret)
			return ret;
	}
}
