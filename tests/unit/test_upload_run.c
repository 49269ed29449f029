/* An attempt at an upload on its thread, with an archive in memory: what is asked in which order, what is kept, how it
 * ends. */
#include "agent/upload/run.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tst.h"

#define BYTES (DH_UPLOAD_PART_BYTES + 1000)

static char dir[64], path[100];
static struct dh_loop loop;
static struct dh_policy policy;
static struct dh_upload_file file;

/* ---- the archive: one upload, at /files/1 ---- */

static struct {
	const struct dh_http_ops *ops;
	void *user;
	char asked[400];       /* methods, in order */
	uint8_t *data;
	size_t size;
	int break_at;          /* the network breaks at this PATCH, 1: the first */
	int patches;
	bool has_checksum;
	uv_sem_t is_blocked, may_go;
	bool blocks;           /* at a PATCH, until cancelled */
	atomic_bool is_cancelled;
} archive;

static void say(const char *fmt, long long value)
{
	char line[200];
	int n = snprintf(line, sizeof(line), fmt, value);
	archive.ops->line(archive.user, line, (size_t)n);
}

static int fake_open(struct dh_http **out, const char *ca_file, const struct dh_http_ops *ops, void *user, struct dh_err *e)
{
	archive.ops = ops;
	archive.user = user;
	archive.asked[0] = '\0';
	archive.patches = 0;
	atomic_store(&archive.is_cancelled, false);
	*out = NULL;
	return DH_OK;
}

static void fake_close(struct dh_http *h)
{
}

static void fake_cancel(struct dh_http *h)
{
	atomic_store(&archive.is_cancelled, true);
	uv_sem_post(&archive.may_go);
}

static int patch(const struct dh_http_request *r, struct dh_err *e)
{
	archive.patches++;
	if (archive.blocks) {
		uv_sem_post(&archive.is_blocked);
		uv_sem_wait(&archive.may_go);
	}
	if (atomic_load(&archive.is_cancelled))
		return dh_fail(e, DH_ECANCELED, "cancelled");
	if (archive.patches == archive.break_at)
		return dh_fail(e, DH_EIO, "the line broke");
	memcpy(archive.data + archive.size, r->body, r->body_bytes);
	archive.size += r->body_bytes;
	archive.ops->sent(archive.user, r->body_bytes);
	say("HTTP/1.1 204 No Content", 0);
	say("Upload-Offset: %lld", (long long)archive.size);
	return DH_OK;
}

static int fake_request(struct dh_http *h, const struct dh_http_request *r, struct dh_err *e)
{
	size_t n = strlen(archive.asked);
	snprintf(archive.asked + n, sizeof(archive.asked) - n, "%s%s", n ? " " : "", r->method);
	int err = DH_OK;
	if (!strcmp(r->method, "OPTIONS")) {
		say("HTTP/1.1 204 No Content", 0);
		if (archive.has_checksum)
			say("Tus-Checksum-Algorithm: sha256", 0);
	} else if (!strcmp(r->method, "POST")) {
		say("HTTP/1.1 201 Created", 0);
		say("Location: /files/%lld", 1);
		archive.size = 0;
	} else if (!strcmp(r->method, "HEAD")) {
		say("HTTP/1.1 200 OK", 0);
		say("Upload-Offset: %lld", (long long)archive.size);
	} else if (!strcmp(r->method, "PATCH")) {
		err = patch(r, e);
	} else {
		say("HTTP/1.1 204 No Content", 0);
	}
	say("Tus-Resumable: 1.0.0", 0);
	return err;
}

static const struct dh_http_api api = {fake_open, fake_close, fake_request, fake_cancel};

/* ---- runs ---- */

static struct {
	struct dh_upload_record record;
	int64_t retry_after_s, most_sent;
	int changes;
	bool is_over;
} seen;

static void on_changed(void *user, const struct dh_upload_record *r, int64_t sent_bytes)
{
	seen.changes++;
	seen.most_sent = sent_bytes > seen.most_sent ? sent_bytes : seen.most_sent;
}

static void on_ended(void *user, const struct dh_upload_record *r, int64_t retry_after_s)
{
	seen.record = *r;
	seen.retry_after_s = retry_after_s;
	seen.is_over = true;
}

static struct dh_upload_run *start(const struct dh_upload_record *record, bool must_terminate)
{
	static const struct dh_upload_run_ops ops = {on_changed, on_ended};
	struct dh_upload_run_config c = {&api, &loop, dir, &policy, must_terminate};
	struct dh_upload_run *run = NULL;
	struct dh_err e = {0};
	memset(&seen, 0, sizeof(seen));
	TST_EQ(dh_upload_run_start(&run, &c, record, &file, &ops, NULL, &e), DH_OK);
	return run;
}

static void finish(struct dh_upload_run *run)
{
	while (!seen.is_over)
		uv_run(&loop.uv, UV_RUN_ONCE);
	dh_upload_run_destroy(run);
}

static struct dh_upload_record fresh(void)
{
	struct dh_upload_record r = {.id = "0123456789abcdef0123456789abcdef", .recording = "r", .name = "x.mp4",
				     .state = DH_UPLOAD_WAITING};
	dh_strcopy(r.path, sizeof(r.path), path);
	archive.break_at = 0;
	archive.has_checksum = true;
	archive.blocks = false;
	return r;
}

/* What is on the disk is what was told. */
static void is_kept(void)
{
	struct dh_upload_record r;
	struct dh_err e = {0};
	TST_EQ(dh_upload_record_load(&r, dir, "0123456789abcdef0123456789abcdef.json", &e), DH_OK);
	TST_EQ(r.state, seen.record.state);
	TST_EQ(r.offset, seen.record.offset);
	TST_EQ(r.are_parts_sure, seen.record.are_parts_sure);
	TST_EQ(r.step_bytes, seen.record.step_bytes);
	TST_STR(r.location, seen.record.location);
	TST_STR(r.why.text, seen.record.why.text);
	TST_CHECK(!memcmp(r.hash, seen.record.hash, DH_HASH_BYTES));
}

static void whole(void)
{
	struct dh_upload_record r = fresh();
	finish(start(&r, false));
	TST_STR(archive.asked, "OPTIONS POST PATCH PATCH HEAD");
	TST_EQ(seen.record.state, DH_UPLOAD_DONE);
	TST_CHECK(seen.record.is_confirmed);
	TST_EQ(seen.most_sent, BYTES);
	TST_STR(seen.record.location, "https://archive.example/files/1");
	TST_EQ(archive.size, BYTES);
	is_kept();
}

static void line_breaks(void)
{
	struct dh_upload_record r = fresh();
	archive.break_at = 2;
	finish(start(&r, false));
	TST_STR(archive.asked, "OPTIONS POST PATCH PATCH");
	TST_EQ(seen.record.state, DH_UPLOAD_WAITING);
	TST_EQ(seen.record.why.code, DH_EIO);
	TST_EQ(seen.record.offset, DH_UPLOAD_PART_BYTES);
	TST_EQ(seen.record.step_bytes, DH_UPLOAD_PART_BYTES / 2);
	is_kept();
	r = seen.record;
	archive.break_at = 0;
	finish(start(&r, false));
	TST_STR(archive.asked, "OPTIONS HEAD PATCH HEAD");
	TST_EQ(seen.record.state, DH_UPLOAD_DONE);
	TST_CHECK(seen.record.is_confirmed);
	is_kept();
}

/* Checksums that end with the first part: the rest is not sure, and that is on the disk before it leaves. */
static void checksums_end(void)
{
	struct dh_upload_record r = fresh();
	archive.break_at = 2;
	finish(start(&r, false));
	TST_CHECK(seen.record.are_parts_sure);
	r = seen.record;
	archive.has_checksum = false;
	archive.break_at = 1;
	finish(start(&r, false));
	TST_EQ(seen.record.offset, DH_UPLOAD_PART_BYTES);
	TST_CHECK(!seen.record.are_parts_sure);
	is_kept();
	r = seen.record;
	archive.has_checksum = true;
	archive.break_at = 0;
	finish(start(&r, false));
	TST_EQ(seen.record.state, DH_UPLOAD_DONE);
	TST_CHECK(!seen.record.is_confirmed);
}

static void cancel(void)
{
	struct dh_upload_record r = fresh();
	archive.blocks = true;
	struct dh_upload_run *run = start(&r, false);
	uv_sem_wait(&archive.is_blocked);
	dh_upload_run_cancel(run);
	finish(run);
	TST_EQ(seen.record.why.code, DH_ECANCELED);
	TST_CHECK(dh_upload_is_open(&seen.record));
	r = seen.record;
	finish(start(&r, true));
	TST_STR(archive.asked, "DELETE");
	TST_STR(seen.record.location, "");
}

static void changed_file(void)
{
	struct dh_upload_record r = fresh();
	archive.break_at = 2;
	finish(start(&r, false));
	r = seen.record;
	FILE *f = fopen(path, "r+e");
	fputs("other", f);
	fclose(f);
	finish(start(&r, false));
	TST_STR(archive.asked, "");
	TST_EQ(seen.record.state, DH_UPLOAD_FAILED);
	TST_EQ(seen.record.why.code, DH_ESTATE);
	unlink(path);
	r.has_hash = false;
	finish(start(&r, false));
	TST_EQ(seen.record.state, DH_UPLOAD_FAILED);
	TST_EQ(seen.record.why.code, DH_ENOENT);
}

static const char *set_up(void)
{
	dh_strcopy(dir, sizeof(dir), "/tmp/dh-upload-XXXXXX");
	if (!mkdtemp(dir) || dh_loop_init(&loop))
		return "no directory";
	snprintf(path, sizeof(path), "%s/x.mp4", dir);
	FILE *f = fopen(path, "we");
	for (int i = 0; i < BYTES; i++)
		fputc(i * 31 >> 7, f);
	fclose(f);
	archive.data = dh_alloc(2 * BYTES);
	uv_sem_init(&archive.is_blocked, 0);
	uv_sem_init(&archive.may_go, 0);
	policy.push_targets = cJSON_CreateArray();
	dh_strcopy(policy.archive.url, sizeof(policy.archive.url), "https://archive.example/files/");
	return NULL;
}

static void tear_down(void)
{
	char command[100];
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	TST_EQ(system(command), 0);
	cJSON_Delete(policy.push_targets);
	dh_upload_file_finish(&file);
	free(archive.data);
	uv_sem_destroy(&archive.is_blocked);
	uv_sem_destroy(&archive.may_go);
	dh_loop_finish(&loop);
}

TST_MAIN_WITH(set_up, {"a whole upload", whole}, {"the line breaks", line_breaks}, {"checksums that end", checksums_end},
	      {"cancelled in the middle", cancel}, {"a file that was changed, one that is gone", changed_file},
	      {"nothing is left", tear_down})
