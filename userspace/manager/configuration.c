// SPDX-License-Identifier: GPL-2.0
/*
 * configuration.c - a kernel's configuration C for people and programs
 *
 * What it says of sealing decides what "never extractable" and "not from the
 * past" are worth, so it is shown wherever an HSM's state is.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "manager.h"

/* At most one of the three is set: the decoder sees to that. */
const char *zkhsmd_kek_name(const struct zkhsm_configuration *c)
{
	if (c->flags & ZKHSM_HSM_FLAG_KEK_KEYRING)
		return "keyring";
	if (c->flags & ZKHSM_HSM_FLAG_KEK_SHARES)
		return "shares";
	return c->flags & ZKHSM_HSM_FLAG_KEK_TPM ? "tpm" : "none";
}

static void add_sealing(json_t *o, const struct zkhsm_configuration *c)
{
	json_object_set_new(o, "kek", json_string(zkhsmd_kek_name(c)));
	json_object_set_new(o, "locked", json_boolean(c->flags & ZKHSM_HSM_FLAG_LOCKED));
	json_object_set_new(o, "counter", json_boolean(c->flags & ZKHSM_HSM_FLAG_COUNTER));
}

json_t *zkhsmd_configuration_json(const uint8_t *bytes, size_t len)
{
	struct zkhsm_configuration c;
	json_t *o, *managers;
	char *hex;

	if (zkhsm_configuration_decode(&c, bytes, len))
		return json_null();
	managers = json_array();
	for (size_t i = 0; i < c.manager_count; i++) {
		hex = zkhsm_hex(c.managers[i], sizeof(c.managers[i]));
		json_array_append_new(managers, json_string(hex ? hex : ""));
		free(hex);
	}
	o = json_pack("{s:i, s:i, s:i, s:I, s:I, s:o}", "quorum", c.quorum, "stop", c.stop,
		      "wipe", c.wipe, "enforce_grace_ms", (json_int_t)c.enforce_grace_ms,
		      "max_ttl_ms", (json_int_t)c.max_ttl_ms, "managers", managers);
	add_sealing(o, &c);
	return o;
}

int zkhsmd_sealing_json(struct zkhsmd_store *store, const struct zkhsmd_hsm *h, json_t *o)
{
	uint8_t bytes[ZKHSM_CONFIGURATION_MAX_LEN];
	struct zkhsm_configuration c;
	size_t len;
	int ret = store->ops->config_get(store, h->config_seen, bytes, &len);

	if (!ret && zkhsm_configuration_decode(&c, bytes, len) == 0) {
		add_sealing(o, &c);
		return 0;
	}
	json_object_set_new(o, "kek", json_null());
	json_object_set_new(o, "locked", json_null());
	json_object_set_new(o, "counter", json_null());
	/* Enrolled before it ever attested. */
	return ret == -ENOENT ? 0 : ret ? ret : -EUCLEAN;
}

void zkhsmd_log_configuration(const uint8_t hsm_id[32], const uint8_t digest[32],
			      const uint8_t *bytes, size_t len)
{
	char id[17], short_digest[17];
	struct zkhsm_configuration c;

	if (zkhsm_configuration_decode(&c, bytes, len))
		return;
	log_event(LOG_LEVEL_INFO, "configuration", "hsm", zkhsmd_short(hsm_id, id), "digest",
		  zkhsmd_short(digest, short_digest), "kek", zkhsmd_kek_name(&c), "locked",
		  c.flags & ZKHSM_HSM_FLAG_LOCKED ? "yes" : "no", "counter",
		  c.flags & ZKHSM_HSM_FLAG_COUNTER ? "yes" : "no", NULL);
}
