// SPDX-License-Identifier: GPL-2.0
/*
 * Shares of a KEK among administrators, made off line, and their form on
 * paper or on a stick: a file of one share, or its characters typed in.
 *
 * The form has what a person must know to keep a share and to bring the right
 * one: the KEK's id, which share of how many, how many it takes, and a label.
 */
#include <openssl/crypto.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>

#include "lib_private.h"
#include "shamir.h"

#define N (&zkhsm_p256_n)

#define BEGIN	"-----BEGIN ZKHSM SHARE-----\n"
#define END	"-----END ZKHSM SHARE-----\n"
#define BLANKS	" \t\r\n"

/* Characters of a share in base64url, without padding. */
#define CODE_LEN	((ZKHSM_SHARE_LEN * 8 + 5) / 6)
/* Groups that an eye can hold, a few to a line. */
#define GROUP		6
#define GROUPS		5

/**
 * zkhsm_kek_id() - what tells one KEK from others
 * @kek: 32 bytes
 * @id: leftmost 16 bytes of HMAC-SHA-512(KEK, "zkhsm kek id v1")
 * @err: why not
 *
 * Return: 0 or -EIO.
 */
int zkhsm_kek_id(const uint8_t kek[ZKHSM_KEK_LEN], uint8_t id[ZKHSM_KEK_ID_LEN],
		 struct zkhsm_error *err)
{
	static const uint8_t label[] = "zkhsm kek id v1";
	uint8_t mac[EVP_MAX_MD_SIZE];
	unsigned int len;

	if (!HMAC(EVP_sha512(), kek, ZKHSM_KEK_LEN, label, sizeof(label) - 1, mac, &len))
		return zkhsm_fail(err, -EIO, "HMAC-SHA-512 fails");
	memcpy(id, mac, ZKHSM_KEK_ID_LEN);
	OPENSSL_cleanse(mac, sizeof(mac));
	return 0;
}

/* Within 2^-128 of uniform below the group's order. */
static int random_scalar(struct zkhsm_scalar *r, struct zkhsm_error *err)
{
	uint8_t wide[48];

	if (RAND_priv_bytes(wide, sizeof(wide)) != 1)
		return zkhsm_fail(err, -EIO, "no random bytes");
	zkhsm_scalar_reduce_wide(r, wide, N);
	OPENSSL_cleanse(wide, sizeof(wide));
	return 0;
}

/* The KEK first, then what hides it. */
static int draw_polynomial(const uint8_t *kek, uint32_t threshold, struct zkhsm_scalar *c,
			   struct zkhsm_error *err)
{
	int ret;

	if (kek && zkhsm_scalar_from_be(&c[0], kek, N))
		return zkhsm_fail(err, -ERANGE, "this KEK cannot be shared: it is not below the "
				  "order of P-256; draw another one");
	ret = kek ? 0 : random_scalar(&c[0], err);
	for (uint32_t i = 1; !ret && i < threshold; i++)
		ret = random_scalar(&c[i], err);
	return ret;
}

/* The check behind the rest finds what was mistyped. */
static int write_share(const struct zkhsm_share *share, uint8_t out[ZKHSM_SHARE_LEN])
{
	uint8_t digest[32];

	if (zkhsm_share_encode(share, out, ZKHSM_SHARE_LEN) != ZKHSM_SHARE_CHECKED_LEN)
		return -EINVAL;
	zkhsm_sha256(out, ZKHSM_SHARE_CHECKED_LEN, digest);
	memcpy(out + ZKHSM_SHARE_CHECKED_LEN, digest, ZKHSM_SHARE_CHECK_LEN);
	OPENSSL_cleanse(digest, sizeof(digest));
	return 0;
}

/* The last @threshold of @count shares are to make the KEK again, as they will have to. */
static int try_shares(const struct zkhsm_scalar *y, uint32_t threshold, uint32_t count,
		      const struct zkhsm_scalar *kek, struct zkhsm_error *err)
{
	uint8_t index[ZKHSM_SHARES_MAX];
	struct zkhsm_scalar made;
	uint32_t first = count - threshold;
	int ret;

	for (uint32_t i = 0; i < threshold; i++)
		index[i] = (uint8_t)(first + i + 1);
	ret = zkhsm_shamir_combine(index, y + first, threshold, &made);
	if (ret || crypto_memneq(&made, kek, sizeof(made)))
		ret = zkhsm_fail(err, -EIO, "the shares do not make the KEK again");
	OPENSSL_cleanse(&made, sizeof(made));
	return ret;
}

/**
 * zkhsm_share_split() - share a KEK
 * @kek: 32 bytes; NULL: a new one, which nobody gets to know but from shares
 * @threshold: how many shares make it, 2 to @count
 * @count: how many there are, at most ZKHSM_SHARES_MAX
 * @out: @count shares, of indices 1 to @count; secret, the caller wipes them
 * @kek_id: of the KEK
 * @err: why not
 *
 * Return: 0; -EINVAL (numbers), -ERANGE (a KEK given that cannot be shared),
 * -EIO.
 */
int zkhsm_share_split(const uint8_t *kek, uint32_t threshold, uint32_t count,
		      uint8_t (*out)[ZKHSM_SHARE_LEN], uint8_t kek_id[ZKHSM_KEK_ID_LEN],
		      struct zkhsm_error *err)
{
	struct zkhsm_scalar c[ZKHSM_SHARES_MAX], y[ZKHSM_SHARES_MAX];
	struct zkhsm_share share = { .threshold = (uint8_t)threshold };
	uint8_t key[ZKHSM_KEK_LEN];
	int ret;

	if (threshold < 2 || threshold > count || count > ZKHSM_SHARES_MAX)
		return zkhsm_fail(err, -EINVAL, "a threshold of %u with %u shares: it is 2 or "
				  "more, and there are as many shares or more, up to %u",
				  threshold, count, ZKHSM_SHARES_MAX);
	ret = draw_polynomial(kek, threshold, c, err);
	if (ret)
		goto out;
	zkhsm_scalar_to_be(key, &c[0], N);
	ret = zkhsm_kek_id(key, share.kek_id, err);
	for (uint32_t i = 0; !ret && i < count; i++) {
		zkhsm_shamir_split(c, threshold, i + 1, &y[i]);
		share.index = (uint8_t)(i + 1);
		zkhsm_scalar_to_be(share.y, &y[i], N);
		if (write_share(&share, out[i]))
			ret = zkhsm_fail(err, -EIO, "a share cannot be encoded");
	}
	if (!ret)
		ret = try_shares(y, threshold, count, &c[0], err);
	memcpy(kek_id, share.kek_id, ZKHSM_KEK_ID_LEN);
out:
	OPENSSL_cleanse(c, sizeof(c));
	OPENSSL_cleanse(y, sizeof(y));
	OPENSSL_cleanse(key, sizeof(key));
	OPENSSL_cleanse(&share, sizeof(share));
	if (ret)
		OPENSSL_cleanse(out, count * sizeof(*out));
	return ret;
}

/* Return: 0, or -EBADMSG unless it is a share, typed without a mistake. */
static int check_share(const uint8_t data[ZKHSM_SHARE_LEN], struct zkhsm_share *share,
		       struct zkhsm_error *err)
{
	struct zkhsm_scalar y;
	uint8_t digest[32];
	int ret = 0;

	zkhsm_sha256(data, ZKHSM_SHARE_CHECKED_LEN, digest);
	if (crypto_memneq(digest, data + ZKHSM_SHARE_CHECKED_LEN, ZKHSM_SHARE_CHECK_LEN))
		ret = zkhsm_fail(err, -EBADMSG,
				 "this is no share, or it was mistyped: its check is wrong");
	else if (zkhsm_share_decode(share, data, ZKHSM_SHARE_CHECKED_LEN) ||
		 zkhsm_scalar_from_be(&y, share->y, N))
		ret = zkhsm_fail(err, -EBADMSG, "this is not the encoding of a share");
	OPENSSL_cleanse(&y, sizeof(y));
	OPENSSL_cleanse(digest, sizeof(digest));
	return ret;
}

static bool label_valid(const char *label)
{
	size_t len = strlen(label);

	if (!len || len > ZKHSM_LABEL_MAX_LEN)
		return false;
	for (; *label; label++)
		if ((unsigned char)*label < ' ' || *label == 0x7f)
			return false;
	return true;
}

/* In groups and lines, as a person copies it. */
static void group_code(const char *code, char *out)
{
	for (size_t i = 0; code[i]; i++) {
		if (i && i % GROUP == 0)
			*out++ = i % (GROUP * GROUPS) ? ' ' : '\n';
		*out++ = code[i];
	}
	*out = '\0';
}

/**
 * zkhsm_share_text() - a share as a file for people
 * @data: the share
 * @count: how many there are of its KEK
 * @label: what people call the KEK, or NULL
 * @text: the file, terminated; secret, the caller wipes it
 * @err: why not
 *
 * Return: 0; -EBADMSG (no share); -EINVAL (label, or count); -ENOMEM.
 */
int zkhsm_share_text(const uint8_t data[ZKHSM_SHARE_LEN], uint32_t count, const char *label,
		     char text[ZKHSM_SHARE_TEXT_SIZE], struct zkhsm_error *err)
{
	char *code = NULL, *id = NULL, groups[2 * CODE_LEN];
	struct zkhsm_share share;
	int ret;

	ret = check_share(data, &share, err);
	if (ret)
		goto out;
	if ((label && !label_valid(label)) || count < share.index || count < share.threshold ||
	    count > ZKHSM_SHARES_MAX) {
		ret = zkhsm_fail(err, -EINVAL, "a label is one line of 1 to %u bytes, and there "
				 "are at most %u shares", ZKHSM_LABEL_MAX_LEN, ZKHSM_SHARES_MAX);
		goto out;
	}
	code = zkhsm_b64(data, ZKHSM_SHARE_LEN);
	id = zkhsm_hex(share.kek_id, sizeof(share.kek_id));
	if (!code || !id) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	group_code(code, groups);
	snprintf(text, ZKHSM_SHARE_TEXT_SIZE,
		 BEGIN "%s%s%skek-id: %s\nshare: %u of %u\nthreshold: %u\n\n%s\n" END,
		 label ? "label: " : "", label ? label : "", label ? "\n" : "", id, share.index,
		 count, share.threshold, groups);
out:
	if (code)
		OPENSSL_cleanse(code, strlen(code));
	free(code);
	free(id);
	OPENSSL_cleanse(groups, sizeof(groups));
	OPENSSL_cleanse(&share, sizeof(share));
	return ret;
}

/* Characters of base64url that stand in @text up to @end, blanks between them or not. */
static int read_code(const char *text, const char *end, uint8_t out[ZKHSM_SHARE_LEN],
		     struct zkhsm_error *err)
{
	char code[CODE_LEN + 1];
	uint8_t *data = NULL;
	size_t n = 0, len;
	int ret;

	for (; text < end; text++) {
		if (strchr(BLANKS, *text))
			continue;
		if (n == CODE_LEN)
			break;
		code[n++] = *text;
	}
	code[n] = '\0';
	ret = text < end || n < CODE_LEN ? -EBADMSG : zkhsm_unb64(code, &data, &len);
	OPENSSL_cleanse(code, sizeof(code));
	if (ret == -ENOMEM)
		return zkhsm_fail(err, ret, "out of memory");
	if (ret)
		return zkhsm_fail(err, -EBADMSG, "a share is %d letters, digits, - and _, and "
				  "blanks between them", CODE_LEN);
	memcpy(out, data, ZKHSM_SHARE_LEN);
	OPENSSL_cleanse(data, len);
	free(data);
	return 0;
}

/* The file is what this library would write, and nothing else. */
static int check_file(const char *text, const uint8_t share[ZKHSM_SHARE_LEN],
		      struct zkhsm_error *err)
{
	char label[ZKHSM_LABEL_MAX_LEN + 1] = "", again[ZKHSM_SHARE_TEXT_SIZE] = "";
	const char *p = text + strlen(BEGIN);
	unsigned long count = 0;
	int ret;

	if (strncmp(p, "label: ", 7) == 0) {
		p += 7;
		snprintf(label, sizeof(label), "%.*s", (int)strcspn(p, "\n"), p);
		p += strcspn(p, "\n");
	}
	p = strstr(p, " of ");
	if (p)
		count = strtoul(p + 4, NULL, 10);
	ret = zkhsm_share_text(share, (uint32_t)count, *label ? label : NULL, again, NULL);
	if (ret != -ENOMEM && strcmp(again, text) != 0)
		ret = -EBADMSG;
	OPENSSL_cleanse(again, sizeof(again));
	return ret ? zkhsm_fail(err, ret, "this file is not as it was written: what stands above "
				"the share does not belong to it") : 0;
}

/**
 * zkhsm_share_parse() - read a share from its file, or as it was typed
 * @text: terminated: the whole file as zkhsm_share_text() has written it, or
 *	the characters between its lines, with blanks as one likes
 * @share: the share; secret, the caller wipes it
 * @err: why not
 *
 * Return: 0; -EBADMSG (mistyped, or something else); -ENOMEM.
 */
int zkhsm_share_parse(const char *text, uint8_t share[ZKHSM_SHARE_LEN], struct zkhsm_error *err)
{
	bool file = strncmp(text, BEGIN, strlen(BEGIN)) == 0;
	const char *code = text, *end = text + strlen(text);
	struct zkhsm_share decoded;
	int ret;

	if (file) {
		code = strstr(text, "\n\n");
		end = code ? strstr(code, "\n" END) : NULL;
		if (!end)
			return zkhsm_fail(err, -EBADMSG, "this file is not whole");
	}
	ret = read_code(code, end, share, err);
	ret = ret ? ret : check_share(share, &decoded, err);
	OPENSSL_cleanse(&decoded, sizeof(decoded));
	if (!ret && file)
		ret = check_file(text, share, err);
	if (ret)
		OPENSSL_cleanse(share, ZKHSM_SHARE_LEN);
	return ret;
}
