// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_ceremony.c - administrators around a table set up an HSM
 *
 * Each step is a plain command, said and then run; what is there already is
 * left as it is, so that a ceremony that was broken off can go on.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#include "ceremony.h"

#define PRESENT_MAX	16

static void note_time(struct ceremony *c, const char *what)
{
	time_t now = time(NULL);
	char text[40] = "?";
	struct tm tm;

	if (gmtime_r(&now, &tm))
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S UTC", &tm);
	fprintf(c->protocol, "%s %s\n", what, text);
}

static int who(struct ceremony *c, char present[][ANSWER_SIZE], size_t *count)
{
	struct utsname system;
	int ret;

	fprintf(c->protocol, "Key ceremony of an HSM%s\n\n",
		c->dry ? " - REHEARSAL, nothing was done" : "");
	note_time(c, "Begun:   ");
	if (!uname(&system))
		fprintf(c->protocol, "Host:     %s, Linux %s\n", system.nodename, system.release);
	if (c->cli->value[OPT_STORE])
		fprintf(c->protocol, "Store:    ZKHSM_STORE=%s\n", cli_store_path(c->cli));
	for (*count = 0; *count < PRESENT_MAX; ++*count) {
		ret = ceremony_ask(c, "present", "Who is present? (nobody else: empty)",
				   *count ? "" : NULL, present[*count]);
		if (ret)
			return ret;
		if (!present[*count][0])
			break;
		fprintf(c->protocol, "Present:  %s\n", present[*count]);
	}
	return 0;
}

/* In a rehearsal no kernel is asked. */
static int look(struct ceremony *c, struct zkhsm_hsm_info *info)
{
	struct cli *cli = c->cli;
	int ret;

	memset(info, 0, sizeof(*info));
	if (c->dry)
		return 0;
	ret = cli->nl ? 0 : cli_open(cli);
	return ret ? ret : zkhsm_hsm_get(cli->nl, info, &cli->err);
}

static int share_out(struct ceremony *c)
{
	char count[ANSWER_SIZE], threshold[ANSWER_SIZE], dir[ANSWER_SIZE], name[ANSWER_SIZE];
	struct words w = { { "share", "split" }, 2 };
	char question[64];
	long n;
	int ret;

	ret = ceremony_ask(c, "shares", "How many shares? (they exist already: empty)", "", count);
	if (ret || !*count)
		return ret;
	ret = ceremony_ask(c, "threshold", "How many of them make the KEK?", NULL, threshold);
	ret = ret ? ret : ceremony_ask(c, "out-dir", "Directory for them, on a medium that leaves",
				       NULL, dir);
	if (ret)
		return ret;
	words_add(&w, "--shares", count);
	words_add(&w, "--threshold", threshold);
	words_add(&w, "--out-dir", dir);
	ret = ceremony_run(c, &w);
	n = strtol(count, NULL, 10);
	for (long i = 1; !ret && i <= n && i <= ZKHSM_SHARES_MAX; i++) {
		snprintf(question, sizeof(question), "Who gets share %ld of %ld?", i, n);
		ret = ceremony_ask(c, "custodian", question, NULL, name);
		if (!ret)
			ceremony_note(c, "Share %ld of %ld (threshold %s): %s", i, n, threshold,
				      name);
	}
	return ret;
}

static int enter_shares(struct ceremony *c)
{
	char file[ANSWER_SIZE];
	struct zkhsm_share_info info = { 0 };
	int ret;

	do {
		struct words w = { { "share", "enter" }, 2 };

		ret = ceremony_ask(c, "share-file", "A share's file, or - to type it",
				   c->dry ? "" : NULL, file);
		if (ret || !*file)
			return ret;
		w.word[w.count++] = file;
		ret = ceremony_run(c, &w);
		if (!ret && !c->dry)
			ret = zkhsm_share_get(c->cli->nl, NULL, &info, &c->cli->err);
	} while (!ret && !info.complete);
	return ret;
}

/* Fills @w with what hsm new needs for it; @value is kept by the caller. */
static int choose_kek(struct ceremony *c, struct words *w, char value[ANSWER_SIZE])
{
	char kind[ANSWER_SIZE];
	int ret;

	ret = ceremony_ask(c, "kek", "Where does the KEK come from: file, keyring, shares, tpm",
			   "shares", kind);
	if (ret)
		return ret;
	if (!strcmp(kind, "file")) {
		ret = ceremony_ask(c, "kek-file", "Its file, 32 bytes", NULL, value);
		words_add(w, "--kek-file", value);
	} else if (!strcmp(kind, "keyring")) {
		ret = ceremony_ask(c, "kek-key", "Description of its key", "zkhsm:kek", value);
		words_add(w, "--kek-key", value);
	} else if (!strcmp(kind, "tpm")) {
		ret = ceremony_ask(c, "tpm-pcrs", "PCRs that the TPM seals it to", NULL, value);
		words_add(w, "--tpm-pcrs", value);
	} else if (!strcmp(kind, "shares")) {
		ret = share_out(c);
		ret = ret ? ret : enter_shares(c);
		words_add(w, "--shares", NULL);
	} else {
		ret = zkhsm_fail(&c->cli->err, -EINVAL, "there is no KEK of \"%s\"", kind);
	}
	return ret;
}

static int make_identity(struct ceremony *c, const struct zkhsm_hsm_info *info)
{
	char agent[ANSWER_SIZE], value[ANSWER_SIZE] = "", counter[ANSWER_SIZE];
	struct words w = { { "hsm", "new" }, 2 };
	int ret;

	ceremony_title(c, "KEK and identity");
	if (info->initialised) {
		ceremony_note(c, "There is an identity already; it stays.");
		return 0;
	}
	ret = choose_kek(c, &w, value);
	ret = ret ? ret : ceremony_ask(c, "counter",
				       "NV index of a counter in the TPM, as 0x1500016 (none: empty)",
				       "", counter);
	ret = ret ? ret : ceremony_ask(c, "agent-uid", "User that the agent runs as",
				       "zkhsm-agent", agent);
	if (ret)
		return ret;
	words_add(&w, "--counter", counter);
	words_add(&w, "--agent-uid", agent);
	return ceremony_run(c, &w);
}

static int pin_one(struct ceremony *c, const char *manager)
{
	bool url = !strncmp(manager, "https://", 8);
	char label[ANSWER_SIZE], ca[ANSWER_SIZE] = "";
	struct words w = { { "trust", "new" }, 2 };
	int ret;

	ret = ceremony_ask(c, "manager-label", "What do people call it?", NULL, label);
	if (!ret && url)
		ret = ceremony_ask(c, "manager-ca", "File of its CA (PEM)", NULL, ca);
	if (ret)
		return ret;
	words_add(&w, url ? "--from-manager" : "--key", manager);
	words_add(&w, "--ca", ca);
	words_add(&w, "--label", label);
	return ceremony_run(c, &w);
}

static int pin_managers(struct ceremony *c)
{
	char manager[ANSWER_SIZE];
	int ret;

	ceremony_title(c, "Managers");
	for (;;) {
		ret = ceremony_ask(c, "manager",
				   "A manager: https://host:port or its key in hex (no more: empty)",
				   "", manager);
		if (ret || !*manager)
			return ret;
		ret = pin_one(c, manager);
		if (ret)
			return ret;
	}
}

static int set_quorums(struct ceremony *c)
{
	char quorum[ANSWER_SIZE], stop[ANSWER_SIZE], wipe[ANSWER_SIZE];
	struct words w = { { "hsm", "set" }, 2 };
	struct zkhsm_configuration config = { 0 };
	struct zkhsm_hsm_info info;
	char sentences[ZKHSM_TOLERANCE_LINES][ZKHSM_TOLERANCE_SIZE];
	int ret;

	ceremony_title(c, "Quorums");
	ret = ceremony_ask(c, "quorum", "Managers whose release or lease it takes", NULL, quorum);
	ret = ret ? ret : ceremony_ask(c, "stop", "Managers that make a key unusable", "1", stop);
	ret = ret ? ret : ceremony_ask(c, "wipe", "Managers that erase a key", quorum, wipe);
	if (ret)
		return ret;
	words_add(&w, "--quorum", quorum);
	words_add(&w, "--stop", stop);
	words_add(&w, "--wipe", wipe);
	ret = ceremony_run(c, &w);
	ret = ret ? ret : look(c, &info);
	if (ret || c->dry)
		return ret;
	ret = zkhsm_configuration_check(info.configuration, info.configuration_len, &config,
					&c->cli->err);
	if (ret)
		return ret;
	zkhsm_tolerance_text(&config, sentences);
	for (size_t i = 0; i < ZKHSM_TOLERANCE_LINES; i++)
		ceremony_note(c, "%s", sentences[i]);
	return 0;
}

static int lock(struct ceremony *c, const struct zkhsm_hsm_info *info)
{
	const struct words w = { { "hsm", "lock", "--yes" }, 3 };
	char answer[ANSWER_SIZE];
	int ret;

	ceremony_title(c, "Lock");
	if (info->flags & ZKHSM_HSM_FLAG_LOCKED) {
		ceremony_note(c, "It is locked already.");
		return 0;
	}
	ret = ceremony_ask(c, "lock", "Freeze managers, quorums and agent for good? yes or no",
			   "no", answer);
	if (ret)
		return ret;
	if (!strcmp(answer, "yes"))
		return ceremony_run(c, &w);
	ceremony_note(c, "Not locked.");
	return 0;
}

static int first_keys(struct ceremony *c)
{
	char id[ANSWER_SIZE], owner[ANSWER_SIZE];
	int ret;

	ceremony_title(c, "First keys");
	for (;;) {
		struct words w = { { "key", "new" }, 2 };

		ret = ceremony_ask(c, "key", "Id of a key to make (no more: empty)", "", id);
		if (ret || !*id)
			return ret;
		ret = ceremony_ask(c, "key-owner", "User who may use it (root: empty)", "", owner);
		if (ret)
			return ret;
		w.word[w.count++] = id;
		words_add(&w, "--owner", owner);
		ret = ceremony_run(c, &w);
		if (ret)
			return ret;
	}
}

static int take_backup(struct ceremony *c)
{
	struct words w = { { "hsm", "backup" }, 2 };
	char file[ANSWER_SIZE];
	int ret;

	ceremony_title(c, "Backup");
	ret = ceremony_ask(c, "backup", "File for a backup (none: empty)", "", file);
	if (ret || !*file)
		return ret;
	words_add(&w, "--out", file);
	return ceremony_run(c, &w);
}

static int add_key(const struct zkhsm_key_info *k, void *arg)
{
	struct ceremony *c = arg;

	ceremony_note(c, "Key %s, %s", k->id, zkhsm_state_name(k->state));
	ceremony_groups(c, "  element", k->element, sizeof(k->element));
	return 0;
}

static int add_manager(const struct zkhsm_manager_info *m, void *arg)
{
	struct ceremony *c = arg;

	ceremony_note(c, "Manager %s", m->label);
	ceremony_groups(c, "  manager-id", m->manager_id, sizeof(m->manager_id));
	return 0;
}

/* What the managers' administrators compare before they enrol it. */
static int enrolment(struct ceremony *c, const struct zkhsm_hsm_info *info)
{
	uint8_t digest[32];
	int ret;

	ceremony_title(c, "Enrolment, at each manager");
	ceremony_note(c, "$ zkhsm manager enrol HSM-ID --name NAME --config DIGEST --manager URL");
	if (c->dry)
		return 0;
	zkhsm_sha256(info->configuration, info->configuration_len, digest);
	ceremony_note(c, "Module %u.%u.%u", info->module_version >> 16,
		      info->module_version >> 8 & 0xff, info->module_version & 0xff);
	ceremony_groups(c, "HSM-ID", info->hsm_id, sizeof(info->hsm_id));
	ceremony_groups(c, "DIGEST, of the configuration", digest, sizeof(digest));
	if (info->kek_class) {
		ceremony_note(c, "KEK of class %s", zkhsm_kek_class_name(info->kek_class));
		ceremony_groups(c, "kek-id", info->kek_id, sizeof(info->kek_id));
	}
	ceremony_note(c, "Quorum %u, stop %u, wipe %u; %s", info->quorum, info->stop, info->wipe,
		      info->flags & ZKHSM_HSM_FLAG_LOCKED ? "locked" : "not locked");
	ret = zkhsm_trust_list(c->cli->nl, add_manager, c, &c->cli->err);
	return ret ? ret : zkhsm_key_list(c->cli->nl, add_key, c, &c->cli->err);
}

static void signatures(struct ceremony *c, char present[][ANSWER_SIZE], size_t count, int ret)
{
	fputc('\n', c->protocol);
	note_time(c, ret ? "Broken off:" : "Ended:     ");
	for (size_t i = 0; i < count; i++)
		fprintf(c->protocol, "\n\n______________________________  %s\n", present[i]);
}

static int all_steps(struct ceremony *c, char present[][ANSWER_SIZE], size_t *count)
{
	struct zkhsm_hsm_info info;
	int ret;

	ret = who(c, present, count);
	ret = ret ? ret : look(c, &info);
	ret = ret ? ret : make_identity(c, &info);
	/* What is frozen is not asked for again. */
	if (!ret && !(info.flags & ZKHSM_HSM_FLAG_LOCKED)) {
		ret = pin_managers(c);
		ret = ret ? ret : set_quorums(c);
	}
	ret = ret ? ret : lock(c, &info);
	ret = ret ? ret : first_keys(c);
	ret = ret ? ret : take_backup(c);
	ret = ret ? ret : look(c, &info);
	return ret ? ret : enrolment(c, &info);
}

int cmd_hsm_ceremony(struct cli *cli)
{
	char present[PRESENT_MAX][ANSWER_SIZE];
	struct ceremony c;
	size_t count = 0;
	int ret;

	/* For every command of it. */
	if (setenv("ZKHSM_STORE", cli_store_path(cli), 1))
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = ceremony_begin(&c, cli);
	ret = ret ? ret : all_steps(&c, present, &count);
	if (c.protocol)
		signatures(&c, present, count, ret);
	if (!ret && !cli->value[OPT_PROTOCOL]) {
		fflush(c.protocol);
		fputs(c.text, stdout);
	}
	return ceremony_end(&c, ret);
}
