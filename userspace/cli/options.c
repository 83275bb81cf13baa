// SPDX-License-Identifier: GPL-2.0
/*
 * options.c - the options of all commands, parsed by getopt_long
 */
#include <errno.h>
#include <getopt.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "conf.h"

/* A file to be signed is read whole. */
#define FILE_MAX_LEN	(256U << 20)

static const struct {
	const char *name, *arg, *help;
	int repeat;		/* 1 + index into cli->values */
} options[OPT_COUNT_OF_ALL] = {
	[OPT_HELP] = { "help", NULL, "this text", 0 },
	[OPT_OUTPUT] = { "output", "text|json", "form of the answer (default text)", 0 },
	[OPT_AGENT] = { "agent", "URL", "where the HSM's agent listens, https://host:port", 0 },
	[OPT_AGENT_UID] = { "agent-uid", "UID|NAME", "user who carries evidence and orders", 0 },
	[OPT_AUD] = { "aud", "TEXT", "audience of the token", 0 },
	[OPT_CA] = { "ca", "FILE", "what the server's certificate must chain to (ZKHSM_CA)", 0 },
	[OPT_CERT] = { "cert", "FILE", "client certificate (ZKHSM_CERT)", 0 },
	[OPT_CERT_BINDING] = { "cert-binding", "FILE", "certificate to bind the token to", 0 },
	[OPT_CONFIG_DIGEST] = { "config", "HEX", "digest of the configuration approved", 0 },
	[OPT_CONFIG_FILE] = { "config", "FILE", "the configuration's bytes", 0 },
	[OPT_COUNT] = { "count", "N", "how many", 0 },
	[OPT_DER] = { "der", NULL, "signature as DER, as openssl wants it", 0 },
	[OPT_DIGEST] = { "digest", "HEX", "SHA-256 digest to sign", 0 },
	[OPT_ELEMENT] = { "element", "HEX", "element name: the key wherever it is", 0 },
	[OPT_FILE] = { "file", "FILE", "sign the SHA-256 digest of this file", 0 },
	[OPT_FROM_MANAGER] = { "from-manager", "URL", "take the key from a manager, over TLS", 0 },
	[OPT_HSM] = { "hsm", "HEX", "id of the HSM", 0 },
	[OPT_IMPORT] = { "import", "FILE", "take this PKCS#8 key (PEM or DER, unencrypted)", 0 },
	[OPT_JWKS] = { "jwks", "FILE|URL", "the manager's token keys", 0 },
	[OPT_KEY_FILE] = { "key", "FILE", "private key of --cert (ZKHSM_KEY)", 0 },
	[OPT_KEY_HEX] = { "key", "HEX", "the manager's order key, a point of 65 bytes", 0 },
	[OPT_KEY_ID] = { "key-id", "ID", "id of the key on that HSM", 0 },
	[OPT_LABEL] = { "label", "TEXT", "what people call it", 0 },
	[OPT_LIST_FILE] = { "list", "FILE", "the list's bytes", 0 },
	[OPT_MANAGER_ID] = { "manager", "HEX", "manager id; repeat for several",
			     1 + REPEAT_MANAGER },
	[OPT_MANAGER_URL] = { "manager", "URL", "https://host:port (ZKHSM_MANAGER)", 0 },
	[OPT_NAME] = { "name", "TEXT", "what people call the HSM", 0 },
	[OPT_NONCE_HEX] = { "nonce", "HEX", "its challenge, 32 bytes; one for each --manager",
			    1 + REPEAT_NONCE },
	[OPT_NONCE_TEXT] = { "nonce", "TEXT", "comes back in the token", 0 },
	[OPT_OTHER] = { "other-info", "TEXT", "OtherInfo of RFC 8235", 0 },
	[OPT_OTHER_HEX] = { "other-info-hex", "HEX", "the same, in hex", 0 },
	[OPT_OUT] = { "out", "FILE", "write it there", 0 },
	[OPT_OWNER] = { "owner", "UID|NAME", "user who may use the key", 0 },
	[OPT_PEM] = { "pem", NULL, "as PEM", 0 },
	[OPT_PUBLIC] = { "public", "HEX", "public key, a point of 65 bytes", 0 },
	[OPT_QUORUM] = { "quorum", "N", "managers whose release or lease it takes", 0 },
	[OPT_REASON] = { "reason", "NAME", "RFC 5280 reason: key-compromise, superseded, ...", 0 },
	[OPT_STATE] = { "state", "NAME", "pre-active, active, deactivated", 0 },
	[OPT_STOP] = { "stop", "N", "managers that make a key unusable", 0 },
	[OPT_TIMEOUT] = { "timeout", "SECONDS", "stop after that", 0 },
	[OPT_TOKEN] = { "token", "FILE", "verification token", 0 },
	[OPT_TYPE] = { "type", "NAME", "ec-p256", 0 },
	[OPT_UNSEEN] = { "unseen", NULL, "even if the HSM has not attested it", 0 },
	[OPT_USAGE] = { "usage", "LIST", "sign,prove", 0 },
	[OPT_USER_ID] = { "user-id", "TEXT", "UserID of RFC 8235: who asks, and why", 0 },
	[OPT_USER_ID_HEX] = { "user-id-hex", "HEX", "the same, in hex", 0 },
	[OPT_WIPE] = { "wipe", "N", "managers that erase a key", 0 },
	[OPT_KEK_FILE] = { "kek-file", "FILE", "the KEK, 32 bytes as they are", 0 },
	[OPT_OUT_DIR] = { "out-dir", "DIR", "write them there", 0 },
	[OPT_SHARES_COUNT] = { "shares", "N", "how many shares", 0 },
	[OPT_ANSWERS] = { "answers", "FILE", "JSON instead of the terminal", 0 },
	[OPT_DRY_RUN] = { "dry-run", NULL, "ask and say, and do nothing", 0 },
	[OPT_PROTOCOL] = { "protocol", "FILE", "what was done, to print and sign", 0 },
	[OPT_COUNTER] = { "counter", "INDEX", "NV index of the TPM's counter, as 0x1500016", 0 },
	[OPT_FULL] = { "full", NULL, "everything, not only what has changed", 0 },
	[OPT_IN] = { "in", "FILE", "take it from there", 0 },
	[OPT_KEK] = { "kek", "SERIAL", "the KEK, a key of the kernel's keyring", 0 },
	[OPT_KEK_KEY] = { "kek-key", "NAME", "the same, by its description", 0 },
	[OPT_SHARES] = { "shares", NULL, "the KEK that the shares entered before make", 0 },
	[OPT_STORE] = { "store", "DIR",
			"what outlives a reboot (ZKHSM_STORE; " ZKHSM_STORE_DEFAULT ")", 0 },
	[OPT_TPM_PCRS] = { "tpm-pcrs", "LIST", "the TPM keeps the KEK, under these PCRs: 0,7,15", 0 },
	[OPT_THRESHOLD] = { "threshold", "N", "how many of them it takes", 0 },
	[OPT_DENY] = { "deny", "KEY", "a key that is not granted, by id or element name; repeat",
		       1 + REPEAT_DENY },
	[OPT_ENFORCE_GRACE] = { "enforce-grace", "TIME|report-only",
				"how long keys go on after their leases", 0 },
	[OPT_EVIDENCE_FILE] = { "evidence", "FILE", "what evidence get --out wrote", 0 },
	[OPT_GRANT] = { "grant", "KEY", "grant this key and no other; repeat", 1 + REPEAT_GRANT },
	[OPT_LEASE_REQUIRED] = { "lease-required", NULL,
				 "works only under live leases; for good", 0 },
	[OPT_MANAGER_SHORT] = { "manager", "ID|LABEL", "a pinned manager", 0 },
	[OPT_MAX_TTL] = { "max-ttl", "TIME", "longest life of a lease, 1s to 31d", 0 },
	[OPT_MAX_WAIT] = { "max-wait", "TIME", "give up after that", 0 },
	[OPT_NEW_CONFIG] = { "config", "FILE", "the new configuration, as trust change wrote it",
			     0 },
	[OPT_NUMBER] = { "number", "N", "of the order, if it is not the next", 0 },
	[OPT_OFFLINE] = { "offline", NULL, "for an answer that comes by hand", 0 },
	[OPT_PIN] = { "pin", "FILE|HEX", "one more manager: its key in PEM, or 65 bytes; repeat",
		      1 + REPEAT_PIN },
	[OPT_PREVIOUS] = { "previous", "HEX",
			   "digest of the configuration it replaces, if not the one attested last",
			   0 },
	[OPT_SIGNING_KEY] = { "key", "FILE", "a manager's private key, PKCS#8", 0 },
	[OPT_TTL] = { "ttl", "TIME", "life of the lease, from when the evidence was made", 0 },
	[OPT_UNPIN] = { "unpin", "HEX", "a manager less: its id; repeat", 1 + REPEAT_UNPIN },
	[OPT_RELYING] = { "relying", "FILE", "whom to believe, see zkhsm-relying.conf(5)", 0 },
	[OPT_WITHDRAW] = { "withdraw", NULL, "take back what this manager ordered and waits", 0 },
	[OPT_AFTER] = { "after", "N", "only what has a higher number", 0 },
	[OPT_HEAD] = { "head", "FILE", "signed head of the log, to keep for the next time", 0 },
	[OPT_CLIENT_KEY] = { "client-key", "FILE", "private key of the client that the grants name",
			     0 },
	[OPT_GRANT_FILE] = { "grant", "FILE", "a manager's grant; repeat", 1 + REPEAT_GRANT_FILE },
	[OPT_GRANT_REQUIRED] = { "grant-required", NULL,
				 "each operation needs grants of managers; for good", 0 },
	[OPT_YES] = { "yes", NULL, "do not ask", 0 },
	[OPT_CLUSTER] = { "cluster", "NAME", "cluster of HSMs", 0 },
	[OPT_ENDED] = { "ended", NULL, "also what is not in force any more", 0 },
	[OPT_NOTE] = { "note", "TEXT", "what was found, or why; it is kept", 0 },
	[OPT_HOLD] = { "hold", NULL, "only until it is released", 0 },
};

const char *cli_option_name(enum cli_option o)
{
	return options[o].name;
}

int cli_usage(struct cli *cli, const char *format, ...)
{
	char text[256];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	zkhsm_fail(&cli->err, -EINVAL, "%s", text);
	snprintf(cli->remote_type, sizeof(cli->remote_type), "usage");
	cli_print_error(cli);
	return CLI_USAGE;
}

void cli_print_options(const struct cli_command *c)
{
	char words[48];

	printf("Usage: zkhsm %s%s%s [OPTION...]%s%s\n%s.\n\n", c->object, *c->verb ? " " : "",
	       c->verb, *c->args ? " " : "", c->args, c->help);
	for (enum cli_option o = 0; o < OPT_COUNT_OF_ALL; o++) {
		if (o > OPT_OUTPUT && !(c->options & (cli_options)1 << o))
			continue;
		snprintf(words, sizeof(words), "--%s%s%s", options[o].name,
			 options[o].arg ? " " : "", options[o].arg ? options[o].arg : "");
		printf("  %-24s %s%s\n", words, options[o].help,
		       c->needed & (cli_options)1 << o ? "; needed" : "");
	}
}

/* Keeps the value of one option that getopt found. */
static int take(struct cli *cli, enum cli_option o, const char *arg)
{
	int repeat = options[o].repeat - 1;

	if (o == OPT_HELP) {
		cli->help = true;
		return 0;
	}
	if (o == OPT_OUTPUT) {
		cli->json = strcmp(arg, "json") == 0;
		return cli->json || strcmp(arg, "text") == 0 ? 0 :
			cli_usage(cli, "--output is text or json");
	}
	if (repeat >= 0) {
		if (cli->value_count[repeat] == CLI_REPEAT_MAX)
			return cli_usage(cli, "--%s is given too often", options[o].name);
		cli->values[repeat][cli->value_count[repeat]++] = arg;
	} else if (cli->value[o]) {
		return cli_usage(cli, "--%s is given twice", options[o].name);
	}
	cli->value[o] = arg ? arg : "";
	return 0;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	const struct cli_command *c = cli->command;
	struct option longs[OPT_COUNT_OF_ALL + 1] = { 0 };
	size_t n = 0;
	int o, ret;

	for (o = 0; o < OPT_COUNT_OF_ALL; o++) {
		if (o > OPT_OUTPUT && !(c->options & (cli_options)1 << o))
			continue;
		longs[n++] = (struct option){ options[o].name, !!options[o].arg, NULL, 256 + o };
	}
	opterr = 0;
	optind = 0;
	/* getopt skips argv[0], which is the verb here. */
	argv--;
	argc++;
	while ((o = getopt_long(argc, argv, ":", longs, NULL)) != -1) {
		if (o == ':')
			return cli_usage(cli, "%s needs a value", argv[optind - 1]);
		if (o < 256)
			return cli_usage(cli, "%s does not know the option %s", c->object,
					 argv[optind - 1]);
		ret = take(cli, (enum cli_option)(o - 256), optarg);
		if (ret)
			return ret;
	}
	cli->args = argv + optind;
	cli->arg_count = argc - optind;
	if (cli->help)
		return 0;
	if (cli->arg_count < c->min_args || cli->arg_count > c->max_args)
		return *c->args ? cli_usage(cli, "needs %s", c->args) :
			cli_usage(cli, "takes no arguments beside options");
	for (o = 0; o < OPT_COUNT_OF_ALL; o++) {
		if (c->needed & (cli_options)1 << o && !cli->value[o])
			return cli_usage(cli, "needs --%s", options[o].name);
	}
	return 0;
}

int cli_u32(struct cli *cli, enum cli_option o, uint32_t min, uint32_t max, uint32_t *out)
{
	const char *text = cli->value[o];
	unsigned long long n;
	char *end;

	if (!text)
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || *end || *text < '0' || *text > '9' || n < min || n > max)
		return cli_usage(cli, "--%s is a number from %u to %u", options[o].name, min, max);
	*out = (uint32_t)n;
	return 0;
}

int cli_uid(struct cli *cli, enum cli_option o, uint32_t *uid)
{
	const char *text = cli->value[o];
	struct passwd *pw;

	if (!text)
		return 0;
	if (*text >= '0' && *text <= '9')
		return cli_u32(cli, o, 0, UINT32_MAX - 1, uid);
	pw = getpwnam(text);
	if (!pw)
		return cli_usage(cli, "--%s: there is no user called %s", options[o].name, text);
	*uid = pw->pw_uid;
	return 0;
}

int cli_handle(struct cli *cli, enum cli_option o, uint32_t *out)
{
	const char *text = cli->value[o];
	size_t digits = text && strncmp(text, "0x", 2) == 0 ? strlen(text + 2) : 0;

	if (!text)
		return 0;
	if (!digits || digits > 8 || strspn(text + 2, "0123456789abcdefABCDEF") != digits)
		return cli_usage(cli, "--%s is 0x and up to 8 hex digits", options[o].name);
	*out = (uint32_t)strtoul(text + 2, NULL, 16);
	return 0;
}

int cli_pcrs(struct cli *cli, enum cli_option o, uint32_t *mask)
{
	const char *text = cli->value[o];
	unsigned long n;
	char *end;

	*mask = 0;
	for (; text; text = *end ? end + 1 : NULL) {
		n = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 16;
		if (n > 15 || (*end && *end != ',') || *mask & 1U << n)
			return cli_usage(cli, "--%s is a list of numbers from 0 to 15, as 0,7",
					 options[o].name);
		*mask |= 1U << n;
	}
	return 0;
}

int cli_duration(struct cli *cli, enum cli_option o, uint64_t min, uint64_t max, uint64_t *ms)
{
	const char *text = cli->value[o];
	uint64_t n;

	if (!text)
		return 0;
	if (conf_duration(text, &n))
		return cli_usage(cli, "--%s is a time like 90s, 20min, 1h or 7d, not \"%.80s\"",
				 options[o].name, text);
	if (n < min || n > max)
		return cli_usage(cli, "--%s is out of range: %.80s", options[o].name, text);
	*ms = n;
	return 0;
}

int cli_grace(struct cli *cli, enum cli_option o, uint64_t *ms)
{
	if (!cli->value[o] || strcmp(cli->value[o], "report-only") != 0)
		return cli_duration(cli, o, 0, UINT64_MAX - 1, ms);
	*ms = UINT64_MAX;
	return 0;
}

int cli_hex(struct cli *cli, const char *what, const char *text, void *out, size_t len)
{
	if (zkhsm_unhex(text, out, len))
		return cli_usage(cli, "%s is %zu lower-case hex digits, not \"%.80s\"", what,
				 2 * len, text);
	return 0;
}

int cli_bytes(struct cli *cli, enum cli_option text, enum cli_option hex, size_t max,
	      uint8_t *out, ssize_t *len)
{
	const char *value = cli->value[text] ? cli->value[text] : cli->value[hex];
	size_t n;

	*len = -1;
	if (!value)
		return 0;
	if (cli->value[text] && cli->value[hex])
		return cli_usage(cli, "--%s or --%s, not both", options[text].name,
				 options[hex].name);
	n = strlen(value);
	if (cli->value[hex] && n % 2)
		return cli_usage(cli, "--%s has an odd number of digits", options[hex].name);
	if (cli->value[hex])
		n /= 2;
	if (n > max)
		return cli_usage(cli, "--%s is longer than %zu bytes", options[text].name, max);
	*len = (ssize_t)n;
	if (cli->value[hex])
		return n ? cli_hex(cli, options[hex].name, value, out, n) : 0;
	memcpy(out, value, n);
	return 0;
}

int cli_digest(struct cli *cli, uint8_t digest[32])
{
	uint8_t *data;
	size_t len;
	int ret;

	if (!cli->value[OPT_DIGEST] == !cli->value[OPT_FILE])
		return cli_usage(cli, "needs either --digest or --file");
	if (cli->value[OPT_DIGEST])
		return cli_hex(cli, "--digest", cli->value[OPT_DIGEST], digest, 32);
	ret = zkhsm_read_file(cli->value[OPT_FILE], FILE_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	zkhsm_sha256(data, len, digest);
	free(data);
	return 0;
}
