// SPDX-License-Identifier: GPL-2.0
/*
 * sealbench - what it costs that an HSM outlives its kernel
 *
 *	sealbench MODULE DIRECTORY COUNT...
 *
 * Runs as root in a virtual machine; the directory is on a disk. For each
 * count, with the module loaded anew: keys made by an HSM that seals nothing;
 * keys made and each one stored before the next; all of them sealed and stored
 * at once; and all of them unsealed.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

static void reload(const char *module)
{
	int fd;

	if (syscall(SYS_delete_module, "zkhsm", 0))
		die("cannot unload zkhsm: %m");
	fd = open(module, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0))
		die("cannot load %s: %m", module);
	close(fd);
}

static struct zkhsm_nl *fresh(const char *module)
{
	struct zkhsm_error err = { 0 };
	struct zkhsm_nl *nl;

	reload(module);
	must(zkhsm_nl_open(&nl, &err), &err, "netlink");
	return nl;
}

static struct zkhsm_store *open_store(const char *path)
{
	const struct zkhsm_store_owner root = { 0, 0 };
	struct zkhsm_error err = { 0 };
	struct zkhsm_store *store;

	must(zkhsm_store_open(path, &root, &store, &err), &err, path);
	return store;
}

static void store(struct zkhsm_nl *nl, const char *path, const struct zkhsm_seal_request *request)
{
	struct zkhsm_store *s = open_store(path);
	struct zkhsm_stored stored;
	struct zkhsm_error err = { 0 };

	must(zkhsm_store_sync(s, nl, request, &stored, &err), &err, "store");
	zkhsm_store_close(s);
}

static int32_t kek_serial(const uint8_t kek[32])
{
	struct zkhsm_error err = { 0 };
	int32_t serial;

	must(zkhsm_keyring_add(kek, 32, &serial, &err), &err, "keyring");
	return serial;
}

static void identity(struct zkhsm_nl *nl, const uint8_t *kek)
{
	struct zkhsm_hsm_params params = { 0 };
	struct zkhsm_hsm_info hsm;
	struct zkhsm_error err = { 0 };

	if (kek) {
		params.kek_class = ZKHSM_KEK_CLASS_KEYRING;
		params.keyring_serial = kek_serial(kek);
	}
	must(zkhsm_hsm_new(nl, &params, &hsm, &err), &err, "hsm-new");
}

static void make_key(struct zkhsm_nl *nl, unsigned int i)
{
	char id[ZKHSM_ID_MAX_LEN + 1];
	struct zkhsm_key_params p = { .id = id, .type = ZKHSM_KEY_TYPE_EC_P256 };
	struct zkhsm_key_info key;
	struct zkhsm_error err = { 0 };

	snprintf(id, sizeof(id), "bench-%06u", i);
	must(zkhsm_key_new(nl, &p, &key, &err), &err, "key-new");
}

/* Keys from @from to @to, each stored in @path, if there is one, before the next. */
static uint64_t provision(struct zkhsm_nl *nl, unsigned int from, unsigned int to,
			  const char *path)
{
	uint64_t start = now_ns(CLOCK_MONOTONIC);

	for (unsigned int i = from; i < to; i++) {
		make_key(nl, i);
		if (path)
			store(nl, path, NULL);
	}
	return now_ns(CLOCK_MONOTONIC) - start;
}

static void tell(const char *what, unsigned int count, uint64_t ns, unsigned int keys)
{
	char name[64];

	snprintf(name, sizeof(name), "%s_ns_%u", what, count);
	figure(name, (double)ns / keys);
}

static void unseal(struct zkhsm_nl *nl, const char *path, const uint8_t *kek, unsigned int count)
{
	struct zkhsm_store *s = open_store(path);
	struct zkhsm_unseal_result result;
	struct zkhsm_error err = { 0 };
	uint64_t start = now_ns(CLOCK_MONOTONIC);
	bool unsealed;

	must(zkhsm_store_unseal(s, nl, kek_serial(kek), &result, &unsealed, &err), &err, "unseal");
	tell("unseal", count, now_ns(CLOCK_MONOTONIC) - start, count);
	zkhsm_store_close(s);
}

/* Parts of a tenth: whether the last keys cost what the first ones did. */
static void measure(const char *module, const char *directory, unsigned int count)
{
	const struct zkhsm_seal_request all = { .full = true };
	unsigned int part = count / 10;
	uint64_t start, first, rest, last;
	char path[256];
	uint8_t kek[32];
	struct zkhsm_nl *nl;

	nl = fresh(module);
	identity(nl, NULL);
	tell("plain", count, provision(nl, 0, count, NULL), count);
	zkhsm_nl_close(nl);

	snprintf(path, sizeof(path), "%s/store-%u", directory, count);
	fill_random(kek, sizeof(kek));
	nl = fresh(module);
	identity(nl, kek);
	store(nl, path, NULL);
	first = provision(nl, 0, part, path);
	rest = provision(nl, part, count - part, path);
	last = provision(nl, count - part, count, path);
	tell("stored", count, first + rest + last, count);
	tell("stored_first", count, first, part);
	tell("stored_last", count, last, part);
	start = now_ns(CLOCK_MONOTONIC);
	store(nl, path, &all);
	tell("seal", count, now_ns(CLOCK_MONOTONIC) - start, count);
	zkhsm_nl_close(nl);

	nl = fresh(module);
	unseal(nl, path, kek, count);
	zkhsm_nl_close(nl);
}

int main(int argc, char **argv)
{
	if (argc < 4) {
		fprintf(stderr, "Usage: sealbench MODULE DIRECTORY COUNT...\n");
		return 2;
	}
	for (int i = 3; i < argc; i++) {
		unsigned int count = (unsigned int)strtoul(argv[i], NULL, 10);

		if (count < 10)
			die("counts begin at 10");
		measure(argv[1], argv[2], count);
		fprintf(stderr, "sealbench: %u keys measured\n", count);
	}
	return 0;
}
