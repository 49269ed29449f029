/* What the links of a recording say about it; see verify.h. The first thing that does not fit decides. */
#include "agent/record/verify.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/record/verify_text.h"
#include "agent/record/verify_walk.h"
#include "common/alloc.h"

#define LOOKS_MAX 20 /* at the same place of a file that is being written */

struct verifier {
	struct dh_walk walk;
	const struct dh_verify_options *options;
	struct dh_verify_report *report;
	uint32_t expected;             /* seq of the next link */
	uint8_t tip[DH_HASH_BYTES];    /* head of the one before */
	int64_t tip_media_us, tip_utc_us;
	uint64_t end;                  /* behind the last good link */
	uint64_t moov_at;              /* once the last link of a finished file was found */
	/* durations not yet settled, by track: where they stand (0: none), and whose they are */
	uint64_t open_at[DH_CHAIN_TRACKS];
	uint32_t open_seq[DH_CHAIN_TRACKS];
	bool is_recovery;
	uint8_t own_key[DH_PUBLIC_KEY_BYTES], end_signer[DH_PUBLIC_KEY_BYTES];
	bool has_own_key, has_end_signer;
};

/* ---- faults ---- */

static void set_fault(struct verifier *v, enum dh_fault fault, uint32_t seq, int64_t media_us, int64_t utc_us)
{
	struct dh_verify_report *r = v->report;
	r->verdict = DH_VERDICT_ALTERED;
	r->fault = fault;
	r->fault_seq = seq;
	r->fault_media_us = media_us;
	r->fault_utc_us = utc_us;
}

/* At the link just found. */
static bool fault_here(struct verifier *v, enum dh_fault fault)
{
	const struct dh_link *l = &v->walk.link;
	enum dh_fault of_kind = l->kind == DH_LINK_HEAD ? DH_FAULT_HEADER_CHANGED :
				l->kind == DH_LINK_END ? DH_FAULT_INDEX_CHANGED : fault;
	set_fault(v, of_kind, l->seq, l->media_us, l->utc_us);
	return false;
}

/* Behind the last good link. */
static bool fault_behind(struct verifier *v, enum dh_fault fault)
{
	set_fault(v, fault, v->expected, v->tip_media_us, v->tip_utc_us);
	return false;
}

static void unreadable(struct verifier *v, const char *why)
{
	v->report->verdict = DH_VERDICT_UNREADABLE;
	dh_strcopy(v->report->text, sizeof(v->report->text), why);
}

/* ---- a link ---- */

/* Does a link with this number come later? */
static bool comes_later(struct dh_walk *w, uint32_t seq)
{
	while (dh_walk_next(w, w->link_at + w->link_size) == DH_WALK_LINK)
		if (w->is_sound && w->link.seq == seq)
			return true;
	return false;
}

/* Durations corrected in place must be what the next link of the track says they came to be. */
static bool is_settled(struct verifier *v)
{
	const struct dh_link *l = &v->walk.link;
	for (int i = 0; i < DH_CHAIN_TRACKS; i++) {
		bool is_due = v->open_at[i] && (l->masked_at[i] || l->kind == DH_LINK_END);
		uint8_t bytes[4];
		if (is_due && dh_walk_read(&v->walk, bytes, sizeof(bytes), v->open_at[i]) &&
		    dh_mp4_get32(bytes) != l->settled[i]) {
			set_fault(v, DH_FAULT_CHANGED, v->open_seq[i], v->tip_media_us, v->tip_utc_us);
			return false;
		}
	}
	return true;
}

/* A name that a file says: of a file beside it, so without a way elsewhere. */
static void take_name(char out[DH_SEGMENT_NAME_MAX], const char *name)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	bool is_name = name[0] && name[0] != '.' && !name[strspn(name, allowed)] && strlen(name) < DH_SEGMENT_NAME_MAX;
	dh_strcopy(out, DH_SEGMENT_NAME_MAX, is_name ? name : "");
}

/* "name=value" of the agent, from link 0. NULL: it says nothing of it. */
static const char *claimed(const struct dh_note *n, const char *name)
{
	size_t size = strlen(name);
	bool is_it = n->kind == DH_NOTE_CLAIM && !strcmp(n->who, "agent") && !strncmp(n->text, name, size) &&
		     n->text[size] == '=';
	return is_it ? n->text + size + 1 : NULL;
}

/* Which file of a recording this is. */
static void take_place(struct verifier *v)
{
	struct dh_verify_report *r = v->report;
	struct dh_note n;
	size_t at = 0;
	const char *value;
	while (dh_link_next_note(v->walk.box, v->walk.link_size, &at, &n)) {
		if ((value = claimed(&n, DH_CLAIM_SEGMENT)))
			r->segment = atoi(value) > 0 ? atoi(value) : 0;
		if ((value = claimed(&n, DH_CLAIM_PREVIOUS)))
			take_name(r->previous_name, value);
		if ((value = claimed(&n, "recording")))
			dh_strcopy(r->recording, sizeof(r->recording), value);
	}
	memcpy(r->previous_head, v->walk.link.previous, DH_HASH_BYTES);
	if (r->segment > 1)
		memcpy(v->tip, r->previous_head, DH_HASH_BYTES); /* it goes on from another file */
}

static bool check_link(struct verifier *v)
{
	struct dh_walk *w = &v->walk;
	const struct dh_link *l = &w->link;
	uint32_t expected = v->expected;
	if (!w->is_sound)
		return fault_behind(v, expected ? DH_FAULT_CHANGED : DH_FAULT_HEADER_CHANGED);
	if (l->seq < expected)
		return fault_behind(v, DH_FAULT_INSERTED);
	if (l->seq > expected)
		return fault_behind(v, comes_later(w, expected) ? DH_FAULT_REORDERED : DH_FAULT_REMOVED);
	if (!expected)
		take_place(v);
	if (memcmp(l->previous, v->tip, DH_HASH_BYTES)) { /* the one before is good in itself, but not the one that was */
		set_fault(v, expected == 1 ? DH_FAULT_HEADER_CHANGED : DH_FAULT_CHANGED, expected ? expected - 1 : 0,
			  v->tip_media_us, v->tip_utc_us);
		return false;
	}
	if ((l->kind == DH_LINK_HEAD) != !expected)
		return fault_here(v, DH_FAULT_CHANGED);
	uint64_t length = w->link_at - w->region_at;
	if (length != l->length)
		return fault_here(v, length > l->length ? DH_FAULT_INSERTED : DH_FAULT_REMOVED);
	return (dh_walk_region_is_good(w) || fault_here(v, DH_FAULT_CHANGED)) && is_settled(v);
}

static void note_claim(struct verifier *v, const struct dh_note *n)
{
	if (strcmp(n->who, "agent"))
		return;
	if (!strncmp(n->text, "agent_key=", 10) && v->walk.link.kind == DH_LINK_HEAD)
		v->has_own_key = dh_key_from_base64(n->text + 10, v->own_key);
	if (!strncmp(n->text, "signer=", 7) && v->walk.link.kind == DH_LINK_END)
		v->has_end_signer = dh_key_from_base64(n->text + 7, v->end_signer);
}

static void take_notes(struct verifier *v)
{
	struct dh_walk *w = &v->walk;
	struct dh_note n;
	size_t at = 0;
	while (dh_link_next_note(w->box, w->link_size, &at, &n)) {
		v->is_recovery |= n.kind == DH_NOTE_RECOVERY;
		if (n.kind == DH_NOTE_CLAIM)
			note_claim(v, &n);
		if (n.kind == DH_NOTE_NEXT && w->link.kind == DH_LINK_END) {
			take_name(v->report->next_name, n.text);
			if (!v->report->segment && v->report->next_name[0])
				v->report->segment = 1; /* it was to be the only one until its writer died */
		}
		if (cJSON_GetArraySize(v->report->notes) < DH_VERIFY_NOTES_MAX)
			cJSON_AddItemToArray(v->report->notes, dh_verify_note_to_json(&n, &w->link));
	}
}

static void accept_link(struct verifier *v)
{
	struct dh_walk *w = &v->walk;
	const struct dh_link *l = &w->link;
	struct dh_verify_report *r = v->report;
	const struct dh_verify_options *o = v->options;
	if (o->has_head && !memcmp(l->head, o->head, DH_HASH_BYTES) && (o->head_seq < 0 || o->head_seq == l->seq))
		r->has_kept_head = true;
	for (int i = 0; i < DH_CHAIN_TRACKS; i++)
		if (l->masked_at[i]) {
			v->open_at[i] = w->region_at + l->masked_at[i];
			v->open_seq[i] = l->seq;
		}
	take_notes(v);
	memcpy(v->tip, l->head, DH_HASH_BYTES);
	memcpy(r->head, l->head, DH_HASH_BYTES);
	v->tip_media_us = l->media_us;
	v->tip_utc_us = l->utc_us;
	v->expected = l->seq + 1;
	v->end = w->link_at + w->link_size;
	r->links++;
	r->started_utc_us = l->seq ? r->started_utc_us : l->utc_us;
	r->ended_utc_us = l->utc_us;
	r->media_us = l->media_us;
	r->video_samples = l->video_samples;
	r->audio_samples = l->audio_samples;
	if (l->kind != DH_LINK_END) {
		r->next_at = v->end;
		r->next_seq = v->expected;
		memcpy(r->next_head, l->head, DH_HASH_BYTES);
	}
}

/* ---- the end ---- */

static bool reserved_is(struct verifier *v, const uint8_t bytes[DH_RESERVED_BYTES])
{
	uint8_t found[DH_RESERVED_BYTES];
	return dh_walk_read(&v->walk, found, sizeof(found), DH_RESERVED_AT) && !memcmp(found, bytes, sizeof(found));
}

/* The head of a finished file: one media data box up to the moov. */
static bool is_flipped(struct verifier *v, uint64_t moov_at)
{
	uint8_t bytes[DH_RESERVED_BYTES] = "\0\0\0\1mdat";
	dh_mp4_set64(bytes + 8, moov_at - DH_RESERVED_AT);
	return reserved_is(v, bytes);
}

static void judge_signature(struct verifier *v, const uint8_t *box)
{
	struct dh_verify_report *r = v->report;
	const uint8_t *key = box + 24, *signature = key + DH_PUBLIC_KEY_BYTES;
	memcpy(r->signer, key, DH_PUBLIC_KEY_BYTES);
	r->is_signed = dh_chain_signature_is_good(key, signature, v->tip);
	if (!r->is_signed) {
		fault_behind(v, DH_FAULT_SIGNATURE_WRONG);
		return;
	}
	bool is_announced = v->has_end_signer && !memcmp(key, v->end_signer, DH_PUBLIC_KEY_BYTES);
	bool is_own = v->has_own_key && !memcmp(key, v->own_key, DH_PUBLIC_KEY_BYTES);
	if (!is_announced || (!is_own && !v->is_recovery)) { /* recovery may happen elsewhere; trust decides then */
		fault_behind(v, DH_FAULT_RESIGNED);
		return;
	}
	r->verdict = DH_VERDICT_UNKNOWN_SIGNER;
	for (int i = 0; i < v->options->trusted_count; i++)
		if (!memcmp(v->options->trusted[i], key, DH_PUBLIC_KEY_BYTES))
			r->verdict = DH_VERDICT_WHOLE;
}

/* Behind the END link: a signature and nothing more. */
static void judge_end(struct verifier *v, uint64_t moov_at)
{
	struct dh_walk *w = &v->walk;
	uint8_t box[DH_SIGNATURE_BOX_BYTES] = {0};
	uint64_t left = w->file_size - v->end;
	v->report->is_recovered = v->is_recovery;
	bool is_growing = reserved_is(v, DH_RESERVED_GROWING);
	v->report->is_finished = !is_growing;
	if (!is_growing && !is_flipped(v, moov_at)) {
		set_fault(v, DH_FAULT_HEADER_CHANGED, 0, 0, v->report->started_utc_us);
		return;
	}
	size_t n = left < sizeof(box) ? (size_t)left : sizeof(box);
	if (n && !dh_walk_read(w, box, n, v->end))
		return;
	bool is_signature = n == sizeof(box) && dh_is_signature(box);
	if (!is_signature && (v->has_end_signer ? left <= sizeof(box) : !left)) {
		if (v->has_end_signer)
			fault_behind(v, DH_FAULT_SIGNATURE_WRONG);
		else
			v->report->verdict = DH_VERDICT_UNKNOWN_SIGNER; /* it never had one */
		return;
	}
	if (!is_signature || left > sizeof(box)) {
		fault_behind(v, DH_FAULT_INSERTED);
		return;
	}
	judge_signature(v, box);
	if (is_growing && v->report->verdict != DH_VERDICT_ALTERED)
		v->report->verdict = DH_VERDICT_UNCLEAN; /* cut off between the last link and the head */
}

/* No END link. A writer that was killed leaves its tail and the head of a growing file. */
static void judge_open_end(struct verifier *v, enum dh_walk_end end)
{
	struct dh_walk *w = &v->walk;
	if (!v->report->links) {
		unreadable(v, "This recording has no evidence: an earlier version made it, or its links were taken out.");
		return;
	}
	uint8_t tail[8] = {1};
	bool has_tail = end == DH_WALK_TAIL && dh_walk_read(w, tail, sizeof(tail), v->end) && !dh_mp4_get32(tail);
	if (end == DH_WALK_TAIL && !has_tail)
		fault_behind(v, DH_FAULT_INSERTED); /* boxes that no link covers */
	else if (has_tail && reserved_is(v, DH_RESERVED_GROWING))
		v->report->verdict = DH_VERDICT_UNCLEAN;
	else
		fault_behind(v, DH_FAULT_TRUNCATED);
}

/* ---- the whole ---- */

static bool looks_like_ours(struct verifier *v)
{
	static const uint8_t ftyp[DH_RESERVED_AT] = "\0\0\0\x20"
						    "ftypisom\0\0\2\0isomiso6avc1mp41";
	uint8_t head[DH_RESERVED_AT + DH_RESERVED_BYTES];
	return v->walk.file_size > sizeof(head) && dh_walk_read(&v->walk, head, sizeof(head), 0) &&
	       (!memcmp(head, ftyp, sizeof(ftyp)) ||
		!memcmp(head + DH_RESERVED_AT, DH_RESERVED_GROWING, DH_RESERVED_BYTES) ||
		!memcmp(head + DH_RESERVED_AT + 4, "mdat", 4));
}

static void follow_links(struct verifier *v)
{
	struct dh_walk *w = &v->walk;
	enum dh_walk_end found = DH_WALK_LINK;
	while (!v->moov_at && (found = dh_walk_next(w, v->end)) == DH_WALK_LINK) {
		if (!check_link(v))
			return;
		accept_link(v);
		if (w->link.kind == DH_LINK_END)
			v->moov_at = w->region_at;
	}
	if (v->moov_at)
		judge_end(v, v->moov_at);
	else
		judge_open_end(v, found);
}

/* A recording may go on, or end, while it is looked at. What then does not fit behind the last good link was perhaps read
 * half before and half after a write: it is looked at again. */
static void follow_file(struct verifier *v)
{
	struct dh_verify_report *r = v->report;
	uint64_t end = 0;
	follow_links(v);
	for (int looks = 0; looks < LOOKS_MAX && (v->walk.is_failed || r->verdict == DH_VERDICT_ALTERED) &&
			    dh_walk_look_again(&v->walk); looks++) {
		looks = v->end > end ? 0 : looks;
		end = v->end;
		r->verdict = DH_VERDICT_UNREADABLE;
		r->fault = DH_FAULT_NONE;
		r->text[0] = '\0';
		follow_links(v);
	}
}

void dh_verify_miss_head(struct dh_verify_report *r)
{
	if (r->verdict == DH_VERDICT_ALTERED || r->verdict == DH_VERDICT_UNREADABLE)
		return;
	r->verdict = DH_VERDICT_ALTERED;
	r->fault = DH_FAULT_OTHER_HEAD;
	r->fault_seq = r->links;
	r->fault_media_us = r->media_us;
	r->fault_utc_us = r->ended_utc_us;
	dh_verify_say(r);
}

void dh_verify(int fd, const struct dh_verify_options *o, struct dh_verify_report *r)
{
	struct verifier *v = dh_alloc(sizeof(*v));
	v->options = o;
	v->report = r;
	memset(r, 0, sizeof(*r));
	r->notes = cJSON_CreateArray();
	r->verdict = DH_VERDICT_UNREADABLE;
	bool can_walk = dh_walk_init(&v->walk, fd);
	v->walk.go_on = o->go_on;
	v->walk.go_on_arg = o->go_on_arg;
	if (!can_walk || !looks_like_ours(v)) {
		unreadable(v, v->walk.is_failed ? "The file cannot be read." : "This is not a recording of Deskhand.");
	} else {
		follow_file(v);
		r->file_bytes = v->walk.file_size;
		if (v->walk.is_failed)
			unreadable(v, v->walk.is_given_up ? "The check was given up."
							  : "The file cannot be read to its end.");
	}
	dh_walk_finish(&v->walk);
	free(v);
	if (!r->text[0])
		dh_verify_say(r);
	if (o->has_head && !r->has_kept_head && !o->head_may_be_elsewhere)
		dh_verify_miss_head(r);
}

int dh_verify_copy_links(int fd, int out, struct dh_err *e)
{
	struct dh_walk *w = dh_alloc(sizeof(*w));
	int err = dh_walk_init(w, fd) ? DH_OK : dh_fail(e, DH_EIO, "the recording cannot be read");
	uint64_t at = 0;
	while (!err && dh_walk_next(w, at) == DH_WALK_LINK) {
		if (write(out, w->box, w->link_size) != (ssize_t)w->link_size)
			err = dh_fail(e, dh_err_from_errno(errno), "the chain cannot be written: %s", strerror(errno));
		at = w->link_at + w->link_size;
	}
	dh_walk_finish(w);
	free(w);
	return err;
}
