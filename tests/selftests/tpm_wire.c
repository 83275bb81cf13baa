// SPDX-License-Identifier: GPL-2.0
/* A TPM that refuses at any step, or whose responses come to the kernel cut. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "hsm.h"
#include "sealed.h"
#include "swtpm.h"

#define PCRS		(1U << 7 | 1U << 15)
#define INDEX		0x01500001U
#define RC_FAILURE	0x101
#define RC_BAD_AUTH	0x9a2
#define HEADER_LEN	10
#define STRIDE		7

enum command {
	CREATE_PRIMARY = 0x131,
	NV_INCREMENT = 0x134,
	NV_READ = 0x14e,
	CREATE = 0x153,
	LOAD = 0x157,
	UNSEAL = 0x15e,
	FLUSH_CONTEXT = 0x165,
	NV_READ_PUBLIC = 0x169,
	START_AUTH_SESSION = 0x176,
	GET_CAPABILITY = 0x17a,
	PCR_READ = 0x17e,
	POLICY_PCR = 0x17f,
	PCR_EXTEND = 0x182,
	POLICY_GET_DIGEST = 0x189,
};

static struct hsm h;
static struct sealed s;

static void boot(const char *name)
{
	hsm_close(&h);
	memset(&h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(&h);
	swtpm_start_relayed(&h, name);
}

static void refuse(uint32_t command, uint32_t code)
{
	const struct swtpm_lie lie = { .command = command, .code = code };

	swtpm_lie(&lie);
}

static void cut(uint32_t command, size_t len)
{
	const struct swtpm_lie lie = { .command = command, .cut = len };

	swtpm_lie(&lie);
}

/* One that was not told tests nothing. */
static void told(const char *what, uint32_t command)
{
	check(swtpm_lied(), "%s: command 0x%x was not sent", what, command);
	swtpm_lie(NULL);
}

static int new_tpm(void)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_TPM);
	nla_put_u32(msg, ZKHSM_A_HSM_TPM_PCRS, PCRS);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void no_identity(const char *when, uint32_t command)
{
	hsm_get(&h);
	check(!nlraw_attr(&h.a, ZKHSM_A_HSM_IDENTITY), "%s 0x%x: an identity", when, command);
}

/* What the TPM did before it refused is undone: no object, no session stays. */
static void nothing_left(const char *when, uint32_t command)
{
	unsigned int left = swtpm_leftovers();

	check(!left, "%s 0x%x: %u objects or sessions left", when, command, left);
}

static void refused_sealing(void)
{
	static const enum command steps[] = {
		GET_CAPABILITY, PCR_READ, START_AUTH_SESSION, POLICY_PCR, POLICY_GET_DIGEST,
		CREATE_PRIMARY, CREATE, PCR_EXTEND,
	};
	size_t i;

	swtpm_need();
	boot("one");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		refuse(steps[i], RC_FAILURE);
		new_tpm();
		check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "refused 0x%x", steps[i]);
		told("refused", steps[i]);
		no_identity("refused", steps[i]);
		nothing_left("refused", steps[i]);
	}
	refuse(CREATE_PRIMARY, RC_BAD_AUTH);
	new_tpm();
	check_refused(&h.a, EACCES, ZKHSM_REASON_TPM, "a password");
	new_tpm();
	check_done(&h.a, "hsm-new when nothing is refused");
}

/* Cut to the header, and to every length within what is read of a short one. */
static void cut_sealing(void)
{
	static const struct {
		enum command step;
		size_t last;
	} steps[] = {
		{ GET_CAPABILITY, HEADER_LEN + 14 }, { PCR_READ, HEADER_LEN + 51 },
		{ POLICY_GET_DIGEST, HEADER_LEN + 33 }, { CREATE_PRIMARY, HEADER_LEN + 7 },
		{ CREATE, HEADER_LEN + 80 }, { PCR_EXTEND, HEADER_LEN + 3 },
	};
	size_t i, len;

	swtpm_need();
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		boot("one");
		for (len = HEADER_LEN; len <= steps[i].last; len += STRIDE) {
			cut(steps[i].step, len);
			new_tpm();
			check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "0x%x cut to %zu",
				      steps[i].step, len);
			told("cut", steps[i].step);
			no_identity("cut", steps[i].step);
			/* The handle of an object is lost with its response. */
			if (steps[i].step == CREATE_PRIMARY || steps[i].step == PCR_EXTEND)
				boot("one");
			else
				nothing_left("cut", steps[i].step);
		}
	}
}

static void start_sealed(const char *name)
{
	boot(name);
	new_tpm();
	require(!h.a.error, "hsm-new: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_take(&h, &s, false, 0);
	require(!h.a.error, "hsm-seal: %s %s", strerrorname_np(h.a.error), h.a.text);
	sealed_commit(&h, &s);
	require(!h.a.error, "commit: %s %s", strerrorname_np(h.a.error), h.a.text);
}

static void refused_unsealing(void)
{
	static const enum command steps[] = {
		CREATE_PRIMARY, LOAD, START_AUTH_SESSION, POLICY_PCR, UNSEAL, PCR_EXTEND,
	};
	size_t i;

	swtpm_need();
	start_sealed("one");
	boot("one");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		refuse(steps[i], RC_FAILURE);
		sealed_begin(&h, &s, 0);
		check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "refused 0x%x", steps[i]);
		told("refused", steps[i]);
		nothing_left("refused", steps[i]);
		no_identity("refused", steps[i]);
	}
	/* None of that capped, the last one too: the KEK came but was not given out. */
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal when nothing is refused");
}

static void cut_unsealing(void)
{
	static const struct {
		enum command step;
		size_t len;
	} cuts[] = {
		{ CREATE_PRIMARY, HEADER_LEN }, { CREATE_PRIMARY, HEADER_LEN + 6 },
		{ LOAD, HEADER_LEN }, { LOAD, HEADER_LEN + 7 },
		{ START_AUTH_SESSION, HEADER_LEN }, { START_AUTH_SESSION, HEADER_LEN + 3 },
		{ UNSEAL, HEADER_LEN }, { UNSEAL, HEADER_LEN + 4 }, { UNSEAL, HEADER_LEN + 6 },
		{ UNSEAL, HEADER_LEN + 4 + 2 + 31 },
		{ PCR_EXTEND, HEADER_LEN }, { PCR_EXTEND, HEADER_LEN + 3 },
	};
	size_t i;

	swtpm_need();
	start_sealed("one");
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		boot("one");
		cut(cuts[i].step, cuts[i].len);
		sealed_begin(&h, &s, 0);
		check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "0x%x cut to %zu", cuts[i].step,
			      cuts[i].len);
		told("cut", cuts[i].step);
		no_identity("cut", cuts[i].step);
	}
	boot("one");
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal of what is whole");
}

/* What cannot be flushed is in the log, and does not keep the KEK back. */
static void refused_flush(void)
{
	swtpm_need();
	start_sealed("one");
	boot("one");
	refuse(FLUSH_CONTEXT, RC_FAILURE);
	sealed_restore(&h, &s, 0);
	check_done(&h.a, "hsm-unseal");
	told("refused", FLUSH_CONTEXT);
}

static int new_counted(int32_t serial)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, ZKHSM_KEK_CLASS_KEYRING);
	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)serial);
	nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, INDEX);
	return nlraw_do(&h.nl, msg, &h.a);
}

static void counter(void)
{
	static const struct {
		enum command step;
		size_t len;
	} cuts[] = {
		{ NV_READ_PUBLIC, HEADER_LEN }, { NV_READ_PUBLIC, HEADER_LEN + 6 },
		{ NV_READ_PUBLIC, HEADER_LEN + 12 }, { NV_READ_PUBLIC, HEADER_LEN + 15 },
		{ NV_READ, HEADER_LEN }, { NV_READ, HEADER_LEN + 4 }, { NV_READ, HEADER_LEN + 13 },
	};
	static const enum command steps[] = { NV_READ_PUBLIC, NV_INCREMENT, NV_READ };
	static const uint8_t kek[32] = "thirty-two bytes of a test's KEK";
	int32_t serial = keyring_add("logon", kek, sizeof(kek));
	size_t i;

	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	swtpm_need();
	boot("counter");
	swtpm_nv_define(INDEX, NV_GOOD, "");
	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		refuse(steps[i], RC_FAILURE);
		new_counted(serial);
		check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "refused 0x%x", steps[i]);
		told("refused", steps[i]);
		no_identity("refused", steps[i]);
	}
	for (i = 0; i < sizeof(cuts) / sizeof(cuts[0]); i++) {
		cut(cuts[i].step, cuts[i].len);
		new_counted(serial);
		check_refused(&h.a, EIO, ZKHSM_REASON_TPM, "0x%x cut to %zu", cuts[i].step,
			      cuts[i].len);
		told("cut", cuts[i].step);
		no_identity("cut", cuts[i].step);
	}
	new_counted(serial);
	check_done(&h.a, "hsm-new when all is whole");
	keyring_drop(serial);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "refused_sealing", refused_sealing },
		{ "cut_sealing", cut_sealing },
		{ "refused_unsealing", refused_unsealing },
		{ "cut_unsealing", cut_unsealing },
		{ "refused_flush", refused_flush },
		{ "counter", counter },
	};

	atexit(swtpm_remove);
	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
