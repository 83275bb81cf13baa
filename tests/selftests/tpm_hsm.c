// SPDX-License-Identifier: GPL-2.0
#include "tpm_hsm.h"

#include <string.h>

#include "swtpm.h"
#include "wire.h"

void tpm_reload(struct hsm *h)
{
	hsm_close(h);
	memset(h, 0, offsetof(struct hsm, a));
	module_reload(NULL);
	hsm_reopen(h);
}

void tpm_boot(struct hsm *h, const char *name)
{
	tpm_reload(h);
	if (name)
		swtpm_start(h, name);
	else
		swtpm_stop();
}

struct nl_msg *tpm_new_msg(struct hsm *h, uint32_t class)
{
	struct nl_msg *msg = nlraw_msg(&h->nl, ZKHSM_CMD_HSM_NEW);

	nla_put_u32(msg, ZKHSM_A_HSM_AGENT_UID, UID_AGENT);
	nla_put_u32(msg, ZKHSM_A_HSM_KEK_CLASS, class);
	return msg;
}

void tpm_take_identity(struct hsm *h)
{
	const uint8_t *id = nlraw_bytes(&h->a, ZKHSM_A_HSM_HSM_ID, 32);
	const uint8_t *identity = nlraw_bytes(&h->a, ZKHSM_A_HSM_IDENTITY, 65);

	require(id && identity, "the answer has no identity");
	memcpy(h->id, id, 32);
	memcpy(h->identity, identity, 65);
}

int tpm_new_counted(struct hsm *h, int32_t serial, uint32_t index)
{
	struct nl_msg *msg = tpm_new_msg(h, ZKHSM_KEK_CLASS_KEYRING);

	nla_put_u32(msg, ZKHSM_A_HSM_KEYRING_SERIAL, (uint32_t)serial);
	nla_put_u32(msg, ZKHSM_A_HSM_COUNTER_INDEX, index);
	if (!nlraw_do(&h->nl, msg, &h->a))
		tpm_take_identity(h);
	return h->a.error;
}

void tpm_no_identity(struct hsm *h, const char *when)
{
	unsigned int left = swtpm_leftovers();

	hsm_get(h);
	check(!nlraw_attr(&h->a, ZKHSM_A_HSM_IDENTITY), "an identity after %s", when);
	check(!left, "%u objects or sessions left after %s", left, when);
}

void tpm_key_signs(struct hsm *h, const char *id, const uint8_t public[65])
{
	uint8_t digest[32], now[65];
	const uint8_t *p;

	key_public(h, id, now);
	check(!memcmp(now, public, 65), "%s has another public key", id);
	ec_sha256(id, strlen(id), digest);
	key_sign(h, id, digest);
	p = nlraw_bytes(&h->a, ZKHSM_A_KEY_SIGNATURE, 64);
	check(p && ec_verify(public, digest, p), "%s does not sign", id);
}

uint32_t tpm_flags(struct hsm *h)
{
	static struct zkhsm_configuration c;
	const struct nlattr *attr;

	hsm_get(h);
	attr = nlraw_attr(&h->a, ZKHSM_A_HSM_CONFIGURATION);
	require(attr && !zkhsm_configuration_decode(&c, nla_data(attr), (size_t)nla_len(attr)),
		"the configuration does not decode");
	return c.flags;
}
