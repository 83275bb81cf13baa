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
#include "../../userspace/manager/manager.h"

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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[64];
	int fd, ret;

	if (!size)
		return 0;
	fd = memfd_create("conf", 0);
	FUZZ_ASSERT(fd >= 0 && write(fd, data + 1, size - 1) == (ssize_t)size - 1);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ret = data[0] & 1 ? manager(path) : agent(path);
	/* Nobody's eyes stop at a zero byte. */
	FUZZ_ASSERT(ret || !memchr(data + 1, 0, size - 1));
	close(fd);
	return 0;
}
