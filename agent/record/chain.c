/* See chain.h. Numbers are big-endian, as everywhere in the file. */
#include "agent/record/chain.h"

#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/clock.h"

/* Types of our boxes: random, version 4. Source: ISO/IEC 14496-12, 4.2; RFC 4122. */
static const uint8_t link_uuid[16] = {0x5d, 0x8c, 0x1e, 0x4b, 0x9a, 0x37, 0x4f, 0x62,
				      0xb0, 0x1d, 0x7e, 0xc4, 0x2f, 0x96, 0xa3, 0x58};
static const uint8_t signature_uuid[16] = {0xe2, 0x74, 0x0b, 0xd9, 0x16, 0xc8, 0x4a, 0x95,
					   0x8f, 0x53, 0x3a, 0x61, 0xde, 0x07, 0xbc, 0x2c};

#define VERSION 1
#define NOTE_HEAD_BYTES 20
#define NOTES_BYTES_MAX (DH_LINK_BYTES_MAX - DH_LINK_BYTES_MIN - 8)

/* Where things stand in a link box; docs/evidence.md */
enum {
	AT_UUID = 8, AT_HEAD = 24, AT_PREVIOUS = 56, AT_VERSION = 88, AT_KIND = 89, AT_NOTES = 90, AT_SEQ = 92, AT_MONO = 96,
	AT_UTC = 104, AT_MEDIA = 112, AT_LENGTH = 120, AT_VIDEO = 128, AT_AUDIO = 136, AT_MASKED = 144, AT_SETTLED = 152,
	AT_REGION = 160
};

static const char *const note_names[] = {"", "claim", "pause", "resume", "device_lost", "device_back", "gap", "clock_step",
					 "marker", "recovery", "stop", "quality", "next"};

const char *dh_note_name(enum dh_note_kind kind)
{
	return kind > DH_NOTE_NONE && kind < DH_NOTE_COUNT ? note_names[kind] : "unknown";
}

void dh_sha256(const struct iovec *pieces, int count, uint8_t out[DH_HASH_BYTES])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_good = ctx && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1;
	for (int i = 0; is_good && i < count; i++)
		is_good = EVP_DigestUpdate(ctx, pieces[i].iov_base, pieces[i].iov_len) == 1;
	if (!is_good || EVP_DigestFinal_ex(ctx, out, NULL) != 1)
		abort(); /* only without memory */
	EVP_MD_CTX_free(ctx);
}

/* ---- making ---- */

void dh_chain_finish(struct dh_chain *c)
{
	dh_mp4_buf_finish(&c->notes);
	dh_mp4_buf_finish(&c->box);
}

bool dh_chain_note(struct dh_chain *c, const struct dh_note *n)
{
	size_t who = strlen(n->who), text = strlen(n->text);
	bool has_time = n->mono_us || n->utc_us;
	if (c->notes.size + NOTE_HEAD_BYTES + who + text > NOTES_BYTES_MAX)
		return false;
	dh_mp4_put8(&c->notes, (uint8_t)n->kind);
	dh_mp4_put8(&c->notes, (uint8_t)who);
	dh_mp4_put16(&c->notes, (uint16_t)text);
	dh_mp4_put64(&c->notes, (uint64_t)(has_time ? n->mono_us : dh_now_us()));
	dh_mp4_put64(&c->notes, (uint64_t)(has_time ? n->utc_us : dh_wall_us()));
	dh_mp4_put(&c->notes, n->who, who);
	dh_mp4_put(&c->notes, n->text, text);
	c->note_count++;
	return true;
}

void dh_chain_seal(struct dh_chain *c, struct dh_link *l)
{
	struct dh_mp4_buf *b = &c->box;
	memcpy(l->previous, c->head, sizeof(l->previous));
	l->seq = c->next_seq;
	l->notes = c->note_count;
	l->mono_us = dh_now_us();
	l->utc_us = dh_wall_us();
	b->size = 0;
	size_t box = dh_mp4_begin(b, "uuid");
	dh_mp4_put(b, link_uuid, sizeof(link_uuid));
	dh_mp4_put_zeros(b, DH_HASH_BYTES);
	dh_mp4_put(b, l->previous, DH_HASH_BYTES);
	dh_mp4_put8(b, VERSION);
	dh_mp4_put8(b, (uint8_t)l->kind);
	dh_mp4_put16(b, (uint16_t)l->notes);
	dh_mp4_put32(b, l->seq);
	dh_mp4_put64(b, (uint64_t)l->mono_us);
	dh_mp4_put64(b, (uint64_t)l->utc_us);
	dh_mp4_put64(b, (uint64_t)l->media_us);
	dh_mp4_put64(b, l->length);
	dh_mp4_put64(b, l->video_samples);
	dh_mp4_put64(b, l->audio_samples);
	for (int i = 0; i < DH_CHAIN_TRACKS; i++)
		dh_mp4_put32(b, l->masked_at[i]);
	for (int i = 0; i < DH_CHAIN_TRACKS; i++)
		dh_mp4_put32(b, l->settled[i]);
	dh_mp4_put(b, l->region, DH_HASH_BYTES);
	dh_mp4_put(b, c->notes.data, c->notes.size);
	dh_mp4_put_zeros(b, (8 - b->size % 8) % 8);
	dh_mp4_end(b, box);
	struct iovec content = {b->data + AT_PREVIOUS, b->size - AT_PREVIOUS};
	dh_sha256(&content, 1, l->head);
	memcpy(b->data + AT_HEAD, l->head, DH_HASH_BYTES);
}

void dh_chain_advance(struct dh_chain *c, const struct dh_link *l)
{
	memcpy(c->head, l->head, sizeof(c->head));
	c->next_seq++;
	c->notes.size = 0;
	c->note_count = 0;
}

/* ---- signatures ---- */

static size_t signed_text(uint8_t out[64], const uint8_t head[DH_HASH_BYTES])
{
	size_t n = sizeof(DH_CHAIN_SIGN_CONTEXT) - 1;
	memcpy(out, DH_CHAIN_SIGN_CONTEXT, n);
	memcpy(out + n, head, DH_HASH_BYTES);
	return n + DH_HASH_BYTES;
}

int dh_chain_put_signature(struct dh_mp4_buf *b, struct dh_agent_key *key, const uint8_t head[DH_HASH_BYTES])
{
	uint8_t text[64], signature[DH_SIGNATURE_BYTES];
	int err = dh_agent_key_sign(key, text, signed_text(text, head), signature);
	if (err)
		return err;
	size_t box = dh_mp4_begin(b, "uuid");
	dh_mp4_put(b, signature_uuid, sizeof(signature_uuid));
	dh_mp4_put(b, dh_agent_key_raw(key), DH_PUBLIC_KEY_BYTES);
	dh_mp4_put(b, signature, sizeof(signature));
	dh_mp4_end(b, box);
	return DH_OK;
}

bool dh_chain_signature_is_good(const uint8_t key[DH_PUBLIC_KEY_BYTES], const uint8_t signature[DH_SIGNATURE_BYTES],
				const uint8_t head[DH_HASH_BYTES])
{
	uint8_t text[64];
	size_t size = signed_text(text, head);
	EVP_PKEY *k = EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, NULL, key, DH_PUBLIC_KEY_BYTES);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool is_good = k && ctx && EVP_DigestVerifyInit(ctx, NULL, NULL, NULL, k) == 1 &&
		       EVP_DigestVerify(ctx, signature, DH_SIGNATURE_BYTES, text, size) == 1;
	EVP_MD_CTX_free(ctx);
	EVP_PKEY_free(k);
	return is_good;
}

/* ---- taking apart ---- */

bool dh_is_link(const uint8_t *box)
{
	return !memcmp(box + 4, "uuid", 4) && !memcmp(box + AT_UUID, link_uuid, sizeof(link_uuid));
}

bool dh_is_signature(const uint8_t *box)
{
	return !memcmp(box + 4, "uuid", 4) && !memcmp(box + AT_UUID, signature_uuid, sizeof(signature_uuid)) &&
	       dh_mp4_get32(box) == DH_SIGNATURE_BOX_BYTES;
}

const uint8_t *dh_find_link(const uint8_t *p, size_t size)
{
	const uint8_t *found = size < AT_HEAD ? NULL : memmem(p + AT_UUID, size - AT_UUID, link_uuid, sizeof(link_uuid));
	return found ? found - AT_UUID : NULL;
}

bool dh_link_parse(const uint8_t *box, size_t size, struct dh_link *out)
{
	if (size < DH_LINK_BYTES_MIN || size > DH_LINK_BYTES_MAX || size % 8 || !dh_is_link(box))
		return false;
	if (box[AT_VERSION] != VERSION || box[AT_KIND] < DH_LINK_HEAD || box[AT_KIND] > DH_LINK_END)
		return false;
	memcpy(out->head, box + AT_HEAD, DH_HASH_BYTES);
	memcpy(out->previous, box + AT_PREVIOUS, DH_HASH_BYTES);
	memcpy(out->region, box + AT_REGION, DH_HASH_BYTES);
	out->kind = (enum dh_link_kind)box[AT_KIND];
	out->notes = box[AT_NOTES] << 8 | box[AT_NOTES + 1];
	out->seq = dh_mp4_get32(box + AT_SEQ);
	out->mono_us = (int64_t)dh_mp4_get64(box + AT_MONO);
	out->utc_us = (int64_t)dh_mp4_get64(box + AT_UTC);
	out->media_us = (int64_t)dh_mp4_get64(box + AT_MEDIA);
	out->length = dh_mp4_get64(box + AT_LENGTH);
	out->video_samples = dh_mp4_get64(box + AT_VIDEO);
	out->audio_samples = dh_mp4_get64(box + AT_AUDIO);
	for (int i = 0; i < DH_CHAIN_TRACKS; i++) {
		out->masked_at[i] = dh_mp4_get32(box + AT_MASKED + 4 * i);
		out->settled[i] = dh_mp4_get32(box + AT_SETTLED + 4 * i);
	}
	return true;
}

bool dh_link_is_sound(const uint8_t *box, size_t size)
{
	uint8_t hash[DH_HASH_BYTES];
	struct iovec content = {(uint8_t *)(uintptr_t)box + AT_PREVIOUS, size - AT_PREVIOUS};
	dh_sha256(&content, 1, hash);
	return !memcmp(hash, box + AT_HEAD, DH_HASH_BYTES);
}

bool dh_link_next_note(const uint8_t *box, size_t size, size_t *at, struct dh_note *out)
{
	size_t pos = *at ? *at : DH_LINK_BYTES_MIN;
	if (size < pos + NOTE_HEAD_BYTES || !box[pos])
		return false;
	size_t who = box[pos + 1], text = (size_t)box[pos + 2] << 8 | box[pos + 3];
	if (who >= sizeof(out->who) || text >= sizeof(out->text) || who + text > size - pos - NOTE_HEAD_BYTES)
		return false;
	out->kind = (enum dh_note_kind)box[pos];
	out->mono_us = (int64_t)dh_mp4_get64(box + pos + 4);
	out->utc_us = (int64_t)dh_mp4_get64(box + pos + 12);
	memcpy(out->who, box + pos + NOTE_HEAD_BYTES, who);
	out->who[who] = '\0';
	memcpy(out->text, box + pos + NOTE_HEAD_BYTES + who, text);
	out->text[text] = '\0';
	*at = pos + NOTE_HEAD_BYTES + who + text;
	return true;
}
