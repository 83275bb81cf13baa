/* SPDX-License-Identifier: GPL-2.0 */
/*
 * daemon.h - a real zkhsmd on loopback, and what tests say to it over TLS
 *
 * Everything that goes wrong in here fails the test that called it.
 */
#ifndef ZKHSM_TEST_DAEMON_H
#define ZKHSM_TEST_DAEMON_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../unit/prover.h"
#include "../unit/tls.h"
#include "zkhsm.h"

#define EVIDENCE	"application/vnd.zkhsm.evidence"
#define LIST		"application/vnd.zkhsm.list"
#define DELTA		"application/vnd.zkhsm.list-delta"
#define CONFIGURATION	"application/vnd.zkhsm.configuration"
#define JSON		"application/json"

/**
 * struct daemon - one zkhsmd, and a directory of its own
 * @public:	a client without a certificate; @admin with one; @stranger with
 *		one that another CA signed
 * @log:	all that it wrote so far
 */
struct daemon {
	char dir[64];
	pid_t pid;
	int port;
	uint8_t manager_id[32], order_public[65];
	struct tls_cert ca, other_ca;
	struct zkhsm_https *public, *admin, *stranger;
	pthread_t reader;
	pthread_mutex_t lock;		/* @log, @ended */
	pthread_cond_t more;
	char *log;
	size_t log_len;
	bool ended;
	int log_fd;
};

/* Certificates and configuration; @limits are more lines of it, or NULL. Not started yet. */
struct daemon *daemon_new(const char *attestation, const char *limits);
/* @file_max: bytes that any file may grow to, 0 for no limit. */
void daemon_start(struct daemon *d, size_t file_max);
/* Ends it with this signal and waits; returns its wait status. */
int daemon_end(struct daemon *d, int signal_number);
/* Ends and removes all; it must have ended cleanly if it was still running. */
void daemon_free(struct daemon *d);
/* Runs zkhsmd with this option until it ends; its exit status. */
int daemon_run(struct daemon *d, const char *option, char *output, size_t size);
int daemon_run_two(struct daemon *d, const char *option, const char *second, char *output,
		   size_t size);
/* The same, but it goes on; whoever kills it waits for it. Its output goes nowhere. */
pid_t daemon_spawn(struct daemon *d, const char *option, const char *second);
/* A new configuration for the next start. */
void daemon_configure(struct daemon *d, const char *attestation, const char *limits);
/* The policy file, which configurations made from then on name; not read before a start or SIGHUP. */
void daemon_policy(struct daemon *d, const char *text);
/* @name.pem and @name.key, for daemon_client(): of this common name, signed by the administrators' CA. */
void daemon_issue(struct daemon *d, const char *name, const char *cn);
void daemon_save(struct daemon *d, const char *name, const struct tls_cert *c);
/* Waits until the log has this text, since the start. */
void daemon_log_wait(struct daemon *d, const char *text);
unsigned int daemon_log_count(struct daemon *d, const char *text);
void daemon_file(const struct daemon *d, const char *name, char path[256]);
struct zkhsm_https *daemon_client(struct daemon *d, const char *cert);	/* or NULL for none */

/*
 * One request. The answer must have this @status, and be the problem @urn
 * (without urn:zkhsm:) unless that is NULL. Its JSON, or NULL if it has none.
 */
json_t *ask(struct zkhsm_https *h, const char *method, const char *path, const char *type,
	    const void *body, size_t len, long status, const char *urn);
/* The same with a JSON body made from @format, whose ' stand for ". */
json_t *ask_json(struct zkhsm_https *h, const char *method, const char *path, long status,
		 const char *urn, const char *format, ...)
	__attribute__((format(printf, 6, 7)));
json_t *get(struct zkhsm_https *h, long status, const char *urn, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/*
 * For threads and for managers that may go away: fails no test. Its status, or -1 when
 * there was no answer; *@answer, its JSON or NULL, is the caller's.
 */
int try_ask(struct zkhsm_https *h, const char *method, const char *path, const char *type,
	    const void *body, size_t len, json_t **answer);
/* When the answer does not matter. */
void tell(json_t *answer);

const char *text_of(const json_t *o, const char *name);
int64_t number_of(const json_t *o, const char *name);
void hash_of(const json_t *o, const char *name, uint8_t out[32]);
/* Hex of 32 bytes in one of a few static buffers. */
const char *hex32(const uint8_t hash[32]);
const char *hex65(const uint8_t point[65]);

/* What an agent does. */
void challenge(struct daemon *d, struct prover *p, uint8_t nonce[32]);
size_t make_evidence(struct daemon *d, struct prover *p, uint8_t out[ZKHSM_EVIDENCE_MAX_LEN]);
/* The same of an HSM that has applied orders, which make_evidence() says it has not. */
struct applied {
	uint64_t number;
	uint8_t digest[32];
};

size_t make_evidence_after(struct daemon *d, struct prover *p, const struct applied *a,
			   uint8_t out[ZKHSM_EVIDENCE_MAX_LEN]);
/* Fetches the orders above, @count of them, all true and in turn; has applied them then. */
void obey(struct daemon *d, struct prover *p, struct applied *a, size_t count);
json_t *post_evidence(struct daemon *d, const uint8_t *evidence, size_t len, long status,
		      const char *urn);
void put_list(struct daemon *d, struct prover *p, long status, const char *urn);
void put_configuration(struct daemon *d, struct prover *p, long status, const char *urn);
/* Challenge, evidence, and what it needs; ends with this answer. */
json_t *attest(struct daemon *d, struct prover *p, long status, const char *urn);
/* Pending first, then enrolled by an administrator, then accepted. */
void enrol(struct daemon *d, struct prover *p);
void sleep_ms(int64_t ms);
int64_t now_ms(void);			/* CLOCK_MONOTONIC */

/* A thread that waits for orders of this HSM, 30 seconds at most. */
struct poller {
	struct daemon *d;
	struct prover *hsm;
	size_t orders;
	int64_t took_ms;
};

void *poll_orders(void *arg);

#endif /* ZKHSM_TEST_DAEMON_H */
