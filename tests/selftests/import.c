// SPDX-License-Identifier: GPL-2.0
/* Keys from outside come through the keyring, and each secret lives here once. */
#include <errno.h>
#include <keyutils.h>
#include <openssl/core_names.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "hsm.h"

static struct hsm h;

static void start(void)
{
	if (!h.nl.sock)
		hsm_fresh(&h, NULL);
}

static void not_imported(const char *id)
{
	key_get(&h, id);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "%s is there all the same", id);
}

static void imported_as(const char *type, const char *id)
{
	static const uint8_t digest[32] = { 1 };
	uint8_t scalar[32], public[65];
	const uint8_t *p;
	int32_t serial;

	ec_random_scalar(scalar);
	ec_public(scalar, public);
	serial = keyring_add(type, scalar, sizeof(scalar));
	require(serial > 0, "add_key %s: %s", type, strerrorname_np(-serial));
	key_import_serial(&h, id, serial);
	check_done(&h.a, "import from a %s key", type);
	p = nlraw_bytes(&h.a, ZKHSM_A_KEY_PUBLIC, 65);
	check(p && !memcmp(p, public, 65), "another public key than OpenSSL has");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_ORIGIN) == ZKHSM_KEY_ORIGIN_IMPORTED, "origin");
	check(!(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) & ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE),
	      "an imported key was outside");
	/* The keyring's copy is not needed any more. */
	keyring_drop(serial);
	key_sign(&h, id, digest);
	check_done(&h.a, "key-sign");
	p = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(p && ec_verify(public, digest, p), "signature is false");
}

static void imported(void)
{
	start();
	imported_as("logon", "from-logon");
	imported_as("user", "from-user");
}

static void exists(const uint8_t scalar[32], const char *what)
{
	key_import(&h, "again", scalar);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "%s", what);
	not_imported("again");
}

static void negate_point(uint8_t point[65])
{
	static const uint8_t p[32] = {
		0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x01, 0, 0, 0, 0, 0, 0, 0, 0,
		0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};
	int i, borrow = 0;

	for (i = 31; i >= 0; i--) {
		int d = p[i] - point[33 + i] - borrow;

		point[33 + i] = (uint8_t)d;
		borrow = d < 0;
	}
}

static void pin_exists(const uint8_t public[65], const char *what)
{
	struct manager m = { 0 };

	memcpy(m.public, public, 65);
	manager_pin(&h, &m);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "%s", what);
}

/* A secret lives once: in any role, under any id, also as its negative. */
static void element_exists(void)
{
	uint8_t scalar[32], negative[32], public[65];

	start();
	ec_random_scalar(scalar);
	ec_negate(scalar, negative);
	key_import(&h, "once", scalar);
	check_done(&h.a, "import");
	exists(scalar, "the same secret");
	exists(negative, "its negative");
	key_import(&h, "once", scalar);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ID_EXISTS, "the same id");

	ec_public(scalar, public);
	pin_exists(public, "a key as a manager");
	negate_point(public);
	require(ec_on_curve(public), "negation");
	pin_exists(public, "a key's negative as a manager");
	memcpy(public, h.identity, 65);
	pin_exists(public, "the identity as a manager");
	negate_point(public);
	pin_exists(public, "the identity's negative as a manager");

	key_del(&h, "once");
	check_done(&h.a, "key-del");
	key_import(&h, "again", negative);
	check_done(&h.a, "import of the negative once the key is gone");
	key_del(&h, "again");
}

static void managers_key(void)
{
	uint8_t scalar[32], negative[32];
	struct manager m;
	BIGNUM *n = NULL;

	start();
	manager_new_pinned(&h, &m);
	require(EVP_PKEY_get_bn_param(m.key, OSSL_PKEY_PARAM_PRIV_KEY, &n) &&
		BN_bn2binpad(n, scalar, 32) == 32, "private key");
	BN_clear_free(n);
	ec_negate(scalar, negative);
	exists(scalar, "a manager's key");
	exists(negative, "a manager's key's negative");
	manager_unpin(&h, &m);
	check_done(&h.a, "trust-del");
	key_import(&h, "was-manager", scalar);
	check_done(&h.a, "import once the manager is gone");
	manager_pin(&h, &m);
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ELEMENT_EXISTS, "and the manager again");
	manager_free(&m);
}

static void refused_scalar(const uint8_t scalar[32], const char *what)
{
	key_import(&h, "bad-scalar", scalar);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_SECRET_RANGE, "%s", what);
	not_imported("bad-scalar");
}

static void scalars(void)
{
	static const int outside[] = { -3, -2, -1, 0, 1, 2 };
	uint8_t scalar[32] = { 0 };
	size_t i;

	start();
	refused_scalar(scalar, "0");
	scalar[31] = 1;
	refused_scalar(scalar, "1");
	memset(scalar, 0xff, sizeof(scalar));
	refused_scalar(scalar, "2^256 - 1");
	for (i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		ec_order_plus(outside[i], scalar);
		refused_scalar(scalar, "about n");
	}
	memset(scalar, 0, sizeof(scalar));
	scalar[31] = 2;
	key_import(&h, "two", scalar);
	check_done(&h.a, "2");
	scalar[31] = 3;
	key_import(&h, "three", scalar);
	check_done(&h.a, "3");
	scalar[31] = 4;
	key_import(&h, "four", scalar);
	check_done(&h.a, "4");
	key_del(&h, "four");
	/* The last one that is taken, and the negative of 4. */
	ec_order_plus(-4, scalar);
	key_import(&h, "minus-four", scalar);
	check_done(&h.a, "n - 4");
}

static void refused_serial(int32_t serial, int error, const char *what)
{
	key_import_serial(&h, "bad-serial", serial);
	check_refused(&h.a, error, error == EINVAL ? ZKHSM_REASON_LENGTH : ZKHSM_REASON_KEYRING,
		      "%s", what);
	not_imported("bad-serial");
}

static void lengths(void)
{
	static const size_t lens[] = { 1, 31, 33, 64, 4096 };
	static uint8_t payload[4096] = { 1 };
	int32_t serial;
	size_t i;

	start();
	for (i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		serial = keyring_add("user", payload, lens[i]);
		require(serial > 0, "add_key: %s", strerrorname_np(-serial));
		refused_serial(serial, EINVAL, "another length");
		keyring_drop(serial);
	}
}

static void types(void)
{
	int32_t serial;

	start();
	serial = keyring_add("keyring", NULL, 0);
	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	refused_serial(serial, ENOKEY, "a keyring");
	keyring_drop(serial);
	/* Numbers that mean "the caller's keyring" to keyctl. */
	refused_serial(KEY_SPEC_PROCESS_KEYRING, ENOKEY, "the process keyring by its alias");
	refused_serial(KEY_SPEC_SESSION_KEYRING, ENOKEY, "the session keyring by its alias");
	refused_serial(0, ENOKEY, "serial 0");
	refused_serial(INT32_MIN, ENOKEY, "the lowest number");
	refused_serial(INT32_MAX, ENOKEY, "no such key");
}

static void revoked_and_expired(void)
{
	const struct timespec moment = { .tv_nsec = 20 * 1000 * 1000 };
	uint8_t scalar[32], buffer[32];
	int32_t serial;

	start();
	ec_random_scalar(scalar);
	serial = keyring_add("logon", scalar, 32);
	require(serial > 0 && !keyctl_revoke(serial), "revoke");
	refused_serial(serial, EKEYREVOKED, "a revoked key");

	serial = keyring_add("user", scalar, 32);
	require(serial > 0 && !keyctl_set_timeout(serial, 1), "timeout");
	while (keyctl_read(serial, (char *)buffer, sizeof(buffer)) >= 0)
		nanosleep(&moment, NULL);
	check(errno == EKEYEXPIRED, "keyctl_read: %s", strerrorname_np(errno));
	refused_serial(serial, EKEYEXPIRED, "an expired key");
	key_import(&h, "not-expired", scalar);
	check_done(&h.a, "the same secret from a live key");
}

struct shared {
	int32_t serial;
	bool open_to_all;
	int ready[2], done[2];
};

/* Puts a key into a keyring that only this process has. */
static void hold_key(void *arg)
{
	struct shared *s = arg;
	uint8_t scalar[32];
	char byte;

	ec_random_scalar(scalar);
	s->serial = keyring_add("user", scalar, 32);
	check(s->serial > 0, "add_key");
	/* That everybody may find it does not put it into everybody's keyrings. */
	if (s->open_to_all)
		check(!keyctl_setperm(s->serial, KEY_POS_ALL | KEY_USR_ALL | KEY_GRP_ALL |
				      KEY_OTH_ALL), "setperm");
	close(s->done[1]);
	check(write(s->ready[1], "", 1) == 1, "write");
	/* Until the parent is done: the keyring goes with the process. */
	check(!read(s->done[0], &byte, 1), "read");
}

static void not_possessed_by(uid_t uid, bool open_to_all)
{
	struct shared *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
				MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	pid_t pid;
	char byte;

	require(s != MAP_FAILED && !pipe(s->ready) && !pipe(s->done), "pipes");
	s->open_to_all = open_to_all;
	pid = ktap_child_start(uid, hold_key, s);
	check(read(s->ready[0], &byte, 1) == 1, "the child has no key");
	refused_serial(s->serial, EACCES, "a key that another process possesses");
	close(s->done[1]);
	check(!ktap_child_wait(pid), "child");
	close(s->done[0]);
	close(s->ready[0]);
	close(s->ready[1]);
	munmap(s, sizeof(*s));
}

static void not_possessed(void)
{
	start();
	not_possessed_by(0, false);
	not_possessed_by(0, true);
	not_possessed_by(UID_OTHER, false);
	not_possessed_by(UID_OTHER, true);
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "imported", imported },
		{ "element_exists", element_exists },
		{ "managers_key", managers_key },
		{ "scalars", scalars },
		{ "lengths", lengths },
		{ "types", types },
		{ "revoked_and_expired", revoked_and_expired },
		{ "not_possessed", not_possessed },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
