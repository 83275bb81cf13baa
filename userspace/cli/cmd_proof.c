// SPDX-License-Identifier: GPL-2.0
/*
 * cmd_proof.c - proof of possession of one key, RFC 8235
 *
 * The file that "get --out" writes and "verify" reads is a JSON object: id,
 * public, user-id, other-info (absent if there was none), proof; binaries in
 * hex.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

#define PROOF_FILE_MAX	16384

struct inputs {
	uint8_t user_id[ZKHSM_USER_ID_MAX_LEN], other[ZKHSM_OTHER_INFO_MAX_LEN];
	ssize_t user_id_len, other_len;		/* -1: not given */
};

static int inputs(struct cli *cli, struct inputs *in)
{
	int ret;

	ret = cli_bytes(cli, OPT_USER_ID, OPT_USER_ID_HEX, sizeof(in->user_id), in->user_id,
			&in->user_id_len);
	return ret ? ret : cli_bytes(cli, OPT_OTHER, OPT_OTHER_HEX, sizeof(in->other), in->other,
				     &in->other_len);
}

int cmd_proof_get(struct cli *cli)
{
	uint8_t public[65], proof[97];
	struct inputs in;
	bool done = false;
	char *text;
	json_t *o;
	int ret;

	ret = inputs(cli, &in);
	if (!ret && in.user_id_len < 0)
		ret = cli_usage(cli, "needs --user-id or --user-id-hex");
	ret = ret ? ret : cli_open(cli);
	ret = ret ? ret : zkhsm_proof_get(cli->nl, cli->args[0], in.user_id,
					  (size_t)in.user_id_len,
					  in.other_len < 0 ? NULL : in.other,
					  in.other_len < 0 ? 0 : (size_t)in.other_len,
					  public, proof, &cli->err);
	if (ret)
		return ret;
	o = json_object();
	json_put_text(o, "id", cli->args[0]);
	json_put_hex(o, "public", public, sizeof(public));
	json_put_hex(o, "user-id", in.user_id, (size_t)in.user_id_len);
	if (in.other_len >= 0)
		json_put_hex(o, "other-info", in.other, (size_t)in.other_len);
	json_put_hex(o, "proof", proof, sizeof(proof));
	text = json_dumps(o, JSON_INDENT(2));
	if (!text)
		ret = zkhsm_fail(&cli->err, -ENOMEM, "out of memory");
	else
		ret = cli_write_out(cli, text, strlen(text), 0644, &done);
	free(text);
	if (!ret && (!done || cli->json))
		return cli_emit(cli, o);
	json_decref(o);
	return ret;
}

/* A hex member of the file into at most @max bytes; *len -1 when absent. */
static int member(struct cli *cli, const json_t *o, const char *name, uint8_t *out, size_t max,
		  ssize_t *len)
{
	const json_t *v = json_object_get(o, name);
	const char *hex = json_string_value(v);
	size_t n = hex ? strlen(hex) : 0;

	*len = -1;
	if (!v)
		return 0;
	if (!hex || n % 2 || n / 2 > max || (n && zkhsm_unhex(hex, out, n / 2)))
		return zkhsm_fail(&cli->err, -EBADMSG, "%s in the file is not hex of at most %zu bytes", name,
				  max);
	*len = (ssize_t)(n / 2);
	return 0;
}

/* What was asked for on the command line must be what the proof is about. */
static int expect(struct cli *cli, const char *what, const uint8_t *wanted, ssize_t wanted_len,
		  const uint8_t *found, ssize_t len)
{
	if (wanted_len < 0)
		return 0;
	if (len != wanted_len || memcmp(wanted, found, (size_t)len) != 0)
		return zkhsm_fail(&cli->err, -EKEYREJECTED, "the proof is for another %s", what);
	return 0;
}

static int check(struct cli *cli, const json_t *file, const uint8_t wanted[65])
{
	uint8_t public[65], proof[97];
	struct inputs asked, in;
	ssize_t public_len, proof_len;
	int ret;

	ret = inputs(cli, &asked);
	ret = ret ? ret : member(cli, file, "public", public, sizeof(public), &public_len);
	ret = ret ? ret : member(cli, file, "proof", proof, sizeof(proof), &proof_len);
	ret = ret ? ret : member(cli, file, "user-id", in.user_id, sizeof(in.user_id),
				 &in.user_id_len);
	ret = ret ? ret : member(cli, file, "other-info", in.other, sizeof(in.other),
				 &in.other_len);
	if (ret)
		return ret;
	if (public_len != 65 || proof_len != 97 || in.user_id_len < 1)
		return zkhsm_fail(&cli->err, -EBADMSG,
				  "the file lacks public, user-id or proof, or they are short");
	ret = expect(cli, "key", wanted, 65, public, public_len);
	ret = ret ? ret : expect(cli, "user-id", asked.user_id, asked.user_id_len, in.user_id,
				 in.user_id_len);
	ret = ret ? ret : expect(cli, "other-info", asked.other, asked.other_len, in.other,
				 in.other_len);
	return ret ? ret : zkhsm_verify_proof(public, in.user_id, (size_t)in.user_id_len,
					      in.other_len < 0 ? NULL : in.other,
					      in.other_len < 0 ? 0 : (size_t)in.other_len,
					      proof, &cli->err);
}

int cmd_proof_verify(struct cli *cli)
{
	uint8_t wanted[65], *data;
	json_t *file = NULL, *o;
	size_t len;
	int ret;

	ret = cli_hex(cli, "--public", cli->value[OPT_PUBLIC], wanted, sizeof(wanted));
	ret = ret ? ret : zkhsm_read_file(cli->args[0], PROOF_FILE_MAX, &data, &len, &cli->err);
	if (ret)
		return ret;
	ret = cli_json_load(cli, cli->args[0], data, len, &file);
	free(data);
	ret = ret ? ret : check(cli, file, wanted);
	if (!ret) {
		o = json_pack("{s:b}", "proved", 1);
		json_object_set(o, "public", json_object_get(file, "public"));
		json_object_set(o, "user-id", json_object_get(file, "user-id"));
		ret = cli_emit(cli, o);
	}
	json_decref(file);
	return ret;
}
