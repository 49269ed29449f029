/* The evidence chain of a recording: links in `uuid` boxes, each with the SHA-256 of all bytes since the link before it and
 * chained to that one (EV-01, EV-05). docs/evidence.md has the format byte by byte. This file makes links and takes
 * them apart; it reads and writes no file. */
#ifndef DH_RECORD_CHAIN_H
#define DH_RECORD_CHAIN_H

#include <stdbool.h>
#include <sys/uio.h>

#include "agent/media/note.h"
#include "agent/record/agent_key.h"
#include "agent/sinks/mp4_box.h"

#define DH_CHAIN_TRACKS 2
#define DH_HASH_BYTES 32
#define DH_PUBLIC_KEY_BYTES 32
#define DH_SIGNATURE_BYTES 64
#define DH_LINK_BYTES_MIN 192
#define DH_LINK_BYTES_MAX (64u << 10)
#define DH_SIGNATURE_BOX_BYTES (24 + DH_PUBLIC_KEY_BYTES + DH_SIGNATURE_BYTES)
/* What is signed: this without its NUL, then the hash of the last link. */
#define DH_CHAIN_SIGN_CONTEXT "deskhand-recording-v1\n"

/* Names of the agent's claims in link 0 of a file that is one of several. */
#define DH_CLAIM_SEGMENT "segment"        /* its number, from 1 */
#define DH_CLAIM_PREVIOUS "previous_file" /* the file before; its last head is link 0's previous one */

enum dh_link_kind {
	DH_LINK_NONE,
	DH_LINK_HEAD,     /* covers the file's head; link 0 */
	DH_LINK_FRAGMENT, /* covers one moof and its mdat */
	DH_LINK_NOTE,     /* covers nothing, carries notes */
	DH_LINK_END,      /* covers the moov of the finished file */
};

struct dh_link {
	uint8_t head[DH_HASH_BYTES];     /* SHA-256 of all that follows in the box; the chain's head at this link */
	uint8_t previous[DH_HASH_BYTES]; /* head of the link before; 0 in link 0 */
	enum dh_link_kind kind;
	int notes;
	uint32_t seq;
	int64_t mono_us, utc_us; /* when it was written */
	int64_t media_us;        /* file time at which the fragment begins; END: the length of the recording */
	uint64_t length;         /* bytes since the link before, without either link */
	uint64_t video_samples, audio_samples; /* in the file so far: pictures; packets of sound */
	/* Durations of the last samples are corrected in place until the next ones come. Where they stand, as
	 * offsets in the covered bytes (0: none); 4 bytes each, hashed as zeros. */
	uint32_t masked_at[DH_CHAIN_TRACKS];
	uint32_t settled[DH_CHAIN_TRACKS]; /* the final value of the one before, by track; 0: none */
	uint8_t region[DH_HASH_BYTES];     /* SHA-256 of the covered bytes */
};

/* A chain being made. Zero it to begin; sink thread, or whoever recovers the file. */
struct dh_chain {
	uint8_t head[DH_HASH_BYTES];
	uint32_t next_seq;
	struct dh_mp4_buf notes; /* for the next link, as they stand in it */
	int note_count;
	struct dh_mp4_buf box;   /* the newest link */
};

void dh_chain_finish(struct dh_chain *c);

/* Keep a note for the next link. False: no room, write a link first. */
bool dh_chain_note(struct dh_chain *c, const struct dh_note *n);

/* Make c->box of link, whose head, previous, seq, notes and times are set here. The chain goes on from it only after
 * dh_chain_advance(), when the box is in the file. */
void dh_chain_seal(struct dh_chain *c, struct dh_link *link);
void dh_chain_advance(struct dh_chain *c, const struct dh_link *link);

/* SHA-256 over the pieces. Any thread. Source: FIPS 180-4. */
void dh_sha256(const struct iovec *pieces, int count, uint8_t out[DH_HASH_BYTES]);

/* Append the box with key's signature over a head. Errors: DH_EFAIL, nothing is appended. Source: RFC 8032. */
int dh_chain_put_signature(struct dh_mp4_buf *b, struct dh_agent_key *key, const uint8_t head[DH_HASH_BYTES]);
/* Whether the signature is key's over head. */
bool dh_chain_signature_is_good(const uint8_t key[DH_PUBLIC_KEY_BYTES], const uint8_t signature[DH_SIGNATURE_BYTES],
				const uint8_t head[DH_HASH_BYTES]);

/* What a box of at least 24 bytes claims to be. */
bool dh_is_link(const uint8_t *box);
bool dh_is_signature(const uint8_t *box);
/* Where a link begins in memory that may hold one at any place; NULL: nowhere. */
const uint8_t *dh_find_link(const uint8_t *p, size_t size);

/* Take a whole box apart. False: not a link of this version, or it does not hold together. Does not check hashes. */
bool dh_link_parse(const uint8_t *box, size_t size, struct dh_link *out);
/* Whether its head is the hash of its content. */
bool dh_link_is_sound(const uint8_t *box, size_t size);
/* The next note of a link that was parsed; *at begins at 0. False at the end. */
bool dh_link_next_note(const uint8_t *box, size_t size, size_t *at, struct dh_note *out);
const char *dh_note_name(enum dh_note_kind kind);

#endif
