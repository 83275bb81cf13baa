// SPDX-License-Identifier: GPL-2.0
/* A KEK that the TPM keeps, and a counter in it that knows states from the past. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "hsm.h"
#include "sealed.h"
#include "swtpm.h"
#include "wire.h"

#define PCR_MEASURED	7
#define PCR_CAP		15
#define PCRS		(1U << PCR_MEASURED | 1U << PCR_CAP)

/* Of a blob: Documentation/protocol.rst, "The KEK in the TPM". */
#define BLOB_PCRS	8
#define BLOB_PUBLIC	14
#define BLOB_POLICY	(BLOB_PUBLIC + 10)
#define BLOB_UNIQUE	(BLOB_POLICY + 32 + 4)
#define BLOB_PRIVATE	(BLOB_UNIQUE + 32 + 2)

#define INDEX		0x01500001U
#define INDEX_OTHER	0x01500002U
#define INDEX_BAD	0x01500010U

static struct hsm h;
static struct sealed s, other;

/* An empty module, and a TPM as after a reset of the machine. */
static void boot(const char *name)
{
	hsm_close(&h);
	memset(&h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(&h);
	if (name)
		swtpm_start(&h, name);
	else
		swtpm_stop();
}

/* The module alone goes and comes. */
static void reload(void)
{
	hsm_close(&h);
	memset(&h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(&h);
}

static struct nl_msg *new_msg(uint32_t class)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_AGENT);
	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, class);
	return msg;
}

static void take_identity(void)
{
	const uint8_t *id = nlraw_bytes(&h.a, ZKHSM_A_HSM_HSM_ID, 32);
	const uint8_t *identity = nlraw_bytes(&h.a, ZKHSM_A_HSM_IDENTITY, 65);

	require(id && identity, "hsm-new gives no identity");
	memcpy(h.id, id, 32);
	memcpy(h.identity, identity, 65);
}

static int new_tpm(uint32_t pcrs)
{
	struct nl_msg *msg = new_msg(ZKHSM_KEK_CLASS_TPM);

	nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, pcrs);
	nlraw_do(&h.nl, msg, &h.a);
	if (!h.a.error)
		take_identity();
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

static void no_identity(const char *when)
{
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY), "an identity after %s", when);
	check(!swtpm_leftovers(), "%u objects or sessions left after %s", swtpm_leftovers(), when);
}

static void signs(const char *id, const uint8_t public[65])
{
	uint8_t digest[32], now[65];
	const uint8_t *p;

	key_public(&h, id, now);
	check(!memcmp(now, public, 65), "%s has another public key", id);
	ec_sha256(id, strlen(id), digest);
	key_sign(&h, id, digest);
	p = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(p && ec_verify(public, digest, p), "%s does not sign", id);
}

static uint32_t configuration_flags(void)
{
	static struct zkhsm_configuration c;
	const struct nlattr *attr;

	hsm_get(&h);
	attr = nlraw_attr(&h.a, ZKHSM_A_HSM_CONFIGURATION);
	require(attr && !zkhsm_configuration_decode(&c, nla_data(attr), (size_t)nla_len(attr)),
		"the configuration does not decode");
	return c.flags;
}

/* Needs no TPM: the answer of a kernel that has none, or was built without. */
static void absent(void)
{
	const bool built = !access("/sys/class/tpm", F_OK);
	const int error = built ? ENODEV : EOPNOTSUPP;

	if (!access("/dev/tpm0", F_OK))
		ktap_skip("this machine has a TPM of its own, which is left alone");
	reload();
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
	boot("one");
	start_tpm();
	memcpy(identity, h.identity, 65);
	check(configuration_flags() == ZKHSM_HSM_FLAG_KEK_TPM, "flags of C");
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
	reload();
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "unsealing in the boot of hsm-new");
	no_identity("a refusal");

	boot("one");
	sealed_restore(&h, &s, 0);
	require(!h.a.error, "hsm-unseal: %s %s", strerrorname_np(h.a.error), h.a.text);
	check(same_identity(identity), "another identity");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_BOOT_COUNT) == boots + 1, "boot count");
	check(configuration_flags() == ZKHSM_HSM_FLAG_KEK_TPM, "flags of C");
	signs("one", one);
	signs("two", two);
	key_get(&h, "one");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE,
	      "extractable after unsealing");
	check(!swtpm_leftovers(), "%u objects or sessions left", swtpm_leftovers());
	sealed_store(&h, &other);

	reload();
	sealed_begin(&h, &other, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "unsealing twice in one boot");
	boot("one");
	sealed_restore(&h, &other, 0);
	check_done(&h.a, "hsm-unseal of what was unsealed and sealed");
	signs("two", two);
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
	boot("one");
	start_tpm();
	sealed_store(&h, &s);
	boot("one");
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
	no_identity("all that");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal with the blob as it was");
}

static void blob_lengths(void)
{
	size_t len;

	swtpm_need();
	boot("one");
	start_tpm();
	sealed_store(&h, &s);
	boot("one");
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
	boot("one");
	start_tpm();
	sealed_store(&h, &s);
	boot("two");
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_TPM, "another TPM");
	no_identity("another TPM");

	/* The same TPM, but something else was measured. */
	boot("one");
	swtpm_pcr_extend(PCR_MEASURED, digest);
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "another measurement");
	no_identity("another measurement");

	/* A PCR that the KEK is not bound to says nothing. */
	boot("one");
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
	boot("one");
	start_tpm();
	ec_sha256(text, strlen(text), chain + 32);
	ec_sha256(chain, sizeof(chain), expected);
	swtpm_pcr_read(PCR_CAP, value);
	check(!memcmp(value, expected, 32), "the cap after hsm-new");
	swtpm_pcr_read(PCR_MEASURED, value);
	check(!memcmp(value, zero, 32), "another PCR was extended");
	sealed_store(&h, &s);

	/* What is sealed over a capped PCR could not be unsealed in any later boot. */
	reload();
	new_tpm(PCRS);
	check_refused(&h.a, EBUSY, ZKHSM_REASON_TPM, "hsm-new in a capped boot");
	no_identity("it");
	new_tpm(1U << PCR_MEASURED);
	check_done(&h.a, "hsm-new with another cap");
	swtpm_pcr_read(PCR_MEASURED, value);
	check(!memcmp(value, expected, 32), "the cap of the other one");

	boot("one");
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
	boot("one");
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		new_tpm(bad[i]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_TPM, "PCRs 0x%x", bad[i]);
	}
	new_tpm(0);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "no PCRs");
	nlraw_do(&h.nl, new_msg(ZKHSM_KEK_CLASS_TPM), &h.a);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_CONFIG, "nothing said about PCRs");
	no_identity("all that");
	new_tpm(0xffff);
	check_done(&h.a, "hsm-new with all PCRs that there may be");
	sealed_store(&h, &s);
	boot("one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal with all of them");
}

static void no_tpm(void)
{
	struct nl_msg *msg;

	swtpm_need();
	boot("one");
	start_tpm();
	sealed_store(&h, &s);
	boot(NULL);
	hsm_get(&h);
	check(!(nlraw_u64(&h.a, ZKHSM_A_HSM_FEATURES) & ZKHSM_FEATURE_TPM), "feature without TPM");
	new_tpm(PCRS);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "hsm-new without TPM");
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "hsm-unseal without TPM");
	msg = new_msg(ZKHSM_KEK_CLASS_TPM);
	nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, PCRS);
	nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, INDEX);
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
	boot("one");
	start_tpm();
	key_new(&h, "one");
	key_public(&h, "one", one);
	swtpm_kill();
	signs("one", one);
	sealed_store(&h, &s);
	boot("one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal after the TPM came back");
	signs("one", one);
}

/* Another KEK, in a boot that is capped, under the policy of the first. */
static void rekey(void)
{
	uint8_t one[65];

	swtpm_need();
	boot("one");
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

	boot("one");
	memcpy(s.blob, other.blob, other.blob_len);
	s.blob_len = other.blob_len;
	sealed_begin(&h, &s, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_OTHER_KEK, "the old head, the new KEK");
	boot("one");
	sealed_restore(&h, &other, 0);
	check_done(&h.a, "hsm-unseal after a rekey");
	signs("one", one);
}

static void owner_password(void)
{
	swtpm_need();
	boot("guarded");
	swtpm_owner_password("secret");
	new_tpm(PCRS);
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "an owner hierarchy with a password");
	no_identity("it");
}

static int new_counted(int32_t serial, uint32_t index)
{
	struct nl_msg *msg = new_msg(ZKHSM_KEK_CLASS_KEYRING);

	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)serial);
	nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, index);
	nlraw_do(&h.nl, msg, &h.a);
	if (!h.a.error)
		take_identity();
	return h.a.error;
}

static int32_t kek_serial(void)
{
	static const uint8_t kek[32] = "thirty-two bytes of a test's KEK";
	int32_t serial = keyring_add("logon", kek, sizeof(kek));

	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	return serial;
}

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
	int32_t serial = kek_serial();
	size_t i;

	swtpm_need();
	boot("counters");
	for (i = 0; i < sizeof(not_nv) / sizeof(not_nv[0]); i++) {
		new_counted(serial, not_nv[i]);
		check_refused(&h.a, EINVAL, ZKHSM_REASON_TPM, "handle 0x%x", not_nv[i]);
	}
	new_counted(serial, INDEX_BAD);
	check_refused(&h.a, ENOENT, ZKHSM_REASON_TPM, "an index that is not there");
	for (i = 0; i < sizeof(indices) / sizeof(indices[0]); i++) {
		const uint32_t index = INDEX_BAD + (uint32_t)i;

		swtpm_nv_define(index, indices[i].attributes, indices[i].password);
		new_counted(serial, index);
		check_refused(&h.a, indices[i].error, ZKHSM_REASON_TPM, "%s", indices[i].what);
		/* A counter with a password is asked, which tells nothing and changes nothing. */
		check(!swtpm_nv_written(index), "%s: written to", indices[i].what);
	}
	no_identity("all that");
	keyring_drop(serial);
}

static void counter(void)
{
	int32_t serial = kek_serial();
	uint8_t one[65], two[65];
	uint64_t at, mine;

	swtpm_need();
	boot("counters");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	swtpm_nv_define(INDEX_OTHER, NV_GOOD, "");
	swtpm_nv_increment(INDEX_OTHER);
	at = swtpm_nv_read(INDEX_OTHER);
	new_counted(serial, INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	check(configuration_flags() == (ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_COUNTER),
	      "flags of C");
	check(nlraw_u32(&h.a, ZKHSM_A_HSM_COUNTER_INDEX) == INDEX, "index");
	key_new(&h, "one");
	check(!(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE),
	      "never extractable, with a KEK that others have");
	key_public(&h, "one", one);
	sealed_store(&h, &s);
	mine = swtpm_nv_read(INDEX);
	key_new(&h, "two");
	key_public(&h, "two", two);
	sealed_store(&h, &other);
	check(swtpm_nv_read(INDEX) > mine, "the counter stands still");
	check(swtpm_nv_read(INDEX_OTHER) == at, "another counter was incremented");

	boot("counters");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "a state from the past");
	no_identity("a state from the past");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "the newest state");
	signs("one", one);
	signs("two", two);
	sealed_store(&h, &s);
	boot("counters");
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
	int32_t serial = kek_serial();

	swtpm_need();
	boot("cut");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	new_counted(serial, INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_store(&h, &s);
	key_new(&h, "one");
	sealed_take(&h, &other, false, 0);
	check_done(&h.a, "hsm-seal");

	boot("cut");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the state before, which nothing has replaced");
	boot("cut");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "the state that was stored last");
	boot("cut");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "the state before, now of the past");
	keyring_drop(serial);
}

/* The same state beside a TPM that never saw it. */
static void counter_of_another(void)
{
	int32_t serial = kek_serial();

	swtpm_need();
	boot("counters-a");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	new_counted(serial, INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_store(&h, &s);
	boot("counters-b");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ENOENT, ZKHSM_REASON_TPM, "a TPM without this index");
	boot(NULL);
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ENODEV, ZKHSM_REASON_TPM, "no TPM");
	boot("counters-a");
	sealed_restore(&h, &s, serial);
	check_done(&h.a, "the right one");
	keyring_drop(serial);
}

/* Without the counter nothing is committed, so nothing is attested as stored. */
static void counter_gone(void)
{
	int32_t serial = kek_serial();

	swtpm_need();
	boot("gone");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	new_counted(serial, INDEX);
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

/*
 * The TPM gives the KEK back once in a boot, and what is wrong with the store
 * may be found after that: the next attempt needs neither TPM nor boot.
 */
static void refused_record(void)
{
	struct sealed_item *item;
	uint8_t one[65];

	swtpm_need();
	boot("one");
	start_tpm();
	key_new(&h, "one");
	key_public(&h, "one", one);
	sealed_store(&h, &s);
	boot("one");
	item = &s.records[0];
	item->bytes[item->len - 1] ^= 1;
	sealed_restore(&h, &s, 0);
	check_refused(&h.a, EKEYREJECTED, ZKHSM_REASON_AUTHENTICATION, "a record changed");
	item->bytes[item->len - 1] ^= 1;
	no_identity("a record that was changed");

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
	signs("one", one);
}

/* Somebody else counts too: what was given out before could never be unsealed. */
static void counter_raised(void)
{
	int32_t serial = kek_serial();
	uint8_t one[65];

	swtpm_need();
	boot("raised");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	new_counted(serial, INDEX);
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	key_new(&h, "one");
	key_public(&h, "one", one);
	sealed_take(&h, &s, false, 0);
	check_done(&h.a, "hsm-seal");
	swtpm_nv_increment(INDEX);
	swtpm_nv_increment(INDEX);
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

	boot("raised");
	sealed_restore(&h, &s, serial);
	check_refused(&h.a, ESTALE, ZKHSM_REASON_ROLLBACK, "what was never committed");
	no_identity("it");
	sealed_restore(&h, &other, serial);
	check_done(&h.a, "hsm-unseal of what was committed");
	signs("one", one);
	keyring_drop(serial);
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
		{ "unfit_counters", unfit_counters },
		{ "counter", counter },
		{ "uncommitted", uncommitted },
		{ "counter_of_another", counter_of_another },
		{ "counter_gone", counter_gone },
		{ "refused_record", refused_record },
		{ "counter_raised", counter_raised },
	};

	atexit(swtpm_remove);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
