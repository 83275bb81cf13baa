/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the files of the policy share: what was read, rule by rule.
 *
 * A section more is a structure here, its options in policy_read.c, and what can be
 * wrong with it in policy_check.c.
 */
#ifndef ZKHSM_POLICY_PRIVATE_H
#define ZKHSM_POLICY_PRIVATE_H

#include <stdatomic.h>

#include "policy.h"
#include "role.h"
#include "two_person.h"

#define POLICY_HOOKS_MAX	8
#define POLICY_NAME_MAX		32	/* of a rule; with its kind it fits a title */
#define POLICY_UNLIMITED	UINT64_MAX

enum policy_kind { POLICY_HSMS, POLICY_KEYS, POLICY_REPLICAS, POLICY_GRANTS, POLICY_KINDS };

/**
 * struct policy_rule - what every rule begins with
 * @title:	as in the file, "keys signing": what answers name it by
 * @line:	where it begins
 * @hsms, @clusters: patterns of HSMs' names (or one's id) and of clusters; both
 *		empty: every HSM
 */
struct policy_rule {
	char title[50];
	int line;
	enum policy_kind kind;
	struct conf_list hsms, clusters;
	struct policy_rule *next;
};

/* Bits of the words that policy_read.c has, in its order. */
#define POLICY_KEK_NONE		1
#define POLICY_KEK_KEYRING	2
#define POLICY_KEK_SHARES	4
#define POLICY_KEK_TPM		8

struct policy_hsms {
	struct policy_rule rule;
	bool locked, counter;
	uint32_t kek;			/* any of these; 0: whichever */
	uint64_t quorum, stop, wipe, module_version;	/* at least */
	uint64_t enforce_grace_ms, max_ttl_ms;		/* at most */
	struct conf_list platforms;	/* hex */
};

struct policy_keys {
	struct policy_rule rule;
	struct conf_list keys;
	uint32_t origins, types;	/* bit 1 << (value - 1); 0: whichever */
	uint32_t usage;			/* none but these; 0: whichever */
	bool never_extractable, lease_required, grant_required;
};

struct zkhsmd_replicas {
	struct policy_rule rule;
	struct conf_list keys;
	uint32_t on_duplicate;		/* bit 1 << (value - 1); 0: as [fraud] says */
	enum zkhsmd_on_duplicate fallback;
};

struct policy_grants {
	struct policy_rule rule;
	struct conf_list keys, clients;
	uint32_t operations;		/* bit 1 << (value - 1) */
};

struct zkhsmd_policy {
	atomic_uint references;
	char path[256], name[POLICY_NAME_MAX + 1], version[17];
	uint8_t digest[32];
	int64_t loaded_ms;
	struct policy_rule *rules[POLICY_KINDS];	/* in the order of the file */
	struct zkhsmd_fraud fraud;
	uint32_t on_duplicate;
	struct zkhsmd_roles roles;
	struct zkhsmd_two two;
	struct zkhsmd_hook hooks[POLICY_HOOKS_MAX];
	size_t hook_count;
};

/* The lists of patterns that a rule of its kind has, NULL for none. */
const struct conf_list *policy_key_patterns(const struct policy_rule *r);

/* policy_read.c: what bits of the sets stand for */
extern const char *const policy_kek_words[], *const policy_origin_words[],
	*const policy_usage_words[], *const policy_type_words[], *const policy_duplicate_words[],
	*const policy_operation_words[];

/* policy_match.c: fnmatch(3), and "!" in front of those that do not count */
bool policy_match(const struct conf_list *patterns, const char *text);
bool policy_match_hsm(const struct policy_rule *r, const struct zkhsmd_hsm *h);
bool policy_match_key(const struct policy_rule *r, const struct zkhsm_list_entry *e);

/* policy_check.c: what contradicts itself; -EINVAL with FILE:LINE */
int policy_check(const struct zkhsmd_policy *p, struct zkhsm_error *err);

/* policy_read.c: with all that it owns; nobody has a reference */
void policy_free(struct zkhsmd_policy *p);

#endif /* ZKHSM_POLICY_PRIVATE_H */
