// SPDX-License-Identifier: GPL-2.0
/*
 * granted.c - a key that is used with grants, and the receipt that comes of it
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

/* What --grant and --client-key are read into. */
struct granted {
	uint8_t files[ZKHSM_MANAGERS_MAX][ZKHSM_GRANT_LEN];
	struct zkhsm_bytes orders[ZKHSM_MANAGERS_MAX];
	uint8_t digest[32];
	uint8_t client_signature[ZKHSM_SIGNATURE_LEN];
	struct zkhsm_grants grants;
};

static int read_grant(struct cli *cli, const char *path, uint8_t grant[ZKHSM_GRANT_LEN])
{
	uint8_t *data;
	size_t len;
	int ret;

	ret = zkhsm_read_file(path, ZKHSM_ORDER_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	if (len == ZKHSM_GRANT_LEN)
		memcpy(grant, data, len);
	else
		ret = zkhsm_fail(&cli->err, -EBADMSG, "%s is no grant: it has %zu bytes, not %d",
				 path, len, ZKHSM_GRANT_LEN);
	free(data);
	return ret;
}

/* All have one digest, or the client could not sign for them. */
static int read_grants(struct cli *cli, struct granted *g)
{
	unsigned int count = cli->value_count[REPEAT_GRANT_FILE], i;
	uint8_t digest[32];
	int ret = 0;

	for (i = 0; !ret && i < count; i++) {
		ret = read_grant(cli, cli->values[REPEAT_GRANT_FILE][i], g->files[i]);
		if (!ret)
			ret = zkhsm_grant_digest(g->files[i], ZKHSM_GRANT_LEN, digest, &cli->err);
		if (!ret && !i)
			memcpy(g->digest, digest, sizeof(digest));
		if (!ret && memcmp(g->digest, digest, sizeof(digest)))
			ret = zkhsm_fail(&cli->err, -EINVAL, "%s does not grant what %s does",
					 cli->values[REPEAT_GRANT_FILE][i],
					 cli->values[REPEAT_GRANT_FILE][0]);
		g->orders[i].data = g->files[i];
		g->orders[i].len = ZKHSM_GRANT_LEN;
	}
	g->grants.orders = g->orders;
	g->grants.count = count;
	return ret;
}

static int sign_use(struct cli *cli, struct granted *g)
{
	EVP_PKEY *client;
	int ret;

	if (!cli->value[OPT_CLIENT_KEY])
		return 0;
	ret = zkhsm_signer_load(cli->value[OPT_CLIENT_KEY], &client, &cli->err);
	if (ret)
		return ret;
	ret = zkhsm_grant_sign(client, g->digest, g->client_signature, &cli->err);
	EVP_PKEY_free(client);
	g->grants.client_signature = g->client_signature;
	return ret;
}

/* The HSM is the one whose identity the kernel here tells. */
static int check_receipt(struct cli *cli, const struct granted *g, const uint8_t signature[64],
			 const uint8_t receipt[ZKHSM_RECEIPT_LEN])
{
	struct zkhsm_hsm_info hsm;
	int ret;

	ret = zkhsm_hsm_get(cli->nl, &hsm, &cli->err);
	return ret ? ret : zkhsm_verify_receipt(hsm.identity, g->digest, signature,
						ZKHSM_SIGNATURE_LEN, receipt, ZKHSM_RECEIPT_LEN,
						&cli->err);
}

static int sign(struct cli *cli, const uint8_t digest[32], struct granted *g)
{
	uint8_t signature[64], public[65], receipt[ZKHSM_RECEIPT_LEN];
	json_t *more;
	int ret;

	ret = read_grants(cli, g);
	ret = ret ? ret : sign_use(cli, g);
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_key_sign_granted(cli->nl, cli->args[0], digest, &g->grants,
						 signature, public, receipt, &cli->err);
	ret = ret ? ret : check_receipt(cli, g, signature, receipt);
	if (ret)
		return ret;
	more = json_object();
	json_put_hex(more, "grant-digest", g->digest, sizeof(g->digest));
	json_put_hex(more, "receipt", receipt, sizeof(receipt));
	return cli_emit_signature_and(cli, cli->args[0], digest, signature, public, more);
}

/* key sign with --grant. */
int cli_sign_granted(struct cli *cli, const uint8_t digest[32])
{
	struct granted *g = calloc(1, sizeof(*g));
	int ret;

	if (!g)
		return zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	ret = sign(cli, digest, g);
	free(g);
	return ret;
}
