// SPDX-License-Identifier: GPL-2.0
/*
 * key_pkcs11.c - the order key in a PKCS#11 token, by a URI of RFC 7512
 *
 * p11-kit reads the URI, libp11 speaks with the module. The key is made by who sets
 * up the token. The PIN is in a file that the URI names (pin-source=file:/PATH): it is
 * never in the configuration, the arguments or the environment.
 */
#include <errno.h>
#include <libp11.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <p11-kit/p11-kit.h>
#include <p11-kit/uri.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "key.h"

#define PIN_MAX		256
/* All modules that p11-kit is configured with, unless the URI has module-path. */
#define PROXY		"p11-kit-proxy.so"

struct token {
	PKCS11_CTX *ctx;
	PKCS11_SLOT *slots;
	unsigned int count;
	bool loaded;
};

static int fail(struct zkhsm_error *err, int ret, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return zkhsm_fail(err, ret, "%s: %s", what, reason ? reason : strerror(-ret));
}

static void close_token(void *handle)
{
	struct token *t = handle;

	if (!t)
		return;
	if (t->slots)
		PKCS11_release_all_slots(t->ctx, t->slots, t->count);
	if (t->loaded)
		PKCS11_CTX_unload(t->ctx);
	if (t->ctx)
		PKCS11_CTX_free(t->ctx);
	free(t);
}

/* A field of fixed length, padded with spaces, as the URI has it; or not given. */
static bool field_is(const unsigned char *field, size_t len, const char *text)
{
	if (!field[0])
		return true;
	while (len && (field[len - 1] == ' ' || !field[len - 1]))
		len--;
	return text && strlen(text) == len && memcmp(field, text, len) == 0;
}

static PKCS11_SLOT *find_slot(struct token *t, P11KitUri *uri)
{
	CK_TOKEN_INFO *want = p11_kit_uri_get_token_info(uri);

	for (unsigned int i = 0; i < t->count; i++) {
		const PKCS11_TOKEN *is = t->slots[i].token;

		if (is && is->initialized && field_is(want->label, sizeof(want->label), is->label) &&
		    field_is(want->serialNumber, sizeof(want->serialNumber), is->serialnr) &&
		    field_is(want->model, sizeof(want->model), is->model) &&
		    field_is(want->manufacturerID, sizeof(want->manufacturerID),
			     is->manufacturer))
			return &t->slots[i];
	}
	return NULL;
}

/* The first line of a file that nobody else can read. */
static int read_pin(const char *source, char pin[PIN_MAX], struct zkhsm_error *err)
{
	const char *path = strncmp(source, "file:", 5) == 0 ? source + 5 : source;
	struct stat st;
	uint8_t *data;
	size_t len;
	int ret;

	if (strncmp(path, "///", 3) == 0)
		path += 2;
	if (path[0] != '/')
		return zkhsm_fail(err, -EINVAL, "pin-source has to be file:/PATH, not %s", source);
	if (stat(path, &st))
		return zkhsm_fail(err, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_mode & 077)
		return zkhsm_fail(err, -EACCES,
				  "%s has mode %03o: a PIN that others may read or write is not used",
				  path, st.st_mode & 0777);
	ret = zkhsm_read_file(path, PIN_MAX - 1, &data, &len, err);
	if (ret)
		return ret;
	memcpy(pin, data, len);
	pin[len] = '\0';
	pin[strcspn(pin, "\r\n")] = '\0';
	OPENSSL_cleanse(data, len);
	free(data);
	return pin[0] ? 0 : zkhsm_fail(err, -EINVAL, "%s is empty", path);
}

static int login(PKCS11_SLOT *slot, P11KitUri *uri, struct zkhsm_error *err)
{
	const char *source = p11_kit_uri_get_pin_source(uri);
	char pin[PIN_MAX];
	int ret;

	if (p11_kit_uri_get_pin_value(uri))
		return zkhsm_fail(err, -EINVAL,
				  "a PIN does not belong into the configuration: pin-source=file:/PATH");
	if (!slot->token->loginRequired)
		return 0;
	if (!source)
		return zkhsm_fail(err, -EINVAL, "the token wants a PIN: pin-source=file:/PATH");
	ret = read_pin(source, pin, err);
	if (!ret && PKCS11_login(slot, 0, pin))
		ret = fail(err, -EKEYREJECTED, "the token refuses the PIN");
	OPENSSL_cleanse(pin, sizeof(pin));
	return ret;
}

static bool key_fits(const PKCS11_KEY *key, P11KitUri *uri)
{
	CK_ATTRIBUTE *label = p11_kit_uri_get_attribute(uri, CKA_LABEL);
	CK_ATTRIBUTE *id = p11_kit_uri_get_attribute(uri, CKA_ID);

	if (!key->isPrivate)
		return false;
	if (label && (!key->label || strlen(key->label) != label->ulValueLen ||
		      memcmp(key->label, label->pValue, label->ulValueLen) != 0))
		return false;
	return !id || (key->id_len == id->ulValueLen &&
		       memcmp(key->id, id->pValue, id->ulValueLen) == 0);
}

/* One that is meant, not the first that fits. */
static int find_key(PKCS11_TOKEN *token, P11KitUri *uri, EVP_PKEY **out, struct zkhsm_error *err)
{
	PKCS11_KEY *keys = NULL, *found = NULL;
	unsigned int count = 0;

	if (PKCS11_enumerate_keys(token, &keys, &count))
		return fail(err, -EIO, "the token's keys cannot be listed");
	for (unsigned int i = 0; i < count; i++) {
		if (!key_fits(&keys[i], uri))
			continue;
		if (found)
			return zkhsm_fail(err, -ENOTUNIQ,
					  "order_key fits more than one private key of the token");
		found = &keys[i];
	}
	if (!found)
		return zkhsm_fail(err, -ENOENT, "the token has no private key as order_key says");
	*out = PKCS11_get_private_key(found);
	return *out ? 0 : fail(err, -EIO, "the token's key cannot be used");
}

static int open_uri(struct token *t, P11KitUri *uri, EVP_PKEY **key, struct zkhsm_error *err)
{
	const char *module = p11_kit_uri_get_module_path(uri);
	PKCS11_SLOT *slot;
	int ret;

	if (!p11_kit_uri_get_attribute(uri, CKA_LABEL) && !p11_kit_uri_get_attribute(uri, CKA_ID))
		return zkhsm_fail(err, -EINVAL, "order_key has to name the key, by object= or id=");
	t->ctx = PKCS11_CTX_new();
	if (!t->ctx)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	if (PKCS11_CTX_load(t->ctx, module ? module : PROXY))
		return fail(err, -ENOENT, module ? module : PROXY);
	t->loaded = true;
	if (PKCS11_enumerate_slots(t->ctx, &t->slots, &t->count))
		return fail(err, -EIO, "the PKCS#11 module's slots cannot be listed");
	slot = find_slot(t, uri);
	if (!slot)
		return zkhsm_fail(err, -ENOENT, "there is no token as order_key says");
	ret = login(slot, uri, err);
	return ret ? ret : find_key(slot->token, uri, key, err);
}

static int open_pkcs11(const char *what, const char *dir, bool make, struct zkhsmd_order_key *out,
		       struct zkhsm_error *err)
{
	struct token *t = calloc(1, sizeof(*t));
	P11KitUri *uri = p11_kit_uri_new();
	int code, ret;

	(void)dir;
	(void)make;
	if (!t || !uri) {
		ret = zkhsm_fail(err, -ENOMEM, "out of memory");
		goto out;
	}
	code = p11_kit_uri_parse(what, P11_KIT_URI_FOR_ANY, uri);
	if (code != P11_KIT_URI_OK || p11_kit_uri_any_unrecognized(uri))
		ret = zkhsm_fail(err, -EINVAL, "order_key is no PKCS#11 URI: %s",
				 code ? p11_kit_uri_message(code) : "an attribute is not known");
	else
		ret = open_uri(t, uri, &out->pkey, err);
out:
	p11_kit_uri_free(uri);
	if (ret)
		close_token(t);
	else
		out->handle = t;
	return ret;
}

const struct zkhsmd_key_backend zkhsmd_key_pkcs11_backend = {
	.prefix = "pkcs11:",
	.open = open_pkcs11,
	.close = close_token,
};
