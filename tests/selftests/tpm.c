// SPDX-License-Identifier: GPL-2.0
/* A KEK that the TPM keeps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsm.h"
#include "sealed.h"
#include "swtpm.h"
#include "tpm_hsm.h"

#define PCR_MEASURED	7
#define PCR_CAP		15
#define PCRS		(1U << PCR_MEASURED | 1U << PCR_CAP)

/* Of a blob: Documentation/protocol.rst, "The KEK in the TPM". */
#define BLOB_PCRS	8
#define BLOB_PUBLIC	14
#define BLOB_POLICY	(BLOB_PUBLIC + 10)
#define BLOB_UNIQUE	(BLOB_POLICY + 32 + 4)
#define BLOB_PRIVATE	(BLOB_UNIQUE + 32 + 2)

static struct hsm h;
static struct sealed s, other;

static int new_tpm(uint32_t pcrs)
{
	struct nl_msg *msg = tpm_new_msg(&h, ZKHSM_KEK_CLASS_TPM);

	nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, pcrs);
	nlraw_do(&h.nl, msg, &h.a);
	if (!h.a.error)
		tpm_take_identity(&h);
	return h.a.error;
}

static void start_tpm(void)
{
	new_tpm(PCRS);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
}

static bool same_identity(const uint8_t identity[65])
{
	const uint8_t *p;

	hsm_get(&h);
	p = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);
	return p && !memcmp(p, identity, 65);
}

/* Needs no TPM: the answer of a kernel that has none, or was built without. */
static void absent(void)
{
	const bool built = !access("/sys/class/tpm", F_OK);
	const int error = built ? ENODEV : EOPNOTSUPP;

	if (!access("/dev/tpm0", F_OK))
		ktap_skip("this machine has a TPM of its own, which is left alone");
	tpm_reload(&h);
	new_tpm(PCRS);
	check_refused(&h.a, error, ZKHSM_REASON_TPM, "hsm-new without TPM");
	hsm_get(&h);
	check(!(nlraw_u64(&h.a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_TPM), "feature without TPM");
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY), "an identity all the same");
}

static void round_trip(void)
{
	uint8_t identity[65], one[65], two[65];
	uint32_t boots;

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	memcpy(identity, h.identity, 65);
	check(tpm_flags(&h) == ZKHSM_HSM_FLAG_KEK_TPM, "flags of C");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_KEK_CLASS) == ZKHSM_KEK_CLASS_TPM, "class");
	key_new(&h, "one");
	check_done(&h.a, "key-new");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE,
	      "extractable, though nobody but the kernel can have the KEK");
	key_new(&h, "two");
	key_public(&h, "one", one);
	key_public(&h, "two", two);
	sealed_store(&h, &s);
	check(s.blob_len && s.count == 2, "a blob of %zu, %u records", s.blob_len, s.count);
	hsm_get(&h);
	boots = nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT);

	/* The TPM has not been reset: its PCR says that the KEK was out already. */
	tpm_reload(&h);
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "unsealing in the boot of hsm-new");
	tpm_no_identity(&h, "a refusal");

	tpm_boot(&h, "one");
	sealed_restore(&h, &s, 0);
	require(!h.a.error, "hsm-unseal: %s %s", strerrorname_np(h.a.error), h.a.text);
	check(same_identity(identity), "another identity");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT) == boots + 1, "boot count");
	check(tpm_flags(&h) == ZKHSM_HSM_FLAG_KEK_TPM, "flags of C");
	tpm_key_signs(&h, "one", one);
	tpm_key_signs(&h, "two", two);
	key_get(&h, "one");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE,
	      "extractable after unsealing");
	check(!swtpm_leftovers(), "%u objects or sessions left", swtpm_leftovers());
	sealed_store(&h, &other);

	tpm_reload(&h);
	sealed_begin(&h, &other, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "unsealing twice in one boot");
	tpm_boot(&h, "one");
	sealed_restore(&h, &other, 0);
	check_done(&h.a, "hsm-unseal of what was unsealed and sealed");
	tpm_key_signs(&h, "two", two);
}

/* Each of these leaves the TPM uncapped, or the last one could not succeed. */
static void changed_blob(void)
{
	static const struct {
		size_t at;
		int error;
		uint32_t reason;
	} changes[] = {
		{ 0, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ 5, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ 7, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_PCRS + 1, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_PCRS + 3, EACCES, ZKHSM_REASON_TPM },
		{ BLOB_PUBLIC - 1, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_PUBLIC + 1, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_PUBLIC + 7, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_POLICY, EKEYREJECTED, ZKHSM_REASON_TPM },
		{ BLOB_UNIQUE, EKEYREJECTED, ZKHSM_REASON_TPM },
		{ BLOB_PRIVATE - 1, EBADMSG, ZKHSM_REASON_MALFORMED },
		{ BLOB_PRIVATE + 1, EKEYREJECTED, ZKHSM_REASON_TPM },
		{ BLOB_PRIVATE + 60, EKEYREJECTED, ZKHSM_REASON_TPM },
	};
	const size_t tail = 3;
	size_t i;

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	sealed_store(&h, &s);
	tpm_boot(&h, "one");
	for (i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		s.blob[changes[i].at] ^= 1;
		sealed_begin(&h, &s, 0);
		check_refused(&h.a, changes[i].error, changes[i].reason, "byte %zu changed",
			      changes[i].at);
		s.blob[changes[i].at] ^= 1;
	}
	s.blob[s.blob_len - 1] ^= 0x80;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_TPM, "the last byte changed");
	s.blob[s.blob_len - 1] ^= 0x80;
	s.blob_len -= tail;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "cut off");
	s.blob_len += tail + 1;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "a byte too many");
	s.blob_len--;
	tpm_no_identity(&h, "all that");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal with the blob as it was");
}

static void blob_lengths(void)
{
	size_t len;

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	sealed_store(&h, &s);
	tpm_boot(&h, "one");
	len = s.blob_len;
	s.blob_len = 0;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_KEK, "no blob");
	s.blob_len = ZKHSM_KEK_BLOB_MAX_LEN + 1;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_LENGTH, "a blob too long");
	s.blob_len = 1;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EBADMSG, ZKHSM_REASON_MALFORMED, "a blob of one byte");
	s.blob_len = len;
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal");
}

static void other_tpm(void)
{
	static const uint8_t digest[32] = { 1 };

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	sealed_store(&h, &s);
	tpm_boot(&h, "two");
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_TPM, "another TPM");
	tpm_no_identity(&h, "another TPM");

	/* The same TPM, but something else was measured. */
	tpm_boot(&h, "one");
	swtpm_pcr_extend(PCR_MEASURED, digest);
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "another measurement");
	tpm_no_identity(&h, "another measurement");

	/* A PCR that the KEK is not bound to says nothing. */
	tpm_boot(&h, "one");
	swtpm_pcr_extend(PCR_MEASURED + 1, digest);
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal in the right one");
}

/* The cap is what Documentation/protocol.rst says, on the highest PCR alone. */
static void cap(void)
{
	static const char text[] = "zkhsm kek unsealed v1";
	static const uint8_t zero[32];
	uint8_t chain[64] = { 0 }, expected[32], value[32];

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	ec_sha256(text, strlen(text), chain + 32);
	ec_sha256(chain, sizeof(chain), expected);
	swtpm_pcr_read(PCR_CAP, value);
	check(!memcmp(value, expected, 32), "the cap after hsm-new");
	swtpm_pcr_read(PCR_MEASURED, value);
	check(!memcmp(value, zero, 32), "another PCR was extended");
	sealed_store(&h, &s);

	/* What is sealed over a capped PCR could not be unsealed in any later boot. */
	tpm_reload(&h);
	new_tpm(PCRS);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_TPM, "hsm-new in a capped boot");
	tpm_no_identity(&h, "it");
	new_tpm(1U << PCR_MEASURED);
	check_done(&h.a, "hsm-new with another cap");
	swtpm_pcr_read(PCR_MEASURED, value);
	check(!memcmp(value, expected, 32), "the cap of the other one");

	tpm_boot(&h, "one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal");
	swtpm_pcr_read(PCR_CAP, value);
	check(!memcmp(value, expected, 32), "the cap after hsm-unseal");
	swtpm_pcr_read(PCR_MEASURED, value);
	check(!memcmp(value, zero, 32), "another PCR was extended");
}

static void pcrs(void)
{
	static const uint32_t bad[] = { 1U << 16, 1U << 23, 1U << 24, 1U << 31, PCRS | 1U << 16 };
	size_t i;

	swtpm_need();
	tpm_boot(&h, "one");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		new_tpm(bad[i]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_TPM, "PCRs 0x%x", bad[i]);
	}
	new_tpm(0);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "no PCRs");
	nlraw_do(&h.nl, tpm_new_msg(&h, ZKHSM_KEK_CLASS_TPM), &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "nothing said about PCRs");
	tpm_no_identity(&h, "all that");
	new_tpm(0xffff);
	check_done(&h.a, "hsm-new with all PCRs that there may be");
	sealed_store(&h, &s);
	tpm_boot(&h, "one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal with all of them");
}

static void no_tpm(void)
{
	struct nl_msg *msg;

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	sealed_store(&h, &s);
	tpm_boot(&h, NULL);
	hsm_get(&h);
	check(!(nlraw_u64(&h.a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_TPM), "feature without TPM");
	new_tpm(PCRS);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "hsm-new without TPM");
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "hsm-unseal without TPM");
	msg = tpm_new_msg(&h, ZKHSM_KEK_CLASS_TPM);
	nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, PCRS);
	nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, TPM_INDEX);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "a counter without TPM");
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY), "an identity all the same");
}

/* What works goes on when the TPM dies; it is needed at the next boot only. */
static void killed(void)
{
	uint8_t one[65];

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	key_new(&h, "one");
	key_public(&h, "one", one);
	swtpm_kill();
	tpm_key_signs(&h, "one", one);
	sealed_store(&h, &s);
	tpm_boot(&h, "one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal after the TPM came back");
	tpm_key_signs(&h, "one", one);
}

/* Another KEK, in a boot that is capped, under the policy of the first. */
static void rekey(void)
{
	uint8_t one[65];

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	key_new(&h, "one");
	key_public(&h, "one", one);
	sealed_store(&h, &s);
	sealed_take(&h, &other, true, 0);
	require(!h.a.error, "rekey: %s %s", strerrorname_np(h.a.error), h.a.text);
	check(other.blob_len && (other.blob_len != s.blob_len ||
				 memcmp(other.blob, s.blob, s.blob_len)), "the same blob");
	check(!swtpm_leftovers(), "%u objects or sessions left", swtpm_leftovers());
	sealed_commit(&h, &other);
	check_done(&h.a, "commit of the rekey");

	tpm_boot(&h, "one");
	memcpy(s.blob, other.blob, other.blob_len);
	s.blob_len = other.blob_len;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_OTHER_KEK, "the old head, the new KEK");
	tpm_boot(&h, "one");
	sealed_restore(&h, &other, 0);
	check_done(&h.a, "hsm-unseal after a rekey");
	tpm_key_signs(&h, "one", one);
}

static void owner_password(void)
{
	swtpm_need();
	tpm_boot(&h, "guarded");
	swtpm_owner_password("secret");
	new_tpm(PCRS);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "an owner hierarchy with a password");
	tpm_no_identity(&h, "it");
}

/*
 * The TPM gives the KEK back once in a boot, and what is wrong with the store
 * may be found after that: the next attempt needs neither TPM nor boot.
 */
static void refused_record(void)
{
	struct sealed_item *item;
	uint8_t one[65];

	swtpm_need();
	tpm_boot(&h, "one");
	start_tpm();
	key_new(&h, "one");
	key_public(&h, "one", one);
	sealed_store(&h, &s);
	tpm_boot(&h, "one");
	item = &s.records[0];
	item->bytes[item->len - 1] ^= 1;
	sealed_restore(&h, &s, 0);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_AUTHENTICATION, "a record changed");
	item->bytes[item->len - 1] ^= 1;
	tpm_no_identity(&h, "a record that was changed");

	swtpm_stop();
	s.count--;
	sealed_restore(&h, &s, 0);
	check_refused(&h.a, ENODATA, ZKHSM_REASON_RECORDS_MISSING, "no record");
	s.count++;
	s.blob[BLOB_PRIVATE + 60] ^= 1;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "another blob than the TPM was given");
	s.blob[BLOB_PRIVATE + 60] ^= 1;
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal with the KEK that was kept");
	tpm_key_signs(&h, "one", one);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "absent", absent },
		{ "round_trip", round_trip },
		{ "changed_blob", changed_blob },
		{ "blob_lengths", blob_lengths },
		{ "other_tpm", other_tpm },
		{ "cap", cap },
		{ "pcrs", pcrs },
		{ "no_tpm", no_tpm },
		{ "killed", killed },
		{ "rekey", rekey },
		{ "owner_password", owner_password },
		{ "refused_record", refused_record },
	};

	atexit(swtpm_remove);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
