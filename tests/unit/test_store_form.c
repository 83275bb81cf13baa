// SPDX-License-Identifier: GPL-2.0
/*
 * test_store_form.c - what a store refuses, each with its own error and the
 * file's name; backups; who may have it open
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "powercut.h"

#define V	"v-000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static char root[] = "/tmp/zkhsm-store-form-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

static void remove_tree(const char *path)
{
	if (nftw(path, remove_one, 8, FTW_DEPTH | FTW_PHYS) && errno != ENOENT)
		fail_msg("%s: %s", path, strerror(errno));
}

static int make_root(void **state)
{
	(void)state;
	return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
	(void)state;
	fake_reset();
	remove_tree(root);
	return 0;
}

static const char *at(const char *name)
{
	static char paths[4][256];
	static unsigned int turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
	return path;
}

static struct zkhsm_store *open_store(const char *name)
{
	const struct zkhsm_store_owner owner = { getuid(), getgid() };
	struct zkhsm_error err = { 0 };
	struct zkhsm_store *s;

	if (zkhsm_store_open(at(name), &owner, &s, &err))
		fail_msg("%s", err.text);
	s->kernel = &fake_ops;
	return s;
}

static void sync_store(struct zkhsm_store *s)
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_stored stored;

	if (zkhsm_store_sync(s, NULL, NULL, &stored, &err))
		fail_msg("%s", err.text);
	assert_string_equal(stored.note, "");
}

/* Keys a, b and c and votes, over two changes; without the journal, which would mend it. */
static struct zkhsm_store *fresh(void)
{
	struct zkhsm_store *s;

	remove_tree(at("s"));
	fake_new(1, ZKHSM_KEK_CLASS_KEYRING);
	fake_set("k-a", 1);
	fake_set("k-b", 1);
	fake_set(V, 1);
	s = open_store("s");
	sync_store(s);
	fake_set("k-c", 1);
	sync_store(s);
	assert_int_equal(unlink(at("s/journal")), 0);
	return s;
}

static uint8_t *get(const char *name, size_t *len)
{
	uint8_t *data;

	assert_int_equal(zkhsm_read_file(at(name), 1 << 20, &data, len, NULL), 0);
	return data;
}

static void put(const char *name, const void *data, size_t len)
{
	assert_int_equal(zkhsm_write_file(at(name), data, len, 0600, NULL), 0);
}

static void count_problem(const struct zkhsm_error *problem, void *arg)
{
	assert_true(problem->code < 0);
	assert_true(problem->text[0]);
	++*(unsigned int *)arg;
}

/* The same from both: looked at, and unsealed into a kernel. */
static void refused(struct zkhsm_store *s, int code, const char *file, const char *why)
{
	struct zkhsm_store_summary summary;
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	unsigned int problems = 0;
	bool unsealed;

	assert_int_equal(zkhsm_store_check(s, count_problem, &problems, &summary, &err), code);
	assert_true(problems > 0);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, file) || !strstr(err.text, why))
		fail_msg("check says: %s", err.text);

	fake_reset();
	memset(&err, 0, sizeof(err));
	assert_int_equal(zkhsm_store_unseal(s, NULL, 5, &result, &unsealed, &err), code);
	assert_false(unsealed);
	assert_false(fake_hsm.there);
	assert_int_equal(err.code, code);
	if (!strstr(err.text, file) || !strstr(err.text, why))
		fail_msg("unseal says: %s", err.text);
	zkhsm_store_close(s);
}

static void good(void **state)
{
	struct zkhsm_store *s = fresh();
	struct zkhsm_store_summary summary;
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	unsigned int problems = 0;
	struct stat st;
	bool unsealed;
	char *found;

	(void)state;
	assert_int_equal(zkhsm_store_check(s, count_problem, &problems, &summary, &err), 0);
	assert_int_equal(problems, 0);
	assert_int_equal(summary.keys, 3);
	assert_int_equal(summary.votes, 1);
	assert_int_equal(summary.sequence, 2);
	assert_memory_equal(summary.hsm_id, fake_hsm.hsm_id, 32);
	assert_int_equal(stat(at("s/records/k-a"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(stat(at("s"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	fake_reset();
	assert_int_equal(zkhsm_store_unseal(s, NULL, 0, &result, &unsealed, &err), -ENOKEY);
	assert_int_equal(zkhsm_store_unseal(s, NULL, 5, &result, &unsealed, &err), 0);
	found = fake_state();
	assert_string_equal(found, "k-a=1 k-b=1 k-c=1 " V "=1");
	free(found);
	assert_int_equal(result.boot_count, 2);
	assert_int_equal(result.sequence, 3);
	/* Only into a kernel that has none. */
	assert_int_equal(zkhsm_store_unseal(s, NULL, 5, &result, &unsealed, &err), -EEXIST);
	zkhsm_store_close(s);
}

static void truncated(void **state)
{
	struct zkhsm_store *s = fresh();
	size_t len;
	uint8_t *data = get("s/records/k-b", &len);

	(void)state;
	for (size_t n = 0; n < len; n += 13) {
		put("s/records/k-b", data, n);
		refused(s, -EBADMSG, "records/k-b", "truncated");
		s = open_store("s");
	}
	data[3] ^= 1;
	put("s/records/k-b", data, len);
	refused(s, -EBADMSG, "records/k-b", "truncated or changed");
	free(data);

	s = fresh();
	data = get("s/head", &len);
	put("s/head", data, len - 1);
	refused(s, -EBADMSG, "/head", "truncated");
	free(data);
}

static void changed(void **state)
{
	struct zkhsm_store *s = fresh();
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	size_t len;
	uint8_t *data = get("s/records/k-b", &len);
	bool unsealed;

	(void)state;
	/* Only the kernel can see it, and which one it was. */
	data[len - 1] ^= 1;
	put("s/records/k-b", data, len);
	fake_reset();
	assert_int_equal(zkhsm_store_unseal(s, NULL, 5, &result, &unsealed, &err), -EKEYREJECTED);
	assert_non_null(strstr(err.text, "records/k-b: not authentic"));
	free(data);
	zkhsm_store_close(s);
}

static void swapped(void **state)
{
	struct zkhsm_store *s = fresh();

	(void)state;
	assert_int_equal(rename(at("s/records/k-a"), at("s/x")), 0);
	assert_int_equal(rename(at("s/records/k-b"), at("s/records/k-a")), 0);
	assert_int_equal(rename(at("s/x"), at("s/records/k-b")), 0);
	refused(s, -EINVAL, "records/k-a", "is the record k-b: files were swapped");
}

static void foreign(void **state)
{
	uint8_t other[32], *data;
	struct zkhsm_store *s = fresh();
	size_t len;

	(void)state;
	memset(other, 9, sizeof(other));
	data = fake_record("k-a", other, fake_hsm.kek_id, 1, 1, &len);
	put("s/records/k-a", data, len);
	free(data);
	refused(s, -EKEYREJECTED, "records/k-a", "another HSM");

	s = fresh();
	data = fake_record(V, fake_hsm.hsm_id, other, 1, 1, &len);
	put("s/records/" V, data, len);
	free(data);
	refused(s, -ENOKEY, "records/" V, "another KEK");

	s = fresh();
	data = fake_record("k-c", fake_hsm.hsm_id, fake_hsm.kek_id, 3, 1, &len);
	put("s/records/k-c", data, len);
	refused(s, -ESTALE, "records/k-c", "newer than the head");

	s = fresh();
	data[7] = 9;
	put("s/records/k-c", data, len);
	free(data);
	refused(s, -EOPNOTSUPP, "records/k-c", "later version");
}

static void older(void **state)
{
	struct zkhsm_store *s = fresh();
	size_t len;
	uint8_t *old = get("s/records/k-a", &len);

	(void)state;
	fake_set("k-a", 7);
	sync_store(s);
	assert_int_equal(unlink(at("s/journal")), 0);
	put("s/records/k-a", old, len);
	free(old);
	refused(s, -ESTALE, "records/k-a", "an old one, of sequence 1, not 3");
}

static void missing(void **state)
{
	struct zkhsm_store *s = fresh();
	uint8_t *data;
	size_t len;

	(void)state;
	assert_int_equal(unlink(at("s/records/k-b")), 0);
	refused(s, -ENODATA, "records/k-b", "is missing");

	/* Without the index only their number is known. */
	s = fresh();
	assert_int_equal(unlink(at("s/records/k-b")), 0);
	assert_int_equal(unlink(at("s/index")), 0);
	refused(s, -ENODATA, "3 records are here", "the head counts 4");

	s = fresh();
	data = fake_record("k-z", fake_hsm.hsm_id, fake_hsm.kek_id, 1, 1, &len);
	put("s/records/k-z", data, len);
	free(data);
	refused(s, -ENODATA, "records/k-z", "one too many");

	s = fresh();
	put("s/records/notes.txt", "x", 1);
	refused(s, -EINVAL, "records/notes.txt", "does not belong here");

	s = fresh();
	assert_int_equal(unlink(at("s/head")), 0);
	refused(s, -ENOENT, "/head", "there is none");

	s = fresh();
	assert_int_equal(unlink(at("s/records/k-a")), 0);
	assert_int_equal(symlink("/etc/passwd", at("s/records/k-a")), 0);
	refused(s, -ELOOP, "records/k-a", "cannot open");
}

/* The index helps people. What is wrong with it hurts nobody. */
static void bad_index(void **state)
{
	static const char text[] = "{\"name\":\"k-a\",\"sequence\":1}\n"
		"{\"name\":\"../x\",\"sequence\":1}\n{\"name\":\"k-b\"}\n[]\n\n"
		"{\"name\":\"k-b\",\"sequence\":9";
	struct zkhsm_store *s = fresh();
	struct zkhsm_store_summary summary;
	struct zkhsm_error err = { 0 };
	json_t *index;

	(void)state;
	put("s/index", text, sizeof(text) - 1);
	index = zkhsm_store_index_read(s);
	assert_int_equal(json_object_size(index), 1);
	json_decref(index);
	assert_int_equal(zkhsm_store_check(s, NULL, NULL, &summary, &err), 0);
	put("s/index", "\0\0\0\377", 4);
	assert_int_equal(zkhsm_store_check(s, NULL, NULL, &summary, &err), 0);
	zkhsm_store_close(s);
}

static void bad_journal(void **state)
{
	static const struct {
		const char *from, *to;
	} changes[] = {
		{ "\"version\":1", "\"version\":2" }, { "\"zkhsm\"", "\"zkhsn\"" },
		{ "\"full\":true", "\"full\":1" }, { "\"removed\":[]", "\"removed\":[1]" },
		{ "\"removed\":[]", "\"removed\":[\"k-a\"]" }, { "\"k-a\"", "\"k-x\"" },
		{ "\"k-a\"", "\"k-b\"" }, { "\"k-a\"", "\"../a\"" },
		{ "\"sequence\":1", "\"sequence\":7" }, { "\"sequence\":1", "\"sequence\":0" },
		{ "\"head\":\"", "\"head\":\"=" }, { "}", "" }, { "\"full\"", "\"fuller\"" },
	};
	struct zkhsm_store *s;
	struct zkhsm_store_summary summary;
	struct zkhsm_error err = { 0 };

	(void)state;
	remove_tree(at("s"));
	fake_new(1, ZKHSM_KEK_CLASS_KEYRING);
	fake_set("k-a", 1);
	fake_set("k-b", 1);
	s = open_store("s");
	sync_store(s);
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		size_t len, out_len;
		uint8_t *good_text = get("s/journal", &len);
		char *place = strstr((char *)good_text, changes[i].from), *text = NULL;
		FILE *f = open_memstream(&text, &out_len);

		assert_non_null(place);
		fprintf(f, "%.*s%s%s", (int)(place - (char *)good_text), (char *)good_text,
			changes[i].to, place + strlen(changes[i].from));
		fclose(f);
		put("s/journal", text, out_len);
		if (zkhsm_store_check(s, NULL, NULL, &summary, &err) >= 0)
			fail_msg("%s was taken", changes[i].to);
		assert_non_null(strstr(err.text, "journal"));
		put("s/journal", good_text, len);
		free(text);
		free(good_text);
	}
	assert_int_equal(zkhsm_store_check(s, NULL, NULL, &summary, &err), 0);
	zkhsm_store_close(s);
}

static void backup(void **state)
{
	struct zkhsm_store *s = fresh(), *other;
	struct zkhsm_store_summary summary;
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	uint8_t *data;
	size_t len;
	bool unsealed;
	char *found;

	(void)state;
	assert_int_equal(zkhsm_store_backup(s, at("backup"), &summary, &err), 0);
	assert_int_equal(summary.keys, 3);
	assert_int_equal(zkhsm_store_restore(s, at("backup"), &summary, &err), -EEXIST);
	zkhsm_store_close(s);

	data = get("backup", &len);
	put("half", data, len / 2);
	remove_tree(at("t"));
	other = open_store("t");
	assert_true(zkhsm_store_empty(other));
	assert_int_equal(zkhsm_store_restore(other, at("half"), &summary, &err), -EBADMSG);
	assert_true(zkhsm_store_empty(other));
	assert_int_equal(zkhsm_store_restore(other, at("backup"), &summary, &err), 0);
	fake_reset();
	assert_int_equal(zkhsm_store_unseal(other, NULL, 5, &result, &unsealed, &err), 0);
	found = fake_state();
	assert_string_equal(found, "k-a=1 k-b=1 k-c=1 " V "=1");
	free(found);
	/* The replacement goes on in its own store. */
	fake_set("k-d", 1);
	sync_store(other);
	zkhsm_store_close(other);
	free(data);
}

static void backup_of_a_bad_store(void **state)
{
	struct zkhsm_store *s = fresh();
	struct zkhsm_store_summary summary;
	struct zkhsm_error err = { 0 };

	(void)state;
	unlink(at("backup"));
	assert_int_equal(unlink(at("s/records/k-b")), 0);
	assert_int_equal(zkhsm_store_backup(s, at("backup"), &summary, &err), -ENODATA);
	assert_int_equal(access(at("backup"), F_OK), -1);
	zkhsm_store_close(s);
}

static void other_hsm(void **state)
{
	struct zkhsm_store *s = fresh();
	struct zkhsm_error err = { 0 };
	struct zkhsm_stored stored;

	(void)state;
	sync_store(s);
	/* Its journal says whose it is. */
	fake_set("k-e", 1);
	sync_store(s);
	fake_new(2, ZKHSM_KEK_CLASS_KEYRING);
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), -EKEYREJECTED);
	assert_int_equal(fake_hsm.commits, 0);
	fake_hsm.kek_class = 0;
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), -ENOKEY);
	fake_reset();
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), -ENOKEY);
	zkhsm_store_close(s);
}

/* Only what has changed, as long as nobody else wrote; otherwise all of it. */
static void how_much(void **state)
{
	struct zkhsm_store *s, *other;
	struct zkhsm_error err = { 0 };
	struct zkhsm_stored stored;

	(void)state;
	remove_tree(at("s"));
	remove_tree(at("t"));
	fake_new(1, ZKHSM_KEK_CLASS_KEYRING);
	for (int i = 0; i < 100; i++) {
		char name[16];

		snprintf(name, sizeof(name), "k-%03d", i);
		fake_set(name, 1);
	}
	s = open_store("s");
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), 0);
	assert_true(stored.changed && stored.full);
	assert_int_equal(stored.records, 100);
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), 0);
	assert_false(stored.changed);
	fake_set("k-000", 2);
	fake_del("k-001");
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), 0);
	assert_false(stored.full);
	assert_int_equal(stored.records, 1);
	assert_int_equal(stored.removed, 1);
	/* Another directory, which knows nothing yet, and then this one is behind. */
	other = open_store("t");
	assert_int_equal(zkhsm_store_sync(other, NULL, NULL, &stored, &err), 0);
	assert_true(stored.full);
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), 0);
	assert_true(stored.full);
	/* A kernel that is the same HSM, but another instance. */
	memset(fake_hsm.instance, 7, sizeof(fake_hsm.instance));
	assert_int_equal(zkhsm_store_sync(s, NULL, NULL, &stored, &err), 0);
	assert_true(stored.full);
	zkhsm_store_close(s);
	zkhsm_store_close(other);
}

static void open_refused(void **state)
{
	const struct zkhsm_store_owner owner = { getuid(), getgid() };
	struct zkhsm_store *s, *second;
	struct zkhsm_error err = { 0 };

	(void)state;
	assert_int_equal(zkhsm_store_open(at("none"), NULL, &s, &err), -ENOENT);
	assert_int_equal(mkdir(at("bare"), 0700), 0);
	assert_int_equal(zkhsm_store_open(at("bare"), NULL, &s, &err), -ENOENT);
	assert_int_equal(chmod(at("bare"), 0770), 0);
	assert_int_equal(zkhsm_store_open(at("bare"), &owner, &s, &err), -EACCES);
	assert_int_equal(chmod(at("bare"), 0700), 0);
	put("other", "x", 1);
	assert_int_equal(link(at("other"), at("bare/lock")), 0);
	/* A lock that is somebody else's file is not written to. */
	assert_int_equal(zkhsm_store_open(at("bare"), &owner, &s, &err), -EINVAL);
	assert_int_equal(unlink(at("bare/lock")), 0);
	assert_int_equal(zkhsm_store_open(at("bare"), &owner, &s, &err), 0);
	/* A second one waits in vain, and is told for whom. */
	assert_int_equal(zkhsm_store_open(at("bare"), NULL, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, "in use by test_store_form"));
	zkhsm_store_close(s);
	assert_int_equal(zkhsm_store_open(at("bare"), NULL, &second, &err), 0);
	zkhsm_store_close(second);
}

/* Root works in the agent's directory: what it makes there is the agent's. */
static void given_away(void **state)
{
	const struct zkhsm_store_owner owner = { 65534, 65534 };
	struct zkhsm_error err = { 0 };
	struct zkhsm_store *s;
	struct stat st;

	(void)state;
	if (geteuid()) {
		print_message("only root can give files away\n");
		skip();
	}
	assert_int_equal(zkhsm_store_open(at("agent"), &owner, &s, &err), 0);
	s->kernel = &fake_ops;
	fake_new(1, ZKHSM_KEK_CLASS_KEYRING);
	fake_set("k-a", 1);
	sync_store(s);
	zkhsm_store_close(s);
	for (const char *const *name = (const char *const []){ "agent", "agent/records",
	     "agent/records/k-a", "agent/head", "agent/journal", "agent/lock", "agent/index",
	     NULL }; *name; name++) {
		assert_int_equal(stat(at(*name), &st), 0);
		assert_int_equal(st.st_uid, 65534);
		assert_int_equal(st.st_mode & 077, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good),
		cmocka_unit_test(truncated),
		cmocka_unit_test(changed),
		cmocka_unit_test(swapped),
		cmocka_unit_test(foreign),
		cmocka_unit_test(older),
		cmocka_unit_test(missing),
		cmocka_unit_test(bad_index),
		cmocka_unit_test(bad_journal),
		cmocka_unit_test(backup),
		cmocka_unit_test(backup_of_a_bad_store),
		cmocka_unit_test(other_hsm),
		cmocka_unit_test(how_much),
		cmocka_unit_test(open_refused),
		cmocka_unit_test(given_away),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
