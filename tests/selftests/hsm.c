// SPDX-License-Identifier: GPL-2.0
#include "hsm.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void hsm_reopen(struct hsm *h)
{
	int ret = nlraw_open(&h->nl);

	require(!ret, "no netlink family: %s", strerrorname_np(-ret));
}

void hsm_close(struct hsm *h)
{
	nlraw_close(&h->nl);
}

static void take_identity(struct hsm *h)
{
	const uint8_t *id = nlraw_bytes(&h->a, ZKHSM_A_HSM_HSM_ID, 32);
	const uint8_t *identity = nlraw_bytes(&h->a, ZKHSM_A_HSM_IDENTITY, 65);

	require(id && identity, "hsm-new gives no identity");
	memcpy(h->id, id, 32);
	memcpy(h->identity, identity, 65);
}

void hsm_start(struct hsm *h, uint32_t quorum, uint32_t stop, uint32_t wipe)
{
	struct nl_msg *msg;

	memset(h, 0, offsetof(struct hsm, a));
	hsm_reopen(h);
	msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_NEW);
	nla_put_u32(msg, ZKHSM_A_HSM_QUORUM, quorum);
	nla_put_u32(msg, ZKHSM_A_HSM_STOP, stop);
	nla_put_u32(msg, ZKHSM_A_HSM_WIPE, wipe);
	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_AGENT);
	nlraw_do(&h->nl, msg, &h->a);
	require(!h->a.error, "hsm-new: %s %s", strerrorname_np(h->a.error), h->a.text);
	take_identity(h);
}

void hsm_fresh_quorum(struct hsm *h, const char *params, uint32_t quorum, uint32_t stop,
		      uint32_t wipe)
{
	module_reload(params);
	hsm_start(h, quorum, stop, wipe);
}

void hsm_fresh(struct hsm *h, const char *params)
{
	hsm_fresh_quorum(h, params, 1, 1, 1);
}

void hsm_get(struct hsm *h)
{
	nlraw_do(&h->nl, nlraw_msg(&h->nl, ZKHSM_CMD_HSM_GET), &h->a);
	require(!h->a.error, "hsm-get: %s %s", strerrorname_np(h->a.error), h->a.text);
}

struct nl_msg *id_msg(const struct hsm *h, uint8_t cmd, const char *id)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, cmd);

	/* The id is the first attribute of both sets that have one. */
	nla_put_string(msg, ZKHSM_A_KEY_ID, id);
	return msg;
}

struct nl_msg *key_new_msg(const struct hsm *h, const char *id)
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_KEY_NEW, id);

	nla_put_u32(msg, ZKHSM_A_KEY_TYPE, ZKHSM_KEY_TYPE_EC_P256);
	nla_put_u32(msg, ZKHSM_A_KEY_USAGE, SIGN_PROVE);
	return msg;
}

int key_new(struct hsm *h, const char *id)
{
	return nlraw_do(&h->nl, key_new_msg(h, id), &h->a);
}

int key_new_owned(struct hsm *h, const char *id, uint32_t uid)
{
	struct nl_msg *msg = key_new_msg(h, id);

	nla_put_u32(msg, ZKHSM_A_KEY_OWNER_UID, uid);
	return nlraw_do(&h->nl, msg, &h->a);
}

int key_import_serial(struct hsm *h, const char *id, int32_t serial)
{
	struct nl_msg *msg = key_new_msg(h, id);

	nla_put_u32(msg, ZKHSM_A_KEY_KEYRING_SERIAL, (uint32_t)serial);
	return nlraw_do(&h->nl, msg, &h->a);
}

int key_import(struct hsm *h, const char *id, const uint8_t scalar[32])
{
	int32_t serial = keyring_add("logon", scalar, 32);
	int ret;

	require(serial > 0, "add_key: %s", strerrorname_np(-serial));
	ret = key_import_serial(h, id, serial);
	keyring_drop(serial);
	return ret;
}

int key_get(struct hsm *h, const char *id)
{
	return nlraw_do(&h->nl, id_msg(h, ZKHSM_CMD_KEY_GET, id), &h->a);
}

int key_del(struct hsm *h, const char *id)
{
	return nlraw_do(&h->nl, id_msg(h, ZKHSM_CMD_KEY_DEL, id), &h->a);
}

int key_set_u32(struct hsm *h, const char *id, int attr, uint32_t value)
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_KEY_SET, id);

	nla_put_u32(msg, attr, value);
	return nlraw_do(&h->nl, msg, &h->a);
}

int key_sign(struct hsm *h, const char *id, const uint8_t digest[32])
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_KEY_SIGN, id);

	nla_put(msg, ZKHSM_A_KEY_DIGEST, 32, digest);
	return nlraw_do(&h->nl, msg, &h->a);
}

int key_prove(struct hsm *h, const char *id, const void *user, size_t user_len,
	      const void *other, size_t other_len)
{
	struct nl_msg *msg = id_msg(h, ZKHSM_CMD_PROOF_GET, id);

	nla_put(msg, ZKHSM_A_PROOF_USER_ID, (int)user_len, user);
	if (other)
		nla_put(msg, ZKHSM_A_PROOF_OTHER_INFO, (int)other_len, other);
	return nlraw_do(&h->nl, msg, &h->a);
}

static void must_get(struct hsm *h, const char *id)
{
	key_get(h, id);
	require(!h->a.error, "key-get %s: %s %s", id, strerrorname_np(h->a.error), h->a.text);
}

void key_public(struct hsm *h, const char *id, uint8_t public[65])
{
	const uint8_t *p;

	must_get(h, id);
	p = nlraw_bytes(&h->a, ZKHSM_A_KEY_PUBLIC, 65);
	require(p, "key-get %s gives no public key", id);
	memcpy(public, p, 65);
}

void key_element(struct hsm *h, const char *id, uint8_t element[32])
{
	const uint8_t *p;

	must_get(h, id);
	p = nlraw_bytes(&h->a, ZKHSM_A_KEY_ELEMENT, 32);
	require(p, "key-get %s gives no element name", id);
	memcpy(element, p, 32);
}

uint32_t key_state(struct hsm *h, const char *id)
{
	must_get(h, id);
	return nlraw_u32(&h->a, ZKHSM_A_KEY_STATE);
}

void key_new_many(struct hsm *h, const char *prefix, unsigned int count)
{
	char id[ZKHSM_ID_MAX_LEN];
	unsigned int i;

	for (i = 0; i < count; i++) {
		snprintf(id, sizeof(id), "%s%05u", prefix, i);
		key_new(h, id);
		require(!h->a.error, "key-new %s: %s %s", id, strerrorname_np(h->a.error),
			h->a.text);
	}
}
