// SPDX-License-Identifier: GPL-2.0
/*
 * server_peer.c - who the client is, by a certificate that verified
 *
 * Rights hang on the common name, so it is taken exactly or not at all: one, of
 * printable characters, and nothing that a string would end before.
 */
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#include "server_private.h"

/* Characters that look like none, that turn the direction of what is shown, or are none. */
static bool unseen(uint32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || (c >= 0x200b && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) || c == 0xfeff ||
	       c == 0x061c || (c >= 0xe0000 && c <= 0xe007f) || c > 0x10ffff;
}

static bool printable(const unsigned char *text, int len)
{
	unsigned long c;

	for (int used; len > 0; text += used, len -= used) {
		used = UTF8_getc(text, len, &c);
		if (used <= 0 || unseen((uint32_t)c))
			return false;
	}
	return true;
}

static void take_cn(struct server_conn *c, X509_NAME *subject)
{
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1), len;
	unsigned char *text = NULL;

	if (at < 0)
		return;
	c->peer_cn_bad = true;
	if (X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return;
	len = ASN1_STRING_to_UTF8(&text,
				  X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at)));
	if (len > 0 && len <= SERVER_CN_MAX && printable(text, len)) {
		memcpy(c->peer_cn, text, (size_t)len);
		c->peer_cn_bad = false;
	}
	if (len >= 0)
		OPENSSL_free(text);
}

/* By the CA of today: that of the handshake may be the one that was replaced. */
static bool verified(const struct server_conn *c, X509 *cert)
{
	X509_STORE_CTX *ctx;
	bool ok;

	if (c->era == c->server->era)
		return SSL_get_verify_result(c->ssl) == X509_V_OK;
	ctx = X509_STORE_CTX_new();
	ok = ctx && X509_STORE_CTX_init(ctx, SSL_CTX_get_cert_store(c->server->tls), cert,
					SSL_get_peer_cert_chain(c->ssl)) == 1 &&
	     X509_STORE_CTX_set_default(ctx, "ssl_client") == 1 && X509_verify_cert(ctx) == 1;
	X509_STORE_CTX_free(ctx);
	return ok;
}

static void forget(struct server_conn *c)
{
	c->peer[0] = '\0';
	c->peer_cn[0] = '\0';
	c->peer_cn_bad = false;
}

/*
 * Once per connection, and once more after each reload; but that it has not expired,
 * each time: a connection that is kept shall not outlive its certificate.
 */
void server_conn_peer(struct server_conn *c)
{
	unsigned int len = sizeof(c->peer_x5t);
	X509 *cert = SSL_get0_peer_certificate(c->ssl);

	if (c->peer_known) {
		if (c->peer[0] && X509_cmp_current_time(X509_get0_notAfter(cert)) <= 0)
			forget(c);
		return;
	}
	c->peer_known = true;
	forget(c);
	if (!cert || !verified(c, cert) ||
	    X509_digest(cert, EVP_sha256(), c->peer_x5t, &len) != 1)
		return;
	X509_NAME_oneline(X509_get_subject_name(cert), c->peer, sizeof(c->peer));
	if (!c->peer[0])
		strcpy(c->peer, "/");	/* an empty subject is somebody too */
	take_cn(c, X509_get_subject_name(cert));
}
