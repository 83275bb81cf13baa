// SPDX-License-Identifier: GPL-2.0
/*
 * With a counter in the TPM, the first head of a life: it goes past all that an
 * earlier life may have given out, and nothing changes before it is stored.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hsm.h"
#include "sealed.h"
#include "swtpm.h"
#include "tpm_hsm.h"

/* Documentation/sealing.rst: sealings that wait for a commit, and a first head's step. */
#define AHEAD		32
#define FIRST		(AHEAD + 1)

static struct hsm h;
static struct sealed s, other, third;

/* An HSM with a key, "one", in a boot of its own, whose state is in @s. */
static void start_stored(const char *name, int32_t serial)
{
	swtpm_need();
	tpm_boot(&h, name);
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	key_new(&h, "one");
	sealed_store(&h, &s);
}

/*
 * The last sealing that a boot can give out without having it stored, kept: it
 * is behind the first head of the next boot, though ahead of what that unsealed.
 */
static void kept(void)
{
	int32_t serial = sealed_kek(1);
	uint64_t at;
	int i;

	start_stored("kept", serial);
	at = swtpm_nv_read(TPM_INDEX);
	key_new(&h, "two");
	for (i = 0; i < AHEAD; i++) {
		sealed_take(&h, &other, false, 0);
		require(!h.a.error, "hsm-seal %d: %s", i, h.a.text);
	}
	sealed_take(&h, &third, false, 0);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_SEQUENCE, "one more");
	check(swtpm_nv_read(TPM_INDEX) == at, "counted without a commit");

	tpm_boot(&h, "kept");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "hsm-unseal of what was stored");
	sealed_store(&h, &third);
	check(swtpm_nv_read(TPM_INDEX) == at + FIRST, "the first head has count %llu, not %llu",
	      (unsigned long long)swtpm_nv_read(TPM_INDEX), (unsigned long long)at + FIRST);
	key_new(&h, "three");
	sealed_store(&h, &s);
	check(swtpm_nv_read(TPM_INDEX) == at + FIRST + 1, "the second goes on by more than one");

	tpm_boot(&h, "kept");
	sealed_restore(&h, &other, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "what was kept");
	tpm_no_identity(&h, "it");
	sealed_restore(&h, &third, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "the first head");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "hsm-unseal of what was stored last");
	keyring_drop(serial);
}

/* First heads that follow one state are as good as each other, and behind the next. */
static void first_heads(void)
{
	int32_t serial = sealed_kek(1);
	uint64_t at;

	start_stored("first", serial);
	at = swtpm_nv_read(TPM_INDEX);
	tpm_boot(&h, "first");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "hsm-unseal");
	sealed_take(&h, &other, false, 0);
	sealed_take(&h, &other, false, 0);
	check_done(&h.a, "a second first head");

	tpm_boot(&h, "first");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the same again");
	sealed_store(&h, &third);
	check(swtpm_nv_read(TPM_INDEX) == at + FIRST, "the first head has another count");
	tpm_boot(&h, "first");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "the other first head, which says the same");
	tpm_boot(&h, "first");
	sealed_restore(&h, &third, serial);
	check_done(&h.a, "the one that was stored");
	sealed_store(&h, &s);
	check(swtpm_nv_read(TPM_INDEX) == at + 2 * FIRST, "the next first head has another count");

	tpm_boot(&h, "first");
	sealed_restore(&h, &other, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "the other first head, now");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the newest");
	keyring_drop(serial);
}

static struct manager manager, new_manager;

static void set_hsm(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SET);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_OTHER);
	nlraw_do(&h.nl, msg, &h.a);
}

/* Of another HSM: a lock that is done is for as long as the module is loaded. */
static void lock_other(void)
{
	static const uint8_t id[32];
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_LOCK);

	nla_put(msg, ZKHSM_A_HSM_HSM_ID, sizeof(id), id);
	nlraw_do(&h.nl, msg, &h.a);
}

static void new_key(void)
{
	key_new(&h, "two");
}

static void set_key(void)
{
	key_set_u32(&h, "one", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
}

static void pin(void)
{
	manager_pin(&h, &new_manager);
}

static void unpin(void)
{
	manager_unpin(&h, &new_manager);
}

static void hold(void)
{
	static const uint8_t element[32] = { 1 };

	order_one(&h, &manager, ZKHSM_ORDER_TYPE_HOLD, 1, element);
}

static void delete_key(void)
{
	key_del(&h, "one");
}

static const struct {
	const char *what;
	void (*run)(void);
	int error;
	uint32_t reason;
} changes[] = {
	{ "hsm-set", set_hsm, 0, 0 },
	{ "hsm-lock", lock_other, EKEYREJECTED, ZKHSM_REASON_OTHER_HSM },
	{ "key-new", new_key, 0, 0 },
	{ "key-set", set_key, 0, 0 },
	{ "trust-new", pin, 0, 0 },
	{ "trust-del", unpin, 0, 0 },
	{ "order-apply", hold, 0, 0 },
	{ "key-del", delete_key, 0, 0 },
};

static void all_refused(int32_t serial, const char *when)
{
	size_t i;

	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		changes[i].run();
		check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "%s %s", changes[i].what, when);
	}
	sealed_take(&h, &third, true, serial);
	check_refused(&h.a, EAGAIN, ZKHSM_REASON_UNSEALED, "rekey %s", when);
}

/* Nothing that is sealed changes before what was unsealed is stored. */
static void unchanged(void)
{
	int32_t serial = sealed_kek(1), next = sealed_kek(7);
	uint8_t one[65];
	size_t i;

	manager_new(&manager);
	manager_new(&new_manager);
	start_stored("unchanged", serial);
	key_public(&h, "one", one);
	manager_pin(&h, &manager);
	check_done(&h.a, "trust-new");
	sealed_store(&h, &s);

	tpm_boot(&h, "unchanged");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "hsm-unseal");
	hsm_get(&h);
	tpm_take_identity(&h);
	all_refused(next, "after unsealing");
	tpm_key_signs(&h, "one", one);
	sealed_take(&h, &other, false, 0);
	check_done(&h.a, "hsm-seal");
	all_refused(next, "before the commit");
	sealed_commit(&h, &other);
	check_done(&h.a, "commit");
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "something has changed");
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		changes[i].run();
		if (changes[i].error)
			check_refused(&h.a, changes[i].error, changes[i].reason, "%s",
				      changes[i].what);
		else
			check_done(&h.a, "%s after the commit", changes[i].what);
	}
	sealed_take(&h, &third, true, next);
	check_done(&h.a, "rekey after the commit");
	manager_free(&manager);
	manager_free(&new_manager);
	keyring_drop(next);
	keyring_drop(serial);
}

/* As far ahead of a counter as a head can be that this one's TPM has counted, and one more. */
static void window(void)
{
	int32_t serial = sealed_kek(1);
	uint64_t count;
	int i;

	swtpm_need();
	tpm_boot(&h, "ahead");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	for (i = 0; i < 2 * FIRST; i++)
		swtpm_nv_increment(TPM_INDEX);
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_store(&h, &s);
	count = swtpm_nv_read(TPM_INDEX);

	tpm_boot(&h, "behind");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	swtpm_nv_increment(TPM_INDEX);
	require(swtpm_nv_read(TPM_INDEX) < count - FIRST, "a counter that begins at %llu",
		(unsigned long long)swtpm_nv_read(TPM_INDEX));
	while (swtpm_nv_read(TPM_INDEX) < count - FIRST - 1)
		swtpm_nv_increment(TPM_INDEX);
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_ROLLBACK, "one step too far");
	tpm_no_identity(&h, "it");
	swtpm_nv_increment(TPM_INDEX);
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "as far as it can be");
	check(swtpm_nv_read(TPM_INDEX) == count, "the counter is not brought up");
	keyring_drop(serial);
}

static void command(int expected, const char *text)
{
	int status = system(text);

	check(WIFEXITED(status) && WEXITSTATUS(status) == expected, "%s: 0x%x", text,
	      (unsigned int)status);
}

/* A store that takes nothing at the moment of unsealing; the words say what to do. */
static void command_line(void)
{
	char dir[] = "/tmp/tpm-first-XXXXXX";

	swtpm_need();
	if (system("command -v zkhsm >/dev/null"))
		ktap_skip("no zkhsm");
	require(mkdtemp(dir) && !chdir(dir), "no directory");
	setenv("ZKHSM_STORE", "store", 1);
	tpm_boot(&h, "command");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	command(0, "head -c 32 /dev/urandom >kek && chmod 600 kek");
	command(0, "zkhsm hsm new --kek-file kek --counter 0x1500001 >/dev/null");
	command(0, "zkhsm key new one >/dev/null");

	tpm_boot(&h, "command");
	command(0, "zkhsm hsm unseal --kek-file kek >/dev/null");
	command(0, "zkhsm key new two >/dev/null");

	tpm_boot(&h, "command");
	/* What the journal has is in the records too: then unsealing writes the new head alone. */
	command(0, "rm store/journal && mkdir store/tmp");
	command(1, "zkhsm hsm unseal --kek-file kek 2>err");
	command(0, "grep -q 'unsealed, but the head of this boot is not stored' err");
	command(1, "zkhsm key new three 2>err");
	command(0, "grep -q 'not been stored yet: zkhsm hsm seal' err");
	command(0, "rmdir store/tmp && zkhsm hsm seal >/dev/null");
	command(0, "zkhsm key new three >/dev/null");

	tpm_boot(&h, "command");
	command(0, "zkhsm hsm unseal --kek-file kek >/dev/null");
	command(0, "zkhsm key get two >/dev/null && zkhsm key get three >/dev/null");
	command(0, "rm -r \"$PWD\"");
	require(!chdir("/"), "no /");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "kept", kept },
		{ "first_heads", first_heads },
		{ "unchanged", unchanged },
		{ "window", window },
		{ "command_line", command_line },
	};

	atexit(swtpm_remove);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
