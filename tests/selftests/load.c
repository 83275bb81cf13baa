// SPDX-License-Identifier: GPL-2.0
/* Loading, refusing to load, unloading, and not being written to a disk. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "hsm.h"

static int log_fd = -1;

/* What the kernel logs from here on. */
static void log_mark(void)
{
	if (log_fd < 0)
		log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	require(log_fd >= 0, "/dev/kmsg: %s", strerrorname_np(errno));
	lseek(log_fd, 0, SEEK_END);
}

static bool logged(const char *text)
{
	char record[2048];
	bool found = false;
	ssize_t n;

	while ((n = read(log_fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		if (strstr(record, "zkhsm: ") && strstr(record, text))
			found = true;
	}
	return found;
}

static void unload(void)
{
	int ret = module_loaded() ? module_unload() : 0;

	require(!ret, "rmmod: %s", strerrorname_np(-ret));
}

static void ten_times(void)
{
	static struct hsm h;
	struct manager m;
	int i, ret;

	for (i = 0; i < 10; i++) {
		unload();
		ret = module_load(NULL);
		require(!ret, "insmod %d: %s", i, strerrorname_np(-ret));
		/* With something in it each second time, so that there is something to free. */
		if (i % 2)
			continue;
		hsm_start(&h, 1, 1, 1);
		manager_new_pinned(&h, &m);
		key_new_many(&h, "k", 3);
		evidence_get(&h, &m);
		check_done(&h.a, "evidence-get %d", i);
		hsm_close(&h);
		manager_free(&m);
	}
	unload();
	check(!module_loaded(), "still there");
	check(access("/sys/kernel/slab/zkhsm_key", F_OK), "its cache of keys is still there");
	check(nlraw_open(&h.nl) == -ENOENT, "the family is still there");
}

/* Nothing of one life is found in the next. */
static void forgets(void)
{
	static struct hsm h;
	uint8_t id[32];

	hsm_fresh(&h, NULL);
	key_new(&h, "remembered");
	check_done(&h.a, "key-new");
	memcpy(id, h.id, 32);
	hsm_close(&h);
	hsm_fresh(&h, NULL);
	check(memcmp(id, h.id, 32), "the same identity");
	key_get(&h, "remembered");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-get after a reload");
	hsm_close(&h);
}

static void says_so(void)
{
	unload();
	log_mark();
	check(!module_load(NULL), "insmod");
	check(logged("version"), "no word of it in the log");
}

static void refuses(const char *params, int error)
{
	int ret;

	unload();
	ret = module_load(params);
	check(ret == -error, "%s: %s, expected %s", params, ret ? strerrorname_np(-ret) : "loaded",
	      strerrorname_np(error));
	check(!module_loaded(), "%s: it is there", params);
}

static void parameters(void)
{
	log_mark();
	refuses("kpp_driver=no-such-driver", ENOENT);
	check(logged("no-such-driver"), "the log does not name the driver");
	/* A driver of another kind. */
	log_mark();
	refuses("kpp_driver=sha256-generic", ENOENT);
	check(logged("sha256-generic"), "the log does not name the driver");
	refuses("evidence_rate=0", EINVAL);
	refuses("evidence_burst=0", EINVAL);
	refuses("nonce_slots=0", EINVAL);
	refuses("nonce_life_ms=999", EINVAL);
	refuses("nonce_slots=65537", EINVAL);
	refuses("nonce_slots=many", EINVAL);
	refuses("grant_slots=0", EINVAL);
	refuses("grant_slots=65537", EINVAL);
	check(!module_load("kpp_driver=ecdh-nist-p256-generic nonce_slots=4"), "good parameters");
}

/* A socket with an unfinished dump: its module must stay until the dump is gone. */
static void busy(void)
{
	static struct hsm h;
	struct nlraw nl;

	hsm_fresh(&h, NULL);
	key_new_many(&h, "busy-", 200);
	require(!nlraw_open(&nl), "no family");
	check(!nlraw_send(&nl, nlraw_msg(&nl, ZKHSM_CMD_KEY_GET), NLM_F_DUMP), "dump");
	check(module_unload() == -EWOULDBLOCK, "unloaded under a dump");
	nlraw_close(&nl);
	hsm_close(&h);
	unload();
	check(!module_loaded(), "still there");
}

static bool can_hibernate(void)
{
	char states[64] = "";
	int fd = open("/sys/power/state", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, states, sizeof(states) - 1) < 0)
		states[0] = '\0';
	close(fd);
	return strstr(states, "disk");
}

static void hibernation(void)
{
	static struct hsm h;
	int fd, ret;

	if (!can_hibernate())
		ktap_skip("this kernel cannot hibernate");
	hsm_fresh(&h, NULL);
	key_new(&h, "held");
	check_done(&h.a, "key-new");
	log_mark();
	fd = open("/sys/power/state", O_WRONLY | O_CLOEXEC);
	require(fd >= 0, "/sys/power/state: %s", strerrorname_np(errno));
	ret = write(fd, "disk", 4) < 0 ? errno : 0;
	check(ret == EPERM, "hibernation: %s", strerrorname_np(ret));
	check(logged("hibernation refused"), "the log does not say so");
	close(fd);
	key_get(&h, "held");
	check_done(&h.a, "the key afterwards");
	hsm_close(&h);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "ten_times", ten_times },
		{ "forgets", forgets },
		{ "says_so", says_so },
		{ "parameters", parameters },
		{ "busy", busy },
		{ "hibernation", hibernation },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
