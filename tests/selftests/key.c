// SPDX-License-Identifier: GPL-2.0
/* A key from its creation to its end: attributes, states, uses. */
#include <errno.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "hsm.h"

static struct hsm h;
static const uint8_t digest[32] = "not a digest of anything at all";

static void start(void)
{
	if (!h.nl.sock)
		hsm_fresh(&h, NULL);
}

static void make(const char *id)
{
	key_new(&h, id);
	require(!h.a.error, "key-new %s: %s %s", id, strerrorname_np(h.a.error), h.a.text);
}

static void check_fresh(const char *id, const uint8_t public[65])
{
	const struct nlattr *name = nlraw_attr(&h.a, ZKHSM_A_KEY_ID);
	const uint8_t *element = nlraw_bytes(&h.a, ZKHSM_A_KEY_ELEMENT, 32);
	uint64_t created = nlraw_u64(&h.a, ZKHSM_A_KEY_CREATED_MS);
	uint64_t now = (uint64_t)time(NULL) * 1000;
	uint8_t expected[32];

	ec_element(public, expected);
	check(name && !strcmp(nla_get_string((struct nlattr *)name), id), "id");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_TYPE) == ZKHSM_KEY_TYPE_EC_P256, "type");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_STATE) == ZKHSM_KEY_STATE_ACTIVE, "state");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_USAGE) == SIGN_PROVE, "usage");
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_OWNER_UID) &&
	      !nlraw_u32(&h.a, ZKHSM_A_KEY_OWNER_UID), "owner");
	check(nlraw_attr(&h.a, ZKHSM_A_KEY_USES) && !nlraw_u64(&h.a, ZKHSM_A_KEY_USES), "uses");
	check(created <= now + 5000 && created + 60000 > now, "created");
	check(element && !memcmp(element, expected, 32), "element name");
	check(!nlraw_attr(&h.a, ZKHSM_A_KEY_REASON), "a reason, although nobody revoked it");
}

static void generated(void)
{
	const uint8_t *p;
	uint8_t public[65];

	start();
	key_new(&h, "generated");
	check_done(&h.a, "key-new");
	p = nlraw_bytes(&h.a, ZKHSM_A_KEY_PUBLIC, 65);
	require(p && ec_on_curve(p), "no public key");
	memcpy(public, p, 65);
	check_fresh("generated", public);
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_ORIGIN) == ZKHSM_KEY_ORIGIN_GENERATED, "origin");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_FLAGS) == ZKHSM_KEY_FLAG_NEVER_EXTRACTABLE,
	      "a generated key never leaves");

	key_get(&h, "generated");
	check_done(&h.a, "key-get");
	check_fresh("generated", public);

	make("generated-2");
	p = nlraw_bytes(&h.a, ZKHSM_A_KEY_PUBLIC, 65);
	check(p && memcmp(p, public, 65), "two keys are the same");
}

static void exists(void)
{
	uint8_t before[65], after[65];

	start();
	make("exists");
	key_public(&h, "exists", before);
	key_new(&h, "exists");
	check_refused(&h.a, EEXIST, ZKHSM_REASON_ID_EXISTS, "the same id again");
	key_public(&h, "exists", after);
	check(!memcmp(before, after, 65), "the key was replaced");
}

static void absent(void)
{
	start();
	key_get(&h, "absent");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-get");
	key_set_u32(&h, "absent", ZKHSM_A_KEY_USAGE, 1);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-set");
	key_sign(&h, "absent", digest);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-sign");
	key_prove(&h, "absent", "client", 6, NULL, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "proof-get");
	key_del(&h, "absent");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-del");
}

/* Usage loses bits and never gets one back; what the kernel alone sets stays so. */
static void narrowing(void)
{
	start();
	make("narrow");
	key_set_u32(&h, "narrow", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	check_done(&h.a, "less usage");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_USAGE) == ZKHSM_KEY_USAGE_SIGN, "usage in the reply");
	key_set_u32(&h, "narrow", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_SIGN);
	check_done(&h.a, "the same usage");
	key_set_u32(&h, "narrow", ZKHSM_A_KEY_USAGE, SIGN_PROVE);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "more usage");
	key_set_u32(&h, "narrow", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_PROVE);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "other usage");
	key_set_u32(&h, "narrow", ZKHSM_A_KEY_FLAGS, 0);
	check_refused(&h.a, EPERM, ZKHSM_REASON_WIDENING, "a flag less");
	key_prove(&h, "narrow", "client", 6, NULL, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_USAGE, "proof-get without the usage");
	key_sign(&h, "narrow", digest);
	check_done(&h.a, "key-sign");

	make("narrow-2");
	key_set_u32(&h, "narrow-2", ZKHSM_A_KEY_USAGE, ZKHSM_KEY_USAGE_PROVE);
	check_done(&h.a, "less usage");
	key_sign(&h, "narrow-2", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_USAGE, "key-sign without the usage");
}

static void uses_refused(const char *id, const char *what)
{
	key_sign(&h, id, digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "key-sign, %s", what);
	key_prove(&h, id, "client", 6, NULL, 0);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "proof-get, %s", what);
}

static void set_state(const char *id, uint32_t state)
{
	key_set_u32(&h, id, ZKHSM_A_KEY_STATE, state);
	check_done(&h.a, "to state %u", state);
	check(key_state(&h, id) == state, "state %u", state);
}

static void state_refused(const char *id, uint32_t state)
{
	key_set_u32(&h, id, ZKHSM_A_KEY_STATE, state);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "to state %u", state);
}

static void states(void)
{
	struct nl_msg *msg;

	start();
	msg = key_new_msg(&h, "states");
	nla_put_u32(msg, ZKHSM_A_KEY_STATE, ZKHSM_KEY_STATE_PRE_ACTIVE);
	nlraw_do(&h.nl, msg, &h.a);
	check_done(&h.a, "key-new pre-active");
	check(key_state(&h, "states") == ZKHSM_KEY_STATE_PRE_ACTIVE, "not pre-active");
	uses_refused("states", "pre-active");
	state_refused("states", ZKHSM_KEY_STATE_DEACTIVATED);
	set_state("states", ZKHSM_KEY_STATE_ACTIVE);
	key_sign(&h, "states", digest);
	check_done(&h.a, "key-sign, active");
	state_refused("states", ZKHSM_KEY_STATE_PRE_ACTIVE);
	set_state("states", ZKHSM_KEY_STATE_DEACTIVATED);
	uses_refused("states", "deactivated");
	state_refused("states", ZKHSM_KEY_STATE_PRE_ACTIVE);
	set_state("states", ZKHSM_KEY_STATE_ACTIVE);
	key_sign(&h, "states", digest);
	check_done(&h.a, "key-sign, active again");
	/* Only the managers can. */
	state_refused("states", ZKHSM_KEY_STATE_HELD);
	state_refused("states", ZKHSM_KEY_STATE_COMPROMISED);
	check(key_state(&h, "states") == ZKHSM_KEY_STATE_ACTIVE, "no longer active");
}

static void born_in(uint32_t state)
{
	struct nl_msg *msg = key_new_msg(&h, "born");

	nla_put_u32(msg, ZKHSM_A_KEY_STATE, state);
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, EACCES, ZKHSM_REASON_STATE, "key-new in state %u", state);
	key_get(&h, "born");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "it was made all the same");
}

static void first_state(void)
{
	start();
	born_in(ZKHSM_KEY_STATE_UNSPEC);
	born_in(ZKHSM_KEY_STATE_HELD);
	born_in(ZKHSM_KEY_STATE_DEACTIVATED);
	born_in(ZKHSM_KEY_STATE_COMPROMISED);
}

static void signatures(void)
{
	uint8_t public[65], d[32], first[64] = { 0 };
	const uint8_t *s, *p;
	int i;

	start();
	make("signs");
	key_public(&h, "signs", public);
	for (i = 0; i < 20; i++) {
		/* The extreme digests too: 0 and above n. */
		memset(d, i ? 0xff : 0, sizeof(d));
		if (i > 1)
			RAND_bytes(d, sizeof(d));
		key_sign(&h, "signs", d);
		check_done(&h.a, "key-sign");
		s = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
		p = nlraw_bytes(&h.a, ZKHSM_A_KEY_PUBLIC, 65);
		check(p && !memcmp(p, public, 65), "public key in the reply");
		require(s && ec_verify(public, d, s), "signature %d is false", i);
		/* Equal halves in two signatures would give the key away. */
		check(memcmp(s, first, 32), "the same r twice");
		memcpy(first, s, 64);
		d[31] ^= 1;
		check(!ec_verify(public, d, first), "the checker accepts everything");
	}
	key_sign(&h, "signs", digest);
	s = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	require(s, "no signature");
	memcpy(first, s, 64);
	key_sign(&h, "signs", digest);
	s = nlraw_bytes(&h.a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(s && memcmp(s, first, 32), "the same nonce for the same digest");
}

static void counts_uses(void)
{
	int i;

	start();
	make("counted");
	for (i = 0; i < 3; i++)
		key_sign(&h, "counted", digest);
	key_prove(&h, "counted", "client", 6, NULL, 0);
	key_prove(&h, "counted", digest, 32, NULL, 0);	/* refused: no use */
	key_get(&h, "counted");
	check(nlraw_u64(&h.a, ZKHSM_A_KEY_USES) == 4, "uses %llu",
	      (unsigned long long)nlraw_u64(&h.a, ZKHSM_A_KEY_USES));
}

static void owners(void)
{
	start();
	key_new_owned(&h, "owned", UID_OWNER);
	check_done(&h.a, "key-new");
	check(nlraw_u32(&h.a, ZKHSM_A_KEY_OWNER_UID) == UID_OWNER, "owner");
	key_sign(&h, "owned", digest);
	check_refused(&h.a, EACCES, ZKHSM_REASON_NOT_OWNER, "key-sign by the maker");
	key_set_u32(&h, "owned", ZKHSM_A_KEY_OWNER_UID, 0);
	check_done(&h.a, "new owner");
	key_sign(&h, "owned", digest);
	check_done(&h.a, "key-sign by the new owner");
	/* (uid_t)-1 is nobody at all. */
	key_set_u32(&h, "owned", ZKHSM_A_KEY_OWNER_UID, UINT32_MAX);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "key-set, owner -1");
	key_new_owned(&h, "owned-2", UINT32_MAX);
	check_refused(&h.a, EINVAL, ZKHSM_REASON_RESERVED_INPUT, "key-new, owner -1");
}

static void deleted(void)
{
	uint8_t before[65], after[65];
	uint64_t generation;

	start();
	make("deleted");
	key_public(&h, "deleted", before);
	hsm_get(&h);
	generation = nlraw_u64(&h.a, ZKHSM_A_HSM_GENERATION);
	key_del(&h, "deleted");
	check_done(&h.a, "key-del");
	key_get(&h, "deleted");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-get");
	key_del(&h, "deleted");
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "key-del again");
	hsm_get(&h);
	check(nlraw_u64(&h.a, ZKHSM_A_HSM_GENERATION) > generation, "L changed");
	make("deleted");
	key_public(&h, "deleted", after);
	check(memcmp(before, after, 65), "the old key is back");
}

/* What cannot be done yet says so, to whom it may concern, and does nothing. */
static void unsupported(void)
{
	static const uint8_t cmds[] = { ZKHSM_CMD_KEY_MAC, ZKHSM_CMD_KEY_DERIVE };
	size_t i;

	start();
	make("unsupported");
	for (i = 0; i < sizeof(cmds); i++) {
		struct nl_msg *msg = nlraw_msg(&h.nl, cmds[i]);

		nla_put_string(msg, ZKHSM_A_KEY_ID, "unsupported");
		nlraw_do(&h.nl, msg, &h.a);
		check_refused(&h.a, EOPNOTSUPP, ZKHSM_REASON_NOT_SUPPORTED, "command %u", cmds[i]);
	}
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "generated", generated },
		{ "exists", exists },
		{ "absent", absent },
		{ "narrowing", narrowing },
		{ "states", states },
		{ "first_state", first_state },
		{ "signatures", signatures },
		{ "counts_uses", counts_uses },
		{ "owners", owners },
		{ "deleted", deleted },
		{ "unsupported", unsupported },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
