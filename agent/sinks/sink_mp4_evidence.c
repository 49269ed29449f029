/* What of a recording goes into its evidence chain, and the copy of the chain beside it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/sinks/mp4_chapters.h"
#include "agent/sinks/sink_mp4.h"
#include "common/alloc.h"

const struct dh_param mp4_claim_params[] = {
	{"who", DH_STR, .max = 255, .required = true, .doc = "agent, desk, or the origin of a page"},
	{"text", DH_STR, .max = 511, .required = true, .doc = "name=value"},
	{0},
};

/* A recording that cannot be signed is better than none; the verifier says so. */
void mp4_open_key(struct dh_sink *s, const struct dh_args *a)
{
	struct mp4 *m = s->priv;
	struct dh_err e = {0};
	const char *key_dir = a->json ? dh_arg_str(a, "key_dir") : NULL;
	if (key_dir && dh_agent_key_open(&m->key, key_dir, &e))
		DH_WARN(s, "the recording will not be signed: %s", e.text);
}

void mp4_open_sidecar(struct dh_sink *s, int dir, const char *path)
{
	struct mp4 *m = s->priv;
	m->sidecar = openat(dir, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (m->sidecar < 0)
		DH_WARN(s, "no copy of the evidence chain beside the recording: %s", strerror(errno));
}

static void claim(struct mp4 *m, const char *name, const char *value)
{
	struct dh_note n = {.kind = DH_NOTE_CLAIM, .who = "agent"};
	snprintf(n.text, sizeof(n.text), "%s=%s", name, value);
	dh_chain_note(&m->file.chain, &n);
}

/* For link 0 of the file that begins. */
void mp4_put_claims(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	const struct mp4_segments *g = &m->segments;
	const cJSON *v;
	char number[16];
	m->file.key = m->key;
	if (m->key)
		claim(m, "agent_key", dh_agent_key_public(m->key));
	cJSON_ArrayForEach(v, m->claims) {
		struct dh_args args = {mp4_claim_params, v};
		struct dh_note n = {.kind = DH_NOTE_CLAIM};
		dh_strcopy(n.who, sizeof(n.who), dh_arg_str(&args, "who"));
		dh_strcopy(n.text, sizeof(n.text), dh_arg_str(&args, "text"));
		dh_chain_note(&m->file.chain, &n);
	}
	if (!g->number)
		return;
	snprintf(number, sizeof(number), "%d", g->number);
	claim(m, DH_CLAIM_SEGMENT, number);
	if (g->number > 1)
		claim(m, DH_CLAIM_PREVIOUS, g->previous);
	memcpy(m->file.chain.head, g->previous_head, sizeof(m->file.chain.head)); /* zeros in the first */
}

/* The newest link is in the file: tell the others, and copy it. */
void mp4_link_written(struct dh_sink *s)
{
	struct mp4 *m = s->priv;
	const struct dh_mp4_buf *box = &m->file.chain.box;
	dh_sink_set_chain(s, m->file.chain.next_seq - 1, m->file.chain.head);
	atomic_store(&s->bytes, m->segments.bytes + (long long)m->file.end);
	if (m->sidecar >= 0 && write(m->sidecar, box->data, box->size) != (ssize_t)box->size) {
		DH_WARN(s, "the copy of the evidence chain ends here: %s", strerror(errno));
		close(m->sidecar);
		m->sidecar = -1;
	}
}

/* A marker is a chapter of the file that is being written. One that was set before a cut and comes after it stands at the
 * beginning. Returns its file time. */
static int64_t keep_marker(struct mp4 *m, const struct dh_note *n)
{
	int64_t at_us = n->media_us - m->segments.duration_us;
	at_us = at_us < 0 ? 0 : at_us;
	dh_mp4_add_chapter(&m->index, at_us, n->text);
	return at_us;
}

/* Kept at once, by a link of its own: a pause may be long. */
int mp4_note(struct dh_sink *s, const struct dh_note *n, struct dh_err *e)
{
	struct mp4 *m = s->priv;
	if (n->kind == DH_NOTE_STOP) {
		m->stop = *n;
		return DH_OK;
	}
	int err = n->kind == DH_NOTE_PAUSE ? mp4_segments_cut_now(s, e) : DH_OK; /* a pause may be long */
	if (err)
		return err;
	dh_chain_note(&m->file.chain, n); /* there is room: each is written before the next comes */
	err = dh_mp4_file_note(&m->file, &m->index, n->kind == DH_NOTE_MARKER ? keep_marker(m, n) : -1, e);
	if (err)
		return err;
	mp4_link_written(s);
	return dh_mp4_sync_ask(m->sync, m->file.end, e);
}

void mp4_note_gap(struct mp4 *m, int64_t missing_ms)
{
	struct dh_note n = {.kind = DH_NOTE_GAP, .who = "agent"};
	snprintf(n.text, sizeof(n.text), "sound: %lld ms", (long long)missing_ms);
	dh_chain_note(&m->file.chain, &n); /* for the next link; when there are too many, the counters tell */
}
