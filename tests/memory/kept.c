// SPDX-License-Identifier: GPL-2.0
#include "kept.h"

#include <stdio.h>

#include "ask.h"
#include "zkhsm.h"

/* As a store would have it. */
static struct sealed kept;
static struct around shares[2];

static void tell_item(const struct sealed_item *item)
{
	if (!item->len)
		return;
	hex("R sealed ", item->bytes, item->len);
	printf("\n");
}

static void take_and_commit(struct nl_msg *msg)
{
	static struct sealed given;
	unsigned int i;

	ask_sealed(SEAL, msg, &given);
	check_done(&h.a, "hsm-seal");
	require(given.head.len, "no head");
	for (i = 0; i < given.count; i++)
		tell_item(&given.records[i]);
	tell_item(&given.head);
	sealed_merge(&kept, &given);

	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL);
	nla_put_u64(msg, ZKHSM_A_SEAL_SEQUENCE, given.sequence);
	ask(COMMIT, msg);
	check_done(&h.a, "commit");
}

void seal(bool full)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL);

	if (full)
		nla_put_u32(msg, ZKHSM_A_SEAL_FULL, 1);
	take_and_commit(msg);
}

void rekey(void)
{
	int32_t serial = add_secret(NEXT_KEK, ZKHSM_KEK_LEN, NULL);
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_SEAL);

	nla_put_u32(msg, ZKHSM_A_SEAL_REKEY, 1);
	nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, (uint32_t)serial);
	take_and_commit(msg);
	drop_secret(serial);
}

static void give(enum kind kind, int attr, const struct sealed_item *item, uint32_t serial)
{
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_UNSEAL);

	nla_put(msg, attr, (int)item->len, item->bytes);
	if (serial)
		nla_put_u32(msg, ZKHSM_A_SEAL_KEYRING_SERIAL, serial);
	ask(kind, msg);
	require(!h.a.error, "hsm-unseal: %s", h.a.text);
}

void unseal(void)
{
	int32_t serial = add_secret(KEK, ZKHSM_KEK_LEN, NULL);
	struct nl_msg *msg;
	unsigned int i;

	give(UNSEAL_HEAD, ZKHSM_A_SEAL_HEAD, &kept.head, (uint32_t)serial);
	drop_secret(serial);
	for (i = 0; i < kept.count; i++)
		give(UNSEAL_RECORD, ZKHSM_A_SEAL_RECORD, &kept.records[i], 0);
	msg = nlraw_msg(&h.nl, ZKHSM_CMD_HSM_UNSEAL);
	nla_put_u32(msg, ZKHSM_A_SEAL_FINISH, 1);
	ask(UNSEAL_FINISH, msg);
	check_done(&h.a, "hsm-unseal");
}

bool share_set(unsigned int index, const char *argument)
{
	return !zkhsm_unhex(argument, &shares[index], sizeof(shares[index]));
}

void share_enter(unsigned int index)
{
	int32_t serial = add_secret(SHARE0 + index, 32, &shares[index]);
	struct nl_msg *msg = nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_NEW);

	nla_put_u32(msg, ZKHSM_A_SHARE_KEYRING_SERIAL, (uint32_t)serial);
	ask(SHARE_ENTER, msg);
	check_done(&h.a, "share-new");
	drop_secret(serial);
}

void share_drop(void)
{
	ask(SHARE_DROP, nlraw_msg(&h.nl, ZKHSM_CMD_SHARE_DEL));
	check_done(&h.a, "share-del");
}
