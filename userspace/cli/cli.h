/* SPDX-License-Identifier: GPL-2.0 */
/*
 * cli.h - what the zkhsm command's files share
 *
 * zkhsm.c has the table of commands and dispatches; options.c parses what a
 * command of the table says it takes; output.c prints results as text or JSON
 * and refusals; present.c turns the library's structures into JSON; remote.c
 * asks kernel, managers and agents; durable.c stores what changed; when.c,
 * managers.c, enforced.c and change.c are about leases and configurations.
 * Each cmd_*.c is one object's verbs.
 */
#ifndef ZKHSM_CLI_H
#define ZKHSM_CLI_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "tolerance.h"
#include "zkhsm.h"

/* Every option of every command; some share a name and differ in what they mean. */
enum cli_option {
	OPT_HELP, OPT_OUTPUT,
	OPT_AGENT, OPT_AGENT_UID, OPT_AUD, OPT_CA, OPT_CERT, OPT_CERT_BINDING, OPT_CONFIG_DIGEST,
	OPT_CONFIG_FILE, OPT_COUNT, OPT_DER, OPT_DIGEST, OPT_ELEMENT, OPT_FILE, OPT_FROM_MANAGER,
	OPT_HSM, OPT_IMPORT, OPT_JWKS, OPT_KEY_FILE, OPT_KEY_HEX, OPT_KEY_ID, OPT_LABEL,
	OPT_LIST_FILE, OPT_MANAGER_ID, OPT_MANAGER_URL, OPT_NAME, OPT_NONCE_HEX, OPT_NONCE_TEXT,
	OPT_OTHER, OPT_OTHER_HEX, OPT_OUT, OPT_OWNER, OPT_PEM, OPT_PUBLIC, OPT_QUORUM, OPT_REASON,
	OPT_STATE, OPT_STOP, OPT_TIMEOUT, OPT_TOKEN, OPT_TYPE, OPT_UNSEEN, OPT_USAGE, OPT_USER_ID,
	OPT_USER_ID_HEX, OPT_WIPE,
	OPT_KEK_FILE, OPT_OUT_DIR, OPT_SHARES_COUNT, OPT_THRESHOLD,
	OPT_COUNTER, OPT_FULL, OPT_IN, OPT_KEK, OPT_KEK_KEY, OPT_SHARES, OPT_STORE, OPT_TPM_PCRS,
	OPT_ANSWERS, OPT_DRY_RUN, OPT_PROTOCOL,
	OPT_DENY, OPT_ENFORCE_GRACE, OPT_EVIDENCE_FILE, OPT_GRANT, OPT_LEASE_REQUIRED,
	OPT_MANAGER_SHORT, OPT_MAX_TTL, OPT_MAX_WAIT, OPT_NEW_CONFIG, OPT_NUMBER, OPT_OFFLINE,
	OPT_PIN, OPT_PREVIOUS, OPT_SIGNING_KEY, OPT_TTL, OPT_UNPIN, OPT_WITHDRAW, OPT_YES,
	OPT_AFTER, OPT_HEAD,
	OPT_CLUSTER, OPT_ENDED, OPT_HOLD,
	OPT_NOTE,
	OPT_CLIENT_KEY, OPT_GRANT_FILE, OPT_GRANT_REQUIRED,
	OPT_RELYING,
	OPT_COUNT_OF_ALL
};

/* A set of options. */
typedef unsigned __int128 cli_options;

_Static_assert(OPT_COUNT_OF_ALL <= 128, "too many options");

#define O(name)		((cli_options)1 << OPT_##name)
/* How a manager is reached and who asks: option, else environment. */
#define O_MANAGER	(O(MANAGER_URL) | O(CA))
#define O_ADMIN		(O_MANAGER | O(CERT) | O(KEY_FILE))
/* Where a KEK of class keyring comes from: at most one of them. */
#define O_KEK		(O(KEK_FILE) | O(KEK) | O(KEK_KEY))
/* What a revocation is of: a key of an HSM, an HSM, an element everywhere, a cluster. */
#define O_STOPPED	(O(HSM) | O(KEY_ID) | O(ELEMENT) | O(CLUSTER))
/* What may be different in another configuration. */
#define O_CHANGE	(O(EVIDENCE_FILE) | O(QUORUM) | O(STOP) | O(WIPE) | O(ENFORCE_GRACE) | \
			 O(MAX_TTL) | O(PIN) | O(UNPIN) | O(WITHDRAW))

#define CLI_REPEAT_MAX	ZKHSM_MANAGERS_MAX

struct cli;

/**
 * struct cli_command - one line of the table
 * @verb:	"" for an object that is its own command
 * @args:	what stands beside the options, for the usage line
 * @min_args, @max_args: how many of them
 * @options, @needed: sets of O(...); --help and --output always belong
 * @run:	0; a negative errno with cli->err filled; what cli_usage() gave; or
 *		CLI_FAILED when what was printed says it all
 */
struct cli_command {
	const char *object, *verb, *args;
	int min_args, max_args;
	cli_options options, needed;
	const char *help;
	int (*run)(struct cli *cli);
};

/* One invocation. */
struct cli {
	const struct cli_command *command;
	const struct cli_command *table;
	size_t table_len;
	bool json, help;
	char **args;
	int arg_count;
	const char *value[OPT_COUNT_OF_ALL];	/* the last one given; "" for a flag */
	/* Of the options that repeat, by REPEAT_.... */
	const char *values[7][CLI_REPEAT_MAX];
	unsigned int value_count[7];
	struct zkhsm_nl *nl;				/* by cli_open() */
	struct zkhsm_error err;
	char remote_type[128];			/* the URN of a manager's or agent's refusal */
	long remote_status;
	const _Atomic(bool) *cancel;		/* once set, requests end; or NULL */
};

/* Exit statuses, and what run() returns for them. */
#define CLI_FAILED	1
#define CLI_USAGE	2

/* options.c */
enum { REPEAT_NONCE, REPEAT_MANAGER, REPEAT_DENY, REPEAT_GRANT, REPEAT_PIN, REPEAT_UNPIN,
       REPEAT_GRANT_FILE };
int cli_parse(struct cli *cli, int argc, char **argv);

/* wipe.c: whether OpenSSL wipes what it frees. */
bool cli_wipe_freed(void);
void cli_print_options(const struct cli_command *c);
const char *cli_option_name(enum cli_option o);
int cli_usage(struct cli *cli, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Values of options; a wrong one is a usage error. Absent: *out untouched. */
int cli_u32(struct cli *cli, enum cli_option o, uint32_t min, uint32_t max, uint32_t *out);
int cli_uid(struct cli *cli, enum cli_option o, uint32_t *uid);
int cli_handle(struct cli *cli, enum cli_option o, uint32_t *out);	/* 0x and hex digits */
int cli_pcrs(struct cli *cli, enum cli_option o, uint32_t *mask);	/* "0,7" */
/* "90s", "20min", "1h", "7d". */
int cli_duration(struct cli *cli, enum cli_option o, uint64_t min, uint64_t max, uint64_t *ms);
/* A duration, or "report-only": UINT64_MAX. */
int cli_grace(struct cli *cli, enum cli_option o, uint64_t *ms);
int cli_hex(struct cli *cli, const char *what, const char *text, void *out, size_t len);
/* --TEXT or --TEXT-hex into a buffer; *len -1 if neither was given. */
int cli_bytes(struct cli *cli, enum cli_option text, enum cli_option hex, size_t max,
	      uint8_t *out, ssize_t *len);
/* --digest HEX, or SHA-256 of --file FILE. */
int cli_digest(struct cli *cli, uint8_t digest[32]);

/* output.c */
int cli_emit(struct cli *cli, json_t *result);	/* steals @result; NULL: -ENOMEM */
/* An array of objects as a table of these columns ("id,state"); JSON has all of it. */
int cli_emit_table(struct cli *cli, json_t *rows, const char *columns);
void cli_print_object(const json_t *object, int indent);
void cli_print_table(const json_t *rows, const char *columns, int indent);
void cli_print_error(struct cli *cli);
/* A signature as hex, or in its --der form; to --out too, then as bytes. */
int cli_emit_signature(struct cli *cli, const char *id, const uint8_t digest[32],
		       const uint8_t signature[64], const uint8_t public[65]);
/* The same with members of @more, which it steals, and which are told whatever goes to --out. */
int cli_emit_signature_and(struct cli *cli, const char *id, const uint8_t digest[32],
			   const uint8_t signature[64], const uint8_t public[65], json_t *more);
/* @data to --out if given; *done says so. Else the caller prints it. */
int cli_write_out(struct cli *cli, const void *data, size_t len, int mode, bool *done);

/* present.c: attribute names of the netlink spec, hex for binaries */
int json_put_hex(json_t *object, const char *name, const void *data, size_t len);
int json_put_text(json_t *object, const char *name, const char *text);
int json_put_number(json_t *object, const char *name, uint64_t n);
int json_put_time(json_t *object, const char *name, uint64_t unix_ms);	/* RFC 3339 */
/* Milliseconds; the highest number stands for no limit and is told as @highest. */
int json_put_limit(json_t *object, const char *name, uint64_t ms, const char *highest);
json_t *json_faults(uint32_t faults);
json_t *json_hsm(const struct zkhsm_hsm_info *h);
json_t *json_key(const struct zkhsm_key_info *k);
json_t *json_manager(const struct zkhsm_manager_info *m);
json_t *json_order_result(const struct zkhsm_order_result *r);
json_t *json_list_entry(const struct zkhsm_list_entry *e);
json_t *json_configuration(const struct zkhsm_configuration *c);
const char *key_type_name(uint32_t type);
int key_type_parse(const char *name);
int key_state_parse(const char *name);
const char *order_type_name(uint32_t type);
/* r | s as ECDSA-Sig-Value; caller frees *out. */
int signature_der(const uint8_t raw[64], uint8_t **out, size_t *len);
char *public_pem(const uint8_t public[65]);	/* caller frees */

/* granted.c: key sign with --grant; the receipt is verified */
int cli_sign_granted(struct cli *cli, const uint8_t digest[32]);

/* remote.c */
/* The kernel's family in cli->nl, closed by main(). */
int cli_open(struct cli *cli);
int cli_connect(struct cli *cli, const char *url, bool client_cert, struct zkhsm_https **out);
int cli_connect_manager(struct cli *cli, bool client_cert, struct zkhsm_https **out);
/*
 * Steals @body (NULL: none). An answer that is not 2xx is an error, and one that is a proposal
 * is told, and CLI_FAILED. @answer may be NULL; *answer is with 204.
 */
int cli_request(struct cli *cli, struct zkhsm_https *h, const char *method, const char *path,
		json_t *body, json_t **answer);
int cli_request_raw(struct cli *cli, struct zkhsm_https *h, const char *path,
		    struct zkhsm_response *r);
/* A JWK set from --jwks (file or https URL), or from @h's well-known address. */
int cli_jwks(struct cli *cli, struct zkhsm_https *h, json_t **jwks);
/* JSON bytes as the library reads them everywhere: no repeated members. */
int cli_json_load(struct cli *cli, const char *what, const void *data, size_t len, json_t **out);

/* hsm_name.c */
/*
 * The HSM's id as 64 hex digits. Anything but such an id is looked up, which takes an
 * administrator's or auditor's certificate: -ENOENT, -ENOTUNIQ.
 */
int cli_hsm(struct cli *cli, const char *text, char id[65]);

/* cmd_alert.c */
/* Those that nobody looks at yet, appended; for people with the columns of alert list. */
int cli_alerts_open(struct cli *cli, json_t *all);

/* kek.c */
/* --kek-file: 32 bytes as they are; the caller wipes them. */
int cli_read_kek(struct cli *cli, uint8_t kek[ZKHSM_KEK_LEN]);
/*
 * A KEK in the keyring, by --kek, --kek-key or --kek-file; *serial 0 if none is
 * given. What --kek-file brought goes again with cli_kek_done(), whose result
 * is @ret unless that is 0 and it fails itself.
 */
int cli_kek(struct cli *cli, int32_t *serial);
int cli_kek_done(struct cli *cli, int32_t serial, int ret);

/* durable.c: what the kernel holds, and the store that has to outlive it */
/* --store, or ZKHSM_STORE, or the default. */
const char *cli_store_path(const struct cli *cli);
/* @make: also make it, as the agent's who @agent_uid is. */
int cli_store_open(struct cli *cli, bool make, uint32_t agent_uid, struct zkhsm_store **out);
/* After each change and before its success is told: stored, if there is a KEK. */
int cli_durable(struct cli *cli);

/* when.c: CLOCK_BOOTTIME for people, who live by their wall clock */

/* The same moment on both; what is said of times is said as of then. */
struct cli_clock {
	uint64_t boot_ms, unix_ms;
};

#define CLI_WHEN_SIZE	64

/* @boot_ms: as the kernel told it just now; 0: as this process sees it. */
struct cli_clock cli_clock(uint64_t boot_ms);
/* "14:03:22 (in 41 min)", with its day if that is another one. */
char *cli_when(const struct cli_clock *c, uint64_t boot_ms, char text[CLI_WHEN_SIZE]);
/* "41 min", "1 h 5 min", "12 s"; the larger parts only. */
char *cli_span(uint64_t ms, char text[CLI_WHEN_SIZE]);
/* In RFC 3339. */
int json_put_boot_time(json_t *object, const char *name, const struct cli_clock *c,
		       uint64_t boot_ms);

/* managers.c: the pinned ones by name, and what their leases say */
struct cli_managers {
	size_t count;
	struct zkhsm_lease_info lease[ZKHSM_MANAGERS_MAX];
	struct cli_clock clock;
};

/*
 * Those that the kernel tells; none, and no error, to who may not know. With
 * the kernel's own clock.
 */
int cli_managers(struct cli *cli, struct cli_managers *m);
/* What people call it, or the first digits of its id. */
const char *cli_manager_label(const struct cli_managers *m, const uint8_t id[32],
			      char text[ZKHSM_LABEL_MAX_LEN + 1]);
/* The one that is meant by an id or a label. */
int cli_manager_find(struct cli *cli, const struct cli_managers *m, const char *name,
		     const struct zkhsm_lease_info **out);
json_t *json_lease(const struct zkhsm_lease_info *l, const struct cli_clock *c);

/* enforced.c: what a configuration is good for, in sentences and numbers */
void cli_print_enforced(FILE *to, const struct zkhsm_configuration *c);
void json_put_tolerance(json_t *o, const struct zkhsm_configuration *c);

/* change.c: another configuration, from the one in force and options */
struct cli_change {
	uint8_t hsm_id[32];
	uint8_t previous[32];		/* digest of the C that it is made from */
	struct zkhsm_configuration config;
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	size_t len;
	struct zkhsm_statement evidence;	/* of --evidence; else all 0 */
};

/* O_CHANGE; from the evidence in --evidence, or the kernel here. */
int cli_change(struct cli *cli, struct cli_change *change);
json_t *json_change(const struct cli_change *change);

/* cmd_*.c */
int cmd_hsm_new(struct cli *cli);
int cmd_hsm_get(struct cli *cli);
int cmd_hsm_set(struct cli *cli);
int cmd_hsm_show(struct cli *cli);
int cmd_hsm_lock(struct cli *cli);
int cmd_hsm_seal(struct cli *cli);
int cmd_hsm_unseal(struct cli *cli);
int cmd_hsm_rekey(struct cli *cli);
int cmd_hsm_backup(struct cli *cli);
int cmd_hsm_restore(struct cli *cli);
int cmd_hsm_store(struct cli *cli);
int cmd_hsm_ceremony(struct cli *cli);
int cmd_key_new(struct cli *cli);
int cmd_key_list(struct cli *cli);
int cmd_key_get(struct cli *cli);
int cmd_key_show(struct cli *cli);
int cmd_key_set(struct cli *cli);
int cmd_key_del(struct cli *cli);
int cmd_key_sign(struct cli *cli);
int cmd_key_public(struct cli *cli);
int cmd_proof_get(struct cli *cli);
int cmd_proof_verify(struct cli *cli);
int cmd_evidence_get(struct cli *cli);
int cmd_evidence_verify(struct cli *cli);
int cmd_list_get(struct cli *cli);
int cmd_trust_new(struct cli *cli);
int cmd_trust_list(struct cli *cli);
int cmd_trust_get(struct cli *cli);
int cmd_trust_del(struct cli *cli);
int cmd_trust_change(struct cli *cli);
int cmd_lease_show(struct cli *cli);
int cmd_lease_issue(struct cli *cli);
int cmd_drill(struct cli *cli);
int cmd_order_apply(struct cli *cli);
int cmd_order_show(struct cli *cli);
int cmd_share_split(struct cli *cli);
int cmd_share_enter(struct cli *cli);
int cmd_share_status(struct cli *cli);
int cmd_share_forget(struct cli *cli);
int cmd_monitor(struct cli *cli);
int cmd_status(struct cli *cli);
int cmd_token_get(struct cli *cli);
int cmd_token_verify(struct cli *cli);
int cmd_token_inspect(struct cli *cli);
int cmd_token_use(struct cli *cli);	/* cmd_relying.c */
int cmd_remote_sign(struct cli *cli);
int cmd_manager_status(struct cli *cli);
int cmd_manager_show(struct cli *cli);
int cmd_manager_keys(struct cli *cli);
int cmd_policy_show(struct cli *cli);
int cmd_policy_explain(struct cli *cli);
int cmd_policy_check(struct cli *cli);
int cmd_audit_list(struct cli *cli);
int cmd_audit_export(struct cli *cli);
int cmd_audit_verify(struct cli *cli);
int cmd_manager_proposals(struct cli *cli);
int cmd_manager_withdraw(struct cli *cli);
int cmd_proposal_approve(struct cli *cli);
int cmd_manager_backup(struct cli *cli);
int cmd_manager_info(struct cli *cli);
int cmd_manager_pending(struct cli *cli);
int cmd_manager_enrol(struct cli *cli);
int cmd_manager_unenrol(struct cli *cli);
int cmd_manager_list(struct cli *cli);
int cmd_manager_approve(struct cli *cli);
int cmd_manager_restore(struct cli *cli);
int cmd_manager_revoke(struct cli *cli);	/* hold and release too */
int cmd_manager_state(struct cli *cli);
int cmd_manager_cluster(struct cli *cli);
int cmd_manager_quarantine(struct cli *cli);
int cmd_manager_release(struct cli *cli);
int cmd_manager_history(struct cli *cli);
int cmd_alert_list(struct cli *cli);
int cmd_alert_show(struct cli *cli);
int cmd_alert_act(struct cli *cli);		/* acknowledge and release */
int cmd_revocation_list(struct cli *cli);
int cmd_revocation_show(struct cli *cli);
int cmd_revocation_add(struct cli *cli);
int cmd_revocation_release(struct cli *cli);
int cmd_manager_orders(struct cli *cli);
int cmd_manager_trust_change(struct cli *cli);

#endif /* ZKHSM_CLI_H */
