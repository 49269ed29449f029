/* The agent's signing key; see agent_key.h. */
#include "agent/record/agent_key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/beneath.h"

#define PATH_SIZE 512

struct dh_agent_key {
	EVP_PKEY *key;
	uint8_t raw[32];
	char public_key[DH_AGENT_KEY_BASE64];
};

/* SR-34: a key others could read or replace is no key. */
static int load(const char *path, EVP_PKEY **out, struct dh_err *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return dh_fail(e, errno == ENOENT ? DH_ENOENT : DH_EPERM, "cannot open %s: %s", path, strerror(errno));
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 077)) {
		close(fd);
		dh_fail(e, DH_EPERM, "%s is not a file that only uid %u can read", path, (unsigned)geteuid());
		return dh_hint(e, "if the key was exposed remove it, a new one is made; else: chmod 600 %s", path);
	}
	FILE *f = fdopen(fd, "r");
	if (!f) {
		close(fd);
		return dh_fail(e, DH_EIO, "cannot read %s: %s", path, strerror(errno));
	}
	EVP_PKEY *key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	if (!key || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) {
		EVP_PKEY_free(key);
		dh_fail(e, DH_EFAIL, "%s holds no Ed25519 key", path);
		return dh_hint(e, "restore it from a backup, or remove it: pages then have to pair again");
	}
	*out = key;
	return DH_OK;
}

static int write_key(int fd, EVP_PKEY *key)
{
	FILE *f = fdopen(fd, "w");
	if (!f) {
		close(fd);
		return DH_EIO;
	}
	bool is_written = PEM_write_PKCS8PrivateKey(f, key, NULL, NULL, 0, NULL, NULL) == 1 && !fflush(f) && !fsync(fd);
	return fclose(f) || !is_written ? DH_EIO : DH_OK;
}

/* Written whole beside its place, then linked there: of two programs doing this at once one key survives, and both
 * go on to load that. */
static int make(const char *path, struct dh_err *e)
{
	char beside[PATH_SIZE + 16];
	snprintf(beside, sizeof(beside), "%s.%d", path, (int)getpid());
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	if (!key)
		return dh_fail(e, DH_EFAIL, "cannot make an Ed25519 key");
	unlink(beside);
	int fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = fd < 0 ? DH_EIO : write_key(fd, key);
	if (!err && ((link(beside, path) && errno != EEXIST) || dh_sync_folder_of(path)))
		err = DH_EIO;
	if (err)
		dh_fail(e, err, "cannot write %s: %s", path, strerror(errno));
	unlink(beside);
	EVP_PKEY_free(key);
	return err;
}

static int key_path(char out[PATH_SIZE], const char *dir, struct dh_err *e)
{
	return snprintf(out, PATH_SIZE, "%s/agent.key", dir) < PATH_SIZE ?
		       DH_OK : dh_fail(e, DH_ELIMIT, "the path %s is too long", dir);
}

static int raw_public(EVP_PKEY *key, uint8_t out[32], const char *path, struct dh_err *e)
{
	size_t size = 32;
	return EVP_PKEY_get_raw_public_key(key, out, &size) == 1 && size == 32 ?
		       DH_OK : dh_fail(e, DH_EFAIL, "%s has no public half", path);
}

int dh_agent_key_open(struct dh_agent_key **out, const char *dir, struct dh_err *e)
{
	char path[PATH_SIZE];
	EVP_PKEY *key = NULL;
	int err = key_path(path, dir, e);
	if (err)
		return err;
	err = load(path, &key, e);
	if (err == DH_ENOENT) {
		err = make(path, e);
		if (!err)
			err = load(path, &key, e);
	}
	uint8_t raw[32];
	if (!err)
		err = raw_public(key, raw, path, e);
	if (err) {
		EVP_PKEY_free(key);
		return err;
	}
	struct dh_agent_key *k = dh_alloc(sizeof(*k));
	k->key = key;
	memcpy(k->raw, raw, sizeof(raw));
	EVP_EncodeBlock((unsigned char *)k->public_key, raw, sizeof(raw));
	*out = k;
	return DH_OK;
}

int dh_agent_key_peek(uint8_t out[32], const char *dir, struct dh_err *e)
{
	char path[PATH_SIZE];
	EVP_PKEY *key = NULL;
	int err = key_path(path, dir, e);
	if (!err)
		err = load(path, &key, e);
	if (!err)
		err = raw_public(key, out, path, e);
	EVP_PKEY_free(key);
	return err;
}

void dh_agent_key_close(struct dh_agent_key *k)
{
	if (!k)
		return;
	EVP_PKEY_free(k->key);
	free(k);
}

const char *dh_agent_key_public(const struct dh_agent_key *k)
{
	return k->public_key;
}

const uint8_t *dh_agent_key_raw(const struct dh_agent_key *k)
{
	return k->raw;
}

int dh_agent_key_sign(struct dh_agent_key *k, const void *data, size_t size, uint8_t out[64])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	size_t n = 64;
	bool is_signed = ctx && EVP_DigestSignInit(ctx, NULL, NULL, NULL, k->key) == 1 &&
			 EVP_DigestSign(ctx, out, &n, data, size) == 1 && n == 64;
	EVP_MD_CTX_free(ctx);
	return is_signed ? DH_OK : DH_EFAIL;
}

int dh_agent_key_prove(struct dh_agent_key *k, const char *nonce, const char *origin,
		       char out[DH_AGENT_PROOF_BASE64], struct dh_err *e)
{
	size_t n = strlen(nonce);
	if (n < 16 || n > 128)
		return dh_fail(e, DH_EINVAL, "nonce has %zu characters, 16 to 128 are taken", n);
	for (size_t i = 0; i < n; i++)
		if (nonce[i] <= ' ' || nonce[i] > '~')
			return dh_fail(e, DH_EINVAL, "nonce has a character outside printable ASCII");
	char text[sizeof(DH_AGENT_PROOF_CONTEXT) + 128 + 1 + 256];
	uint8_t sig[64];
	int size = snprintf(text, sizeof(text), "%s%s\n%s", DH_AGENT_PROOF_CONTEXT, nonce, origin);
	if (size >= (int)sizeof(text))
		return dh_fail(e, DH_EINVAL, "the origin is too long");
	int err = dh_agent_key_sign(k, text, (size_t)size, sig);
	if (err)
		return dh_fail(e, err, "cannot sign");
	EVP_EncodeBlock((unsigned char *)out, sig, sizeof(sig));
	return DH_OK;
}
