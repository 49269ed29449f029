/* The agent's own Ed25519 key: by it a page that paired once tells this agent from another program that took its port
 * (SR-37), and it signs recordings. Kept in "$XDG_STATE_HOME/deskhand/agent.key" (PKCS #8 PEM, 0600), made on first use. */
#ifndef DH_RECORD_AGENT_KEY_H
#define DH_RECORD_AGENT_KEY_H

#include <stddef.h>
#include <stdint.h>

#include "common/err.h"

#define DH_AGENT_KEY_BASE64 48   /* public key, 32 bytes, as base64 with its NUL, rounded up */
#define DH_AGENT_PROOF_BASE64 96 /* signature, 64 bytes, likewise */

/* What is signed: this, the nonce, a line feed, the origin the agent takes the page for (js/src/hello.js checks it).
 * So a proof is good for nothing else and for no other page. */
#define DH_AGENT_PROOF_CONTEXT "deskhand-hello-v1\n"

struct dh_agent_key;

/* Load the key from directory dir (the state directory), or make it there. Reads the disk: a few
 * milliseconds; call it when the first proof is asked for. Loop thread or any one thread.
 * Errors: DH_EPERM the file is not ours or others may read it; DH_EIO; DH_EFAIL unreadable key. */
int dh_agent_key_open(struct dh_agent_key **out, const char *dir, struct dh_err *e);
void dh_agent_key_close(struct dh_agent_key *k);

/* The public half of the key in dir, if there is one. Errors: DH_ENOENT none; as dh_agent_key_open(). Any thread. */
int dh_agent_key_peek(uint8_t out[32], const char *dir, struct dh_err *e);

/* The public key, 32 bytes; and as base64. Any thread. */
const uint8_t *dh_agent_key_raw(const struct dh_agent_key *k);
const char *dh_agent_key_public(const struct dh_agent_key *k);

/* Sign size bytes. Any thread, one at a time. Errors: DH_EFAIL. Source: RFC 8032. */
int dh_agent_key_sign(struct dh_agent_key *k, const void *data, size_t size, uint8_t out[64]);

/* Answer a page's nonce: base64 of the signature, `proof` of agent.hello; dh_agent_key_public() is its `key`.
 * nonce: 16 to 128 printable ASCII characters; origin: up to 255 bytes. Errors: DH_EINVAL another length or character. */
int dh_agent_key_prove(struct dh_agent_key *k, const char *nonce, const char *origin,
		       char out[DH_AGENT_PROOF_BASE64], struct dh_err *e);

#endif
