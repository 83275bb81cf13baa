// SPDX-License-Identifier: GPL-2.0
/*
 * server_tls.c - the server's TLS: version 1.3, no resumption
 */
#include <errno.h>
#include <openssl/err.h>

#include "server_private.h"

/*
 * A certificate that does not verify ends no handshake: its owner is then
 * nobody, as without one, and is told so by a 401 instead of by an alert. The
 * result stays in the SSL object and is read at each request.
 */
static int verify_later(int ok, X509_STORE_CTX *ctx)
{
	(void)ok;
	(void)ctx;
	return 1;
}

static int tls_fail(struct zkhsm_error *err, const char *what, const char *path)
{
	unsigned long code = ERR_peek_last_error();
	const char *reason = code ? ERR_reason_error_string(code) : NULL;

	ERR_clear_error();
	return zkhsm_fail(err, -EINVAL, "%s %s: %s", what, path, reason ? reason : "cannot be used");
}

static int use_certificate(SSL_CTX *tls, const struct server_config *c, struct zkhsm_error *err)
{
	if (SSL_CTX_use_certificate_chain_file(tls, c->certificate) != 1)
		return tls_fail(err, "certificate", c->certificate);
	if (SSL_CTX_use_PrivateKey_file(tls, c->private_key, SSL_FILETYPE_PEM) != 1)
		return tls_fail(err, "private key", c->private_key);
	if (SSL_CTX_check_private_key(tls) != 1)
		return tls_fail(err, "private key, which is not the certificate's:",
				c->private_key);
	return 0;
}

static int ask_for_clients(SSL_CTX *tls, const struct server_config *c, struct zkhsm_error *err)
{
	STACK_OF(X509_NAME) *names;

	if (!c->client_ca)
		return 0;
	if (SSL_CTX_load_verify_file(tls, c->client_ca) != 1)
		return tls_fail(err, "client CA", c->client_ca);
	names = SSL_load_client_CA_file(c->client_ca);
	if (!names)
		return tls_fail(err, "client CA", c->client_ca);
	SSL_CTX_set_client_CA_list(tls, names);
	SSL_CTX_set_verify(tls, SSL_VERIFY_PEER, verify_later);
	return 0;
}

int server_tls_new(const struct server_config *c, SSL_CTX **out, struct zkhsm_error *err)
{
	SSL_CTX *tls = SSL_CTX_new(TLS_server_method());
	int ret;

	if (!tls)
		return zkhsm_fail(err, -ENOMEM, "out of memory");
	SSL_CTX_set_min_proto_version(tls, TLS1_3_VERSION);
	/*
	 * No tickets: a resumed session would carry the verdict on a client
	 * certificate past a change of the CA, and there is no early data.
	 */
	SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(tls, SSL_OP_NO_TICKET);
	SSL_CTX_set_num_tickets(tls, 0);
	SSL_CTX_set_mode(tls, SSL_MODE_RELEASE_BUFFERS);

	ret = use_certificate(tls, c, err);
	if (!ret)
		ret = ask_for_clients(tls, c, err);
	if (ret) {
		SSL_CTX_free(tls);
		return ret;
	}
	*out = tls;
	return 0;
}

int server_check(const struct server_config *config, struct zkhsm_error *err)
{
	SSL_CTX *tls;
	int ret = server_tls_new(config, &tls, err);

	if (!ret)
		SSL_CTX_free(tls);
	return ret;
}
