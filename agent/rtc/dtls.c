/* DTLS by OpenSSL, with a BIO of our own: a memory BIO would lose where datagrams begin. */
#include "agent/rtc/dtls.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/time.h>

#include "common/alloc.h"

#define MTU 1200 /* fits every road, IPv6 and TURN included */

struct dh_dtls_identity {
	SSL_CTX *context;
	BIO_METHOD *bio;
	char fingerprint[DH_DTLS_FINGERPRINT_MAX];
};

struct dh_dtls {
	SSL *ssl;
	const struct dh_dtls_ops *ops;
	void *user;
	bool is_active, is_connected, is_failed, is_wrong_peer;
	const EVP_MD *hash;
	uint8_t fingerprint[EVP_MAX_MD_SIZE];
	const uint8_t *in; /* the datagram being read, during dh_dtls_input() */
	size_t in_size;
};

/* -- BIO: one read is one datagram -- */

static int bio_write(BIO *b, const char *data, int size)
{
	struct dh_dtls *d = BIO_get_data(b);
	d->ops->send(d->user, (const uint8_t *)data, (size_t)size);
	return size;
}

static int bio_read(BIO *b, char *out, int size)
{
	struct dh_dtls *d = BIO_get_data(b);
	BIO_clear_retry_flags(b);
	if (!d->in) {
		BIO_set_retry_read(b);
		return -1;
	}
	int n = d->in_size < (size_t)size ? (int)d->in_size : size;
	memcpy(out, d->in, (size_t)n);
	d->in = NULL;
	return n;
}

static long bio_ctrl(BIO *b, int cmd, long n, void *p)
{
	return cmd == BIO_CTRL_FLUSH;
}

static BIO_METHOD *bio_method(void)
{
	BIO_METHOD *m = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "datagram");
	if (!m)
		return NULL;
	BIO_meth_set_write(m, bio_write);
	BIO_meth_set_read(m, bio_read);
	BIO_meth_set_ctrl(m, bio_ctrl);
	return m;
}

/* -- certificates -- */

static bool fingerprint_text(X509 *cert, char *out, size_t size)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n;
	if (!X509_digest(cert, EVP_sha256(), digest, &n))
		return false;
	size_t at = (size_t)snprintf(out, size, "sha-256 ");
	for (unsigned int i = 0; i < n && at + 4 < size; i++)
		at += (size_t)snprintf(out + at, size - at, "%s%02X", i ? ":" : "", digest[i]);
	return true;
}

/* "sha-256 AB:CD" -> the hash and its bytes. */
static int parse_fingerprint(struct dh_dtls *d, const char *text, struct dh_err *e)
{
	static const struct {
		const char *name;
		const EVP_MD *(*md)(void);
	} hashes[] = {{"sha-256 ", EVP_sha256}, {"sha-384 ", EVP_sha384}, {"sha-512 ", EVP_sha512}};
	for (size_t i = 0; i < sizeof(hashes) / sizeof(hashes[0]); i++) {
		if (strncasecmp(text, hashes[i].name, 8))
			continue;
		d->hash = hashes[i].md();
		size_t want = (size_t)EVP_MD_get_size(d->hash), got = 0;
		if (strlen(text + 8) != want * 3 - 1 ||
		    !OPENSSL_hexstr2buf_ex(d->fingerprint, sizeof(d->fingerprint), &got, text + 8, ':') || got != want) {
			ERR_clear_error();
			return dh_fail(e, DH_EINVAL, "malformed certificate fingerprint");
		}
		return DH_OK;
	}
	return dh_fail(e, DH_ENOTSUP, "a certificate fingerprint that is not sha-256, sha-384 or sha-512");
}

/* In place of chains of trust: the certificate is the announced one (RFC 8122, 6.2). */
static int verify(X509_STORE_CTX *store, void *arg)
{
	SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct dh_dtls *d = SSL_get_ex_data(ssl, 0);
	X509 *cert = X509_STORE_CTX_get0_cert(store);
	uint8_t digest[EVP_MAX_MD_SIZE];
	unsigned int n;
	if (cert && X509_digest(cert, d->hash, digest, &n) && !CRYPTO_memcmp(digest, d->fingerprint, n))
		return 1;
	d->is_wrong_peer = true;
	X509_STORE_CTX_set_error(store, X509_V_ERR_APPLICATION_VERIFICATION);
	return 0;
}

static X509 *self_signed(EVP_PKEY *key)
{
	uint8_t random[16];
	char name[33];
	X509 *cert = X509_new();
	if (!cert || RAND_bytes(random, sizeof(random)) != 1)
		goto fail;
	for (size_t i = 0; i < sizeof(random); i++)
		snprintf(name + 2 * i, 3, "%02x", random[i]);
	X509_NAME *subject = X509_get_subject_name(cert);
	random[0] = (uint8_t)((random[0] & 0x7f) | 1); /* positive, RFC 5280, 4.1.2.2 */
	BIGNUM *serial = BN_bin2bn(random, 8, NULL);
	bool is_ok = serial && BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)) && X509_set_version(cert, 2) &&
		     X509_gmtime_adj(X509_getm_notBefore(cert), -24 * 3600) &&
		     X509_gmtime_adj(X509_getm_notAfter(cert), 30 * 24 * 3600) &&
		     X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const uint8_t *)name, -1, -1, 0) &&
		     X509_set_issuer_name(cert, subject) && X509_set_pubkey(cert, key) &&
		     X509_sign(cert, key, EVP_sha256());
	BN_free(serial);
	if (is_ok)
		return cert;
fail:
	X509_free(cert);
	return NULL;
}

static bool configure(SSL_CTX *c, X509 *cert, EVP_PKEY *key)
{
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(c, verify, NULL);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(c, SSL_OP_NO_QUERY_MTU | SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	return SSL_CTX_set_min_proto_version(c, DTLS1_2_VERSION) && SSL_CTX_use_certificate(c, cert) == 1 &&
	       SSL_CTX_use_PrivateKey(c, key) == 1 &&
	       SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES") == 1 &&
	       SSL_CTX_set_tlsext_use_srtp(c, "SRTP_AEAD_AES_128_GCM:SRTP_AES128_CM_SHA1_80") == 0;
}

int dh_dtls_identity_create(struct dh_dtls_identity **out, struct dh_err *e)
{
	struct dh_dtls_identity *id = dh_alloc(sizeof(*id));
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = key ? self_signed(key) : NULL;
	id->context = SSL_CTX_new(DTLS_method());
	id->bio = bio_method();
	bool is_ok = cert && id->context && id->bio && configure(id->context, cert, key) &&
		     fingerprint_text(cert, id->fingerprint, sizeof(id->fingerprint));
	X509_free(cert);
	EVP_PKEY_free(key);
	if (is_ok) {
		*out = id;
		return DH_OK;
	}
	char why[120];
	ERR_error_string_n(ERR_get_error(), why, sizeof(why));
	ERR_clear_error();
	dh_dtls_identity_destroy(id);
	return dh_fail(e, DH_EFAIL, "cannot make a certificate: %s", why);
}

void dh_dtls_identity_destroy(struct dh_dtls_identity *id)
{
	if (!id)
		return;
	SSL_CTX_free(id->context);
	BIO_meth_free(id->bio);
	free(id);
}

const char *dh_dtls_identity_fingerprint(const struct dh_dtls_identity *id)
{
	return id->fingerprint;
}

/* -- the connection -- */

/* RFC 6347, 4.2.4.1 has 1 s at first for roads of unknown length; a call's round trip is known to be short, and a person
 * waits: 100 ms, then twice as long each time, as browsers do. */
static unsigned next_timeout(SSL *ssl, unsigned last_us)
{
	return !last_us ? 100000 : last_us >= 1000000 ? 2000000 : last_us * 2;
}

int dh_dtls_create(struct dh_dtls **out, struct dh_dtls_identity *id, bool is_active, const char *fingerprint,
		   const struct dh_dtls_ops *ops, void *user, struct dh_err *e)
{
	struct dh_dtls *d = dh_alloc(sizeof(*d));
	d->ops = ops;
	d->user = user;
	d->is_active = is_active;
	int err = parse_fingerprint(d, fingerprint, e);
	if (err)
		goto fail;
	d->ssl = SSL_new(id->context);
	BIO *bio = d->ssl ? BIO_new(id->bio) : NULL;
	if (!bio || !SSL_set_ex_data(d->ssl, 0, d)) {
		BIO_free(bio);
		ERR_clear_error();
		err = dh_fail(e, DH_EFAIL, "cannot make a DTLS connection");
		goto fail;
	}
	BIO_set_data(bio, d);
	BIO_set_init(bio, 1);
	SSL_set_bio(d->ssl, bio, bio);
	SSL_set_mtu(d->ssl, MTU);
	DTLS_set_timer_cb(d->ssl, next_timeout);
	if (is_active)
		SSL_set_connect_state(d->ssl);
	else
		SSL_set_accept_state(d->ssl);
	*out = d;
	return DH_OK;
fail:
	SSL_free(d->ssl);
	free(d);
	return err;
}

void dh_dtls_destroy(struct dh_dtls *d)
{
	if (!d)
		return;
	if (d->is_connected && !d->is_failed)
		SSL_shutdown(d->ssl);
	SSL_free(d->ssl);
	ERR_clear_error();
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

static void fail_now(struct dh_dtls *d, int code, const char *what)
{
	struct dh_err e = {0};
	char why[120] = "";
	unsigned long last = ERR_peek_last_error();
	if (last)
		ERR_error_string_n(last, why, sizeof(why));
	ERR_clear_error();
	if (d->is_failed)
		return;
	d->is_failed = true;
	if (d->is_wrong_peer)
		dh_fail(&e, DH_EPERM, "the other side's certificate is not the one it announced");
	else
		dh_fail(&e, code, "%s%s%s", what, why[0] ? ": " : "", why);
	d->ops->failed(d->user, &e);
}

/* RFC 5764, 4.2: client key, server key, client salt, server salt. */
static bool export_keys(struct dh_dtls *d, struct dh_srtp_keys *keys)
{
	const SRTP_PROTECTION_PROFILE *profile = SSL_get_selected_srtp_profile(d->ssl);
	if (!profile)
		return false;
	keys->profile = (enum dh_srtp_profile)profile->id;
	size_t salt = profile->id == SRTP_AEAD_AES_128_GCM ? 12 : 14;
	uint8_t all[2 * (16 + 14)];
	static const char label[] = "EXTRACTOR-dtls_srtp";
	if (SSL_export_keying_material(d->ssl, all, 2 * (16 + salt), label, sizeof(label) - 1, NULL, 0, 0) != 1)
		return false;
	uint8_t *client = d->is_active ? keys->local : keys->remote;
	uint8_t *server = d->is_active ? keys->remote : keys->local;
	memcpy(client, all, 16);
	memcpy(server, all + 16, 16);
	memcpy(client + 16, all + 32, salt);
	memcpy(server + 16, all + 32 + salt, salt);
	OPENSSL_cleanse(all, sizeof(all));
	return true;
}

static void go_on(struct dh_dtls *d)
{
	ERR_clear_error();
	if (!d->is_connected) {
		int r = SSL_do_handshake(d->ssl);
		int why = r == 1 ? SSL_ERROR_NONE : SSL_get_error(d->ssl, r);
		if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE)
			return;
		if (why != SSL_ERROR_NONE) {
			fail_now(d, DH_EPROTO, "the DTLS handshake failed");
			return;
		}
		struct dh_srtp_keys keys = {0};
		if (!export_keys(d, &keys)) {
			fail_now(d, DH_EPROTO, "no SRTP keys were agreed on");
			return;
		}
		d->is_connected = true;
		d->ops->connected(d->user, &keys);
		OPENSSL_cleanse(&keys, sizeof(keys));
		return;
	}
	uint8_t ignored[2048]; /* application data: there are no data channels */
	int r;
	do
		r = SSL_read(d->ssl, ignored, sizeof(ignored));
	while (r > 0);
	int why = SSL_get_error(d->ssl, r);
	if (why == SSL_ERROR_ZERO_RETURN)
		fail_now(d, DH_ECLOSED, "the other side ended the connection");
	else if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE)
		fail_now(d, DH_EPROTO, "DTLS failed");
}

void dh_dtls_start(struct dh_dtls *d)
{
	if (!d->is_failed && !d->is_connected)
		go_on(d);
}

void dh_dtls_input(struct dh_dtls *d, const uint8_t *data, size_t size)
{
	if (d->is_failed)
		return;
	d->in = data;
	d->in_size = size;
	go_on(d);
	d->in = NULL;
}

int64_t dh_dtls_timeout_ms(struct dh_dtls *d)
{
	struct timeval left;
	if (d->is_failed || !DTLSv1_get_timeout(d->ssl, &left))
		return -1;
	return (int64_t)left.tv_sec * 1000 + left.tv_usec / 1000 + 1;
}

void dh_dtls_timeout(struct dh_dtls *d)
{
	if (d->is_failed)
		return;
	ERR_clear_error();
	if (DTLSv1_handle_timeout(d->ssl) < 0)
		fail_now(d, DH_ETIMEDOUT, "the other side does not answer the DTLS handshake");
}

bool dh_dtls_is_connected(const struct dh_dtls *d)
{
	return d->is_connected && !d->is_failed;
}
