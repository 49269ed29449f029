/* See mp4_recover.h. */
#include "agent/sinks/mp4_recover.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_read.h"
#include "common/alloc.h"

#define TORN_US 3000000 /* a second between syncs, and what a slow disk adds */
#define TORN_BYTES (64u << 20)

/* What the file is finished with. */
struct ending {
	struct dh_agent_key *key;
	const char *cause, *next;
};

/* Pictures before the origin only lead the decoder in: the file before shows and counts them. */
static int64_t shown_pictures(const struct dh_mp4_track *t)
{
	int64_t dts = t->first_dts;
	size_t hidden = 0;
	while (hidden < t->sample_count && dts < t->origin)
		dts += t->samples[hidden++].duration;
	return (int64_t)(t->sample_count - hidden);
}

static void tell_facts(const struct dh_mp4_index *x, const struct dh_mp4_layout *layout, struct dh_mp4_facts *facts)
{
	facts->was_finished = layout->is_finished;
	facts->bytes = (int64_t)layout->file_size;
	for (int i = 0; i < x->track_count; i++) {
		const struct dh_mp4_track *t = &x->tracks[i];
		int64_t end_us = dh_mp4_track_end_us(t);
		if (t->is_video) {
			facts->video_frames = shown_pictures(t);
			facts->video_end_us = end_us;
			facts->picture_us = dh_mp4_track_last_us(t);
		} else {
			facts->audio_frames = (int64_t)t->sample_count;
			facts->audio_end_us = end_us;
		}
		facts->duration_us = end_us > facts->duration_us ? end_us : facts->duration_us;
	}
}

/* The chain of a file that needs nothing, if it holds. */
static void tell_chain(int fd, struct dh_mp4_facts *facts)
{
	struct dh_verify_report r;
	dh_verify(fd, &(struct dh_verify_options){0}, &r);
	facts->has_chain = r.is_finished && r.links && r.verdict == DH_VERDICT_UNKNOWN_SIGNER; /* nobody is trusted here */
	facts->chain_seq = r.links ? r.links - 1 : 0;
	memcpy(facts->chain_head, r.head, sizeof(facts->chain_head));
	dh_strcopy(facts->next, sizeof(facts->next), r.next_name);
	cJSON_Delete(r.notes);
}

/* A power cut takes what the disk had not taken yet: pages of the last second, in any order, so that behind the last good
 * link there may be boxes that look whole and are not. Where no more than that is behind it, the file is cut there. Where
 * it is more, the file was altered, and nothing is thrown away. */
static bool is_torn_end(const struct dh_verify_report *r, const struct dh_mp4_layout *layout, int64_t duration_us)
{
	bool is_whole = r->verdict == DH_VERDICT_UNCLEAN && r->next_at == layout->end;
	return !is_whole && r->next_seq > 1 && r->next_at <= layout->end && duration_us - r->media_us <= TORN_US &&
	       layout->file_size - r->next_at <= TORN_BYTES;
}

/* Go on where the chain ends, if it is whole and nothing stands behind it that it does not cover. */
static void continue_chain(struct dh_mp4_file *f, const struct dh_verify_report *r, bool is_torn,
			   const struct ending *how, struct dh_mp4_facts *facts)
{
	const char *cause = how->cause;
	facts->has_chain = (r->verdict == DH_VERDICT_UNCLEAN || is_torn) && r->next_at == f->end;
	f->has_no_chain = !facts->has_chain;
	memcpy(f->chain.head, r->next_head, sizeof(f->chain.head));
	f->chain.next_seq = r->next_seq;
	struct dh_note n = {.kind = DH_NOTE_RECOVERY, .who = "agent"};
	cause = cause ? cause : is_torn ? "its end was torn, as by a power cut" : NULL;
	snprintf(n.text, sizeof(n.text), "finished after an interruption%s%s", cause ? ": " : "", cause ? cause : "");
	dh_chain_note(&f->chain, &n);
	if (!how->next || !facts->has_chain)
		return;
	n.kind = DH_NOTE_NEXT;
	dh_strcopy(n.text, sizeof(n.text), how->next);
	dh_chain_note(&f->chain, &n);
	dh_strcopy(facts->next, sizeof(facts->next), how->next);
}

static int finish(struct dh_mp4_file *f, const struct dh_mp4_index *x, struct dh_mp4_facts *facts, struct dh_err *e)
{
	int err = dh_mp4_file_cut(f, e);
	if (!err)
		err = dh_mp4_file_finish(f, x, e);
	if (err)
		return err;
	facts->bytes = (int64_t)f->end;
	if (facts->has_chain) {
		facts->chain_seq = f->chain.next_seq - 1;
		memcpy(facts->chain_head, f->chain.head, sizeof(facts->chain_head));
	}
	return DH_OK;
}

/* Cut back to end and read what is left. */
static int read_again(int fd, uint64_t end, struct dh_mp4_index *x, struct dh_mp4_layout *layout, struct dh_err *e)
{
	struct dh_mp4_file f = {.fd = fd, .end = end};
	int err = dh_mp4_file_cut(&f, e);
	if (err)
		return err;
	dh_mp4_index_finish(x);
	*x = (struct dh_mp4_index){0};
	return dh_mp4_read(fd, x, layout, e);
}

static int finish_growing(int fd, const struct ending *how, struct dh_mp4_index *x, struct dh_mp4_layout *layout,
			  struct dh_mp4_facts *facts, struct dh_err *e)
{
	struct dh_verify_report r;
	dh_verify(fd, &(struct dh_verify_options){0}, &r);
	cJSON_Delete(r.notes);
	/* a box header at least stands behind the last fragment */
	facts->lost_bytes = (int64_t)(layout->file_size - layout->end);
	facts->lost_bytes -= facts->lost_bytes < 8 ? facts->lost_bytes : 8;
	bool is_torn = is_torn_end(&r, layout, facts->duration_us);
	int err = DH_OK;
	if (is_torn) {
		facts->lost_bytes += (int64_t)(layout->end - r.next_at);
		err = read_again(fd, r.next_at, x, layout, e);
		*facts = (struct dh_mp4_facts){.lost_bytes = facts->lost_bytes};
		tell_facts(x, layout, facts);
	}
	if (err)
		return err;
	struct dh_mp4_file f = {.fd = fd, .end = layout->end, .key = how->key};
	continue_chain(&f, &r, is_torn, how, facts);
	err = finish(&f, x, facts, e);
	dh_mp4_file_release(&f);
	return err;
}

static int read_and_finish(int fd, const struct ending *how, struct dh_mp4_facts *facts, struct dh_err *e)
{
	struct dh_mp4_index x = {0};
	struct dh_mp4_layout layout;
	int err = dh_mp4_read(fd, &x, &layout, e);
	if (!err)
		tell_facts(&x, &layout, facts);
	if (!err && layout.is_finished)
		tell_chain(fd, facts);
	else if (!err)
		err = layout.fragments ? finish_growing(fd, how, &x, &layout, facts, e) :
		      dh_fail(e, DH_ENODEV, "nothing was recorded yet when this recording was interrupted");
	dh_mp4_index_finish(&x);
	return err;
}

int dh_mp4_recover_into(int fd, struct dh_agent_key *key, const char *cause, const char *next, struct dh_mp4_facts *facts,
			struct dh_err *e)
{
	struct ending how = {key, cause, next};
	*facts = (struct dh_mp4_facts){0};
	/* the writer holds this lock as long as it lives; a file system without locks has no say */
	if (flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return dh_fail(e, DH_EBUSY, "this recording is being written right now");
	int err = read_and_finish(fd, &how, facts, e);
	flock(fd, LOCK_UN);
	return err;
}

int dh_mp4_recover(int fd, struct dh_agent_key *key, const char *cause, struct dh_mp4_facts *facts, struct dh_err *e)
{
	return dh_mp4_recover_into(fd, key, cause, NULL, facts, e);
}

void dh_mp4_recover_sidecar(const char *sidecar, int fd)
{
	struct dh_err e = {0};
	if (access(sidecar, F_OK))
		return;
	char *beside = dh_strfmt("%s.new", sidecar);
	unlink(beside);
	int out = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	int err = out < 0 ? DH_EIO : dh_verify_copy_links(fd, out, &e);
	if (out >= 0)
		close(out);
	if (err || rename(beside, sidecar))
		unlink(beside);
	free(beside);
}
