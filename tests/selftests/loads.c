// SPDX-License-Identifier: GPL-2.0
/*
 * Loaded and unloaded, again and again, with something in it now and then: the
 * keys that were made are those that are destroyed, by the tracepoint while it
 * is loaded and by the module's own count when it goes, and nothing is left.
 *
 * Ten times; $ZKHSM_LOADS times where that is set.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "hsm.h"
#include "leaks.h"

#define TRACING		"/sys/kernel/tracing/"
#define KEY_LIFE	TRACING "events/zkhsm/zkhsm_key_life/enable"

/* What a round with something in it makes: see work(). */
#define STAY		3
#define MADE		(STAY + 4)

struct lives {
	unsigned int created, destroyed;
};

static int log_fd = -1;

static bool set(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	bool ok = fd >= 0 && write(fd, value, strlen(value)) == (ssize_t)strlen(value);

	if (fd >= 0)
		close(fd);
	return ok;
}

static struct lives traced(void)
{
	struct lives lives = { 0, 0 };
	FILE *file = fopen(TRACING "trace", "re");
	char line[512];

	require(file, TRACING "trace: %s", strerrorname_np(errno));
	while (fgets(line, sizeof(line), file)) {
		lives.created += strstr(line, "zkhsm_key_life") && strstr(line, " created");
		lives.destroyed += strstr(line, "zkhsm_key_life") && strstr(line, " destroyed");
	}
	fclose(file);
	return lives;
}

/* The module's count, from its last words since log_fd was read last. */
static bool counted(struct lives *lives)
{
	char record[2048], *text;
	bool found = false;
	ssize_t n;

	while ((n = read(log_fd, record, sizeof(record) - 1)) > 0) {
		record[n] = '\0';
		text = strstr(record, "zkhsm: keys created ");
		if (text && sscanf(text, "zkhsm: keys created %u, destroyed %u", &lives->created,
				   &lives->destroyed) == 2)
			found = true;
	}
	return found;
}

/* Keys that stay; one deleted, one revoked, one refused; a list over all that are there. */
static void work(void)
{
	static struct hsm h;
	uint8_t element[32];
	struct lives lives;
	struct manager m;

	require(set(KEY_LIFE, "1"), KEY_LIFE ": %s", strerrorname_np(errno));
	hsm_start(&h, 1, 1, 1);
	manager_new_pinned(&h, &m);
	key_new_many(&h, "stays", STAY);
	key_new(&h, "deleted");
	check_done(&h.a, "key-new");
	key_del(&h, "deleted");
	check_done(&h.a, "key-del");
	key_new(&h, "revoked");
	check_done(&h.a, "key-new");
	key_element(&h, "revoked", element);
	order_one(&h, &m, ZKHSM_ORDER_TYPE_REVOKE, 1, element);
	check_done(&h.a, "revoke");
	memset(element, 7, sizeof(element));
	key_import(&h, "imported", element);
	check_done(&h.a, "import");
	/* Made, and refused when it is to be put in: its secret is here already. */
	key_import(&h, "again", element);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "import again");
	evidence_get(&h, &m);
	check_done(&h.a, "evidence-get");
	nlraw_dump(&h.nl, nlraw_msg(&h.nl, ZKHSM_CMD_LIST_GET), NULL, NULL, &h.a);
	check_done(&h.a, "list-get");

	lives = traced();
	hsm_get(&h);
	check(lives.created == MADE &&
	      lives.created - lives.destroyed == nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT),
	      "%u keys created, %u destroyed, %u there", lives.created, lives.destroyed,
	      nlraw_u32(&h.a, ZKHSM_A_HSM_KEY_COUNT));
	set(KEY_LIFE, "0");
	set(TRACING "trace", "");
	hsm_close(&h);
	manager_free(&m);
}

static void one_round(unsigned int i, bool with_work)
{
	struct lives lives = { 0, 0 };
	struct nlraw nl;
	int ret;

	/* Its count is a debug message. */
	ret = module_load("dyndbg=+p");
	require(!ret, "insmod %u: %s", i, strerrorname_np(-ret));
	lseek(log_fd, 0, SEEK_END);
	if (with_work)
		work();
	ret = module_unload();
	require(!ret, "rmmod %u: %s", i, strerrorname_np(-ret));
	check(counted(&lives), "rmmod %u: the module has not said how many keys there were", i);
	check(lives.created == lives.destroyed && lives.created == (with_work ? MADE : 0),
	      "load %u: %u keys created, %u destroyed", i, lives.created, lives.destroyed);
	check(!module_loaded(), "load %u: still there", i);
	check(access("/sys/kernel/slab/zkhsm_key", F_OK), "load %u: its cache of keys is left", i);
	ret = nlraw_open(&nl);
	check(ret == -ENOENT, "load %u: the family is left", i);
	if (!ret)
		nlraw_close(&nl);
}

static unsigned int rounds(void)
{
	const char *text = getenv("ZKHSM_LOADS");
	unsigned long n = strtoul(text ? text : "10", NULL, 10);

	require(n, "ZKHSM_LOADS is no number");
	return (unsigned int)n;
}

static void balance(void)
{
	unsigned int i, n = rounds(), every = n < 100 ? 5 : 10;
	time_t start = time(NULL);
	int ret;

	if (access("/proc/dynamic_debug/control", F_OK))
		ktap_skip("this kernel has no dynamic debug, by which the module tells its count");
	if (access(TRACING "trace", W_OK))
		ktap_skip("this kernel has no tracefs");
	log_fd = open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	require(log_fd >= 0, "/dev/kmsg: %s", strerrorname_np(errno));
	ret = module_loaded() ? module_unload() : 0;
	require(!ret, "rmmod: %s", strerrorname_np(-ret));
	for (i = 0; i < n; i++)
		one_round(i, i % every == 0);
	ktap_note("%u loads in %ld s", n, (long)(time(NULL) - start));
	close(log_fd);
}

static void no_leak(void)
{
	leaks_check(NULL);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "balance", balance },
		{ "no_leak", no_leak },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
