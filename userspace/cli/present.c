// SPDX-License-Identifier: GPL-2.0
/*
 * present.c - the library's structures as JSON, under the spec's names
 */
#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli.h"
#include "lib_private.h"

int json_put_hex(json_t *object, const char *name, const void *data, size_t len)
{
	char *hex = zkhsm_hex(data, len);
	int ret = hex ? json_object_set_new(object, name, json_string(hex)) : -1;

	free(hex);
	return ret;
}

int json_put_text(json_t *object, const char *name, const char *text)
{
	return json_object_set_new(object, name, text ? json_string(text) : json_null());
}

int json_put_number(json_t *object, const char *name, uint64_t n)
{
	return json_object_set_new(object, name, json_integer((json_int_t)n));
}

int json_put_limit(json_t *object, const char *name, uint64_t ms, const char *highest)
{
	return ms == UINT64_MAX ? json_put_text(object, name, highest) :
	       json_put_number(object, name, ms);
}

int json_put_time(json_t *object, const char *name, uint64_t unix_ms)
{
	time_t t = (time_t)(unix_ms / 1000);
	char text[40];
	struct tm tm;
	size_t n;

	if (!gmtime_r(&t, &tm))
		return json_put_text(object, name, NULL);
	n = strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text + n, sizeof(text) - n, ".%03uZ", (unsigned int)(unix_ms % 1000));
	return json_put_text(object, name, text);
}

/* Bit by bit; one without a name is given as its number. */
static json_t *flags_json(uint64_t flags, const char *const *names, size_t count)
{
	json_t *array = json_array();

	for (unsigned int i = 0; i < 64; i++) {
		char number[24];

		if (!(flags & 1ULL << i))
			continue;
		snprintf(number, sizeof(number), "0x%llx", 1ULL << i);
		json_array_append_new(array, json_string(i < count ? names[i] : number));
	}
	return array;
}

static json_t *module_version(uint32_t v)
{
	return json_sprintf("%u.%u.%u", v >> 16, v >> 8 & 0xff, v & 0xff);
}

/* What there is only once there is an identity. */
static void put_identity(json_t *o, const struct zkhsm_hsm_info *h)
{
	uint8_t digest[32];

	json_put_hex(o, "hsm-id", h->hsm_id, sizeof(h->hsm_id));
	json_put_hex(o, "identity", h->identity, sizeof(h->identity));
	json_put_number(o, "boot-count", h->boot_count);
	json_put_number(o, "fork-count", h->fork_count);
	json_put_number(o, "key-count", h->key_count);
	json_put_number(o, "generation", h->generation);
	json_object_set_new(o, "flags", zkhsm_hsm_flags_json(h->flags));
	json_put_number(o, "quorum", h->quorum);
	json_put_number(o, "stop", h->stop);
	json_put_number(o, "wipe", h->wipe);
	json_put_limit(o, "enforce-grace-ms", h->enforce_grace_ms, "report-only");
	json_put_number(o, "max-ttl-ms", h->max_ttl_ms);
	json_put_number(o, "agent-uid", h->agent_uid);
	zkhsm_sha256(h->configuration, h->configuration_len, digest);
	json_put_hex(o, "configuration", h->configuration, h->configuration_len);
	json_put_hex(o, "configuration-digest", digest, sizeof(digest));
	if (h->has_list_digest)
		json_put_hex(o, "list-digest", h->list_digest, sizeof(h->list_digest));
	json_put_number(o, "nonces", h->nonces);
}

/* Where what is here goes before it can be lost. */
static void put_kek(json_t *o, const struct zkhsm_hsm_info *h)
{
	json_put_text(o, "kek-class", zkhsm_kek_class_name(h->kek_class));
	json_put_hex(o, "kek-id", h->kek_id, sizeof(h->kek_id));
	if (h->counter_index)
		json_object_set_new(o, "counter-index", json_sprintf("0x%x", h->counter_index));
	json_put_number(o, "sequence", h->sequence);
	json_put_number(o, "unsealed", h->unsealed);
}

json_t *json_faults(uint32_t faults)
{
	static const char *const names[] = { "recheck" };

	return flags_json(faults, names, ARRAY_SIZE(names));
}

json_t *json_hsm(const struct zkhsm_hsm_info *h)
{
	static const char *const features[] = {
		"p256", "proof-batch", "orders", "audit", "vmfork", "sealing", "locking",
		"shares", "tpm", "leases",
	};
	json_t *o = json_object();
	uint64_t f = h->features;

	json_object_set_new(o, "initialised", json_boolean(h->initialised));
	if (h->initialised)
		put_identity(o, h);
	if (h->initialised && h->kek_class)
		put_kek(o, h);
	json_object_set_new(o, "module-version", module_version(h->module_version));
	json_object_set_new(o, "features", flags_json(f, features, ARRAY_SIZE(features)));
	json_put_hex(o, "instance-id", h->instance_id, sizeof(h->instance_id));
	json_put_number(o, "uptime-ms", h->uptime_ms);
	json_object_set_new(o, "faults", json_faults(h->faults));
	json_put_text(o, "driver", h->driver);
	return o;
}

/* What there is only of a key that requires leases. */
static void put_leases(json_t *o, const struct zkhsm_key_info *k)
{
	json_t *leases = json_array();

	json_put_number(o, "leases-needed", k->leases_needed);
	json_put_number(o, "leases-granted", k->leases_granted);
	json_put_limit(o, "works-until-ms", k->works_until_ms, "not-enforced");
	json_put_number(o, "unleased-uses", k->unleased_uses);
	for (size_t i = 0; i < k->lease_count; i++) {
		const struct zkhsm_key_lease *l = &k->leases[i];
		json_t *row = json_object();

		json_put_hex(row, "manager-id", l->manager_id, sizeof(l->manager_id));
		json_put_text(row, "verdict", zkhsm_lease_verdict_name(l->verdict));
		if (l->expires_ms)
			json_put_number(row, "expires-ms", l->expires_ms);
		json_array_append_new(leases, row);
	}
	if (k->lease_count)
		json_object_set_new(o, "lease", leases);
	else
		json_decref(leases);
}

json_t *json_key(const struct zkhsm_key_info *k)
{
	json_t *o = json_object();

	json_put_text(o, "id", k->id);
	json_put_text(o, "type", key_type_name(k->type));
	json_put_text(o, "origin", zkhsm_origin_name(k->origin));
	json_put_text(o, "state", zkhsm_state_name(k->state));
	json_object_set_new(o, "usage", zkhsm_usage_json(k->usage));
	json_object_set_new(o, "flags", zkhsm_flags_json(k->flags));
	json_put_number(o, "created-ms", k->created_ms);
	json_put_hex(o, "public", k->public, sizeof(k->public));
	json_put_hex(o, "element", k->element, sizeof(k->element));
	json_put_number(o, "owner-uid", k->owner_uid);
	if (k->has_reason)
		json_put_text(o, "reason", zkhsm_revocation_reason_name(k->reason));
	json_put_number(o, "uses", k->uses);
	if (k->lease_required)
		put_leases(o, k);
	return o;
}

json_t *json_manager(const struct zkhsm_manager_info *m)
{
	json_t *o = json_object();

	json_put_hex(o, "manager-id", m->manager_id, sizeof(m->manager_id));
	json_put_hex(o, "public", m->public, sizeof(m->public));
	json_put_text(o, "label", m->label);
	json_put_number(o, "last-number", m->last_number);
	json_put_hex(o, "last-digest", m->last_digest, sizeof(m->last_digest));
	json_put_number(o, "tombstones", m->tombstones);
	if (m->has_pending)
		json_put_hex(o, "pending", m->pending, sizeof(m->pending));
	return o;
}

json_t *json_order_result(const struct zkhsm_order_result *r)
{
	json_t *o = json_object();

	json_put_hex(o, "manager-id", r->manager_id, sizeof(r->manager_id));
	json_put_text(o, "type", order_type_name(r->type));
	json_put_number(o, "number", r->number);
	json_object_set_new(o, "in-turn", json_boolean(r->in_turn));
	json_put_number(o, "keys-changed", r->keys_changed);
	json_put_number(o, "tombstones", r->tombstones);
	json_put_number(o, "dropped", r->dropped);
	if (r->expires_ms)
		json_put_number(o, "expires-ms", r->expires_ms);
	if (!r->outcome)
		return o;
	json_put_text(o, "outcome", zkhsm_order_outcome_name(r->outcome));
	json_put_number(o, "votes", r->votes);
	json_put_number(o, "needed", r->needed);
	if (r->reason)
		json_put_text(o, "reason", zkhsm_reason_name(r->reason));
	return o;
}

json_t *json_list_entry(const struct zkhsm_list_entry *e)
{
	json_t *o = json_object();
	uint8_t element[32];

	json_object_set_new(o, "id", json_stringn((const char *)e->id, e->id_len));
	json_put_text(o, "type", key_type_name(e->type));
	json_put_text(o, "origin", zkhsm_origin_name(e->origin));
	json_put_text(o, "state", zkhsm_state_name(e->state));
	json_object_set_new(o, "usage", zkhsm_usage_json(e->usage));
	json_object_set_new(o, "flags", zkhsm_flags_json(e->flags));
	json_put_number(o, "created-ms", e->created_ms);
	json_put_hex(o, "public", e->public, e->public_len);
	zkhsm_element_name(e->type, e->public, element);
	json_put_hex(o, "element", element, sizeof(element));
	return o;
}

json_t *json_configuration(const struct zkhsm_configuration *c)
{
	json_t *o = json_object(), *managers = json_array();

	for (unsigned int i = 0; i < c->manager_count; i++) {
		json_t *m = json_object();
		uint8_t id[32];

		zkhsm_sha256(c->managers[i], ZKHSM_POINT_LEN, id);
		json_put_hex(m, "manager-id", id, sizeof(id));
		json_put_hex(m, "public", c->managers[i], ZKHSM_POINT_LEN);
		json_array_append_new(managers, m);
	}
	json_object_set_new(o, "flags", zkhsm_hsm_flags_json(c->flags));
	json_put_number(o, "quorum", c->quorum);
	json_put_number(o, "stop", c->stop);
	json_put_number(o, "wipe", c->wipe);
	json_put_limit(o, "enforce-grace-ms", c->enforce_grace_ms, "report-only");
	json_put_number(o, "max-ttl-ms", c->max_ttl_ms);
	json_object_set_new(o, "managers", managers);
	return o;
}

static const char *const key_types[] = {
	[ZKHSM_KEY_TYPE_EC_P256] = "ec-p256",
	[ZKHSM_KEY_TYPE_EC_P384] = "ec-p384",
};

const char *key_type_name(uint32_t type)
{
	return type < ARRAY_SIZE(key_types) ? key_types[type] : NULL;
}

int key_type_parse(const char *name)
{
	for (size_t t = 0; t < ARRAY_SIZE(key_types); t++) {
		if (key_types[t] && strcmp(name, key_types[t]) == 0)
			return (int)t;
	}
	return -EINVAL;
}

int key_state_parse(const char *name)
{
	for (int s = ZKHSM_KEY_STATE_PRE_ACTIVE; s <= ZKHSM_KEY_STATE_COMPROMISED; s++) {
		if (strcmp(name, zkhsm_state_name((uint32_t)s)) == 0)
			return s;
	}
	return -EINVAL;
}

const char *order_type_name(uint32_t type)
{
	static const char *const names[] = { "lease", "revoke", "hold", "release", "grant",
					     "trust-change", "transfer" };

	return type >= ZKHSM_ORDER_TYPE_LEASE && type <= ZKHSM_ORDER_TYPE_TRANSFER ?
		names[type - ZKHSM_ORDER_TYPE_LEASE] : NULL;
}

int signature_der(const uint8_t raw[64], uint8_t **out, size_t *len)
{
	BIGNUM *r = BN_bin2bn(raw, 32, NULL), *s = BN_bin2bn(raw + 32, 32, NULL);
	ECDSA_SIG *sig = ECDSA_SIG_new();
	int n = -1;

	*out = NULL;
	if (sig && r && s && ECDSA_SIG_set0(sig, r, s)) {
		r = NULL;	/* they belong to the signature now */
		s = NULL;
		n = i2d_ECDSA_SIG(sig, out);
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	if (n <= 0)
		return -ENOMEM;
	*len = (size_t)n;
	return 0;
}

char *public_pem(const uint8_t public[65])
{
	BIO *bio = BIO_new(BIO_s_mem());
	EVP_PKEY *key = NULL;
	char *data, *text = NULL;

	/* With the NUL that ends a string. */
	if (bio && !zkhsm_public_decode(public, &key, NULL) && PEM_write_bio_PUBKEY(bio, key) &&
	    BIO_write(bio, "", 1) == 1 && BIO_get_mem_data(bio, &data) > 0)
		text = strdup(data);
	EVP_PKEY_free(key);
	BIO_free(bio);
	return text;
}
