// SPDX-License-Identifier: GPL-2.0
/* Uses of a key that requires grants: each time with another grant, as a failure may use it up. */
#include <errno.h>
#include <string.h>

#include "faults.h"
#include "grantor.h"

#define H	(&faults.h)
#define KEY	"granted"
#define LIFE	50000ull

static const uint8_t digest[32] = { 1 };
static struct manager client;
static struct granted g;
static struct brought b;
static uint64_t uses;

static void granted_key(void)
{
	if (!client.key)
		manager_new(&client);
	if (key_get(H, KEY))
		key_new_granted(H, KEY);
	key_get(H, KEY);
	uses = nlraw_u64(&H->a, ZKHSM_A_KEY_USES);
}

static bool used_once(void)
{
	key_get(H, KEY);
	return nlraw_u64(&H->a, ZKHSM_A_KEY_USES) == uses + 1;
}

static struct nl_msg *sign_msg(void)
{
	grant_to_sign(H, KEY, digest, LIFE, &g);
	memcpy(g.client, client.public, sizeof(g.client));
	bring(&b, &faults.m, 1, H->id, &g, &client);
	return granted_sign_msg(H, KEY, digest, &b);
}

static struct nl_msg *prove_msg(void)
{
	grant_to_prove(H, KEY, "other", 5, LIFE, &g);
	bring(&b, &faults.m, 1, H->id, &g, NULL);
	return granted_prove_msg(H, KEY, "other", 5, &b);
}

static struct nl_msg *false_msg(void)
{
	nlmsg_free(sign_msg());
	b.grants[0][ZKHSM_GRANT_LEN - 1] ^= 1;
	return granted_sign_msg(H, KEY, digest, &b);
}

const struct scenario faults_grants[] = {
	{ .name = "key-sign (granted)", .prepare = granted_key, .message = sign_msg,
	  .done = used_once, .messages = 1, .slow = true },
	{ .name = "proof-get (granted)", .prepare = granted_key, .message = prove_msg,
	  .done = used_once, .messages = 1, .slow = true },
	{ .name = "key-sign (falsely granted)", .prepare = granted_key, .message = false_msg,
	  .refusal = EKEYREJECTED },
};

const size_t faults_grants_count = sizeof(faults_grants) / sizeof(faults_grants[0]);
