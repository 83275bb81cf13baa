// SPDX-License-Identifier: GPL-2.0
/*
 * managerfill - a store with many records, through the store's own operations
 *
 *	managerfill CONF HSMS KEYS DIRECTORY
 *
 * HSMS enrolled and attested HSMs with KEYS keys each, and POSTERS more of each
 * size that evidence is posted for, in the state directory of a manager that
 * does not run. DIRECTORY gets their ids. Seeds are fixed: managerbench makes
 * the posters anew.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../userspace/manager/holding.h"
#include "../../userspace/manager/manager.h"
#include "../unit/prover.h"
#include "bench.h"
#include "managerbench.h"

#define REVOCATIONS	100		/* the same in each store, however large */
#define EACH		50		/* HSMs in a transaction */

static struct zkhsmd_config config;
static struct zkhsmd_store *store;
static struct zkhsmd_time filled;
static uint8_t boot_id[16];

static void ok(int ret, const char *what)
{
	if (ret)
		die("%s: %s", what, strerror(-ret));
}

static void fill_keys(const struct prover *p)
{
	struct zkhsmd_holding holding = { .first_ms = filled.wall };
	bool fresh;

	memcpy(holding.hsm_id, p->hsm_id, 32);
	zkhsm_element_name(ZKHSM_KEY_TYPE_EC_P256, p->identity, holding.element);
	ok(store->ops->holding_put(store, &holding, &fresh), "identity");
	for (size_t i = 0; i < p->count; i++) {
		const struct zkhsm_list_entry *e = &p->keys[i].entry;

		zkhsm_element_name(e->type, e->public, holding.element);
		snprintf(holding.key_id, sizeof(holding.key_id), "%.*s", e->id_len,
			 (const char *)e->id);
		ok(store->ops->holding_put(store, &holding, &fresh), "holding");
		ok(store->ops->status_add(store, p->hsm_id, holding.element), "status index");
	}
}

static void fill_hsm(struct prover *p, const char *name)
{
	struct zkhsmd_hsm h = { .enrolled = true, .attested = true };

	memcpy(h.id, p->hsm_id, sizeof(h.id));
	memcpy(h.identity, p->identity, sizeof(h.identity));
	snprintf(h.name, sizeof(h.name), "%s", name);
	memcpy(h.config_digest, p->config_digest, 32);
	memcpy(h.config_seen, p->config_digest, 32);
	memcpy(h.list_digest, p->list_digest, 32);
	memcpy(h.instance_id, p->instance_id, sizeof(h.instance_id));
	memcpy(h.boot_id, boot_id, sizeof(h.boot_id));
	fill_random(h.evidence_digest, sizeof(h.evidence_digest));
	h.enrolled_ms = h.attested_ms = h.received_ms = filled.wall;
	h.attested_boot_ms = filled.boot;
	h.uptime_ms = (uint64_t)filled.boot;
	h.boot_count = p->boot_count;
	h.fork_count = p->fork_count;
	h.keys = h.proved = (uint32_t)p->count;
	snprintf(h.answer, sizeof(h.answer), "{}");
	ok(store->ops->config_put(store, p->config_digest, p->config_bytes, p->config_len),
	   "configuration");
	ok(store->ops->list_put(store, p->list_digest, p->list, p->list_len), "list");
	ok(store->ops->hsm_put(store, &h), "hsm");
	fill_keys(p);
}

static void fill_revocations(void)
{
	uint64_t number = 1;

	for (int i = 0; i < REVOCATIONS; i++) {
		struct zkhsmd_revocation r = { .action = ZKHSM_ORDER_TYPE_REVOKE,
					       .scope = ZKHSMD_SCOPE_ELEMENT, .reason = 1,
					       .number = number, .at_ms = filled.wall };

		fill_random(r.element, sizeof(r.element));
		ok(store->ops->revocation_add(store, &r), "revocation");
	}
	ok(store->ops->meta_put(store, ZKHSMD_META_LIST_NUMBER, &number, sizeof(number)), "number");
}

static void fill_one(const char *seed, size_t keys, const uint8_t order_key[65], FILE *ids)
{
	struct prover *p = prover_new(seed, keys);

	prover_pin(p, order_key);
	prover_refresh(p);
	fill_hsm(p, seed);
	if (ids && fwrite(p->hsm_id, sizeof(p->hsm_id), 1, ids) != 1)
		die("the ids cannot be written");
	prover_free(p);
}

int main(int argc, char **argv)
{
	struct zkhsmd_identity identity = { 0 };
	struct zkhsm_error err = { 0 };
	char path[512], seed[64];
	unsigned long hsms, keys;
	FILE *ids;

	if (argc != 5) {
		fprintf(stderr, "Usage: managerfill CONF HSMS KEYS DIRECTORY\n");
		return 2;
	}
	must(zkhsmd_config_load(argv[1], &config, &err), &err, "configuration");
	hsms = strtoul(argv[2], NULL, 10);
	keys = strtoul(argv[3], NULL, 10);
	snprintf(path, sizeof(path), "%s/zkhsmd.db", config.state_dir);
	must(zkhsmd_store_sqlite.open(path, false, true, &store, &err), &err, "store");
	must(zkhsmd_identity_open(&identity, &config, store, &err), &err, "identity");
	must(zkhsmd_boot_id(boot_id, &err), &err, "boot id");
	filled = zkhsmd_now();
	snprintf(path, sizeof(path), "%s/hsms", argv[4]);
	ids = fopen(path, "we");
	if (!ids)
		die("%s cannot be made", path);
	ok(store->ops->begin(store), "begin");
	fill_revocations();
	for (size_t size = 0; size < POST_SIZES; size++) {
		for (unsigned int i = 0; i < POSTERS; i++) {
			poster_seed(seed, sizeof(seed), post_sizes[size], i);
			fill_one(seed, post_sizes[size], identity.order_public, NULL);
		}
	}
	for (unsigned long i = 0; i < hsms; i++) {
		snprintf(seed, sizeof(seed), "fleet %lu", i);
		fill_one(seed, keys, identity.order_public, ids);
		if (i % EACH == EACH - 1) {
			ok(store->ops->commit(store), "commit");
			ok(store->ops->begin(store), "begin");
		}
	}
	ok(store->ops->commit(store), "commit");
	if (fclose(ids))
		die("%s cannot be written", path);
	zkhsmd_identity_close(&identity);
	store->ops->close(store);
	return 0;
}
