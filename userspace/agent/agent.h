/* SPDX-License-Identifier: GPL-2.0 */
/*
 * agent.h - what the files of zkhsm-agent share
 *
 * Threads: the main one runs libevent (signals, the kernel's events, the
 * clients' HTTPS). Each manager has two more, because libcurl and the kernel
 * block: one attests, one waits for orders. They share struct manager, guarded
 * by its lock; everything else belongs to one thread.
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
	uint64_t connect_timeout_ms, request_timeout_ms, orders_wait_ms;
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

struct agent;

/**
 * struct manager - one attestation manager
 * @lock:	guards what stands between it and @attest_thread
 * @wake:	signalled with @due or stop; on CLOCK_MONOTONIC
 * @due_ms:	attest no later than this (CLOCK_MONOTONIC); INT64_MAX: no wish
 * @known:	@manager_id has been learnt from the manager, which may get other keys
 * @jwks:	keys of its tokens, or NULL
 * @cancel_orders: end the question for orders that is under way
 * @list, @instance_id, @verdict: of the attesting thread
 */
struct manager {
	struct agent *agent;
	struct manager_config config;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	int64_t due_ms;
	bool known;
	uint8_t manager_id[32];
	json_t *jwks;
	atomic_bool cancel_orders;
	pthread_t attest_thread, orders_thread;
	bool attesting, ordering;	/* the thread was started */
	struct cached_list list;
	uint8_t instance_id[16];
	bool has_instance;
};

struct agent {
	struct agent_config config;
	struct https_config https;
	struct manager managers[AGENT_MANAGERS_MAX];
	size_t manager_count;
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

/* manager.c: the threads' life and their sleep */
int manager_start(struct manager *m, struct zkhsm_error *err);
void manager_stop(struct manager *m);	/* joins; agent->stop is set */
void manager_free(struct manager *m);
/* Attest within @ms; earlier wishes stay. Any thread. */
void manager_attest_within(struct manager *m, uint64_t ms);
/* Sleeps; false when the agent stops. With @attest, an earlier wish ends it. */
bool manager_sleep(struct manager *m, uint64_t ms, bool attest);
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

/* attest.c */
struct attest_result {
	char verdict[64];		/* "accepted", the URN's last part, or an errno's name */
	char request_id[65];
	uint32_t number;
	uint64_t keys, sent_bytes;
	uint64_t next_ms;		/* as the manager wishes, 0: it did not say */
};

/* One challenge, one evidence. 0 when accepted. */
int attest_once(struct manager *m, struct attest_result *r, struct zkhsm_error *err);
/* The same with its log line; when to come again, 0: back off. */
bool attest_and_log(struct manager *m, uint64_t *next_ms);
void *attest_run(void *manager);

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
