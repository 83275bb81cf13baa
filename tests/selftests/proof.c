// SPDX-License-Identifier: GPL-2.0
/* Proofs of one key, RFC 8235, checked by our own few lines over OpenSSL. */
#include <errno.h>
#include <openssl/rand.h>
#include <string.h>

#include "hsm.h"
#include "zkhsm.h"

static struct hsm h;
static uint8_t public[65];

static void start(void)
{
	if (h.nl.sock)
		return;
	hsm_fresh(&h, NULL);
	key_new(&h, "prover");
	require(!h.a.error, "key-new: %s", h.a.text);
	key_public(&h, "prover", public);
}

/* The proof for these inputs; it must hold, here and for libzkhsm. */
static void prove(const void *user, size_t user_len, const void *other, size_t other_len,
		  uint8_t proof[97])
{
	struct zkhsm_error err = { 0 };
	const uint8_t *p, *a;

	key_prove(&h, "prover", user, user_len, other, other_len);
	check_done(&h.a, "proof-get, UserID of %zu, OtherInfo of %zu", user_len, other_len);
	p = nlraw_bytes(&h.a, ZKHSM_A_PROOF_PROOF, 97);
	a = nlraw_bytes(&h.a, ZKHSM_A_PROOF_PUBLIC, 65);
	require(p && a && !memcmp(a, public, 65), "proof-get: incomplete reply");
	memcpy(proof, p, 97);
	check(ec_proof_holds(public, user, user_len, other, other_len, proof),
	      "the proof is false, UserID of %zu, OtherInfo of %zu", user_len, other_len);
	check(!zkhsm_verify_proof(public, user, user_len, other, other_len, proof, &err),
	      "libzkhsm: %s", err.text);
}

static void holds(void)
{
	static uint8_t bytes[ZKHSM_OTHER_INFO_MAX_LEN];
	static const size_t users[] = { 1, 2, 31, 33, 254, 255 };
	static const size_t others[] = { 0, 1, 32, 1023, 1024 };
	uint8_t proof[97], two[97];
	size_t i;

	start();
	RAND_bytes(bytes, sizeof(bytes));
	bytes[0] = 'X';
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		prove(bytes, users[i], NULL, 0, proof);
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		prove("client", 6, bytes, others[i], proof);

	prove("client", 6, bytes, 20, proof);
	prove("client", 6, bytes, 20, two);
	check(memcmp(proof, two, 65), "two proofs with one V give the key away");
	check(memcmp(proof + 65, two + 65, 32), "r");
}

/* Every input is in the hash, and the checker can say no. */
static void bound_to_inputs(void)
{
	uint8_t proof[97], other_key[65];
	int i;

	start();
	prove("client", 6, "info", 4, proof);
	check(!ec_proof_holds(public, "clienu", 6, "info", 4, proof), "another UserID");
	check(!ec_proof_holds(public, "client", 6, "infp", 4, proof), "another OtherInfo");
	check(!ec_proof_holds(public, "client", 6, NULL, 0, proof), "no OtherInfo");
	check(!ec_proof_holds(public, "clientin", 8, "fo", 2, proof), "a moved boundary");
	prove("client", 6, NULL, 0, proof);
	check(!ec_proof_holds(public, "client", 6, "", 0, proof), "absent is not empty");
	key_new(&h, "prover-2");
	key_public(&h, "prover-2", other_key);
	check(!ec_proof_holds(other_key, "client", 6, NULL, 0, proof), "another key");
	for (i = 1; i < 97; i += 8) {
		proof[i] ^= 1;
		check(!ec_proof_holds(public, "client", 6, NULL, 0, proof), "byte %d altered", i);
		proof[i] ^= 1;
	}
}

static void refused(const void *user, size_t user_len, const void *other, size_t other_len,
		    uint32_t reason, const char *what)
{
	key_prove(&h, "prover", user, user_len, other, other_len);
	check_refused(&h.a, EINVAL, reason, "%s", what);
	check(!nlraw_attr(&h.a, ZKHSM_A_PROOF_PROOF), "a proof beside the refusal");
}

/* What the identity's own messages look like: with these a user could forge one. */
static void reserved(void)
{
	uint8_t bytes[64] = "ZKHSM";
	uint8_t proof[97];
	size_t len;

	start();
	refused(bytes, 32, NULL, 0, ZKHSM_REASON_RESERVED_INPUT, "a UserID of 32 bytes");
	refused(h.id, 32, NULL, 0, ZKHSM_REASON_RESERVED_INPUT, "hsm_id as UserID");
	for (len = 5; len <= sizeof(bytes); len++)
		refused("client", 6, bytes, len, ZKHSM_REASON_RESERVED_INPUT, "OtherInfo of ours");
	/* Beside the line: shorter, another case, not at the start. */
	prove("client", 6, "ZKHS", 4, proof);
	prove("client", 6, "zkhsm", 5, proof);
	prove("client", 6, "ZKHSN", 5, proof);
	prove("client", 6, " ZKHSM", 6, proof);
	prove("ZKHSM", 5, NULL, 0, proof);
}

static void lengths(void)
{
	static const uint8_t bytes[4096] = { 1 };
	static const size_t users[] = { 0, 256, 257, 4096 }, others[] = { 1025, 4096 };
	size_t i;

	start();
	for (i = 0; i < sizeof(users) / sizeof(users[0]); i++)
		refused(bytes, users[i], NULL, 0, ZKHSM_REASON_LENGTH, "length of UserID");
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		refused("client", 6, bytes, others[i], ZKHSM_REASON_LENGTH, "length of OtherInfo");
}

/* D is no key in the store: nothing that a user can say names it. */
static void identity(void)
{
	struct nl_msg *msg;

	start();
	key_prove(&h, "identity", "client", 6, NULL, 0);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "a key called identity");
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_PROOF_GET);
	nla_put_string(msg, ZKHSM_A_PROOF_ID, "");
	nla_put(msg, ZKHSM_A_PROOF_USER_ID, 6, "client");
	nlraw_do(&h.nl, msg, &h.a);
	check_refused(&h.a, ENOKEY, ZKHSM_REASON_NO_SUCH_KEY, "an empty id");
}

int main(int argc, char **argv)
{
	static const struct ktap_test tests[] = {
		{ "holds", holds },
		{ "bound_to_inputs", bound_to_inputs },
		{ "reserved", reserved },
		{ "lengths", lengths },
		{ "identity", identity },
	};

	return ktap_run(tests, sizeof(tests) / sizeof(tests[0]), argc, argv);
}
