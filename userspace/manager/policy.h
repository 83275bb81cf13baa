/* SPDX-License-Identifier: GPL-2.0 */
/*
 * policy.h - what an operator demands of HSMs and keys, and what is done when it
 * is not so: one file, read at the start and at SIGHUP
 *
 * A policy never changes once it is read. Whoever uses one has a reference, so that
 * a request is judged by one policy from its beginning to its end.
 */
#ifndef ZKHSM_POLICY_H
#define ZKHSM_POLICY_H

#include "manager.h"

struct zkhsmd_policy;

/* What to do about the declared holders of a key that is proved outside its replica set. */
enum zkhsmd_on_duplicate {
	ZKHSMD_DUPLICATE_NEWCOMER = 1,	/* the one that came later is quarantined */
	ZKHSMD_DUPLICATE_BOTH,		/* all holders are */
	ZKHSMD_DUPLICATE_ALERT,		/* none of the declared ones is */
};

/*
 * One that a request is judged by; of the newest. NULL, which everything here takes,
 * demands nothing. Any thread.
 */
struct zkhsmd_policy *zkhsmd_policy_get(struct zkhsmd *m);
void zkhsmd_policy_put(struct zkhsmd_policy *p);
/* From now on @p, whose reference goes to @m; NULL: none. */
void zkhsmd_policy_set(struct zkhsmd *m, struct zkhsmd_policy *p);
/* Reads @path; "" is the policy that demands nothing. -EINVAL or the errno of reading. */
int zkhsmd_policy_load(const char *path, struct zkhsmd_policy **out, struct zkhsm_error *err);

/* For administrators; without what may be secret. */
json_t *zkhsmd_policy_json(const struct zkhsmd_policy *p);
/* SHA-256 of the file, zero without one. */
const uint8_t *zkhsmd_policy_digest(const struct zkhsmd_policy *p);

/* "urn:zkhsm:policy:NAME:VERSION:keys:RULE", for ear.appraisal-policy-id; @rule is as below. */
void zkhsmd_policy_id(const struct zkhsmd_policy *p, const char *rule, char id[ZKHSMD_POLICY_ID]);

/* What no rule is about. */
#define ZKHSMD_NO_RULE	"default"

/**
 * struct zkhsmd_shown - what an HSM's newest true evidence says of it
 * @configuration: NULL: not known
 */
struct zkhsmd_shown {
	const uint8_t *platform;
	uint32_t module_version;
	const struct zkhsm_configuration *configuration;
};

/* Whether zkhsmd_policy_hsm() would look at anything. */
bool zkhsmd_policy_has_hsm(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h);

/*
 * Appraisal: each rule that is about it has to be met. The name of the first rule that is not met, with a sentence in @why, or
 * NULL: @rule is then that of the first rule that applied, ZKHSMD_NO_RULE if none did.
 * Names are as the file has them, "keys signing"; strings live as long as the policy.
 */
const char *zkhsmd_policy_hsm(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			      const struct zkhsmd_shown *s, const char **rule, char why[160]);
const char *zkhsmd_policy_key(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			      const struct zkhsm_list_entry *e, const char **rule, char why[160]);

/* policy_judge.c */
void zkhsmd_judge_shown(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
			const struct zkhsmd_shown *s, struct zkhsmd_judgement *out);
void zkhsmd_judge_key(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
		      const struct zkhsm_list_entry *e, struct zkhsmd_judgement *out);
/* By what its newest true evidence showed. The store's errno. */
int zkhsmd_judge_hsm(const struct zkhsmd_policy *p, struct zkhsmd_store *store,
		     const struct zkhsmd_hsm *h, struct zkhsmd_judgement *out);

/* A declared replica set, the first whose pattern the key's id matches, or NULL. */
struct zkhsmd_replicas;
const struct zkhsmd_replicas *zkhsmd_policy_replicas(const struct zkhsmd_policy *p,
						     const char *key_id);
const char *zkhsmd_replicas_name(const struct zkhsmd_replicas *r);
bool zkhsmd_replicas_has(const struct zkhsmd_replicas *r, const struct zkhsmd_hsm *h);
enum zkhsmd_on_duplicate zkhsmd_replicas_on_duplicate(const struct zkhsmd_replicas *r);

/*
 * Whether @client (SEC1, or all zero: nobody in particular, which only the word "any"
 * allows) may be given a grant for this operation with this key: the rule that says
 * so, or NULL.
 */
const char *zkhsmd_policy_grant(const struct zkhsmd_policy *p, const struct zkhsmd_hsm *h,
				const struct zkhsm_list_entry *e, const uint8_t client[65],
				uint8_t operation);

/**
 * struct zkhsmd_fraud - thresholds and windows
 * @on_duplicate: of keys of which no replica set is declared
 * @silent_ms:	an HSM that has not attested for so long has fallen silent
 * @burst, @burst_ms: so much false evidence from one source within this time is an alert
 * @watchdog_ms: with HSMs enrolled, and not one verification for so long, the manager
 *		says so of itself; 0: never
 * @two_release: releasing what fraud stopped takes two administrators
 */
struct zkhsmd_fraud {
	enum zkhsmd_on_duplicate on_duplicate;
	uint64_t silent_ms, burst, burst_ms, watchdog_ms;
	bool two_release;
};

/* What the file says when it says nothing. */
#define ZKHSMD_FRAUD_DEFAULT {								\
	.on_duplicate = ZKHSMD_DUPLICATE_NEWCOMER, .silent_ms = 7200000, .burst = 20,	\
	.burst_ms = 60000, .watchdog_ms = 3600000 }

const struct zkhsmd_fraud *zkhsmd_policy_fraud(const struct zkhsmd_policy *p);

/* Whom alerts are told; see webhook.c. */
struct zkhsmd_hook {
	char name[33], url[256], secret_file[256], ca_file[256];
	uint64_t timeout_ms, attempts;
	int line;			/* where the file has it */
};

const struct zkhsmd_hook *zkhsmd_policy_hooks(const struct zkhsmd_policy *p, size_t *count);

#endif /* ZKHSM_POLICY_H */
