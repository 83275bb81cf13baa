// SPDX-License-Identifier: GPL-2.0
/*
 * test_kill.c - kill -9 of a manager under load, at random moments, also while it
 * starts: nothing that it acknowledged is lost or done twice, and no key that was
 * revoked is ever good again
 *
 * ZKHSM_KILLS says how often (10), ZKHSM_KILL_SEED repeats what was random.
 */
#include "kill.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KILLS		10
#define PATIENCE_MS	120000

static struct life life = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t number_in(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 10) : otherwise;
}

static void sleep_us(uint32_t us)
{
	const struct timespec t = { .tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000L };

	nanosleep(&t, NULL);
}

static int start(void **state)
{
	struct life *l = &life;

	(void)state;
	l->seed = number_in("ZKHSM_KILL_SEED", (uint64_t)time(NULL) ^ (uint64_t)getpid() << 20);
	print_message("# ZKHSM_KILL_SEED=%llu\n", (unsigned long long)l->seed);
	/* It is not how much one address may ask that is tested here. */
	l->d = daemon_new("max_age = 60min\ninterval = 1min\n",
			  "nonces_per_hsm = 1000\nchallenges_per_second = 0\n"
			  "evidence_per_second = 0\ntokens_per_second = 0\nrequests_per_second = 0\n"
			  "hsm_challenges_per_second = 0\nhsm_evidence_per_second = 0\n"
			  "hsm_tokens_per_second = 0\n");
	daemon_start(l->d, 0);
	l->jwks = get(l->d->public, 200, NULL, "/.well-known/zkhsm/jwks.json");
	for (size_t i = 0; i < SITES; i++) {
		struct site *s = &l->sites[i];
		char seed[32];

		snprintf(seed, sizeof(seed), "site %zu", i);
		s->life = l;
		s->hsm = prover_new(seed, 0);
		s->keys = calloc(1, sizeof(*s->keys));
		snprintf(s->keys[0].id, sizeof(s->keys[0].id), "k%05d", 0);
		zkhsm_element_name(1, prover_key_add(s->hsm, s->keys[0].id, NULL)->entry.public,
				   s->keys[0].element);
		s->key_count = 1;
		prover_refresh(s->hsm);
		snprintf(s->hex, sizeof(s->hex), "%s", hex32(s->hsm->hsm_id));
		/* Its uptime goes on as time does. */
		s->uptime_from = s->hsm->uptime_ms - (uint64_t)now_ms();
	}
	return 0;
}

/* Known and accepted once, with ledger and log at the same point. */
static void begin(struct life *l)
{
	for (size_t i = 0; i < SITES; i++) {
		struct site *s = &l->sites[i];
		struct kill_evidence *e = &s->tried;

		enrol(l->d, s->hsm);
		s->hsm->uptime_ms = s->uptime_from + (uint64_t)now_ms();
		e->len = make_evidence(l->d, s->hsm, e->bytes);
		e->number = s->hsm->number;
		e->answer = post_evidence(l->d, e->bytes, e->len, 200, NULL);
		kill_accepted(s, e);
		json_decref(e->answer);
		e->answer = NULL;
	}
}

/* What is there of the log by now; acts in it are those of begin(). */
static void skip_audit(struct life *l)
{
	struct zkhsm_response r = { 0 };
	char *line, *rest;

	assert_int_equal(zkhsm_https_do(l->d->admin, "GET", "/v1/admin/audit?after=0", NULL, NULL, 0,
					&r, NULL), 0);
	rest = (char *)r.body;
	while (rest && (line = strsep(&rest, "\n")) && *line) {
		l->audit_number++;
		zkhsm_sha256(line, strlen(line), l->audit_hash);
	}
	zkhsm_response_free(&r);
}

/* After some number of answers, and then at any moment. */
static void let_live(struct life *l)
{
	const unsigned int answers = kill_random(&l->seed, 80);
	const int64_t until = now_ms() + PATIENCE_MS;

	l->answers = 0;
	while (l->answers < answers && !l->wrong[0]) {
		if (now_ms() > until)
			fail_msg("%u answers in two minutes", l->answers);
		sleep_us(500);
	}
	sleep_us(kill_random(&l->seed, 20000));
}

/* It is killed while it comes up, too: at any moment of the time that this takes. */
static unsigned int kill_starts(struct life *l, int64_t start_ms)
{
	unsigned int kills = 0;
	int status;
	pid_t pid;

	while (!kill_random(&l->seed, 4)) {
		pid = daemon_spawn(l->d, NULL, NULL);
		sleep_us(kill_random(&l->seed, (uint32_t)start_ms * 1500 + 1));
		kill(pid, SIGKILL);
		assert_int_equal(waitpid(pid, &status, 0), pid);
		if (!WIFSIGNALED(status))
			fail_msg("it ended by itself: %x", status);
		kills++;
	}
	return kills;
}

static void killed(void **state)
{
	const unsigned int wanted = (unsigned int)number_in("ZKHSM_KILLS", KILLS);
	struct life *l = &life;
	unsigned int kills = 0, starting = 0;
	int64_t from, start_ms = 100;

	(void)state;
	begin(l);
	skip_audit(l);
	while (kills < wanted) {
		kill_load_start(l);
		let_live(l);
		daemon_end(l->d, SIGKILL);
		kill_load_join(l);
		starting += kill_starts(l, start_ms);
		from = now_ms();
		daemon_start(l->d, 0);
		start_ms = now_ms() - from;
		kills++;
		kill_check(l, kills == wanted);
	}
	print_message("# %u kills, %u more while it started; %u accepted evidence, %u of %u acts done (%u not answered for), %u tokens and good states, %u refusals, %u lists\n",
		      kills, starting, l->total.evidence, l->total.done, l->total.acts,
		      l->total.unanswered, l->total.tokens, l->total.refusals, l->total.lists);
	assert_true(l->total.evidence && l->total.done && l->total.tokens && l->total.refusals &&
		    l->total.lists);
}

static int end(void **state)
{
	struct life *l = &life;

	(void)state;
	for (size_t i = 0; i < SITES; i++) {
		prover_free(l->sites[i].hsm);
		json_decref(l->sites[i].accepted.answer);
		free(l->sites[i].keys);
		free(l->sites[i].seen);
	}
	for (size_t i = 0; i < l->newcomer_count; i++)
		prover_free(l->newcomers[i].hsm);
	free(l->newcomers);
	free(l->acts);
	json_decref(l->jwks);
	daemon_free(l->d);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
	};

	return cmocka_run_group_tests(tests, start, end);
}
