// SPDX-License-Identifier: GPL-2.0
/*
 * test_encoding.c - text forms, names, files, errors
 */
#include "mutate.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "zkhsm.h"

static void hex(void **state)
{
	static const char *const bad[] = { "0", "0A", "0g", "00 ", " 00", "0:0", "000", "0000", "" };
	uint8_t data[256], out[256];
	char *text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)i;
	text = zkhsm_hex(data, sizeof(data));
	assert_int_equal(strlen(text), 512);
	assert_memory_equal(text, "000102030405060708090a0b0c0d0e0f", 32);
	assert_int_equal(zkhsm_unhex(text, out, sizeof(out)), 0);
	assert_memory_equal(out, data, sizeof(data));
	assert_int_equal(zkhsm_unhex(text, out, sizeof(out) - 1), -EBADMSG);
	free(text);
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(zkhsm_unhex(bad[i], out, 1), -EBADMSG);
	assert_int_equal(zkhsm_unhex("", out, 0), 0);
	text = zkhsm_hex("", 0);
	assert_string_equal(text, "");
	free(text);
}

static void base64url(void **state)
{
	/* RFC 4648 section 10, without padding. */
	static const char *const good[][2] = {
		{ "", "" }, { "f", "Zg" }, { "fo", "Zm8" }, { "foo", "Zm9v" }, { "foob", "Zm9vYg" },
		{ "fooba", "Zm9vYmE" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff", "-_8" },
	};
	static const char *const bad[] = {
		"Z", "Zm9vY", "Zg==", "Zg=", "Zh", "Zm9", "-_9", "+/8", "Zm 9v", "Zm9v\n", "Zm9v=",
	};
	uint8_t *out;
	char *text;
	size_t i, len;

	(void)state;
	for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		text = zkhsm_b64(good[i][0], strlen(good[i][0]));
		assert_string_equal(text, good[i][1]);
		free(text);
		assert_int_equal(zkhsm_unb64(good[i][1], &out, &len), 0);
		assert_int_equal(len, strlen(good[i][0]));
		assert_memory_equal(out, good[i][0], len);
		free(out);
	}
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		if (zkhsm_unb64(bad[i], &out, &len) != -EBADMSG)
			fail_msg("%s", bad[i]);
}

static void digests(void **state)
{
	uint8_t digest[32], public[65] = { 4 }, again[32];
	char *text;

	(void)state;
	zkhsm_sha256("abc", 3, digest);
	text = zkhsm_hex(digest, sizeof(digest));
	assert_string_equal(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	free(text);
	/* A and -A have one name: y is not in it. */
	zkhsm_element_name(ZKHSM_SUITE_P256, public, digest);
	public[64] = 1;
	zkhsm_element_name(ZKHSM_SUITE_P256, public, again);
	assert_memory_equal(digest, again, 32);
	public[1] = 1;
	zkhsm_element_name(ZKHSM_SUITE_P256, public, again);
	assert_memory_not_equal(digest, again, 32);
	public[1] = 0;
	zkhsm_element_name(ZKHSM_SUITE_P384, public, again);
	assert_memory_not_equal(digest, again, 32);
}

static void names(void **state)
{
	uint32_t usage, i;
	json_t *array;
	const char *name;

	(void)state;
	assert_null(zkhsm_reason_name(ZKHSM_REASON_UNSPEC));
	for (i = ZKHSM_REASON_NO_IDENTITY; i <= ZKHSM_REASON_GRANTS_DIFFER; i++)
		assert_non_null(zkhsm_reason_name(i));
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_LOCKED), "locked");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_RECORDS_MISSING), "records-missing");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_TPM), "tpm");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_NO_LEASE), "no-lease");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_LEASE_QUORUM), "lease-quorum");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_OTHER_CONFIGURATION),
			    "other-configuration");
	assert_string_equal(zkhsm_reason_name(ZKHSM_REASON_GRANTS_DIFFER), "grants-differ");
	assert_null(zkhsm_reason_name(ZKHSM_REASON_GRANTS_DIFFER + 1));
	assert_null(zkhsm_reason_name(UINT32_MAX));
	for (i = ZKHSM_KEY_STATE_PRE_ACTIVE; i <= ZKHSM_KEY_STATE_COMPROMISED; i++)
		assert_int_equal(zkhsm_state_parse(zkhsm_state_name(i)), i);
	assert_null(zkhsm_state_name(0));
	assert_null(zkhsm_state_name(6));
	assert_int_equal(zkhsm_state_parse(""), -EINVAL);
	assert_int_equal(zkhsm_state_parse("Active"), -EINVAL);
	assert_string_equal(zkhsm_origin_name(2), "imported");
	assert_null(zkhsm_origin_name(4));
	assert_string_equal(zkhsm_event_name(ZKHSM_EVENT_FORKED), "forked");
	assert_string_equal(zkhsm_event_name(ZKHSM_EVENT_UNSEALED), "unsealed");
	assert_string_equal(zkhsm_event_name(ZKHSM_EVENT_LOCKED), "locked");
	for (i = ZKHSM_EVENT_CREATED; i <= ZKHSM_EVENT_UNLEASED; i++)
		assert_non_null(zkhsm_event_name(i));
	assert_string_equal(zkhsm_event_name(ZKHSM_EVENT_LEASED), "leased");
	assert_string_equal(zkhsm_event_name(ZKHSM_EVENT_UNLEASED), "unleased");
	assert_null(zkhsm_event_name(ZKHSM_EVENT_UNLEASED + 1));
	for (i = ZKHSM_LEASE_VERDICT_DENY; i <= ZKHSM_LEASE_VERDICT_NONE; i++)
		assert_non_null(zkhsm_lease_verdict_name(i));
	assert_string_equal(zkhsm_lease_verdict_name(1), "deny");
	assert_string_equal(zkhsm_lease_verdict_name(2), "grant");
	assert_null(zkhsm_lease_verdict_name(ZKHSM_LEASE_VERDICT_UNSPEC));
	assert_null(zkhsm_lease_verdict_name(ZKHSM_LEASE_VERDICT_NONE + 1));
	for (i = ZKHSM_ORDER_OUTCOME_DONE; i <= ZKHSM_ORDER_OUTCOME_WITHDRAWN; i++)
		assert_non_null(zkhsm_order_outcome_name(i));
	assert_string_equal(zkhsm_order_outcome_name(ZKHSM_ORDER_OUTCOME_VOID), "void");
	assert_null(zkhsm_order_outcome_name(ZKHSM_ORDER_OUTCOME_UNSPEC));
	assert_null(zkhsm_order_outcome_name(ZKHSM_ORDER_OUTCOME_WITHDRAWN + 1));
	for (i = ZKHSM_KEK_CLASS_KEYRING; i <= ZKHSM_KEK_CLASS_TPM; i++)
		assert_int_equal(zkhsm_kek_class_parse(zkhsm_kek_class_name(i)), i);
	assert_null(zkhsm_kek_class_name(ZKHSM_KEK_CLASS_UNSPEC));
	assert_null(zkhsm_kek_class_name(ZKHSM_KEK_CLASS_TPM + 1));
	assert_int_equal(zkhsm_kek_class_parse("share"), -EINVAL);
	assert_string_equal(zkhsm_order_type_name(ZKHSM_ORDER_TYPE_REVOKE), "revoke");
	assert_null(zkhsm_order_type_name(15));
	for (i = 0; i < 12; i++) {
		name = zkhsm_revocation_reason_name(i);
		if (i == 7 || i == 11)
			assert_null(name);
		else
			assert_int_equal(zkhsm_revocation_reason_parse(name), i);
	}
	assert_int_equal(zkhsm_revocation_reason_parse("unused"), -EINVAL);

	assert_int_equal(zkhsm_usage_parse("prove,sign", &usage), 0);
	assert_int_equal(usage, ZKHSM_KEY_USAGE_ALL);
	assert_int_equal(zkhsm_usage_parse("prove", &usage), 0);
	assert_int_equal(usage, ZKHSM_KEY_USAGE_PROVE);
	assert_int_equal(zkhsm_usage_parse("", &usage), -EINVAL);
	assert_int_equal(zkhsm_usage_parse("sign,", &usage), -EINVAL);
	assert_int_equal(zkhsm_usage_parse("sign,sign", &usage), -EINVAL);
	assert_int_equal(zkhsm_usage_parse("sign prove", &usage), -EINVAL);
	assert_int_equal(zkhsm_usage_parse("signs", &usage), -EINVAL);

	array = zkhsm_usage_json(ZKHSM_KEY_USAGE_ALL | 8);
	assert_int_equal(json_array_size(array), 3);
	assert_string_equal(json_string_value(json_array_get(array, 0)), "sign");
	assert_string_equal(json_string_value(json_array_get(array, 2)), "0x8");
	json_decref(array);
	array = zkhsm_flags_json(0);
	assert_int_equal(json_array_size(array), 0);
	json_decref(array);
	array = zkhsm_hsm_flags_json(ZKHSM_HSM_FLAG_LOCKED | ZKHSM_HSM_FLAG_COUNTER | 32);
	assert_int_equal(json_array_size(array), 3);
	assert_string_equal(json_string_value(json_array_get(array, 0)), "locked");
	assert_string_equal(json_string_value(json_array_get(array, 1)), "counter");
	assert_string_equal(json_string_value(json_array_get(array, 2)), "0x20");
	json_decref(array);
}

static void errors(void **state)
{
	struct zkhsm_error err = { .reason = 5 };
	char text[1000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_int_equal(zkhsm_fail(&err, -EPERM, "%s", text), -EPERM);
	assert_int_equal(err.code, -EPERM);
	assert_int_equal(err.reason, 0);
	assert_int_equal(strlen(err.text), sizeof(err.text) - 1);
	assert_int_equal(zkhsm_fail(NULL, -EIO, "%s", text), -EIO);
	/* What a server sends must not steer a terminal. */
	zkhsm_fail(&err, -EIO, "%s", "a\x1b[2Jb\nc\x7f");
	assert_string_equal(err.text, "a?[2Jb?c?");
}

static char directory[] = "/tmp/zkhsm-test-XXXXXX";

static int make_directory(void **state)
{
	(void)state;
	return mkdtemp(directory) ? chdir(directory) : -1;
}

static int remove_directory(void **state)
{
	(void)state;
	return chdir("/") || rmdir(directory) ? -1 : 0;
}

static void files(void **state)
{
	struct zkhsm_error err;
	struct stat st;
	uint8_t *data;
	char *large;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_write_file("file", "one", 3, 0640, NULL), 0);
	assert_int_equal(zkhsm_write_file("file", "second", 6, 0600, NULL), 0);
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(zkhsm_read_file("file", 6, &data, &len, NULL), 0);
	assert_int_equal(len, 6);
	assert_string_equal((char *)data, "second");
	free(data);
	assert_int_equal(zkhsm_read_file("file", 5, &data, &len, &err), -EFBIG);
	assert_null(data);
	assert_string_equal(err.text, "file is larger than 5 bytes");
	assert_int_equal(zkhsm_read_file("nothing", 5, &data, &len, &err), -ENOENT);
	assert_int_equal(zkhsm_read_file(".", 5, &data, &len, &err), -EISDIR);

	large = malloc(100000);
	memset(large, 'y', 100000);
	assert_int_equal(zkhsm_write_file("file", large, 100000, 0600, NULL), 0);
	assert_int_equal(zkhsm_read_file("file", 100000, &data, &len, NULL), 0);
	assert_int_equal(len, 100000);
	assert_memory_equal(data, large, len);
	free(data);
	free(large);
	assert_int_equal(zkhsm_write_file("file", "", 0, 0600, NULL), 0);
	assert_int_equal(zkhsm_read_file("file", 10, &data, &len, NULL), 0);
	assert_int_equal(len, 0);
	free(data);
	assert_int_equal(unlink("file"), 0);
}

/* What was there stays when the new content cannot be written, and nothing else stays. */
static void files_not_written(void **state)
{
	struct zkhsm_error err;
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_write_file("no/such", "x", 1, 0600, &err), -ENOENT);
	assert_int_equal(mkdir("dir", 0700), 0);
	assert_int_equal(zkhsm_write_file("dir", "x", 1, 0600, &err), -EINVAL);
	assert_string_equal(err.text, "dir is not a regular file");
	assert_int_equal(rmdir("dir"), 0);
	assert_int_equal(zkhsm_write_file("/dev/full", "x", 1, 0600, &err), -EINVAL);

	/* A link is replaced, not followed. */
	assert_int_equal(zkhsm_write_file("target", "old", 3, 0600, NULL), 0);
	assert_int_equal(symlink("target", "link"), 0);
	assert_int_equal(zkhsm_write_file("link", "new", 3, 0600, NULL), 0);
	assert_int_equal(zkhsm_read_file("target", 10, &data, &len, NULL), 0);
	assert_string_equal((char *)data, "old");
	free(data);
	assert_int_equal(zkhsm_read_file("link", 10, &data, &len, NULL), 0);
	assert_string_equal((char *)data, "new");
	free(data);
	assert_int_equal(unlink("link"), 0);
	assert_int_equal(unlink("target"), 0);
}

/* A file that must be new is, and whatever has its name stays. */
static void files_anew(void **state)
{
	struct zkhsm_error err;
	struct stat st;
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(zkhsm_write_new_file("file", "one", 3, 0600, NULL), 0);
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(zkhsm_write_new_file("file", "two", 3, 0600, &err), -EEXIST);
	assert_int_equal(err.code, -EEXIST);
	assert_int_equal(zkhsm_read_file("file", 10, &data, &len, NULL), 0);
	assert_string_equal((char *)data, "one");
	free(data);
	assert_int_equal(unlink("file"), 0);
	assert_int_equal(symlink("nothing", "file"), 0);
	assert_int_equal(zkhsm_write_new_file("file", "two", 3, 0600, NULL), -EEXIST);
	assert_int_equal(unlink("file"), 0);
	assert_int_equal(zkhsm_write_new_file("no/such", "x", 1, 0600, &err), -ENOENT);
}

static void pipes(void **state)
{
	char path[64];
	uint8_t *data;
	size_t len;
	int fd[2];

	(void)state;
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(write(fd[1], "piped", 5), 5);
	close(fd[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fd[0]);
	assert_int_equal(zkhsm_read_file(path, 5, &data, &len, NULL), 0);
	assert_string_equal((char *)data, "piped");
	free(data);
	close(fd[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hex),
		cmocka_unit_test(base64url),
		cmocka_unit_test(digests),
		cmocka_unit_test(names),
		cmocka_unit_test(errors),
		cmocka_unit_test(files),
		cmocka_unit_test(files_not_written),
		cmocka_unit_test(files_anew),
		cmocka_unit_test(pipes),
	};

	/* rmdir() at the end fails when a temporary file was left. */
	return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
