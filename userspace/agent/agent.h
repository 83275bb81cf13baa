/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agent.h - what the files of zkhsm-agent share
 *
 * Threads: the main one runs libevent (signals, the kernel's events, the
 * clients' HTTPS). One holds the rounds: it says when managers are asked for
 * challenges, and makes the evidence that answers all of them. Each manager has
 * two more, because libcurl and the kernel block: one attests, one waits for
 * orders. They share struct manager, guarded by its lock or by that of the
 * rounds; everything else belongs to one thread. Nobody holds a lock while it
 * blocks on anything else, or two locks at a time.
 *
 * The agent is untrusted for attestation: it carries bytes between kernel and
 * managers, each of whom checks the other. Of its own it keeps nothing that
 * cannot be thrown away; what the kernel sealed it puts into the store, as every
 * command that changes something does.
 */
#ifndef ZKHSM_AGENT_H
#define ZKHSM_AGENT_H

#include <event2/event.h>
#include <pthread.h>
#include <stdatomic.h>

#include "log.h"
#include "server.h"
#include "zkhsm.h"

#define AGENT_MANAGERS_MAX	ZKHSM_MANAGERS_MAX
#define AGENT_PATH_MAX		256

/* The file, section by section; config.c has the table. */
struct agent_config {
	char state_dir[AGENT_PATH_MAX];
	char store[AGENT_PATH_MAX];
	char log_level[16];
	uint64_t backoff_min_ms, backoff_max_ms, debounce_ms, watch_ms;
	uint64_t connect_timeout_ms, request_timeout_ms, orders_wait_ms, challenge_wait_ms;
};

struct https_config {
	char listen[64];		/* empty: no endpoint for clients */
	uint64_t port;
	char certificate[AGENT_PATH_MAX], private_key[AGENT_PATH_MAX], client_ca[AGENT_PATH_MAX];
	uint64_t connections_max, idle_timeout_ms, request_timeout_ms, token_leeway_ms;
};

struct manager_config {
	char name[64];
	char url[AGENT_PATH_MAX], ca[AGENT_PATH_MAX];
	char jwks[AGENT_PATH_MAX];	/* file; empty: from the manager */
	uint64_t jwks_refresh_ms;
	bool orders;
};

/* A list that a manager has accepted: the base of the next difference. */
struct cached_list {
	uint8_t digest[32];
	uint8_t *data;
	size_t len;
};

struct attest_result {
	int ret;			/* 0: accepted */
	struct zkhsm_error error;
	char verdict[64];		/* "accepted", the URN's last part, or an errno's name */
	char request_id[65];
	uint32_t number;
	uint64_t keys, sent_bytes;
	uint64_t next_ms;		/* as the manager wishes, 0: it did not say */
	int lease_ret;			/* 0: the kernel has the lease, or there was none */
};

/**
 * enum turn_state - where a manager stands in the rounds
 * @TURN_IDLE:	 it attested, or failed to, and waits for its time
 * @TURN_ASKED:	 its thread is to get a challenge
 * @TURN_READY:	 there is one
 * @TURN_TAKEN:	 evidence is being made that answers it
 * @TURN_ANSWERED: there is evidence, or why there is none; its thread posts it
 */
enum turn_state { TURN_IDLE, TURN_ASKED, TURN_READY, TURN_TAKEN, TURN_ANSWERED };

/**
 * struct turn - one manager's part in the rounds; times on CLOCK_MONOTONIC
 * @next_ms:	 when its interval or its backoff ends
 * @joins_ms:	 from when it takes part in rounds that others begin
 * @due_ms:	 attest no later than this, after a change; INT64_MAX: no wish
 * @asked_ms:	 when it was asked
 * @away:	 gave no challenge in time when asked last: nobody waits for it
 * @ended:	 is not asked again, as we attest but once
 * @challenge:	 from TURN_READY on
 * @evidence, @ret, @why: with TURN_ANSWERED; @evidence if @ret is 0
 */
struct turn {
	enum turn_state state;
	int64_t next_ms, joins_ms, due_ms, asked_ms;
	bool away, ended;
	struct zkhsm_challenge challenge;
	struct zkhsm_evidence evidence;
	int ret;
	struct zkhsm_error why;
};

struct agent;

/**
 * struct manager - one attestation manager
 * @turn:	guarded by the lock of the rounds
 * @lock:	guards @known, @manager_id and @jwks
 * @wake:	signalled with @known or stop; on CLOCK_MONOTONIC
 * @known:	@manager_id has been learnt from the manager, which may get other keys
 * @jwks:	keys of its tokens, or NULL
 * @cancel_orders: end the question for orders that is under way
 * @list, @instance_id, @result: of the attesting thread
 */
struct manager {
	struct agent *agent;
	struct manager_config config;
	struct turn turn;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool known;
	uint8_t manager_id[32];
	json_t *jwks;
	atomic_bool cancel_orders;
	pthread_t attest_thread, orders_thread;
	bool attesting, ordering;	/* the thread was started */
	struct cached_list list;
	uint8_t instance_id[16];
	bool has_instance;
	struct attest_result result;	/* of the last attempt */
};

/**
 * struct rounds - what round.c knows beside the managers' turns
 * @lock:	guards this, and the turns
 * @changed:	a turn has, or agent->stop; on CLOCK_MONOTONIC
 * @until_ms:	how long the managers asked are waited for
 * @paced_ms:	no evidence is made before
 * @paid_ms:	goes on with each by its share of time, and is not far behind
 * @once:	each manager has one turn
 */
struct rounds {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int64_t until_ms, paced_ms, paid_ms;
	bool once;
	pthread_t thread;
	bool running;
};

struct agent {
	struct agent_config config;
	struct https_config https;
	struct manager managers[AGENT_MANAGERS_MAX];
	size_t manager_count;
	struct rounds rounds;
	atomic_bool stop;		/* libcurl looks at it too */
	struct event_base *base;
	struct server *server;
	struct event *watch, *events;
	struct zkhsm_nl *events_nl;
	struct {
		bool looked, known;
		uint8_t instance_id[16], configuration[32];
		uint64_t generation;
		bool unsealed;
	} seen;				/* of the kernel, by @watch */
};

/* config.c */
int agent_config_load(struct agent *a, const char *path, struct zkhsm_error *err);
/* Files that are named but cannot be read, certificates that do not fit. */
int agent_config_check(const struct agent *a, struct zkhsm_error *err);

/* round.c: who is asked when, and the evidence for all who were */
void rounds_init(struct agent *a);
int rounds_start(struct agent *a, struct zkhsm_error *err);
void rounds_stop(struct agent *a);	/* joins; agent->stop is set */
/* One turn for each manager, whose threads run; returns after the last. */
void rounds_once(struct agent *a);
void rounds_free(struct agent *a);
/* Attest within @ms; earlier wishes stay. Any thread. */
void manager_attest_within(struct manager *m, uint64_t ms);
void agent_attest_within(struct agent *a, uint64_t ms);		/* to all of them */
/* The rest is for the attesting threads. Sleeps until asked; false: there are no more turns. */
bool turn_wait(struct manager *m);
/* @c is what was asked for; sleeps until the evidence that answers it is there. */
int turn_evidence(struct manager *m, const struct zkhsm_challenge *c, struct zkhsm_evidence *out,
		  struct zkhsm_error *err);
/* However it went; the next within @ms. */
void turn_end(struct manager *m, uint64_t ms);

/* manager.c: the threads' life and their sleep */
void manager_init(struct manager *m);
int manager_start(struct manager *m, struct zkhsm_error *err);
void manager_stop(struct manager *m);	/* joins; agent->stop is set, or they end themselves */
void manager_free(struct manager *m);
/* False when the agent stops. */
bool manager_sleep(struct manager *m, uint64_t ms);
void wait_on_monotonic(pthread_cond_t *c);	/* pthread_cond_init() */
/* Until @until_ms, INT64_MAX: for ever. */
void wait_until(pthread_cond_t *c, pthread_mutex_t *lock, int64_t until_ms);
uint64_t jitter(uint64_t ms);			/* +-10% */
uint64_t backoff_next(const struct agent_config *c, uint64_t last_ms);	/* 0: begin */
/* Requests end when @cancel is set; NULL: when the agent stops. */
int manager_https(struct manager *m, uint64_t timeout_ms, const atomic_bool *cancel,
		  struct zkhsm_https **out, struct zkhsm_error *err);
int64_t monotonic_ms(void);

/*
 * stored.c: what has changed in the kernel is in the store, or there is nothing
 * to store. Any thread; logs what it did, and the caller what it could not do.
 */
int agent_store(struct agent *a, struct zkhsm_nl *nl, struct zkhsm_error *err);
/* Also while no manager answers; the round's thread. */
void agent_store_anyway(struct agent *a);

/* attest.c: the thread that takes the manager's turns; each leaves a line in the log */
void *attest_run(void *manager);

/* lease.c: the lease in a manager's answer, into the kernel */
struct lease_answer {
	struct zkhsm_nl *nl;
	struct zkhsm_https *h;
	const uint8_t *hsm_id, *manager_id;
	uint32_t number;		/* of the evidence */
	const json_t *body;
};

/*
 * Whatever is missing before it is fetched first. 0 as well if there is none, or
 * the kernel had it; *@renew_ms is lowered to when the next should come. Logs.
 */
int lease_take(struct manager *m, const struct lease_answer *answer, uint64_t *renew_ms);

/* lists.c: what a manager asks for beside evidence */
int lists_send(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
	       const uint8_t hsm_id[32], const uint8_t identity[65],
	       const struct zkhsm_evidence *e, const json_t *known_list, uint64_t *sent,
	       struct zkhsm_error *err);
int configuration_send(struct zkhsm_https *h, struct zkhsm_nl *nl, const uint8_t hsm_id[32],
		       const struct zkhsm_evidence *e, uint64_t *sent, struct zkhsm_error *err);
void lists_load(struct manager *m);		/* from the state directory, if it is whole */
void lists_forget(struct manager *m);

/* orders.c */
void *orders_run(void *manager);
/*
 * The orders that the kernel has not applied yet, without waiting for any.
 * -ENODATA: there are none.
 */
int orders_catch_up(struct manager *m, struct zkhsm_https *h, struct zkhsm_nl *nl,
		    const uint8_t hsm_id[32], const uint8_t manager_id[32],
		    struct zkhsm_error *err);

/* jwks.c */
int jwks_refresh(struct manager *m, struct zkhsm_error *err);
/* By whichever manager issued it: errnos as zkhsm_token_verify(). */
int jwks_token_verify(struct agent *a, const char *token, const char *audience,
		      struct zkhsm_token_claims *out, struct zkhsm_error *err);

/* events.c: attest soon after a change */
int events_start(struct agent *a);
void events_stop(struct agent *a);

/* client.c */
int client_server_config(const struct agent *a, struct server_config *c);
int client_start(struct agent *a, struct zkhsm_error *err);

#endif /* ZKHSM_AGENT_H */
