// SPDX-License-Identifier: GPL-2.0
/*
 * zkhsm - the command line: a table of objects and verbs
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const struct cli_command commands[] = {
	{ "status", "", "", 0, 0, 0, 0, "is the module there and well", cmd_status },
	{ "hsm", "new", "", 0, 0,
	  O(QUORUM) | O(STOP) | O(WIPE) | O(AGENT_UID) | O(ENFORCE_GRACE) | O(MAX_TTL) | O_KEK |
	  O(SHARES) | O(TPM_PCRS) | O(COUNTER) | O(STORE), 0, "make the identity, fix the quorums and the KEK",
	  cmd_hsm_new },
	{ "hsm", "get", "", 0, 0, 0, 0, "show the module and its identity", cmd_hsm_get },
	{ "hsm", "show", "", 0, 0, 0, 0, "say what its configuration is good for", cmd_hsm_show },
	{ "hsm", "set", "", 0, 0,
	  O(QUORUM) | O(STOP) | O(WIPE) | O(AGENT_UID) | O(ENFORCE_GRACE) | O(MAX_TTL) | O(STORE),
	  0, "change quorums, what is enforced, or agent", cmd_hsm_set },
	{ "hsm", "lock", "", 0, 0, O(STORE) | O(YES), 0,
	  "freeze quorums, what is enforced, and managers, for good", cmd_hsm_lock },
	{ "hsm", "seal", "", 0, 0, O(STORE) | O(FULL), 0, "store what is not stored yet",
	  cmd_hsm_seal },
	{ "hsm", "unseal", "", 0, 0, O(STORE) | O_KEK | O(SHARES), 0,
	  "bring everything back that was stored", cmd_hsm_unseal },
	{ "hsm", "rekey", "", 0, 0, O(STORE) | O_KEK | O(SHARES), 0,
	  "store everything under another KEK of the same class", cmd_hsm_rekey },
	{ "hsm", "backup", "", 0, 0, O(STORE) | O(OUT), O(OUT), "the store in one file",
	  cmd_hsm_backup },
	{ "hsm", "restore", "", 0, 0, O(STORE) | O(IN) | O(AGENT_UID), O(IN),
	  "a store from such a file", cmd_hsm_restore },
	{ "hsm", "store", "check", 1, 1, O(STORE), 0,
	  "look at every file of the store, without the KEK", cmd_hsm_store },
	{ "hsm", "ceremony", "", 0, 0, O(STORE) | O(ANSWERS) | O(DRY_RUN) | O(PROTOCOL), 0,
	  "all of it, step by step, with a protocol", cmd_hsm_ceremony },
	{ "key", "new", "ID", 1, 1,
	  O(TYPE) | O(USAGE) | O(STATE) | O(OWNER) | O(IMPORT) | O(COUNT) | O(LEASE_REQUIRED) |
	  O(GRANT_REQUIRED) | O(STORE), 0,
	  "generate a key in the kernel, or import one", cmd_key_new },
	{ "key", "list", "", 0, 0, 0, 0, "show all keys", cmd_key_list },
	{ "key", "get", "ID", 1, 1, 0, 0, "show a key", cmd_key_get },
	{ "key", "show", "ID", 1, 1, 0, 0, "whether it works, how long, and thanks to whom",
	  cmd_key_show },
	{ "key", "set", "ID", 1, 1,
	  O(USAGE) | O(STATE) | O(OWNER) | O(LEASE_REQUIRED) | O(GRANT_REQUIRED) | O(STORE), 0,
	  "narrow it, change state or owner", cmd_key_set },
	{ "key", "del", "ID", 1, 1, O(STORE), 0, "erase a key", cmd_key_del },
	{ "key", "sign", "ID", 1, 1,
	  O(DIGEST) | O(FILE) | O(DER) | O(OUT) | O(GRANT_FILE) | O(CLIENT_KEY), 0,
	  "ECDSA signature with a key", cmd_key_sign },
	{ "key", "public", "ID", 1, 1, O(PEM) | O(OUT), 0, "show the public key", cmd_key_public },
	{ "proof", "get", "ID", 1, 1,
	  O(USER_ID) | O(USER_ID_HEX) | O(OTHER) | O(OTHER_HEX) | O(OUT), 0,
	  "proof of possession of a key (RFC 8235)", cmd_proof_get },
	{ "proof", "verify", "FILE", 1, 1,
	  O(PUBLIC) | O(USER_ID) | O(USER_ID_HEX) | O(OTHER) | O(OTHER_HEX), O(PUBLIC),
	  "verify such a proof", cmd_proof_verify },
	{ "evidence", "get", "", 0, 0, O(NONCE_HEX) | O(MANAGER_ID) | O(OFFLINE) | O(OUT),
	  O(NONCE_HEX) | O(MANAGER_ID), "evidence about the whole keystore", cmd_evidence_get },
	{ "evidence", "verify", "FILE", 1, 1,
	  O(LIST_FILE) | O(CONFIG_FILE) | O(NONCE_HEX) | O(MANAGER_ID), 0,
	  "say what evidence proves", cmd_evidence_verify },
	{ "list", "get", "", 0, 0, O(OUT), 0, "the list that the newest evidence is about",
	  cmd_list_get },
	{ "trust", "new", "", 0, 0,
	  O(KEY_HEX) | O(FROM_MANAGER) | O(CA) | O(LABEL) | O(STORE), O(LABEL),
	  "pin a manager in the kernel", cmd_trust_new },
	{ "trust", "list", "", 0, 0, 0, 0, "show the pinned managers", cmd_trust_list },
	{ "trust", "get", "MANAGER-ID", 1, 1, 0, 0, "show a pinned manager", cmd_trust_get },
	{ "trust", "del", "MANAGER-ID", 1, 1, O(STORE), 0, "unpin a manager", cmd_trust_del },
	{ "trust", "show", "MANAGER-ID", 1, 1, 0, 0, "the same as trust get", cmd_trust_get },
	{ "trust", "change", "", 0, 0, O_CHANGE | O(SIGNING_KEY) | O(NUMBER) | O(OUT), O(OUT),
	  "another configuration, or an order for it", cmd_trust_change },
	{ "lease", "show", "[MANAGER]", 0, 1, 0, 0, "what the managers' leases say, until when",
	  cmd_lease_show },
	{ "lease", "issue", "", 0, 0,
	  O(OFFLINE) | O(SIGNING_KEY) | O(EVIDENCE_FILE) | O(LIST_FILE) | O(CONFIG_FILE) | O(TTL) |
	  O(DENY) | O(GRANT) | O(OUT), O(OFFLINE) | O(SIGNING_KEY) | O(EVIDENCE_FILE) | O(OUT),
	  "break-glass: a lease by hand, for evidence in a file", cmd_lease_issue },
	{ "order", "apply", "FILE", 1, 1, O(STORE), 0, "give a signed order to the kernel",
	  cmd_order_apply },
	{ "order", "show", "FILE", 1, 1, O(PUBLIC), 0, "say what an order orders",
	  cmd_order_show },
	{ "share", "split", "", 0, 0,
	  O(SHARES_COUNT) | O(THRESHOLD) | O(OUT_DIR) | O(KEK_FILE) | O(LABEL),
	  O(SHARES_COUNT) | O(THRESHOLD) | O(OUT_DIR),
	  "make a KEK, or take one, and share it", cmd_share_split },
	{ "share", "enter", "FILE|-", 1, 1, 0, 0, "give the kernel one share, - to type it",
	  cmd_share_enter },
	{ "share", "status", "", 0, 0, 0, 0, "how many shares have been entered",
	  cmd_share_status },
	{ "share", "forget", "", 0, 0, 0, 0, "make the kernel forget them", cmd_share_forget },
	{ "drill", "revoke", "", 0, 0, O_ADMIN | O(MAX_WAIT) | O(STORE), 0,
	  "revoke a key made for it, and say how soon it stops", cmd_drill },
	{ "drill", "expire", "", 0, 0, O(MAX_WAIT) | O(STORE), 0,
	  "let the leases of a key made for it end", cmd_drill },
	{ "drill", "manager-down", "", 0, 0, O(MANAGER_SHORT) | O(MAX_WAIT) | O(STORE),
	  O(MANAGER_SHORT), "while a manager is stopped, whether keys go on", cmd_drill },
	{ "monitor", "", "", 0, 0, O(COUNT) | O(TIMEOUT), 0,
	  "show the kernel's events as they come", cmd_monitor },
	{ "token", "get", "", 0, 0,
	  O_MANAGER | O(HSM) | O(KEY_ID) | O(AUD) | O(NONCE_TEXT) | O(CERT_BINDING) | O(OUT) |
	  O(RELYING), O(HSM) | O(KEY_ID),
	  "ask a manager for a verification token, or several", cmd_token_get },
	{ "token", "verify", "FILE...", 1, CLI_REPEAT_MAX,
	  O(JWKS) | O(CA) | O(AUD) | O(NONCE_TEXT) | O(RELYING) | O(HSM) | O(KEY_ID), 0,
	  "verify a token, or whether several agree", cmd_token_verify },
	{ "token", "inspect", "FILE", 1, 1, 0, 0, "say what a token says, true or not",
	  cmd_token_inspect },
	{ "token", "use", "", 0, 0,
	  O(RELYING) | O(HSM) | O(KEY_ID) | O(FILE) | O(DIGEST) | O(AGENT) | O(DER) | O(OUT),
	  O(RELYING) | O(HSM) | O(KEY_ID),
	  "get tokens, check them, sign with the key, check that", cmd_token_use },
	{ "remote", "sign", "", 0, 0,
	  O(AGENT) | O(CA) | O(CERT) | O(KEY_FILE) | O(KEY_ID) | O(TOKEN) | O(FILE) | O(DIGEST) |
	  O(DER) | O(OUT), O(AGENT) | O(KEY_ID) | O(TOKEN),
	  "ask an HSM's agent for a signature", cmd_remote_sign },
	{ "manager", "status", "", 0, 0, O_ADMIN, 0, "the fleet at a glance, and open alerts",
	  cmd_manager_status },
	{ "manager", "show", "HSM", 1, 1, O_ADMIN, 0, "all that is known of an HSM",
	  cmd_manager_show },
	{ "manager", "keys", "HSM", 1, 1, O_ADMIN, 0, "its keys and their states",
	  cmd_manager_keys },
	{ "policy", "show", "", 0, 0, O_ADMIN, 0, "what a manager demands of HSMs and keys",
	  cmd_policy_show },
	{ "policy", "explain", "HSM KEY-ID", 2, 2, O_ADMIN, 0, "why a key is trusted or not",
	  cmd_policy_explain },
	{ "policy", "check", "FILE", 1, 1, 0, 0, "whether a file can be a manager's policy",
	  cmd_policy_check },
	{ "audit", "list", "", 0, 0, O_ADMIN | O(AFTER), 0, "what was done, and by whom",
	  cmd_audit_list },
	{ "audit", "export", "", 0, 0, O_ADMIN | O(AFTER) | O(OUT) | O(HEAD), 0,
	  "the log as it was written, a line for each entry", cmd_audit_export },
	{ "audit", "verify", "[FILE]", 0, 1, O_ADMIN | O(HEAD) | O(JWKS), 0,
	  "whether a log, or the manager's, is what was written", cmd_audit_verify },
	{ "revocation", "list", "", 0, 0, O_MANAGER | O(JWKS), 0,
	  "the signed revocation list, verified", cmd_revocation_list },
	{ "revocation", "show", "", 0, 0, O_ADMIN | O_STOPPED | O(ENDED), 0,
	  "what is stopped, by whom and why", cmd_revocation_show },
	{ "revocation", "add", "", 0, 0, O_ADMIN | O_STOPPED | O(HOLD) | O(REASON), O(REASON),
	  "revoke or hold a key, an element everywhere, an HSM or a cluster", cmd_revocation_add },
	{ "revocation", "release", "", 0, 0, O_ADMIN | O_STOPPED | O(REASON), 0,
	  "end a hold", cmd_revocation_release },
	{ "manager", "info", "", 0, 0, O_MANAGER, 0, "a manager's id and keys", cmd_manager_info },
	{ "manager", "pending", "", 0, 0, O_ADMIN, 0, "HSMs that ask to be enrolled",
	  cmd_manager_pending },
	{ "manager", "enrol", "HSM-ID", 1, 1,
	  O_ADMIN | O(NAME) | O(CONFIG_DIGEST) | O(CLUSTER), O(NAME),
	  "enrol an HSM", cmd_manager_enrol },
	{ "manager", "cluster", "HSM [NAME]", 1, 2, O_ADMIN, 0,
	  "put it into another cluster, or into none", cmd_manager_cluster },
	{ "manager", "unenrol", "HSM-ID", 1, 1, O_ADMIN, 0, "end an enrolment",
	  cmd_manager_unenrol },
	{ "manager", "list", "", 0, 0, O_ADMIN, 0, "enrolled HSMs", cmd_manager_list },
	{ "manager", "approve", "HSM-ID|PROPOSAL", 1, 1, O_ADMIN | O(CONFIG_DIGEST) | O(UNSEEN), 0,
	  "approve another configuration (--config), or a proposal", cmd_manager_approve },
	{ "manager", "proposals", "", 0, 0, O_ADMIN, 0, "what waits for a second administrator",
	  cmd_manager_proposals },
	{ "manager", "withdraw", "PROPOSAL", 1, 1, O_ADMIN, 0, "end a proposal",
	  cmd_manager_withdraw },
	{ "manager", "restore", "HSM-ID", 1, 1, O_ADMIN, 0,
	  "let its next evidence be of an older state, restored on purpose", cmd_manager_restore },
	/* As zkhsm revocation add and release, whose names these had before. */
	{ "manager", "revoke", "", 0, 0, O_ADMIN | O_STOPPED | O(REASON), O(REASON),
	  "the same as revocation add", cmd_manager_revoke },
	{ "manager", "hold", "", 0, 0, O_ADMIN | O_STOPPED | O(REASON), O(REASON),
	  "the same as revocation add --hold", cmd_manager_revoke },
	{ "manager", "release", "[HSM]", 0, 1, O_ADMIN | O_STOPPED | O(REASON) | O(NOTE), 0,
	  "an HSM out of quarantine; without one, the same as revocation release",
	  cmd_manager_release },
	{ "manager", "quarantine", "HSM", 1, 1, O_ADMIN | O(NOTE), O(NOTE),
	  "no leases and no tokens for an HSM until it is released", cmd_manager_quarantine },
	{ "manager", "history", "HSM [KEY-ID]", 1, 2, O_ADMIN, 0,
	  "what happened to an HSM, or to one of its keys", cmd_manager_history },
	{ "alert", "list", "", 0, 0, O_ADMIN | O(ENDED), 0, "what has to be looked at",
	  cmd_alert_list },
	{ "alert", "show", "NUMBER", 1, 1, O_ADMIN, 0, "one alert, and who holds the key it is of",
	  cmd_alert_show },
	{ "alert", "acknowledge", "NUMBER", 1, 1, O_ADMIN | O(NOTE), O(NOTE),
	  "somebody looks at it", cmd_alert_act },
	{ "alert", "release", "NUMBER", 1, 1, O_ADMIN | O(NOTE), O(NOTE),
	  "it is over, and what it stopped goes on", cmd_alert_act },
	{ "manager", "state", "HSM-ID [KEY-ID]", 1, 2, O_MANAGER, 0,
	  "state of an HSM, or of one of its keys", cmd_manager_state },
	{ "manager", "revocations", "", 0, 0, O_MANAGER | O(JWKS), 0,
	  "the same as revocation list", cmd_revocation_list },
	{ "manager", "trust-change", "HSM-ID", 1, 1,
	  O_ADMIN | O(NEW_CONFIG) | O(PREVIOUS), O(NEW_CONFIG),
	  "order another configuration", cmd_manager_trust_change },
	{ "manager", "backup", "", 0, 0, O_ADMIN, 0, "a backup of its store, on its host",
	  cmd_manager_backup },
	{ "manager", "orders", "HSM-ID", 1, 1, O_ADMIN, 0, "orders made for an HSM",
	  cmd_manager_orders },
};

static void print_usage(FILE *to, const char *object)
{
	fprintf(to, "Usage: zkhsm %s VERB [OPTION...] [ARGUMENT...]\n\n",
		object ? object : "OBJECT");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct cli_command *c = &commands[i];
		char words[64];

		if (object && strcmp(object, c->object) != 0)
			continue;
		snprintf(words, sizeof(words), "%s%s%s%s%s", c->object, *c->verb ? " " : "",
			 c->verb, *c->args ? " " : "", c->args);
		fprintf(to, "  %-30s %s\n", words, c->help);
	}
	fprintf(to, "\nEverywhere: --output text|json, --help. Exit status: 0 done, 1 refused or\n"
		"failed, 2 usage. zkhsm(1) says more.\n");
}

/* One line per command with its options, for completion.bash. */
static void print_words(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct cli_command *c = &commands[i];

		printf("%s %s", c->object, *c->verb ? c->verb : "-");
		for (enum cli_option o = 0; o < OPT_COUNT_OF_ALL; o++) {
			if (o <= OPT_OUTPUT || c->options & (cli_options)1 << o)
				printf(" --%s", cli_option_name(o));
		}
		putchar('\n');
	}
}

static const struct cli_command *find(const char *object, const char *verb, bool *known)
{
	*known = false;
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		const struct cli_command *c = &commands[i];

		if (strcmp(c->object, object) != 0)
			continue;
		*known = true;
		if (!*c->verb || (verb && strcmp(c->verb, verb) == 0))
			return c;
	}
	return NULL;
}

static int run(struct cli *cli, int argc, char **argv)
{
	int ret = cli_parse(cli, argc, argv);

	if (ret)
		return ret;
	if (cli->help) {
		cli_print_options(cli->command);
		return 0;
	}
	ret = cli->command->run(cli);
	if (cli->nl)
		zkhsm_nl_close(cli->nl);
	return ret;
}

int main(int argc, char **argv)
{
	struct cli cli = { .table = commands, .table_len = ARRAY_SIZE(commands) };
	int first = 1, ret;
	bool known;

	if (!cli_wipe_freed()) {
		fputs("zkhsm: OpenSSL keeps its own allocator\n", stderr);
		return EXIT_FAILURE;
	}
	if (argc > 2 && strcmp(argv[1], "--output") == 0 && argv[2][0] != '-') {
		cli.json = strcmp(argv[2], "json") == 0;
		if (!cli.json && strcmp(argv[2], "text") != 0)
			return cli_usage(&cli, "--output is text or json");
		first = 3;
	}
	if (first >= argc) {
		print_usage(stderr, NULL);
		return CLI_USAGE;
	}
	if (strcmp(argv[first], "--help") == 0 || strcmp(argv[first], "help") == 0) {
		print_usage(stdout, NULL);
		return 0;
	}
	if (strcmp(argv[first], "--commands") == 0) {
		print_words();
		return 0;
	}
	cli.command = find(argv[first], first + 1 < argc ? argv[first + 1] : NULL, &known);
	if (!cli.command && known && first + 1 < argc && strcmp(argv[first + 1], "--help") == 0) {
		print_usage(stdout, argv[first]);
		return 0;
	}
	if (!cli.command) {
		cli_usage(&cli, known ? "%s has no such verb%s" : "there is no object called %s%s",
			  argv[first], "");
		if (!cli.json)
			print_usage(stderr, known ? argv[first] : NULL);
		return CLI_USAGE;
	}
	first += *cli.command->verb ? 2 : 1;
	ret = run(&cli, argc - first, argv + first);
	if (ret < 0) {
		cli_print_error(&cli);
		return EXIT_FAILURE;
	}
	/* What could not be written was not done. */
	if (fflush(stdout) || ferror(stdout)) {
		perror("zkhsm: standard output");
		return EXIT_FAILURE;
	}
	return ret;
}
