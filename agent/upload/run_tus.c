/* What an attempt says to the archive, and what it makes of the answers. Source: tus resumable upload protocol 1.0.0. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/record/verify.h"
#include "agent/upload/run_priv.h"
#include "common/alloc.h"

#define HEADERS_MAX 10
#define METADATA_MAX 2048
#define TOKEN_BYTES_MAX 4096
#define STEP_BYTES_MIN (256 << 10)
#define CREATIONS_MAX 10      /* an archive that forgets uploads */
#define SETBACKS_MAX 5        /* one that loses bytes it acknowledged */
#define CONFLICTS_MAX 5       /* in one attempt */
#define MISMATCHES_MAX 3      /* in one attempt */
#define CONFIRMATIONS_MAX 100 /* one that is always about to make the hash */

struct headers {
	char *line[HEADERS_MAX + 1];
	int count;
};

static void add(struct headers *h, char *take)
{
	h->line[h->count++] = take;
}

static void drop(struct headers *h)
{
	for (int i = 0; i < h->count; i++)
		dh_free_secret(h->line[i]);
}

/* A new token in the file counts from the next request on. */
static int add_token(struct dh_upload_run *run, struct headers *h)
{
	char *text = NULL;
	if (!run->archive.token_file[0])
		return DH_OK;
	if (dh_paths_read_file(run->archive.token_file, TOKEN_BYTES_MAX, &text, NULL, &run->why))
		return dh_upload_later(run);
	size_t n = strcspn(text, " \t\r\n");
	bool is_token = n && !text[n + strspn(text + n, " \t\r\n")];
	for (size_t i = 0; i < n; i++)
		is_token &= text[i] > ' ' && text[i] <= '~';
	text[n] = '\0';
	if (is_token)
		add(h, dh_strfmt("Authorization: Bearer %s", text));
	dh_free_secret(text);
	if (is_token)
		return DH_OK;
	dh_fail(&run->why, DH_EINVAL, "%.150s is not one line with a token", run->archive.token_file);
	return dh_upload_later(run);
}

/* Send a request; h is consumed. A failure of the network ends the attempt. */
static int ask(struct dh_upload_run *run, const char *method, const char *url, struct headers *h, const uint8_t *body,
	       size_t body_bytes)
{
	struct dh_http_request q = {method, url, (const char *const *)h->line, body, body_bytes,
				    body && body_bytes ? 0 : DH_UPLOAD_SHORT_TIMEOUT_S};
	dh_tus_answer_init(&run->answer);
	add(h, dh_strdup("Tus-Resumable: 1.0.0"));
	int err = add_token(run, h);
	if (!err && run->api->request(run->http, &q, &run->why)) {
		run->answer.retry_after_s = -1;
		err = dh_upload_later(run);
	}
	drop(h);
	return err;
}

static int refused(struct dh_upload_run *run, const char *hint, const char *what)
{
	dh_fail(&run->why, DH_EPERM, "the archive refused (HTTP %d): %s", run->answer.status, what);
	dh_hint(&run->why, "%s Then: deskhand uploads retry.", hint);
	return dh_upload_refused(run);
}

/* What any answer that is not the one hoped for means. */
static int judge(struct dh_upload_run *run)
{
	int status = run->answer.status;
	if (status == 507) {
		dh_fail(&run->why, DH_ENOSPC, "the archive's disk is full (HTTP 507)");
		return dh_upload_later(run);
	}
	if (status >= 500 || status == 408 || status == 423 || status == 425 || status == 429) {
		dh_fail(&run->why, DH_EIO, "the archive is in trouble or busy (HTTP %d)", status);
		return dh_upload_later(run);
	}
	if (status >= 300 && status < 400)
		return refused(run, "Set archive.url to where it leads, if that is right.",
			       "it redirects, which is not followed");
	if (status == 401 || status == 403)
		return refused(run, "Check archive.token_file of the policy.", "it does not let this desk in");
	if (status == 413)
		return refused(run, "Let the archive's administrator raise its limit.", "the file is too large for it");
	if (status >= 400)
		return refused(run, "Check that archive.url is its tus endpoint.", "it does not take this upload");
	dh_fail(&run->why, DH_EPROTO, "the archive's answer (HTTP %d) is not one of the tus protocol", status);
	dh_hint(&run->why, "Check archive.url, and whether something between here and the archive answers in its place.");
	return dh_upload_later(run);
}

static bool is_success(const struct dh_upload_run *run)
{
	return run->answer.status >= 200 && run->answer.status < 300 && run->answer.is_tus;
}

static bool is_gone(const struct dh_upload_run *run)
{
	return run->answer.status == 404 || run->answer.status == 410;
}

static int lies(struct dh_upload_run *run, int64_t offset)
{
	dh_fail(&run->why, DH_EPROTO, "the archive says it has %lld bytes of %lld, which cannot be", (long long)offset,
		(long long)run->record.bytes);
	dh_hint(&run->why, "Something is wrong at the archive. Then: deskhand uploads retry.");
	return dh_upload_give_up(run);
}

/* An archive that does not answer OPTIONS can have the core and creation all the same. */
int dh_upload_ask_abilities(struct dh_upload_run *run)
{
	struct headers h = {0};
	int err = ask(run, "OPTIONS", run->archive.url, &h, NULL, 0);
	int64_t max = run->answer.max_size;
	if (err)
		return err;
	if (!is_success(run)) {
		dh_tus_answer_init(&run->abilities);
		return run->answer.status >= 500 || run->answer.status == 429 ? judge(run) : DH_OK;
	}
	run->abilities = run->answer;
	if (max < 0 || run->record.bytes <= max)
		return DH_OK;
	dh_fail(&run->why, DH_ELIMIT, "the archive takes files of at most %lld bytes, this one has %lld", (long long)max,
		(long long)run->record.bytes);
	dh_hint(&run->why, "Let the archive's administrator raise its limit. Then: deskhand uploads retry.");
	return dh_upload_refused(run);
}

static char *metadata(const struct dh_upload_record *r)
{
	char text[METADATA_MAX] = "", hex[2 * DH_HASH_BYTES + 1];
	dh_hash_to_hex(r->hash, hex);
	dh_tus_add_metadata(text, sizeof(text), "filename", r->name);
	dh_tus_add_metadata(text, sizeof(text), "filetype", "video/mp4");
	dh_tus_add_metadata(text, sizeof(text), "recording", r->recording);
	dh_tus_add_metadata(text, sizeof(text), "sha256", hex);
	dh_tus_add_metadata(text, sizeof(text), "case_id", r->case_id);
	dh_tus_add_metadata(text, sizeof(text), "chain_head", r->chain_head);
	return dh_strfmt("Upload-Metadata: %s", text);
}

int dh_upload_create(struct dh_upload_run *run)
{
	static const uint8_t nothing[1];
	struct dh_upload_record *r = &run->record;
	struct headers h = {0};
	if (++r->creations > CREATIONS_MAX) {
		dh_fail(&run->why, DH_EPROTO, "the archive forgot this upload %d times", CREATIONS_MAX);
		return dh_upload_give_up(run);
	}
	add(&h, dh_strfmt("Upload-Length: %lld", (long long)r->bytes));
	add(&h, metadata(r));
	int err = ask(run, "POST", run->archive.url, &h, nothing, 0);
	if (!err && (run->answer.status != 201 || !run->answer.is_tus))
		err = judge(run);
	if (err)
		return err;
	if (dh_tus_location(run->archive.url, run->answer.location, run->targets, r->location, sizeof(r->location),
			    &run->why)) {
		r->location[0] = '\0';
		return dh_upload_refused(run);
	}
	r->state = DH_UPLOAD_UPLOADING;
	r->offset = 0;
	r->step_bytes = DH_UPLOAD_PART_BYTES;
	r->are_parts_sure = run->abilities.has_checksum;
	return dh_upload_keep(run);
}

static int begin_again(struct dh_upload_run *run)
{
	run->record.location[0] = '\0';
	return dh_upload_create(run);
}

static int64_t step_end(const struct dh_upload_record *r)
{
	int64_t end = r->offset - r->offset % r->step_bytes + r->step_bytes;
	return end < r->bytes ? end : r->bytes;
}

/* An archive with checksums takes a step whole or not at all. An offset in between, or one that went back, means that it
 * keeps bytes it never checked, or lost some: then its acknowledgements no longer stand for the file. */
static int take_offset(struct dh_upload_run *run, int64_t offset)
{
	struct dh_upload_record *r = &run->record;
	if (offset != r->offset && offset != step_end(r))
		r->are_parts_sure = false;
	if (offset < r->offset && ++r->setbacks > SETBACKS_MAX) {
		dh_fail(&run->why, DH_EPROTO, "the archive lost bytes it had acknowledged, %d times", SETBACKS_MAX);
		return dh_upload_give_up(run);
	}
	r->offset = offset;
	return DH_OK;
}

/* HEAD of the upload; is_success() unless it failed. */
static int look(struct dh_upload_run *run)
{
	struct headers h = {0};
	add(&h, dh_strdup("Want-Repr-Digest: sha-256=10"));
	int err = ask(run, "HEAD", run->record.location, &h, NULL, 0);
	if (err || is_gone(run))
		return err;
	if (!is_success(run) || run->answer.offset < 0)
		return judge(run);
	if (run->answer.offset > run->record.bytes || (run->answer.length >= 0 && run->answer.length != run->record.bytes))
		return lies(run, run->answer.offset);
	return DH_OK;
}

int dh_upload_find_offset(struct dh_upload_run *run)
{
	struct dh_upload_record *r = &run->record;
	char again[DH_TUS_LOCATION_MAX];
	if (dh_tus_location(run->archive.url, r->location, run->targets, again, sizeof(again), &run->why)) {
		run->why = (struct dh_err){0};
		return begin_again(run); /* the policy names another archive now */
	}
	int err = look(run);
	if (err)
		return err;
	if (is_gone(run)) /* when all of it was acknowledged, the archive may have moved it on */
		return r->offset == r->bytes ? DH_OK : begin_again(run);
	err = take_offset(run, run->answer.offset);
	return err ? err : dh_upload_keep(run);
}

/* A line that breaks before a step is through gets smaller ones, and larger ones when it holds. */
static int broke_off(struct dh_upload_run *run, int err)
{
	struct dh_upload_record *r = &run->record;
	if (run->why.code == DH_EIO && r->step_bytes > STEP_BYTES_MIN)
		r->step_bytes /= 2;
	return err;
}

static int stepped(struct dh_upload_run *run, int64_t end)
{
	struct dh_upload_record *r = &run->record;
	int status = run->answer.status;
	if (is_gone(run))
		return begin_again(run);
	if (status == 409 && ++run->conflicts <= CONFLICTS_MAX)
		return dh_upload_find_offset(run);
	if (status == 460 && ++run->mismatches <= MISMATCHES_MAX)
		return DH_OK; /* once more */
	if (status == 409 || status == 460) {
		dh_fail(&run->why, DH_EPROTO, status == 409 ? "the archive does not know how far it is (HTTP 409)" :
			"what arrives at the archive is not what was sent (HTTP 460)");
		return status == 409 ? dh_upload_later(run) : dh_upload_give_up(run);
	}
	if (!is_success(run) || run->answer.offset < 0)
		return judge(run);
	if (run->answer.offset <= r->offset || run->answer.offset > end)
		return lies(run, run->answer.offset);
	int err = take_offset(run, run->answer.offset);
	if (r->step_bytes < DH_UPLOAD_PART_BYTES && r->offset % (2 * r->step_bytes) == 0)
		r->step_bytes *= 2;
	return err ? err : dh_upload_keep(run);
}

int dh_upload_send_step(struct dh_upload_run *run)
{
	struct dh_upload_record *r = &run->record;
	struct headers h = {0};
	int64_t part = r->offset / DH_UPLOAD_PART_BYTES, end = step_end(r);
	if (r->are_parts_sure && !run->abilities.has_checksum) {
		r->are_parts_sure = false; /* on disk before the first such byte leaves */
		int err = dh_upload_keep(run);
		if (err)
			return err;
	}
	if (run->buffered != part && dh_upload_file_read(run->file, part, run->buffer, &run->why))
		return run->why.code == DH_EIO ? dh_upload_later(run) : dh_upload_give_up(run);
	run->buffered = part;
	const uint8_t *body = run->buffer + r->offset % DH_UPLOAD_PART_BYTES;
	size_t size = (size_t)(end - r->offset);
	add(&h, dh_strdup("Content-Type: application/offset+octet-stream"));
	add(&h, dh_strfmt("Upload-Offset: %lld", (long long)r->offset));
	if (run->abilities.has_checksum) {
		uint8_t hash[DH_HASH_BYTES];
		char checksum[DH_TUS_CHECKSUM_BYTES];
		dh_sha256(&(struct iovec){(void *)body, size}, 1, hash);
		dh_tus_checksum(hash, checksum);
		add(&h, dh_strfmt("Upload-Checksum: %s", checksum));
	}
	int err = ask(run, "PATCH", r->location, &h, body, size);
	return err ? broke_off(run, err) : stepped(run, end);
}

static int done(struct dh_upload_run *run, bool is_confirmed)
{
	struct dh_upload_record *r = &run->record;
	r->state = DH_UPLOAD_DONE;
	r->is_confirmed = is_confirmed;
	return DH_OK;
}

int dh_upload_confirm(struct dh_upload_run *run)
{
	struct dh_upload_record *r = &run->record;
	r->state = DH_UPLOAD_CONFIRMING;
	int err = dh_upload_keep(run);
	if (!err)
		err = look(run);
	if (err)
		return err;
	if (is_gone(run))
		return done(run, false);
	if (run->answer.offset != r->bytes) {
		r->state = DH_UPLOAD_UPLOADING;
		err = take_offset(run, run->answer.offset);
		if (err)
			return err;
		dh_fail(&run->why, DH_EPROTO, "the archive lost bytes it had acknowledged");
		return dh_upload_later(run);
	}
	if (run->answer.has_digest && memcmp(run->answer.digest, r->hash, DH_HASH_BYTES)) {
		dh_fail(&run->why, DH_EPROTO, "what the archive has got another hash than the recording");
		dh_hint(&run->why, "The recording here is kept. deskhand uploads retry sends it once more.");
		return dh_upload_give_up(run);
	}
	if (run->answer.has_digest || r->are_parts_sure)
		return done(run, true);
	if (run->answer.retry_after_s < 0 || ++r->confirmations > CONFIRMATIONS_MAX)
		return done(run, false);
	dh_fail(&run->why, DH_EAGAIN, "the archive has all bytes and is making its hash");
	return dh_upload_later(run);
}

void dh_upload_terminate(struct dh_upload_run *run)
{
	struct headers h = {0};
	char again[DH_TUS_LOCATION_MAX];
	if (!dh_tus_location(run->archive.url, run->record.location, run->targets, again, sizeof(again), &run->why) &&
	    !ask(run, "DELETE", run->record.location, &h, NULL, 0))
		DH_DEBUG(run, "the archive was told to forget the upload: HTTP %d", run->answer.status);
}
