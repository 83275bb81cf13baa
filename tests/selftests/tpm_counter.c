// SPDX-License-Identifier: GPL-2.0
/* A counter in the TPM that knows states from the past. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hsm.h"
#include "sealed.h"
#include "swtpm.h"
#include "tpm_hsm.h"

#define INDEX_OTHER	0x01500002U
#define INDEX_BAD	0x01500010U

static struct hsm h;
static struct sealed s, other;

static void unfit_counters(void)
{
	static const struct {
		uint32_t attributes;
		const char *password;
		int error;
		const char *what;
	} indices[] = {
		{ NV_AUTHWRITE | NV_AUTHREAD | NV_NO_DA, "", EINVAL, "not a counter" },
		{ NV_COUNTER | NV_AUTHWRITE | NV_OWNERREAD | NV_NO_DA, "", EINVAL, "no authread" },
		{ NV_COUNTER | NV_OWNERWRITE | NV_AUTHREAD | NV_NO_DA, "", EINVAL, "no authwrite" },
		{ NV_GOOD, "secret", EACCES, "a password" },
	};
	static const uint32_t not_nv[] = { 1, 0x00ffffff, 0x02000000, 0x40000001, 0x81000001 };
	int32_t serial = sealed_kek(1);
	size_t i;

	swtpm_need();
	tpm_boot(&h, "counters");
	for (i = 0; i < sizeof(not_nv) / sizeof(not_nv[0]); i++) {
		tpm_new_counted(&h, serial, not_nv[i]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_TPM, "handle 0x%x", not_nv[i]);
	}
	tpm_new_counted(&h, serial, INDEX_BAD);
	check_refused(&h.a, ENOENT, ZKHSM_REASON_TPM, "an index that is not there");
	for (i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		const uint32_t index = INDEX_BAD + (uint32_t)i;

		swtpm_nv_define(index, indices[i].attributes, indices[i].password);
		tpm_new_counted(&h, serial, index);
		check_refused(&h.a, indices[i].error, ZKHSM_REASON_TPM, "%s", indices[i].what);
		/* A counter with a password is asked, which tells nothing and changes nothing. */
		check(!swtpm_nv_written(index), "%s: written to", indices[i].what);
	}
	tpm_no_identity(&h, "all that");
	keyring_drop(serial);
}

static void counter(void)
{
	int32_t serial = sealed_kek(1);
	uint8_t one[65], two[65];
	uint64_t at, mine;

	swtpm_need();
	tpm_boot(&h, "counters");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	swtpm_nv_define(INDEX_OTHER, NV_GOOD, "");
	swtpm_nv_increment(INDEX_OTHER);
	at = swtpm_nv_read(INDEX_OTHER);
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	check(tpm_flags(&h) == (ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_COUNTER),
	      "flags of C");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_COUNTER_INDEX) == TPM_INDEX, "index");
	key_new(&h, "one");
	check(!(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE),
	      "never extractable, with a KEK that others have");
	key_public(&h, "one", one);
	sealed_store(&h, &s);
	mine = swtpm_nv_read(TPM_INDEX);
	key_new(&h, "two");
	key_public(&h, "two", two);
	sealed_store(&h, &other);
	check(swtpm_nv_read(TPM_INDEX) > mine, "the counter stands still");
	check(swtpm_nv_read(INDEX_OTHER) == at, "another counter was incremented");

	tpm_boot(&h, "counters");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "a state from the past");
	tpm_no_identity(&h, "a state from the past");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "the newest state");
	tpm_key_signs(&h, "one", one);
	tpm_key_signs(&h, "two", two);
	sealed_store(&h, &s);
	tpm_boot(&h, "counters");
	sealed_restore(&h, &other, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "what was the newest state");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the newest state now");
	check(swtpm_nv_read(INDEX_OTHER) == at, "another counter was incremented");
	keyring_drop(serial);
}

/*
 * A power cut after the store has it and before the counter knows: the stored
 * state is the newest, and from then on what it replaced is of the past.
 */
static void uncommitted(void)
{
	int32_t serial = sealed_kek(1);

	swtpm_need();
	tpm_boot(&h, "cut");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_store(&h, &s);
	key_new(&h, "one");
	sealed_take(&h, &other, false, 0);
	check_done(&h.a, "hsm-seal");

	tpm_boot(&h, "cut");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the state before, which nothing has replaced");
	tpm_boot(&h, "cut");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "the state that was stored last");
	tpm_boot(&h, "cut");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "the state before, now of the past");
	keyring_drop(serial);
}

/* The same state beside a TPM that never saw it. */
static void counter_of_another(void)
{
	int32_t serial = sealed_kek(1);

	swtpm_need();
	tpm_boot(&h, "counters-a");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_store(&h, &s);
	tpm_boot(&h, "counters-b");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ENOENT, ZKHSM_REASON_TPM, "a TPM without this index");
	tpm_boot(&h, NULL);
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "no TPM");
	tpm_boot(&h, "counters-a");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the right one");
	keyring_drop(serial);
}

/* Without the counter nothing is committed, so nothing is attested as stored. */
static void counter_gone(void)
{
	int32_t serial = sealed_kek(1);

	swtpm_need();
	tpm_boot(&h, "gone");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_take(&h, &s, false, 0);
	check_done(&h.a, "hsm-seal");
	swtpm_stop();
	sealed_commit(&h, &s);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "commit without TPM");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "committed all the same");
	swtpm_start(&h, "gone");
	sealed_commit(&h, &s);
	check_done(&h.a, "commit when the TPM is back");
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "not committed");
	keyring_drop(serial);
}

/* Somebody else counts too: what was given out before could never be unsealed. */
static void counter_raised(void)
{
	int32_t serial = sealed_kek(1);
	uint8_t one[65];

	swtpm_need();
	tpm_boot(&h, "raised");
	swtpm_nv_define(TPM_INDEX, NV_GOOD, "");
	tpm_new_counted(&h, serial, TPM_INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	key_new(&h, "one");
	key_public(&h, "one", one);
	sealed_take(&h, &s, false, 0);
	check_done(&h.a, "hsm-seal");
	swtpm_nv_increment(TPM_INDEX);
	swtpm_nv_increment(TPM_INDEX);
	sealed_commit(&h, &s);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "commit of what the counter has passed");
	hsm_get(&h);
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "committed all the same");
	sealed_commit(&h, &s);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "its commit again");

	sealed_take(&h, &other, false, 0);
	check_done(&h.a, "hsm-seal again");
	sealed_commit(&h, &other);
	check_done(&h.a, "commit of what was sealed again");
	hsm_get(&h);
	check(!nlraw_u32(&h.a, ZKHSM_A_HSM_UNSEALED), "not committed");

	tpm_boot(&h, "raised");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "what was never committed");
	tpm_no_identity(&h, "it");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "hsm-unseal of what was committed");
	tpm_key_signs(&h, "one", one);
	keyring_drop(serial);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "unfit_counters", unfit_counters },
		{ "counter", counter },
		{ "uncommitted", uncommitted },
		{ "counter_of_another", counter_of_another },
		{ "counter_gone", counter_gone },
		{ "counter_raised", counter_raised },
	};

	atexit(swtpm_remove);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
