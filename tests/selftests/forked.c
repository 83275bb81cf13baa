// SPDX-License-Identifier: GPL-2.0
/*
 * A virtual machine that is put aside and goes on elsewhere, perhaps twice.
 * tests/vm/fork/run does it, in the middle of these tests: they say when they
 * are ready, and go on in the machine that came of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lessor.h"

#define HOUR		3600000ull
#define KEY		"leased"
#define PATIENCE_MS	120000

static const uint8_t digest[32] = { 1 };
static struct hsm h;
static struct listener ear;
static struct manager m;
static struct attested now, unanswered;

/* What there was before. */
static uint8_t instance[16];
static uint32_t fork_count;
static uint64_t left_at;

static void pass(const char *name, int flags)
{
	char path[64], byte = '\n';
	int fd;

	snprintf(path, sizeof(path), "%s/%s", getenv("ZKHSM_FORK"), name);
	fd = open(path, flags);
	require(fd >= 0, "%s: %s", path, strerrorname_np(errno));
	check((flags == O_RDONLY ? read(fd, &byte, 1) : write(fd, &byte, 1)) == 1, "%s", path);
	close(fd);
}

/* Returns in the machine that came of this one. */
static void leave(void)
{
	const uint8_t *id;

	if (!getenv("ZKHSM_FORK"))
		ktap_skip("nobody forks this machine; tests/vm/fork/run does");
	listener_end(&ear);
	hsm_close(&h);
	manager_free(&m);
	hsm_fresh(&h, LESSOR_PARAMS);
	manager_new_pinned(&h, &m);
	key_new_leased(&h, KEY);
	attest(&h, &m, &now);
	attest(&h, &m, &unanswered);
	lease_all(&h, &m, &now, GRANT, HOUR);
	key_sign(&h, KEY, digest);
	check_done(&h.a, "key-sign before");
	hsm_get(&h);
	id = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	require(id, "no instance id");
	memcpy(instance, id, 16);
	fork_count = nlraw_u32(&h.a, ZKHSM_A_HSM_FORK_COUNT);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES) == 2, "nonces outstanding before");
	listener_start(&ear);
	left_at = boottime_ms();
	pass("ready", O_WRONLY);
	pass("go", O_RDONLY);
	ktap_note("%llu ms have passed here", (unsigned long long)(boottime_ms() - left_at));
}

static bool same_instance(void)
{
	const uint8_t *id;

	hsm_get(&h);
	id = nlraw_bytes(&h.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	return id && !memcmp(id, instance, 16);
}

static void lease_refused(const struct attested *of, const char *what)
{
	const struct terms t = { .of = of, .ttl_ms = HOUR, .verdict = GRANT };

	lease_apply(&h, &m, &t);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_NONCE, "%s", what);
}

/* The hypervisor says that there may be two now: nothing that was granted to one is left. */
static void noticed(void)
{
	leave();
	check(listener_next(&ear, PATIENCE_MS) && ear.cmd == ZKHSM_CMD_LEASE_NTF &&
	      listener_u32(&ear, ZKHSM_A_LEASE_EVENT) == ZKHSM_EVENT_DELETED,
	      "nobody was told that the lease is gone");
	check(listener_next(&ear, PATIENCE_MS) && ear.cmd == ZKHSM_CMD_HSM_NTF &&
	      listener_u32(&ear, ZKHSM_A_HSM_EVENT) == ZKHSM_EVENT_FORKED,
	      "nobody was told of the fork");
	check(!same_instance(), "the instance id is as before");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FORK_COUNT) == fork_count + 1, "fork_count %u",
	      nlraw_u32(&h.a, ZKHSM_A_HSM_FORK_COUNT));
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_NONCES), "nonces outstanding");
	lease_get(&h, &m);
	check(nlraw_u32(&h.a, ZKHSM_A_LEASE_VERDICT) == ZKHSM_LEASE_VERDICT_NONE, "a lease");
	key_sign(&h, KEY, digest);
	check_refused(&h.a, EKEYEXPIRED, ZKHSM_REASON_NO_LEASE, "key-sign");
	lease_refused(&unanswered, "an answer to evidence of before");
	lease_refused(&now, "the lease of before");
	attest(&h, &m, &now);
	check(now.number > unanswered.number, "n went back");
	lease_all(&h, &m, &now, GRANT, HOUR);
	key_sign(&h, KEY, digest);
	check_done(&h.a, "key-sign under a lease for the new instance");
}

/*
 * Nobody says anything, so nothing can change: the lease has the life that it
 * had when the machine was put aside, and the managers have to notice that two
 * of one (boot_count, fork_count) go on from one n.
 */
static void unnoticed(void)
{
	leave();
	check(!listener_next(&ear, 0), "an event");
	check(same_instance(), "another instance id");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_FORK_COUNT) == fork_count, "fork_count");
	lease_get(&h, &m);
	check(nlraw_u64(&h.a, ZKHSM_A_LEASE_EXPIRES_MS) == now.issued_ms + HOUR, "the lease's end");
	key_sign(&h, KEY, digest);
	check_done(&h.a, "key-sign");
	lease_all(&h, &m, &unanswered, GRANT, HOUR);
	attest(&h, &m, &now);
	check(now.number == unanswered.number + 1, "n");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "noticed", noticed },
		{ "unnoticed", unnoticed },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
