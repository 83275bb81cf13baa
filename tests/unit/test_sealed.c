// SPDX-License-Identifier: GPL-2.0
/*
 * test_sealed.c - the decoders of kmod/wire-seal.c on tests/vectors/sealed.json:
 * what is in the clear, and, opened with OpenSSL, the bodies; and a kept backup
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "vectors.h"
#include "wire-seal.h"
#include "zkhsm.h"

#define SEALED_MAX	4096

static json_t *root;

/* Bodies that are malformed for reasons that a decoder leaves to its caller. */
static const char *const for_the_caller[] = {
	"key-element-off-curve", "key-secret-zero", "key-secret-n", "key-secret-of-a-compromised-key",
	"votes-manager-twice", "identity-off-curve", "secret-zero", "secret-n", "configuration-cut",
	"configuration-of-another-class", "configuration-of-no-class", "managers-unsorted",
	"manager-twice", "key-secret-of-another-key", "configuration-without-the-counter",
	"configuration-with-a-counter", "configuration-of-fewer-managers",
	"configuration-of-another-manager", "a-manager-not-pinned", "secret-of-another-identity",
	"identity-of-another-hsm", "boot-count-largest",
};

static bool is_for_the_caller(const char *name)
{
	for (size_t i = 0; i < sizeof(for_the_caller) / sizeof(*for_the_caller); i++)
		if (strcmp(name, for_the_caller[i]) == 0)
			return true;
	return false;
}

static int load(void **state)
{
	(void)state;
	root = vectors_load("sealed.json");
	return 0;
}

static int unload(void **state)
{
	(void)state;
	json_decref(root);
	return 0;
}

static void mac(const uint8_t *key, size_t key_len, const void *data, size_t len, uint8_t out[64])
{
	assert_non_null(HMAC(EVP_sha512(), key, (int)key_len, data, len, out, NULL));
}

/* HKDF of RFC 5869, of which the first block is enough. */
static void one_time_key(const uint8_t kek[32], const uint8_t salt[32], uint8_t type, uint8_t out[64])
{
	uint8_t prk[64], info[] = "zkhsm seal v1\0\1";

	info[13] = type;
	mac(salt, 32, kek, 32, prk);
	mac(prk, sizeof(prk), info, 15, out);
}

/* Whether the tag is right; @plain has @s->body_len bytes. */
static bool unseal(const struct zkhsm_sealed *s, const uint8_t kek[32], const uint8_t *clear,
		   uint8_t *plain)
{
	static const uint8_t iv[12];
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
	uint8_t key[64], tag[16];
	int len;
	bool ok;

	one_time_key(kek, s->salt, s->type, key);
	memcpy(tag, s->tag, sizeof(tag));
	assert_int_equal(EVP_DecryptInit_ex(ctx, EVP_aes_256_gcm(), NULL, key, iv), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, NULL, &len, clear, (int)s->clear_len), 1);
	assert_int_equal(EVP_DecryptUpdate(ctx, plain, &len, s->body, (int)s->body_len), 1);
	assert_int_equal(EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, 16, tag), 1);
	ok = EVP_DecryptFinal_ex(ctx, plain + len, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok;
}

/* --- bodies: decoded, and encoded again to the same bytes ------------------- */

static int read_key(const uint8_t *body, size_t len)
{
	struct zkhsm_key_body b;
	uint8_t again[SEALED_MAX];
	int ret = zkhsm_key_body_decode(&b, body, len);

	if (ret)
		return ret;
	assert_int_equal(zkhsm_key_body_encode(&b, again, sizeof(again)), len);
	assert_memory_equal(again, body, len);
	assert_int_equal(zkhsm_key_body_encode(&b, again, len - 1), -EMSGSIZE);
	return 0;
}

static int read_votes(const uint8_t *body, size_t len)
{
	struct zkhsm_votes_reader v;
	struct zkhsm_vote_entry e;
	uint8_t again[SEALED_MAX];
	int ret = zkhsm_votes_begin(&v, body, len);
	int at;

	if (ret)
		return ret;
	at = zkhsm_votes_head_encode(v.stopped, v.count, again, sizeof(again));
	while ((ret = zkhsm_votes_next(&v, &e)) > 0)
		at += zkhsm_vote_entry_encode(&e, again + at, sizeof(again) - (size_t)at);
	if (ret)
		return ret;
	assert_int_equal(at, len);
	assert_memory_equal(again, body, len);
	return 0;
}

static int read_head(const uint8_t *body, size_t len)
{
	struct zkhsm_managers_reader m;
	struct zkhsm_manager_entry e;
	struct zkhsm_head_body b;
	uint8_t again[SEALED_MAX];
	int ret = zkhsm_head_body_decode(&b, &m, body, len);
	int at;

	if (ret)
		return ret;
	at = zkhsm_head_body_encode(&b, again, sizeof(again));
	while ((ret = zkhsm_managers_next(&m, &e)) > 0)
		at += zkhsm_manager_entry_encode(&e, again + at, sizeof(again) - (size_t)at);
	if (ret)
		return ret;
	assert_int_equal(at, len);
	assert_memory_equal(again, body, len);
	return 0;
}

static int read_body(const struct zkhsm_sealed *s, const uint8_t *body)
{
	if (s->type == ZKHSM_WIRE_SEALED_HEAD)
		return read_head(body, s->body_len);
	return s->kind == ZKHSM_RECORD_KIND_KEY ? read_key(body, s->body_len) :
						  read_votes(body, s->body_len);
}

/* --- whole heads and records ------------------------------------------------- */

/* The clear part again is what it was. */
static void encode_again(const struct zkhsm_sealed *s, const uint8_t *data)
{
	uint8_t again[SEALED_MAX];

	assert_int_equal(zkhsm_sealed_encode(s, again, sizeof(again)), s->clear_len);
	assert_memory_equal(again, data, s->clear_len);
	assert_int_equal(zkhsm_sealed_encode(s, again, s->clear_len - 1), -EMSGSIZE);
}

static const char *judge(const json_t *c, uint8_t type, const uint8_t *data, size_t len)
{
	uint8_t kek[32], hsm_id[32], kek_id[64], plain[SEALED_MAX], body[SEALED_MAX];
	struct zkhsm_sealed s;
	int ret = zkhsm_sealed_decode(&s, data, len);

	if (ret == -EOPNOTSUPP)
		return "version";
	if (ret == -EBADMSG || s.type != type)
		return "form";
	assert_int_equal(ret, 0);
	encode_again(&s, data);
	vectors_bytes(c, "kek", kek, sizeof(kek));
	vectors_bytes(c, "hsm_id", hsm_id, sizeof(hsm_id));
	mac(kek, sizeof(kek), "zkhsm kek id v1", 15, kek_id);
	if (memcmp(kek_id, s.kek_id, sizeof(s.kek_id)) != 0)
		return "other-kek";
	if (memcmp(hsm_id, s.hsm_id, sizeof(s.hsm_id)) != 0)
		return "other-hsm";
	if (!unseal(&s, kek, data, plain))
		return "authentication";
	if (read_body(&s, plain))
		return "body";
	if (is_for_the_caller(vectors_string(c, "name")))
		return "body";
	assert_int_equal(vectors_data(c, "body", body, sizeof(body)), s.body_len);
	assert_memory_equal(body, plain, s.body_len);
	return "";
}

static void judge_all(const char *section, const char *field, uint8_t type)
{
	uint8_t data[SEALED_MAX];
	const char *reason;
	json_t *c;
	size_t i, len;

	assert_true(json_array_size(json_object_get(root, section)) > 50);
	json_array_foreach(json_object_get(root, section), i, c) {
		len = vectors_data(c, field, data, sizeof(data));
		reason = judge(c, type, data, len);
		if (strcmp(reason, vectors_string(c, "reason")) != 0)
			fail_msg("%s: \"%s\" instead of \"%s\"", vectors_string(c, "name"), reason,
				 vectors_string(c, "reason"));
	}
}

static void records(void **state)
{
	(void)state;
	judge_all("records", "record", ZKHSM_WIRE_SEALED_RECORD);
}

static void heads(void **state)
{
	(void)state;
	judge_all("heads", "head", ZKHSM_WIRE_SEALED_HEAD);
}

static void derived(void **state)
{
	uint8_t kek[32], salt[32], key[64], out[64], wanted[64];
	json_t *c;
	size_t i;

	(void)state;
	assert_true(json_array_size(json_object_get(root, "keys")) > 0);
	json_array_foreach(json_object_get(root, "keys"), i, c) {
		vectors_bytes(c, "kek", kek, 32);
		vectors_bytes(c, "salt", salt, 32);
		one_time_key(kek, salt, (uint8_t)json_integer_value(json_object_get(c, "type")), key);
		vectors_bytes(c, "key", wanted, 32);
		assert_memory_equal(key, wanted, 32);
		mac(kek, 32, "zkhsm kek id v1", 15, out);
		vectors_bytes(c, "kek_id", wanted, 16);
		assert_memory_equal(out, wanted, 16);
		mac(kek, 32, "zkhsm set v1", 12, out);
		vectors_bytes(c, "set_key", wanted, 64);
		assert_memory_equal(out, wanted, 64);
	}
}

/* The set digest in each head is the sum over the records that it counts. */
static void set_of(const json_t *c, const uint8_t kek[32], uint8_t set[64])
{
	uint8_t key[64], term[64], hash[32], data[SEALED_MAX];
	unsigned int carry;
	json_t *r;
	size_t i, len;

	memset(set, 0, 64);
	mac(kek, 32, "zkhsm set v1", 12, key);
	json_array_foreach(json_object_get(c, "records"), i, r) {
		assert_int_equal(OPENSSL_hexstr2buf_ex(data, sizeof(data), &len,
						       json_string_value(r), '\0'), 1);
		assert_int_equal(EVP_Digest(data, len, hash, NULL, EVP_sha256(), NULL), 1);
		mac(key, sizeof(key), hash, sizeof(hash), term);
		carry = 0;
		for (int k = 63; k >= 0; k--) {
			carry += (unsigned int)set[k] + term[k];
			set[k] = (uint8_t)carry;
			carry >>= 8;
		}
	}
}

static void states(void **state)
{
	uint8_t data[SEALED_MAX], plain[SEALED_MAX], kek[32], set[64];
	struct zkhsm_managers_reader m;
	struct zkhsm_head_body b;
	struct zkhsm_sealed s;
	const char *reason;
	json_t *c;
	size_t i, len;
	bool same;

	(void)state;
	json_array_foreach(json_object_get(root, "states"), i, c) {
		reason = vectors_string(c, "reason");
		len = vectors_data(c, "head", data, sizeof(data));
		vectors_bytes(c, "kek", kek, 32);
		assert_int_equal(zkhsm_sealed_decode(&s, data, len), 0);
		assert_true(unseal(&s, kek, data, plain));
		assert_int_equal(zkhsm_head_body_decode(&b, &m, plain, s.body_len), 0);
		set_of(c, kek, set);
		same = memcmp(set, b.set, sizeof(set)) == 0;
		if (!*reason)
			assert_true(same);
		if (strcmp(reason, "record-older") == 0) {
			assert_false(same);
			assert_int_equal(s.records,
					 json_array_size(json_object_get(c, "records")));
		}
		if (strcmp(reason, "records-missing") == 0)
			assert_int_not_equal(s.records,
					     json_array_size(json_object_get(c, "records")));
	}
}

/* Cut anywhere it is none, and nothing behind its end is looked at. */
static void cut(void **state)
{
	static const struct {
		const char *section, *field;
	} kinds[] = { { "records", "record" }, { "heads", "head" } };
	uint8_t data[SEALED_MAX];
	struct zkhsm_sealed s;

	(void)state;
	for (size_t k = 0; k < 2; k++) {
		json_t *c = json_array_get(json_object_get(root, kinds[k].section), 0);
		size_t len = vectors_data(c, kinds[k].field, data, sizeof(data));

		assert_int_equal(zkhsm_sealed_decode(&s, data, len), 0);
		for (size_t n = 0; n < len; n++) {
			uint8_t *part = malloc(n ? n : 1);	/* the sanitizer knows its end */

			assert_non_null(part);
			memcpy(part, data, n);
			assert_int_equal(zkhsm_sealed_decode(&s, part, n), -EBADMSG);
			free(part);
		}
	}
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *f)
{
	(void)st;
	(void)flag;
	(void)f;
	return remove(path);
}

/* What version 1 sealed goes into a store of today, and is whole there. */
static void kept(void **state)
{
	const char *vectors = getenv("ZKHSM_VECTORS");
	char dir[] = "/tmp/zkhsm-sealed-XXXXXX", path[4096], store[64];
	struct zkhsm_store_summary restored, checked;
	struct zkhsm_store_owner owner = { getuid(), getgid() };
	struct zkhsm_error err = { 0 };
	struct zkhsm_store *s;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(store, sizeof(store), "%s/store", dir);
	snprintf(path, sizeof(path), "%s/sealed/v1.json", vectors ? vectors : "tests/vectors");
	if (zkhsm_store_open(store, &owner, &s, &err) ||
	    zkhsm_store_restore(s, path, &restored, &err) ||
	    zkhsm_store_check(s, NULL, NULL, &checked, &err))
		fail_msg("%s", err.text);
	assert_int_equal(checked.sequence, 9);
	assert_int_equal(checked.keys, 4);
	assert_int_equal(checked.votes, 1);
	assert_int_equal(checked.kek_class, ZKHSM_KEK_CLASS_KEYRING);
	assert_memory_equal(checked.hsm_id, restored.hsm_id, 32);
	zkhsm_store_close(s);
	nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(derived),
		cmocka_unit_test(records),
		cmocka_unit_test(heads),
		cmocka_unit_test(states),
		cmocka_unit_test(cut),
		cmocka_unit_test(kept),
	};

	return cmocka_run_group_tests(tests, load, unload);
}
