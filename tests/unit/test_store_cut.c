// SPDX-License-Identifier: GPL-2.0
/*
 * test_store_cut.c - a recorded run of changes, with the power cut, the process
 * killed or the disk failing at every system call: the old state or the new one
 */
#include <errno.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "fake_kernel.h"
#include "powercut.h"

#define STEPS	6
#define V	"v-000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* In memory where that can be: thousands of directories are made. */
static char root[] = "/dev/shm/zkhsm-store-cut-XXXXXX";
static char store_path[64], image_path[64];
static char *states[STEPS];

static int make_root(void **state)
{
	(void)state;
	if (!mkdtemp(root)) {
		strcpy(root, "/tmp/zkhsm-store-cut-XXXXXX");
		if (!mkdtemp(root))
			return -1;
	}
	snprintf(store_path, sizeof(store_path), "%s/store", root);
	snprintf(image_path, sizeof(image_path), "%s/image", root);
	return 0;
}

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

static int remove_root(void **state)
{
	(void)state;
	powercut_end();
	fake_reset();
	for (int i = 0; i < STEPS; i++)
		free(states[i]);
	remove_tree(root);
	return 0;
}

static struct zkhsm_store *open_at(const char *path, bool watched)
{
	const struct zkhsm_store_owner owner = { getuid(), getgid() };
	struct zkhsm_error err = { 0 };
	struct zkhsm_store *s;

	if (zkhsm_store_open(path, &owner, &s, &err))
		fail_msg("%s", err.text);
	s->kernel = &fake_ops;
	if (watched)
		s->os = &powercut_os;
	return s;
}

/* The run: what happens before each sealing, and which. */
static struct zkhsm_seal_request change(int step)
{
	struct zkhsm_seal_request request = { 0 };

	switch (step) {
	case 0:
		fake_new(1, ZKHSM_KEK_CLASS_TPM);
		fake_set("k-a", 1);
		fake_set("k-b", 1);
		fake_set(V, 1);
		break;
	case 1:
		fake_set("k-a", 2);
		fake_set("k-c", 1);
		fake_del("k-b");
		break;
	case 2:
		request.rekey = true;
		fake_set("k-a", 3);
		break;
	case 3:
		fake_set("k-c", 2);
		fake_del(V);
		break;
	case 4:
		request.full = true;
		fake_set("k-d", 1);
		break;
	default:
		fake_set("k-b", 9);
		break;
	}
	return request;
}

static int run_step(int step, struct zkhsm_error *err)
{
	struct zkhsm_seal_request request = change(step);
	struct zkhsm_store *s = open_at(store_path, true);
	struct zkhsm_stored stored;
	int ret;

	ret = zkhsm_store_sync(s, NULL, &request, &stored, err);
	zkhsm_store_close(s);
	return ret;
}

static void begin(void)
{
	remove_tree(store_path);
	zkhsm_store_close(open_at(store_path, false));
	powercut_start(store_path);
	fake_reset();
}

/* The state that a machine finds after its boot; NULL: none was ever stored. */
static char *boot_from(const char *path)
{
	struct zkhsm_store *s = open_at(path, false);
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	bool unsealed;
	int ret;

	fake_reset();
	if (zkhsm_store_empty(s)) {
		zkhsm_store_close(s);
		return NULL;
	}
	ret = zkhsm_store_unseal(s, NULL, 0, &result, &unsealed, &err);
	if (ret)
		fail_msg("%s", err.text);
	assert_true(unsealed);
	assert_int_equal(fake_hsm.committed, result.sequence);
	assert_int_equal(fake_hsm.boot_count, result.boot_count);
	zkhsm_store_close(s);
	return fake_state();
}

static void run_without_cut(void **state)
{
	struct zkhsm_error err = { 0 };
	char *found;

	(void)state;
	begin();
	powercut_after(0);
	for (int i = 0; i < STEPS; i++) {
		if (run_step(i, &err))
			fail_msg("%s", err.text);
		assert_int_equal(fake_hsm.commits, i + 1);
		states[i] = fake_state();
	}
	assert_string_equal(states[0], "k-a=1 k-b=1 " V "=1");
	assert_string_equal(states[5], "k-a=3 k-b=9 k-c=2 k-d=1");
	/* Whatever nobody asked to keep: what was acknowledged is there. */
	remove_tree(image_path);
	powercut_image(image_path, LOSE_ALL);
	found = boot_from(image_path);
	assert_string_equal(found, states[5]);
	free(found);
	/* And again, and the kernel goes on in it. */
	found = boot_from(image_path);
	assert_string_equal(found, states[5]);
	assert_int_equal(fake_hsm.boot_count, 3);
	free(found);
}

static void judge(const char *found, int step, bool committed, unsigned int n, const char *what)
{
	const char *old = step ? states[step - 1] : NULL;
	bool is_new = found && strcmp(found, states[step]) == 0;
	bool is_old = found ? old && strcmp(found, old) == 0 : !old;

	if (committed ? !is_new : !is_new && !is_old)
		fail_msg("%s at call %u of step %d%s: found %s", what, n, step,
			 committed ? ", committed" : "", found ? found : "nothing");
}

/* Runs until the cut; the step in which it came, or STEPS. */
static int run_until_cut(unsigned int n)
{
	int step;

	begin();
	powercut_after(n);
	for (step = 0; step < STEPS; step++) {
		run_step(step, NULL);
		if (powercut_happened())
			break;
	}
	return step;
}

static void power_cut_anywhere(void **state)
{
	unsigned int n, committed;
	int step;

	(void)state;
	for (n = 1;; n++) {
		for (int lose = LOSE_NOTHING; lose <= LOSE_ALL; lose++) {
			char *found;

			step = run_until_cut(n);
			if (step == STEPS)
				goto done;
			committed = fake_hsm.commits;
			remove_tree(image_path);
			powercut_image(image_path, lose);
			powercut_after(0);
			found = boot_from(image_path);
			judge(found, step, committed > (unsigned int)step, n, "power cut");
			free(found);
		}
	}
done:
	print_message("%u places to cut the power, 4 disks each\n", n - 1);
	assert_true(n > 150);
}

/* What the next command does, whatever it was called for. */
static void finish_run(void)
{
	struct zkhsm_store *s = open_at(store_path, true);
	struct zkhsm_error err = { 0 };
	struct zkhsm_stored stored;

	if (zkhsm_store_sync(s, NULL, NULL, &stored, &err))
		fail_msg("%s", err.text);
	assert_string_equal(stored.note, "");
	zkhsm_store_close(s);
}

/* The process dies and the kernel lives: the next one goes on where it stands. */
static void killed_anywhere(void **state)
{
	unsigned int n;
	char *found;
	int step;

	(void)state;
	for (n = 1;; n++) {
		step = run_until_cut(n);
		if (step == STEPS)
			break;
		powercut_after(0);
		/* Once more, and then the rest. */
		finish_run();
		while (++step < STEPS) {
			change(step);
			finish_run();
		}
		remove_tree(image_path);
		powercut_image(image_path, LOSE_ALL);
		found = boot_from(image_path);
		judge(found, STEPS - 1, true, n, "killed");
		free(found);
	}
}

/* The disk fails once: an error and nothing lost, or it is stored all the same. */
static void disk_fails_anywhere(void **state)
{
	static const int errors[] = { EIO, ENOSPC, EROFS };
	unsigned int n, total = 0;
	char *found;

	(void)state;
	for (n = 1; n == 1 || n <= total; n++) {
		int failures = 0;

		begin();
		powercut_after(0);
		powercut_fail(n, errors[n % 3]);
		for (int step = 0; step < STEPS; step++) {
			struct zkhsm_error err = { 0 };

			if (run_step(step, &err)) {
				failures++;
				assert_int_not_equal(err.code, 0);
				assert_true(err.text[0]);
			} else {
				assert_int_equal(err.code, 0);
			}
		}
		if (powercut_calls() > total)
			total = powercut_calls();
		assert_true(failures <= 1);
		powercut_fail(0, 0);
		finish_run();
		remove_tree(image_path);
		powercut_image(image_path, LOSE_ALL);
		found = boot_from(image_path);
		judge(found, STEPS - 1, true, n, "disk failure");
		free(found);
	}
	assert_true(n > 150);
}

/* The same, but looked at right after the step: acknowledged, or the old state. */
static void disk_fails_then_power_cut(void **state)
{
	unsigned int n;

	(void)state;
	for (n = 1; n < 400; n++) {
		char *found;
		int step, ret = 0;

		begin();
		powercut_after(0);
		powercut_fail(n, EIO);
		for (step = 0; step < STEPS && !ret && powercut_calls() < n; step++)
			ret = run_step(step, NULL);
		if (powercut_calls() < n)
			break;
		remove_tree(image_path);
		powercut_image(image_path, LOSE_ALL);
		found = boot_from(image_path);
		judge(found, step - 1, !ret, n, "disk failure and power cut");
		free(found);
	}
	assert_true(n > 150);
}

static void commit_refused(void **state)
{
	struct zkhsm_error err = { 0 };
	char *found;

	(void)state;
	begin();
	assert_int_equal(run_step(0, &err), 0);
	fake_hsm.refuse_commit = true;
	assert_int_equal(run_step(1, &err), -EIO);
	/* The journal stands, the kernel does not know: everything is sealed again. */
	fake_hsm.refuse_commit = false;
	assert_int_equal(run_step(5, &err), 0);
	remove_tree(image_path);
	powercut_image(image_path, LOSE_ALL);
	found = boot_from(image_path);
	assert_string_equal(found, "k-a=2 k-b=9 k-c=1 " V "=1");
	free(found);
}

static void full_disk(void **state)
{
	struct zkhsm_error err = { 0 };
	unsigned int before;

	(void)state;
	begin();
	assert_int_equal(run_step(0, &err), 0);
	powercut_free = 900000;
	before = fake_hsm.commits;
	assert_int_equal(run_step(1, &err), -ENOSPC);
	assert_non_null(strstr(err.text, "nothing was written"));
	assert_int_equal(fake_hsm.commits, before);
	powercut_free = 0;
	assert_int_equal(run_step(5, &err), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(run_without_cut),
		cmocka_unit_test(power_cut_anywhere),
		cmocka_unit_test(killed_anywhere),
		cmocka_unit_test(disk_fails_anywhere),
		cmocka_unit_test(disk_fails_then_power_cut),
		cmocka_unit_test(commit_refused),
		cmocka_unit_test(full_disk),
	};

	return cmocka_run_group_tests(tests, make_root, remove_root);
}
