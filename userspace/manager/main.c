// SPDX-License-Identifier: GPL-2.0
/*
 * zkhsmd - the Attestation Manager: command line
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backup.h"
#include "reload.h"

static void usage(FILE *to)
{
	fputs("Usage: zkhsmd [-c FILE] [--check-config | --init | --backup FILE |\n"
	      "               --restore FILE [--replace]]\n"
	      "Verifies what HSMs attest, says so to clients, and revokes.\n"
	      "\n"
	      "  -c, --config FILE   the configuration, /etc/zkhsm/zkhsmd.conf by default\n"
	      "      --check-config  say whether it can be used, and end\n"
	      "      --init          make keys and store in state_dir, print the keys to pin, and end\n"
	      "      --backup FILE   copy the store, which may be in use, to FILE, and end\n"
	      "      --restore FILE  take the store from FILE; no zkhsmd may use it\n"
	      "      --replace       with --restore: set the store that is there aside\n"
	      "  -h, --help          this text\n"
	      "  -V, --version       the version\n"
	      "\n"
	      "Exit status: 0 done, 1 failed, 2 usage.\n", to);
}

static int check(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_policy *policy;
	char id[ZKHSMD_POLICY_ID];
	int ret = zkhsmd_policy_load(m->config.policy, &policy, err);

	if (ret)
		return ret;
	ret = zkhsmd_check_files(m, policy, err);
	zkhsmd_policy_id(policy, ZKHSMD_NO_RULE, id);
	zkhsmd_policy_put(policy);
	if (!ret)
		printf("The configuration can be used, with %s.\n",
		       m->config.policy[0] ? id : "no policy");
	return ret;
}

static int init(struct zkhsmd *m, struct zkhsm_error *err)
{
	char *id, *key;
	int ret = zkhsmd_open(m, err);

	if (ret)
		return ret;
	id = zkhsm_hex(m->identity.manager_id, 32);
	key = zkhsm_hex(m->identity.order_public, 65);
	if (id && key)
		printf("manager_id %s\norder_key %s\n", id, key);
	free(id);
	free(key);
	return 0;
}

/* Of --backup and --restore. */
static const char *file;
static bool replace;

static int backup(struct zkhsmd *m, struct zkhsm_error *err)
{
	struct zkhsmd_backup b;
	int ret = zkhsmd_backup_make(m, file, &b, err);
	json_t *o;

	if (ret)
		return ret;
	o = zkhsmd_backup_json(&b);
	json_dumpf(o, stdout, JSON_COMPACT | JSON_SORT_KEYS);
	putchar('\n');
	json_decref(o);
	return 0;
}

static int restore(struct zkhsmd *m, struct zkhsm_error *err)
{
	return zkhsmd_restore(m, file, replace, err);
}

static int serve(struct zkhsmd *m, struct zkhsm_error *err)
{
	int ret = zkhsmd_open(m, err);

	return ret ? ret : zkhsmd_run(m, err);
}

int main(int argc, char **argv)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check-config", no_argument, NULL, 'k' },
		{ "init", no_argument, NULL, 'i' },
		{ "backup", required_argument, NULL, 'b' },
		{ "restore", required_argument, NULL, 'r' },
		{ "replace", no_argument, NULL, 'R' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'V' },
		{ NULL, 0, NULL, 0 },
	};
	int (*action)(struct zkhsmd *m, struct zkhsm_error *err) = serve;
	const char *path = "/etc/zkhsm/zkhsmd.conf";
	struct zkhsm_error err = { .code = 0 };
	static struct zkhsmd m = { .lock_fd = -1 };
	int opt, ret;

	while ((opt = getopt_long(argc, argv, "c:hV", long_options, NULL)) != -1) {
		switch (opt) {
		case 'c':
			path = optarg;
			break;
		case 'k':
			action = check;
			break;
		case 'i':
			action = init;
			break;
		case 'b':
			action = backup;
			file = optarg;
			break;
		case 'r':
			action = restore;
			file = optarg;
			break;
		case 'R':
			replace = true;
			break;
		case 'h':
			usage(stdout);
			return 0;
		case 'V':
			puts("zkhsmd " ZKHSMD_VERSION);
			return 0;
		default:
			usage(stderr);
			return 2;
		}
	}
	if (optind != argc || (replace && action != restore)) {
		usage(stderr);
		return 2;
	}
	umask(077);
	m.config_path = path;
	ret = zkhsmd_config_load(path, &m.config, &err);
	if (!ret) {
		/* systemd says with this that it reads the priority of each line. */
		log_setup((enum log_level)zkhsmd_log_level(m.config.log_level),
			  getenv("JOURNAL_STREAM") != NULL);
		ret = action(&m, &err);
	}
	zkhsmd_close(&m);
	if (ret)
		fprintf(stderr, "zkhsmd: %s\n", err.text[0] ? err.text : strerror(-ret));
	return ret ? 1 : 0;
}
