// SPDX-License-Identifier: GPL-2.0
/*
 * change.c - another configuration, from the one in force and what is to differ
 */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "bundle.h"

#define PEM_MAX_LEN	4096

/* The C of evidence that holds, whoever brought it; its challenges tell the orders' numbers. */
static int from_evidence(struct cli *cli, struct cli_change *change)
{
	struct zkhsm_keylist *l = NULL;
	struct bundle b;
	int ret;

	ret = bundle_read(cli, cli->value[OPT_EVIDENCE_FILE], &b);
	if (ret)
		return ret;
	ret = zkhsm_keylist_new(b.list.data, b.list.len, &l, &cli->err);
	ret = ret ? ret : zkhsm_verify_evidence(b.evidence.data, b.evidence.len, l,
						b.configuration.data, b.configuration.len,
						&change->evidence, &cli->err);
	ret = ret ? ret : zkhsm_configuration_check(b.configuration.data, b.configuration.len,
						    &change->config, &cli->err);
	if (!ret) {
		memcpy(change->hsm_id, change->evidence.hsm_id, 32);
		memcpy(change->previous, change->evidence.config_digest, 32);
	}
	if (l)
		zkhsm_keylist_free(l);
	bundle_free(&b);
	return ret;
}

static int from_kernel(struct cli *cli, struct cli_change *change)
{
	struct zkhsm_hsm_info info;
	int ret;

	ret = cli_open(cli);
	ret = ret ? ret : zkhsm_hsm_get(cli->nl, &info, &cli->err);
	if (!ret && !info.initialised) {
		ret = zkhsm_fail(&cli->err, -ENOKEY, "the HSM has no identity yet");
		cli->err.reason = ZKHSM_REASON_NO_IDENTITY;
	}
	ret = ret ? ret : zkhsm_configuration_check(info.configuration, info.configuration_len,
						    &change->config, &cli->err);
	if (ret)
		return ret;
	memcpy(change->hsm_id, info.hsm_id, 32);
	zkhsm_sha256(info.configuration, info.configuration_len, change->previous);
	return 0;
}

/* An order key, as "openssl pkey -pubout" writes it. */
static int read_pem(struct cli *cli, const char *path, uint8_t public[65])
{
	EVP_PKEY *key = NULL;
	uint8_t *data;
	BIO *bio;
	size_t len;
	int ret;

	ret = zkhsm_read_file(path, PEM_MAX_LEN, &data, &len, &cli->err);
	if (ret)
		return ret;
	bio = BIO_new_mem_buf(data, (int)len);
	if (bio)
		key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
	BIO_free(bio);
	ERR_clear_error();
	memzero_explicit(data, len);
	free(data);
	if (!key)
		ret = zkhsm_fail(&cli->err, -EBADMSG, "%s is not a public key in PEM", path);
	else if (zkhsm_signer_public(key, public))
		ret = zkhsm_fail(&cli->err, -EINVAL, "the key in %s is not on P-256", path);
	EVP_PKEY_free(key);
	return ret;
}

/* C has its managers sorted, and none twice. */
static int pin(struct cli *cli, struct zkhsm_configuration *c, const char *value)
{
	uint8_t public[65];
	size_t at = c->manager_count;
	int ret = 0;

	if (zkhsm_unhex(value, public, sizeof(public)))
		ret = read_pem(cli, value, public);
	if (ret)
		return ret;
	for (size_t i = 0; i < c->manager_count; i++) {
		if (memcmp(c->managers[i], public, sizeof(public)) == 0)
			return zkhsm_fail(&cli->err, -EEXIST, "the manager of %.80s is pinned",
					  value);
	}
	if (at == ZKHSM_MANAGERS_MAX)
		return zkhsm_fail(&cli->err, -ENOSPC, "at most %d managers are pinned",
				  ZKHSM_MANAGERS_MAX);
	for (; at && memcmp(c->managers[at - 1], public, sizeof(public)) > 0; at--)
		memcpy(c->managers[at], c->managers[at - 1], sizeof(public));
	memcpy(c->managers[at], public, sizeof(public));
	c->manager_count++;
	return 0;
}

static int unpin(struct cli *cli, struct zkhsm_configuration *c, const char *value)
{
	uint8_t id[32], found[32];
	size_t i;
	int ret;

	ret = cli_hex(cli, "--unpin", value, id, sizeof(id));
	if (ret)
		return ret;
	for (i = 0; i < c->manager_count; i++) {
		zkhsm_sha256(c->managers[i], ZKHSM_POINT_LEN, found);
		if (memcmp(found, id, sizeof(id)) == 0)
			break;
	}
	if (i == c->manager_count)
		return zkhsm_fail(&cli->err, -ENOKEY, "no pinned manager has the id %s", value);
	c->manager_count--;
	memmove(c->managers[i], c->managers[i + 1], (c->manager_count - i) * ZKHSM_POINT_LEN);
	memset(c->managers[c->manager_count], 0, ZKHSM_POINT_LEN);
	return 0;
}

static int apply_numbers(struct cli *cli, struct zkhsm_configuration *c)
{
	uint32_t quorum = c->quorum, stop = c->stop, wipe = c->wipe;
	int ret;

	ret = cli_u32(cli, OPT_QUORUM, 1, ZKHSM_MANAGERS_MAX, &quorum);
	ret = ret ? ret : cli_u32(cli, OPT_STOP, 1, ZKHSM_MANAGERS_MAX, &stop);
	ret = ret ? ret : cli_u32(cli, OPT_WIPE, 1, ZKHSM_MANAGERS_MAX, &wipe);
	ret = ret ? ret : cli_grace(cli, OPT_ENFORCE_GRACE, &c->enforce_grace_ms);
	ret = ret ? ret : cli_duration(cli, OPT_MAX_TTL, ZKHSM_TTL_MIN_MS, ZKHSM_TTL_MAX_MS,
				       &c->max_ttl_ms);
	c->quorum = (uint8_t)quorum;
	c->stop = (uint8_t)stop;
	c->wipe = (uint8_t)wipe;
	return ret;
}

/* What the kernel would find void is not worth the signatures of a quorum. */
static int check(struct cli *cli, const struct zkhsm_configuration *c)
{
	struct zkhsm_tolerance t;

	zkhsm_tolerance(c, &t);
	if (t.sound)
		return 0;
	zkhsm_fail(&cli->err, -EINVAL,
		   "of %u managers quorum %u, stop %u and wipe %u can not be had, or wipe is below stop",
		   c->manager_count, c->quorum, c->stop, c->wipe);
	cli->err.reason = ZKHSM_REASON_CONFIG;
	return -EINVAL;
}

int cli_change(struct cli *cli, struct cli_change *change)
{
	struct zkhsm_configuration *c = &change->config;
	uint8_t digest[32];
	int ret, len;

	memset(change, 0, sizeof(*change));
	/* Usage is said before anything is asked. */
	ret = apply_numbers(cli, &(struct zkhsm_configuration){ 0 });
	if (ret)
		return ret;
	ret = cli->value[OPT_EVIDENCE_FILE] ? from_evidence(cli, change) :
	      from_kernel(cli, change);
	ret = ret ? ret : apply_numbers(cli, c);
	for (unsigned int i = 0; i < cli->value_count[REPEAT_UNPIN] && !ret; i++)
		ret = unpin(cli, c, cli->values[REPEAT_UNPIN][i]);
	for (unsigned int i = 0; i < cli->value_count[REPEAT_PIN] && !ret; i++)
		ret = pin(cli, c, cli->values[REPEAT_PIN][i]);
	ret = ret ? ret : check(cli, c);
	if (ret)
		return ret;
	len = zkhsm_configuration_encode(c, change->bytes, sizeof(change->bytes));
	if (len < 0)
		return zkhsm_fail(&cli->err, len, "the configuration is too long");
	change->len = (size_t)len;
	/* A key that is no point would be void as well. */
	ret = zkhsm_configuration_check(change->bytes, change->len, c, &cli->err);
	if (ret)
		return ret;
	zkhsm_sha256(change->bytes, change->len, digest);
	/* To order what is in force takes back what was ordered and waits. */
	if (!memcmp(digest, change->previous, sizeof(digest)) != !!cli->value[OPT_WITHDRAW])
		return cli_usage(cli, cli->value[OPT_WITHDRAW] ?
				 "--withdraw changes nothing, so there is nothing beside it" :
				 "this would change nothing");
	return 0;
}

json_t *json_change(const struct cli_change *change)
{
	json_t *o = json_object();
	uint8_t digest[32];

	zkhsm_sha256(change->bytes, change->len, digest);
	json_put_hex(o, "hsm-id", change->hsm_id, 32);
	json_put_hex(o, "previous", change->previous, 32);
	json_put_hex(o, "configuration-digest", digest, sizeof(digest));
	json_object_set_new(o, "configuration", json_configuration(&change->config));
	json_put_tolerance(o, &change->config);
	return o;
}
