// SPDX-License-Identifier: GPL-2.0
/*
 * conf.c - configuration files of the daemons; what is accepted has values
 * within their bounds
 *
 * Input: which daemon, then the file.
 */
#include "fuzz.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../userspace/agent/agent.h"
#include "conf.h"
#include "../../userspace/manager/policy.h"

static int agent(const char *path)
{
	struct agent *a = calloc(1, sizeof(*a));
	struct zkhsm_error err = { 0 };
	int ret;

	FUZZ_ASSERT(a);
	ret = agent_config_load(a, path, &err);
	FUZZ_ASSERT(err.code == ret && (!ret || ret == -EINVAL));
	if (!ret)
		FUZZ_ASSERT(a->manager_count && a->manager_count <= AGENT_MANAGERS_MAX &&
			    a->config.backoff_min_ms <= a->config.backoff_max_ms);
	free(a);
	return ret;
}

static int manager(const char *path)
{
	struct zkhsmd_config c;
	struct zkhsm_error err = { 0 };
	int ret = zkhsmd_config_load(path, &c, &err);

	FUZZ_ASSERT(err.code == ret && (!ret || ret == -EINVAL));
	if (!ret)
		FUZZ_ASSERT(c.interval_ms < c.max_age_ms && c.connections_max >= 4 &&
			    c.connections_max <= 65536 && zkhsmd_log_level(c.log_level) >= 0);
	return ret;
}

static int policy(const char *path)
{
	static const uint8_t platform[32];
	struct zkhsm_configuration c = { .quorum = 1, .stop = 1, .wipe = 1 };
	struct zkhsmd_shown shown = { platform, 1, &c };
	struct zkhsm_list_entry e = { .id_len = 5, .id = "key-1", .type = 1, .origin = 1 };
	struct zkhsmd_hsm h = { .name = "prod-1", .cluster = "frankfurt" };
	struct zkhsmd_policy *p;
	struct zkhsm_error err = { 0 };
	const char *rule, *refused;
	uint8_t client[65] = { 4 };
	char why[160];
	int ret = zkhsmd_policy_load(path, &p, &err);

	FUZZ_ASSERT(err.code == ret && (!ret || ret == -EINVAL));
	if (ret)
		return ret;
	refused = zkhsmd_policy_hsm(p, &h, &shown, &rule, why);
	FUZZ_ASSERT(!refused || (strcmp(refused, rule) == 0 && why[0]));
	refused = zkhsmd_policy_key(p, &h, &e, &rule, why);
	FUZZ_ASSERT(!refused || (strcmp(refused, rule) == 0 && why[0]));
	zkhsmd_policy_replicas(p, "key-1");
	zkhsmd_policy_grant(p, &h, &e, client, 1);
	json_decref(zkhsmd_policy_json(p));
	zkhsmd_policy_put(p);
	return 0;
}

static int load(unsigned int which, const uint8_t *data, size_t size)
{
	char path[64];
	int fd = memfd_create("conf", 0), ret;

	FUZZ_ASSERT(fd >= 0 && write(fd, data, size) == (ssize_t)size);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (which & 2)
		ret = policy(path);
	else
		ret = which & 1 ? manager(path) : agent(path);
	close(fd);
	return ret;
}

/* Comments become blank; what is left of them counts for nothing. False for a long line. */
static bool without_comments(struct fuzz_piece *file)
{
	char *p = (char *)file->data, *end = p + file->len, *next;

	for (; p < end; p = next) {
		char *at = p;

		next = memchr(p, '\n', (size_t)(end - p));
		next = next ? next + 1 : end;
		if (next - p > 500)
			return false;
		while (at < next && strchr(" \t\v\f\r", *at))
			at++;
		if (at < next && (*at == '#' || *at == ';'))
			memset(p, ' ', (size_t)(next - p) - (next[-1] == '\n'));
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_piece file;
	int ret;

	if (!size)
		return 0;
	ret = load(data[0], data + 1, size - 1);
	if (memchr(data + 1, 0, size - 1)) {
		/* Nobody's eyes stop there. */
		FUZZ_ASSERT(ret);
		return 0;
	}
	fuzz_cut(data + 1, size - 1, &file, 1);
	if (without_comments(&file))
		FUZZ_ASSERT(load(data[0], file.data, file.len) == ret);
	fuzz_free(&file, 1);
	return 0;
}
