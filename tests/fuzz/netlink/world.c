// SPDX-License-Identifier: GPL-2.0
/*
 * The state that requests are about: an identity, managers whose keys we hold,
 * keys of several users, secrets in the keyring, good ones and others.
 */
#include <fcntl.h>
#include <grp.h>
#include <keyutils.h>
#include <openssl/x509.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "../../selftests/sealed.h"
#include "nlf.h"

/* So little of everything that all of it is taken now and then. */
#define PARAMETERS "evidence_rate=20 evidence_burst=6 nonce_slots=6 nonce_life_ms=4000"

struct nlf_fixed fixed;

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	printf("Bail out! %s\n", what);
	exit(EXIT_FAILURE);
}

/* PKCS#8 around an ECPrivateKey without its public half, RFC 5915. */
static EVP_PKEY *private_key(const uint8_t scalar[32])
{
	uint8_t der[35 + 32] = {
		0x30, 0x41, 0x02, 0x01, 0x00, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce,
		0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07,
		0x04, 0x27, 0x30, 0x25, 0x02, 0x01, 0x01, 0x04, 0x20,
	};
	const unsigned char *p = der;
	EVP_PKEY *key;

	memcpy(der + 35, scalar, 32);
	key = d2i_AutoPrivateKey(NULL, &p, sizeof(der));
	must(key, "OpenSSL: a manager's key");
	return key;
}

static void scalar(uint64_t *random, uint8_t out[32])
{
	int i;

	for (i = 0; i < 32; i++)
		out[i] = (uint8_t)(random_next(random) >> 32);
	/* Below n, above 2. */
	out[0] &= 0x7f;
	out[1] |= 1;
}

/* Shares: two of three make one, three of three the other; the last two are spoilt. */
static void make_keks(uint64_t *random)
{
	struct zkhsm_error err = { 0 };
	uint8_t id[16];
	bool ok = true;
	int i;

	for (i = 0; i < KEKS; i++) {
		scalar(random, fixed.kek[i]);
		ok = ok && !zkhsm_kek_id(fixed.kek[i], fixed.kek_id[i], &err);
	}
	ok = ok && !zkhsm_share_split(fixed.kek[KEKS - 1], 2, 3, &fixed.share[0], id, &err) &&
	     !zkhsm_share_split(fixed.kek[KEKS - 2], 3, 3, &fixed.share[3], id, &err);
	must(ok, "KEKs and their shares");
	memcpy(fixed.share[6], fixed.share[0], ZKHSM_SHARE_LEN);
	fixed.share[6][ZKHSM_SHARE_LEN - 1] ^= 1;
	memcpy(fixed.share[7], fixed.share[1], ZKHSM_SHARE_LEN);
	fixed.share[7][0] ^= 1;
}

void fixed_make(uint64_t seed)
{
	uint64_t random = seed ^ 0x7a6b68736d;
	uint8_t bytes[32];
	int i;

	fixed.seed = seed;
	for (i = 0; i < MANAGERS; i++) {
		struct nlf_manager *m = &fixed.manager[i];

		scalar(&random, bytes);
		m->key = private_key(bytes);
		ec_public(bytes, m->public);
		ec_sha256(m->public, 65, m->id);
	}
	for (i = 0; i < SECRETS; i++) {
		scalar(&random, fixed.secret[i]);
		/* The last is the negative of the first, and so the same key. */
		if (i == SECRETS - 1)
			ec_negate(fixed.secret[0], fixed.secret[i]);
		ec_public(fixed.secret[i], fixed.secret_public[i]);
		ec_element(fixed.secret_public[i], fixed.secret_element[i]);
	}
	make_keks(&random);
	secrets_prepare();
}

static struct hsm hsm;

static void pin(void)
{
	struct manager m;
	int i;

	for (i = 0; i < PINNED; i++) {
		memcpy(m.public, fixed.manager[i].public, 65);
		require(!manager_pin(&hsm, &m), "trust-new: %s", hsm.a.text);
	}
}

static void learn_slot(unsigned int slot)
{
	memcpy(world->key[slot].public, nlraw_bytes(&hsm.a, ZKHSM_A_KEY_PUBLIC, 65), 65);
	memcpy(world->key[slot].element, nlraw_bytes(&hsm.a, ZKHSM_A_KEY_ELEMENT, 32), 32);
	atomic_store(&world->key[slot].known, true);
}

/* Some made here and some imported, of root, the owner and the agent. */
static void make_keys(void)
{
	static const uid_t owners[] = { 0, UID_OWNER, UID_AGENT };
	unsigned int i;

	for (i = 0; i < 6; i++) {
		if (i & 1)
			key_import(&hsm, key_slot_name(i), fixed.secret[i]);
		else
			key_new_owned(&hsm, key_slot_name(i), owners[i / 2]);
		require(!hsm.a.error, "key-new: %s", hsm.a.text);
		learn_slot(i);
	}
}

/* With a KEK: what is sealed of it at first is kept as the older one. */
static void start_kek(void)
{
	int32_t serial = keyring_add("logon", fixed.kek[0], 32);

	hsm_reopen(&hsm);
	require(!sealed_new(&hsm, serial, 2, 1, 2), "hsm-new: %s", hsm.a.text);
	keyring_drop(serial);
}

/* What trust-changes replace; hsm-get tells what becomes of it. */
static void learn_config(void)
{
	const struct nlattr *config;
	const uint8_t *instance;

	hsm_get(&hsm);
	config = nlraw_attr(&hsm.a, ZKHSM_A_HSM_CONFIGURATION);
	instance = nlraw_bytes(&hsm.a, ZKHSM_A_HSM_INSTANCE_ID, 16);
	require(config && nla_len(config) <= (int)sizeof(world->config), "hsm-get: no C");
	require(instance, "hsm-get: no instance");
	memcpy(world->instance_id, instance, 16);
	memcpy(world->config, nla_data(config), (size_t)nla_len(config));
	atomic_store(&world->config_len, (unsigned int)nla_len(config));
}

static void start_identity(bool kek)
{
	if (kek)
		start_kek();
	else
		hsm_start(&hsm, 2, 1, 2);
	memcpy(world->hsm_id, hsm.id, 32);
	memcpy(world->identity, hsm.identity, 65);
	pin();
	make_keys();
	learn_config();
	if (kek) {
		require(!kept_take(&hsm, 0, &world->kept[KEPT_OLD]), "hsm-seal: %s", hsm.a.text);
		atomic_store(&world->sequence, world->kept[KEPT_OLD].sequence);
	}
	hsm_close(&hsm);
}

/* The first of them finds nothing that a round has left. */
static void make_sealed(void)
{
	start_identity(true);
	hsm_reopen(&hsm);
	key_set_u32(&hsm, key_slot_name(0), ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_PROVE);
	require(!hsm.a.error && !kept_take(&hsm, 0, &world->kept[KEPT_NEW]), "hsm-seal: %s",
		hsm.a.text);
	hsm_close(&hsm);
	module_reload(PARAMETERS);
	cover_module();
}

/* A module just loaded. */
void world_start(enum nlf_kind_of_world kind)
{
	int i;

	for (i = 0; i < KEYS; i++)
		atomic_store(&world->key[i].known, false);
	/* What is unsealed still has the numbers that it had. */
	for (i = 0; i < MANAGERS && kind != WORLD_SEALED; i++)
		atomic_store(&world->last_number[i], 0);
	memset(world->hsm_id, 0, sizeof(world->hsm_id));
	memcpy(world->identity, fixed.manager[0].public, 65);
	world->kind = kind;
	module_reload(PARAMETERS);
	cover_module();
	if (kind == WORLD_SEALED && !world->kept[KEPT_NEW].head_len)
		make_sealed();
	if (kind == WORLD_SEALED || kind == WORLD_EMPTY)
		return;
	start_identity(kind != WORLD_PLAIN);
}

static int32_t special_serial(unsigned int i)
{
	uint8_t bytes[32] = { 0 };
	int32_t serial;

	switch (i) {
	case 0:		/* zero */
		return keyring_add("logon", bytes, 32);
	case 1:		/* n - 1, the least that is not taken is n - 3 */
		ec_order_plus(-1, bytes);
		return keyring_add("user", bytes, 32);
	case 2:
		return keyring_add("logon", fixed.secret[2], 31);
	case 3:		/* of a length that the keyring takes */
		return keyring_add("user", fixed.manager[0].public, 33);
	case 4:		/* revoked */
		serial = keyring_add("logon", fixed.secret[3], 32);
		keyctl_revoke(serial);
		return serial;
	default:
		return KEY_SPEC_PROCESS_KEYRING;
	}
}

/* Possessed by this process alone, so each has its own. */
static void make_serials(struct nlf_worker *w)
{
	unsigned int i;

	for (i = 0; i < SERIALS; i++)
		w->serial[i] = i < SECRETS ? keyring_add(i & 1 ? "user" : "logon",
							 fixed.secret[i], 32) :
					     special_serial(i - SECRETS);
	for (i = 0; i < SECRETS; i++)
		must(w->serial[i] > 0, "add_key");
	for (i = 0; i < KEKS; i++)
		w->kek[i] = keyring_add(i & 1 ? "user" : "logon", fixed.kek[i], 32);
	for (i = 0; i < SHARES; i++)
		w->share[i] = keyring_add("logon", fixed.share[i], ZKHSM_SHARE_LEN);
	must(w->kek[KEKS - 1] > 0 && w->share[SHARES - 1] > 0, "add_key");
}

/* In the process of its own; the last thing that root does for it. */
void worker_start(struct nlf_worker *w, unsigned int number)
{
	static const uid_t users[WORKERS_MAX] = { 0, UID_OWNER, 0, UID_AGENT, UID_STRANGER, 0,
						  UID_OWNER, 0 };

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	w->number = number;
	w->uid = users[number % WORKERS_MAX];
	w->taint = open("/proc/sys/kernel/tainted", O_RDONLY | O_CLOEXEC);
	w->log = number ? -1 : open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	must(w->taint >= 0 && (number || w->log >= 0), "no taint, or no log, to read");
	if (w->log >= 0)
		lseek(w->log, 0, SEEK_END);
	cover_open(w);
	if (w->uid)
		must(!setgroups(0, NULL) && !setresgid(w->uid, w->uid, w->uid) &&
		     !setresuid(w->uid, w->uid, w->uid), "setuid");
	make_serials(w);
	must(socket_open(&w->main), "no family");
}
