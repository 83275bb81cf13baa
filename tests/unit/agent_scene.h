/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agent_scene.h - an agent between the kernel of agent_kernel.h and managers of
 * fake_manager.c; for the one file of a test program
 */
#ifndef AGENT_SCENE_H
#define AGENT_SCENE_H

#include <event2/thread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>
#include <cmocka.h>

#include "../../userspace/agent/agent.h"
#include "agent_kernel.h"

#define FAKES_MAX	3

static char scene_dir[] = "/tmp/zkhsm-test-agent.XXXXXX";
static struct agent agent;
static struct fake_manager *fakes[FAKES_MAX];
static size_t fake_count;

static inline char *in_dir(const char *name)
{
	static char path[4][128];
	static int next;

	next = (next + 1) % 4;
	snprintf(path[next], sizeof(path[0]), "%s/%s", scene_dir, name);
	return path[next];
}

/* The managers, pinned, and an HSM of 20 keys; for a group or for each test. */
static inline void stage_set(const char *seed, size_t count)
{
	memset(&kernel, 0, sizeof(kernel));
	kernel.p = prover_new(seed, 20);
	fake_count = count;
	for (size_t i = 0; i < count; i++) {
		fakes[i] = fake_manager_begin(in_dir("cert.pem"), in_dir("key.pem"));
		kernel_pin(fakes[i]->id);
		prover_pin(kernel.p, fakes[i]->public);
	}
	prover_refresh(kernel.p);
}

static inline void stage_clear(void)
{
	for (size_t i = 0; i < fake_count; i++)
		fake_manager_end(fakes[i]);
	prover_free(kernel.p);
	fake_count = 0;
}

static inline int stage_begin(void)
{
	char command[512];

	log_setup(LOG_LEVEL_ERROR, false);
	/* As the agent does: a peer that hangs up is an error, not the end. */
	assert_true(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	assert_int_equal(evthread_use_pthreads(), 0);
	assert_non_null(mkdtemp(scene_dir));
	snprintf(command, sizeof(command),
		 "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 "
		 "-subj /CN=test -addext subjectAltName=IP:127.0.0.1 -keyout %s/key.pem "
		 "-out %s/cert.pem 2>/dev/null", scene_dir, scene_dir);
	return system(command);
}

static inline int stage_end(void)
{
	char command[64];

	snprintf(command, sizeof(command), "rm -r %s", scene_dir);
	return system(command);
}

/* An agent of @count managers: those there are, and behind them any others. */
static inline struct manager *scene(size_t count)
{
	memset(&agent, 0, sizeof(agent));
	agent.manager_count = count;
	agent.config = (struct agent_config){
		.backoff_min_ms = 10, .backoff_max_ms = 50, .orders_wait_ms = 1000,
		/* Longer than FAKE_AWAIT(): what waits for one of these comes too late. */
		.connect_timeout_ms = 60000, .request_timeout_ms = 60000,
		.challenge_wait_ms = 60000,
	};
	snprintf(agent.config.state_dir, sizeof(agent.config.state_dir), "%s", scene_dir);
	strcpy(agent.config.store, "/the/store");
	rounds_init(&agent);
	for (size_t i = 0; i < count; i++) {
		struct manager *m = &agent.managers[i];

		m->agent = &agent;
		snprintf(m->config.name, sizeof(m->config.name), "test%zu", i);
		if (i < fake_count)
			snprintf(m->config.url, sizeof(m->config.url), "https://127.0.0.1:%u",
				 server_port(fakes[i]->server));
		snprintf(m->config.ca, sizeof(m->config.ca), "%s", in_dir("cert.pem"));
		m->config.jwks_refresh_ms = INT64_MAX;
		/* No manager here has any, and nobody asks for one that is there. */
		m->jwks = json_object();
		manager_init(m);
	}
	return &agent.managers[0];
}

static inline void scene_free(void)
{
	for (size_t i = 0; i < agent.manager_count; i++)
		manager_free(&agent.managers[i]);
	rounds_free(&agent);
}

/* As --once does it. */
static inline void scene_once(void)
{
	struct zkhsm_error err;

	agent.rounds.once = true;
	for (size_t i = 0; i < agent.manager_count; i++) {
		agent.managers[i].turn.ended = false;
		agent.managers[i].turn.next_ms = 0;
		assert_int_equal(manager_start(&agent.managers[i], &err), 0);
	}
	rounds_once(&agent);
	for (size_t i = 0; i < agent.manager_count; i++) {
		pthread_join(agent.managers[i].attest_thread, NULL);
		agent.managers[i].attesting = false;
	}
}

static inline void scene_start(void)
{
	struct zkhsm_error err;

	for (size_t i = 0; i < agent.manager_count; i++)
		assert_int_equal(manager_start(&agent.managers[i], &err), 0);
	assert_int_equal(rounds_start(&agent, &err), 0);
}

/* Sleeps until @condition of the managers' turns, which is looked at with their lock. */
#define TURN_AWAIT(condition)						\
	do {								\
		int64_t end_ = monotonic_ms() + FAKE_PATIENCE_S * 1000;	\
		bool came_;						\
		pthread_mutex_lock(&agent.rounds.lock);			\
		while (!(came_ = (condition)) && monotonic_ms() < end_)	\
			wait_until(&agent.rounds.changed, &agent.rounds.lock, end_); \
		pthread_mutex_unlock(&agent.rounds.lock);		\
		if (!came_)						\
			fail_msg("%s: did not come", #condition);	\
	} while (0)

/* As if the time to wait for the managers that were asked were over. */
static inline void scene_time_is_up(void)
{
	pthread_mutex_lock(&agent.rounds.lock);
	agent.rounds.until_ms = 0;
	pthread_cond_broadcast(&agent.rounds.changed);
	pthread_mutex_unlock(&agent.rounds.lock);
}

static inline void scene_stop(void)
{
	agent.stop = true;
	rounds_stop(&agent);
	for (size_t i = 0; i < agent.manager_count; i++)
		manager_stop(&agent.managers[i]);
}

#endif /* AGENT_SCENE_H */
