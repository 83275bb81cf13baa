// SPDX-License-Identifier: GPL-2.0
/*
 * Between two rounds, when nobody asks for anything: keys and managers are
 * told in order and once each, the counts agree, imported keys still are what
 * was imported, and evidence about all of it verifies, once it is sealed. What
 * was sealed can be unsealed.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "../../selftests/ec.h"
#include "../../selftests/hsm.h"
#include "nlf.h"

#define LIST_MAX	65536
#define KEK_FLAGS	(ZKHSM_HSM_FLAG_KEK_KEYRING | ZKHSM_HSM_FLAG_KEK_SHARES | \
			 ZKHSM_HSM_FLAG_KEK_TPM)

struct seen {
	bool ok;
	uint32_t count;
	char last[66];
	uint32_t imported;
	size_t list_len;
	uint8_t list[LIST_MAX];
};

static struct hsm hsm;
static struct seen seen;
static char *reason;
static size_t reason_size;

static bool wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));

static bool wrong(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(reason, reason_size, format, ap);
	va_end(ap);
	return false;
}

static const struct nlattr *attr(const struct nlmsghdr *h, int type)
{
	return nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, GENL_HDRLEN, type);
}

/* An imported key has the public element of one of our secrets. */
static void look_at_key(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *id = attr(h, ZKHSM_A_KEY_ID), *origin = attr(h, ZKHSM_A_KEY_ORIGIN);
	const struct nlattr *public = attr(h, ZKHSM_A_KEY_PUBLIC);
	unsigned int i;

	(void)arg;
	if (!id || !origin || !public || (seen.count && strcmp(seen.last, nla_data(id)) >= 0)) {
		seen.ok = false;
		return;
	}
	seen.count++;
	snprintf(seen.last, sizeof(seen.last), "%s", (const char *)nla_data(id));
	if (nla_get_u32(origin) != ZKHSM_KEY_ORIGIN_IMPORTED)
		return;
	for (i = 0; i < SECRETS; i++)
		if (!memcmp(fixed.secret_public[i], nla_data(public), 65))
			return;
	seen.ok = false;
}

static void look_at_manager(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *id = attr(h, ZKHSM_A_MANAGER_MANAGER_ID);

	(void)arg;
	if (!id || (seen.count && memcmp(seen.last, nla_data(id), 32) >= 0)) {
		seen.ok = false;
		return;
	}
	seen.count++;
	memcpy(seen.last, nla_data(id), 32);
}

static void take_chunk(const struct nlmsghdr *h, void *arg)
{
	const struct nlattr *chunk = attr(h, ZKHSM_A_LIST_CHUNK);
	const struct nlattr *offset = attr(h, ZKHSM_A_LIST_OFFSET);
	size_t len = chunk ? (size_t)nla_len(chunk) : 0;

	(void)arg;
	if (!chunk || !offset || nla_get_u32(offset) != seen.list_len ||
	    seen.list_len + len > sizeof(seen.list)) {
		seen.ok = false;
		return;
	}
	memcpy(seen.list + seen.list_len, nla_data(chunk), len);
	seen.list_len += len;
}

static bool dump(uint8_t cmd, void (*fn)(const struct nlmsghdr *h, void *arg))
{
	memset(&seen, 0, offsetof(struct seen, list));
	seen.ok = true;
	return !nlraw_dump(&hsm.nl, nlraw_msg(&hsm.nl, cmd), fn, NULL, &hsm.a) && seen.ok;
}

/* A manager of our own, in the place of another if need be. */
static bool pin_own(struct manager *m)
{
	int i;

	manager_new(m);
	if (manager_pin(&hsm, m) == ENOSPC) {
		for (i = 0; i < MANAGERS && hsm.a.error; i++) {
			struct manager other;

			memcpy(other.id, fixed.manager[i].id, 32);
			if (!manager_unpin(&hsm, &other))
				manager_pin(&hsm, m);
		}
	}
	return !hsm.a.error || wrong("trust-new: %s", hsm.a.text);
}

/* The table of nonces may be full for as long as they live. */
static bool get_evidence(const struct manager *m)
{
	int i;

	for (i = 0; i < 100; i++) {
		if (evidence_get(&hsm, m) != EBUSY && hsm.a.error != EAGAIN)
			break;
		if (hsm.a.reason == ZKHSM_REASON_UNSEALED) {
			if (kept_commit(&hsm))
				return wrong("hsm-seal: %s", hsm.a.text);
			continue;
		}
		/* Nonces die of age, buckets fill with time; there is no event for that. */
		poll(NULL, 0, 100);
	}
	return !hsm.a.error || wrong("evidence-get: %s", hsm.a.text);
}

/* @again: the nonce died, on a slow machine, before the list was told. */
static bool check_evidence(uint32_t keys, bool *again)
{
	struct nlraw_answer *e = &hsm.a;
	struct zkhsm_error err = { 0 };
	struct zkhsm_keylist *list;
	struct zkhsm_statement s;
	uint8_t evidence[ZKHSM_EVIDENCE_MAX_LEN], config[2048];
	const struct nlattr *a;
	size_t len, config_len;
	bool ok;

	a = nlraw_attr(e, ZKHSM_A_EVIDENCE_EVIDENCE);
	if (!a || nla_len(a) > (int)sizeof(evidence))
		return wrong("evidence-get answers without evidence");
	len = (size_t)nla_len(a);
	memcpy(evidence, nla_data(a), len);
	if (!dump(ZKHSM_CMD_LIST_GET, take_chunk)) {
		*again = e->error == EAGAIN;
		return wrong("list-get: %s", e->text);
	}
	hsm_get(&hsm);
	a = nlraw_attr(e, ZKHSM_A_HSM_CONFIGURATION);
	if (!a || nla_len(a) > (int)sizeof(config))
		return wrong("hsm-get answers without a configuration");
	config_len = (size_t)nla_len(a);
	memcpy(config, nla_data(a), config_len);
	if (nlraw_u32(e, ZKHSM_A_HSM_KEY_COUNT) != keys)
		return wrong("hsm-get tells %u keys, the dump %u",
			     nlraw_u32(e, ZKHSM_A_HSM_KEY_COUNT), keys);
	if (nlraw_u32(e, ZKHSM_A_HSM_FAULTS))
		return wrong("a recheck failed");
	if (zkhsm_keylist_new(seen.list, seen.list_len, &list, &err))
		return wrong("the list: %s", err.text);
	ok = !zkhsm_verify_evidence(evidence, len, list, config, config_len, &s, &err) ||
	     wrong("evidence: %s", err.text);
	if (ok && zkhsm_keylist_count(list) != keys)
		ok = wrong("the list has %zu keys, the dump %u", zkhsm_keylist_count(list), keys);
	zkhsm_keylist_free(list);
	return ok;
}

static uint32_t flags(void)
{
	hsm_get(&hsm);
	return nlraw_u32(&hsm.a, ZKHSM_A_HSM_FLAGS);
}

static bool count_keys(uint32_t *keys)
{
	bool ok = dump(ZKHSM_CMD_KEY_GET, look_at_key);

	*keys = seen.count;
	return ok || wrong("keys out of order, twice, or not what was imported: %s", hsm.a.text);
}

/* A KEK that is one of ours, or -1. */
static int kek_of(const struct nlf_kept *k)
{
	int i;

	for (i = 0; i < KEKS; i++)
		if (!memcmp(k->head + 8, fixed.kek_id[i], sizeof(fixed.kek_id[i])))
			return i;
	return -1;
}

/* All of it, under a KEK that we know, and nothing waits any more. */
static bool seal_all(struct nlf_kept *k)
{
	int32_t serial;
	uint32_t keys;

	if (!count_keys(&keys))
		return false;
	if (kept_take(&hsm, 0, k))
		return wrong("hsm-seal: %s", hsm.a.text);
	if (k->head_len && kek_of(k) < 0) {
		serial = keyring_add("logon", fixed.kek[0], 32);
		kept_take(&hsm, serial, k);
		keyring_drop(serial);
		if (hsm.a.error)
			return wrong("rekey: %s", hsm.a.text);
	}
	if (k->count != k->counted || k->keys != keys)
		return wrong("%u records sealed, %u counted; %u keys of %u", k->count, k->counted,
			     k->keys, keys);
	hsm_get(&hsm);
	if (nlraw_u32(&hsm.a, ZKHSM_A_HSM_UNSEALED) ||
	    nlraw_u64(&hsm.a, ZKHSM_A_HSM_SEQUENCE) != k->sequence)
		return wrong("sealed and committed, and something waits");
	if (!k->head_len || k->count > KEPT_RECORDS)
		return true;
	k->kek = (unsigned int)kek_of(k);
	world->kept[KEPT_OTHER] = world->kept[KEPT_NEW];
	world->kept[KEPT_NEW] = *k;
	return true;
}

/* Nobody got it unsealed, and nothing that was tried is left over. */
static bool unseal_all(void)
{
	const struct nlf_kept *k = &world->kept[KEPT_NEW];
	uint32_t keys;

	if (kept_unseal(&hsm, k))
		return wrong("hsm-unseal: %s", hsm.a.text);
	if (!count_keys(&keys))
		return false;
	return keys == k->keys || wrong("%u keys unsealed of %u", keys, k->keys);
}

/* As soon as a manager is pinned, and before that is stored. */
static bool check_unsealed(const struct manager *m)
{
	if (!(flags() & KEK_FLAGS))
		return true;
	evidence_get(&hsm, m);
	return hsm.a.reason == ZKHSM_REASON_UNSEALED ||
	       wrong("evidence of what is not stored: %s", hsm.a.text);
}

/* One of ours; where the configuration is locked, the last one that is there. */
static bool some_manager(struct manager *m)
{
	if (!dump(ZKHSM_CMD_TRUST_GET, look_at_manager))
		return wrong("managers out of order, or twice: %s", hsm.a.text);
	if (!(flags() & ZKHSM_HSM_FLAG_LOCKED))
		return pin_own(m) && check_unsealed(m);
	memcpy(m->id, seen.last, 32);
	if (!seen.count)
		return wrong("locked, and no manager is there");
	manager_unpin(&hsm, m);
	return hsm.a.reason == ZKHSM_REASON_LOCKED || wrong("locked, and trust-del: %s", hsm.a.text);
}

static bool check_all(void)
{
	static struct nlf_kept kept;
	struct manager m = { 0 };
	uint32_t keys = 0;
	bool ok, again;
	int tries = 20;

	nlraw_do(&hsm.nl, nlraw_msg(&hsm.nl, ZKHSM_CMD_HSM_GET), &hsm.a);
	/* Nobody made one in this round. */
	if (!hsm.a.error && !nlraw_attr(&hsm.a, ZKHSM_A_HSM_IDENTITY) &&
	    (world->kind != WORLD_SEALED || !unseal_all()))
		return world->kind != WORLD_SEALED;
	if (world->kind == WORLD_KEK && !seal_all(&kept))
		return false;
	ok = some_manager(&m) && count_keys(&keys);
	for (again = ok; again && tries--;) {
		again = false;
		ok = get_evidence(&m) && check_evidence(keys, &again);
	}
	manager_free(&m);
	return ok;
}

bool after_round(char *why, size_t size)
{
	bool ok, locked;

	reason = why;
	reason_size = size;
	why[0] = '\0';
	memset(&hsm, 0, sizeof(hsm));
	if (nlraw_open(&hsm.nl))
		return wrong("the family is gone");
	ok = check_all();
	locked = ok && flags() & ZKHSM_HSM_FLAG_LOCKED;
	nlraw_close(&hsm.nl);
	if (locked && module_unload() != -EAGAIN)
		return wrong("a locked module was unloaded");
	return ok;
}
