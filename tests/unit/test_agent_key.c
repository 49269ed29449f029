/* The agent's key (SR-37, SR-34): made once, kept, closed to others, its proofs verify and bind the context. */
#include "agent/record/agent_key.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tst.h"

#define NONCE "0123456789abcdef"
#define ORIGIN "https://crm.example"

static char dir[64], path[80];

static int verify(const char *public_key, const char *proof, const char *text)
{
	unsigned char raw[48], sig[96];
	TST_EQ(EVP_DecodeBlock(raw, (const unsigned char *)public_key, (int)strlen(public_key)), 33);
	TST_EQ(EVP_DecodeBlock(sig, (const unsigned char *)proof, (int)strlen(proof)), 66);
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, raw, 32);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, key);
	int ok = EVP_DigestVerify(ctx, sig, 64, (const unsigned char *)text, strlen(text));
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(key);
	return ok == 1;
}

static void made_once_and_kept(void)
{
	struct dh_agent_key *a = NULL, *b = NULL;
	struct stat st;
	struct dh_err e;
	TST_EQ(dh_agent_key_open(&a, dir, &e), DH_OK);
	TST_EQ(stat(path, &st), 0);
	TST_EQ(st.st_mode & 0777, 0600);
	TST_EQ(st.st_nlink, 1);
	TST_EQ(dh_agent_key_open(&b, dir, &e), DH_OK);
	TST_STR(dh_agent_key_public(a), dh_agent_key_public(b));
	dh_agent_key_close(a);
	dh_agent_key_close(b);
}

static void proof_binds_nonce_and_context(void)
{
	struct dh_agent_key *k = NULL;
	struct dh_err e;
	char proof[DH_AGENT_PROOF_BASE64];
	TST_EQ(dh_agent_key_open(&k, dir, &e), DH_OK);
	TST_EQ(dh_agent_key_prove(k, NONCE, ORIGIN, proof, &e), DH_OK);
	TST_CHECK(verify(dh_agent_key_public(k), proof, DH_AGENT_PROOF_CONTEXT NONCE "\n" ORIGIN));
	TST_CHECK(!verify(dh_agent_key_public(k), proof, DH_AGENT_PROOF_CONTEXT NONCE "x\n" ORIGIN));
	TST_CHECK(!verify(dh_agent_key_public(k), proof, DH_AGENT_PROOF_CONTEXT NONCE "\n" ORIGIN ".evil"));
	TST_CHECK(!verify(dh_agent_key_public(k), proof, NONCE));
	dh_agent_key_close(k);
}

static void nonce_is_checked(void)
{
	struct dh_agent_key *k = NULL;
	struct dh_err e;
	char proof[DH_AGENT_PROOF_BASE64], lengthy[130];
	memset(lengthy, 'n', 129);
	lengthy[129] = '\0';
	TST_EQ(dh_agent_key_open(&k, dir, &e), DH_OK);
	TST_EQ(dh_agent_key_prove(k, "short", ORIGIN, proof, &e), DH_EINVAL);
	TST_EQ(dh_agent_key_prove(k, lengthy, ORIGIN, proof, &e), DH_EINVAL);
	TST_EQ(dh_agent_key_prove(k, lengthy + 1, ORIGIN, proof, &e), DH_OK);
	TST_EQ(dh_agent_key_prove(k, NONCE "\n", ORIGIN, proof, &e), DH_EINVAL);
	dh_agent_key_close(k);
}

static void exposed_key_is_refused(void)
{
	struct dh_agent_key *k = NULL;
	struct dh_err e = {0};
	TST_EQ(chmod(path, 0640), 0);
	TST_EQ(dh_agent_key_open(&k, dir, &e), DH_EPERM);
	TST_CHECK(strstr(e.text, "agent.key") && e.hint[0]);
	TST_EQ(chmod(path, 0600), 0);
	TST_EQ(truncate(path, 30), 0);
	TST_EQ(dh_agent_key_open(&k, dir, &e), DH_EFAIL);
	TST_EQ(unlink(path), 0);
	TST_EQ(symlink("/dev/null", path), 0);
	TST_EQ(dh_agent_key_open(&k, dir, &e), DH_EPERM);
	TST_CHECK(!k);
	unlink(path);
	rmdir(dir);
}

static void makes_directory(void)
{
	snprintf(dir, sizeof(dir), "/tmp/dh-key-XXXXXX");
	TST_CHECK(mkdtemp(dir) != NULL);
	snprintf(path, sizeof(path), "%s/agent.key", dir);
}

TST_MAIN({"scratch directory", makes_directory}, {"made once and kept", made_once_and_kept},
	 {"a proof binds nonce and context", proof_binds_nonce_and_context}, {"nonces are checked", nonce_is_checked},
	 {"an exposed key is refused", exposed_key_is_refused})
