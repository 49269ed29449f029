/* See verify_sequence.h. */
#include "agent/record/verify_sequence.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/record/verify_text.h"
#include "common/alloc.h"

/* Bytes of the files before count too. */
struct progress {
	const struct dh_verify_options *options;
	uint64_t before;
};

static bool go_on(void *arg, uint64_t bytes)
{
	const struct progress *p = arg;
	return p->options->go_on(p->options->go_on_arg, p->before + bytes);
}

static struct dh_verify_part *add_part(struct dh_verify_sequence *s, const char *path, int fd,
				       const struct dh_verify_options *o)
{
	struct dh_verify_options each = *o;
	struct progress progress = {.options = o};
	for (int i = 0; i < s->count; i++)
		progress.before += s->parts[i].report.file_bytes;
	struct stat st;
	const char *slash = strrchr(path, '/');
	s->parts = dh_realloc(s->parts, sizeof(*s->parts) * (size_t)(s->count + 1));
	struct dh_verify_part *p = &s->parts[s->count++];
	memset(p, 0, sizeof(*p));
	dh_strcopy(p->name, sizeof(p->name), slash ? slash + 1 : path);
	p->is_empty = !fstat(fd, &st) && S_ISREG(st.st_mode) && !st.st_size;
	each.head_may_be_elsewhere = true; /* it is in one of them */
	each.go_on = o->go_on ? go_on : NULL;
	each.go_on_arg = &progress;
	dh_verify(fd, &each, &p->report);
	return p;
}

static void set_fault(struct dh_verify_sequence *s, enum dh_fault fault, int segment, const char *name)
{
	s->verdict = DH_VERDICT_ALTERED;
	s->fault = fault;
	s->fault_segment = segment;
	dh_strcopy(s->fault_name, sizeof(s->fault_name), name);
}

/* ---- judging ---- */

/* A file by itself. False: the sequence is judged by it. */
static bool part_is_good(struct dh_verify_sequence *s, const struct dh_verify_part *p, bool is_last)
{
	const struct dh_verify_report *r = &p->report;
	if (r->verdict == DH_VERDICT_ALTERED) {
		set_fault(s, r->fault, r->segment, p->name);
		snprintf(s->text, sizeof(s->text), "%s: %s", p->name, r->text);
		return false;
	}
	if (r->verdict == DH_VERDICT_UNREADABLE && !(p->is_empty && is_last && s->count > 1)) {
		s->verdict = DH_VERDICT_UNREADABLE;
		dh_strcopy(s->fault_name, sizeof(s->fault_name), p->name);
		snprintf(s->text, sizeof(s->text), "%s: %s", p->name, r->text);
		return false;
	}
	if (r->verdict == DH_VERDICT_UNCLEAN && !is_last) {
		set_fault(s, DH_FAULT_TRUNCATED, r->segment, p->name);
		snprintf(s->text, sizeof(s->text), "%s: cut off, though the recording went on in another file.", p->name);
		return false;
	}
	if (p->is_empty || r->verdict == DH_VERDICT_UNCLEAN)
		s->verdict = DH_VERDICT_UNCLEAN;
	else if (r->verdict == DH_VERDICT_UNKNOWN_SIGNER)
		s->verdict = DH_VERDICT_UNKNOWN_SIGNER;
	return true;
}

/* Number n stands where n is due, and goes on from the one before. */
static bool part_fits(struct dh_verify_sequence *s, int i)
{
	const struct dh_verify_part *p = &s->parts[i];
	const struct dh_verify_report *r = &p->report, *before = i ? &s->parts[i - 1].report : NULL;
	if (p->is_empty)
		return true;
	if (strcmp(r->recording, s->parts[0].report.recording) || !r->segment)
		set_fault(s, DH_FAULT_SEGMENT_FOREIGN, i + 1, p->name);
	else if (r->segment > i + 1 && !s->is_followed)
		set_fault(s, DH_FAULT_SEGMENT_MISSING, i + 1, "");
	else if (r->segment != i + 1)
		set_fault(s, DH_FAULT_SEGMENT_SWAPPED, i + 1, p->name);
	else if (before && memcmp(r->previous_head, before->head, DH_HASH_BYTES))
		set_fault(s, DH_FAULT_SEGMENT_FOREIGN, i + 1, p->name);
	return !s->fault;
}

static void say(struct dh_verify_sequence *s)
{
	const char *name = s->fault_name;
	switch (s->fault) {
	case DH_FAULT_SEGMENT_MISSING:
		snprintf(s->text, sizeof(s->text), "Segment %d is missing%s%s.", s->fault_segment, name[0] ? ": " : "",
			 name);
		return;
	case DH_FAULT_SEGMENT_SWAPPED:
		snprintf(s->text, sizeof(s->text), "%s: not segment %d but another one of this recording.", name,
			 s->fault_segment);
		return;
	case DH_FAULT_SEGMENT_FOREIGN:
		snprintf(s->text, sizeof(s->text), "%s: segment %d of this recording was another file.", name,
			 s->fault_segment);
		return;
	case DH_FAULT_OTHER_HEAD:
		snprintf(s->text, sizeof(s->text), "The head that was kept is in none of the %d files.", s->count);
		return;
	default:
		break;
	}
	const char *end = s->verdict == DH_VERDICT_WHOLE ? "whole and signed by a trusted key" :
			  s->verdict == DH_VERDICT_UNCLEAN ? "whole up to where its writer was cut off, or still is" :
							     "whole, but not signed by a key that is known here";
	snprintf(s->text, sizeof(s->text), "The recording of %d files is %s.", s->count, end);
}

static void judge(struct dh_verify_sequence *s, const struct dh_verify_options *o)
{
	bool has_head = !o->has_head;
	for (int i = 0; i < s->count; i++)
		has_head |= s->parts[i].report.has_kept_head;
	for (int i = 0; i < s->count; i++) {
		if (!part_is_good(s, &s->parts[i], i == s->count - 1))
			return;
		if (!part_fits(s, i))
			break;
	}
	const struct dh_verify_part *last = &s->parts[s->count - 1];
	if (!s->fault && last->report.next_name[0])
		set_fault(s, DH_FAULT_SEGMENT_MISSING, last->report.segment + 1, last->report.next_name);
	if (!s->fault && !has_head)
		set_fault(s, DH_FAULT_OTHER_HEAD, 0, "");
	say(s);
}

/* ---- one file ---- */

static void judge_alone(struct dh_verify_sequence *s, const struct dh_verify_options *o)
{
	struct dh_verify_report *r = &s->parts[0].report;
	if (o->has_head && !r->has_kept_head)
		dh_verify_miss_head(r);
	s->verdict = r->verdict;
	s->fault = r->fault;
	s->fault_segment = r->fault ? r->segment : 0;
	dh_strcopy(s->text, sizeof(s->text), r->text);
}

void dh_verify_follow(int dir, const char *name, int fd, const struct dh_verify_options *o, struct dh_verify_sequence *out)
{
	memset(out, 0, sizeof(*out));
	out->is_followed = true;
	const struct dh_verify_report *r = &add_part(out, name, fd, o)->report;
	bool is_first = r->segment == 1 && r->next_name[0];
	/* one that stands where another is due is a fault already, and may lead in a circle */
	while (is_first && r->next_name[0] && r->segment == out->count && out->count < DH_VERIFY_PARTS_MAX) {
		int next = openat(dir, r->next_name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
		if (next < 0)
			break;
		char next_name[DH_SEGMENT_NAME_MAX];
		dh_strcopy(next_name, sizeof(next_name), r->next_name); /* add_part() moves the reports */
		r = &add_part(out, next_name, next, o)->report;
		close(next);
	}
	if (is_first)
		judge(out, o);
	else
		judge_alone(out, o);
}

/* ---- several files ---- */

static int by_number(const void *a, const void *b)
{
	const struct dh_verify_part *x = a, *y = b;
	if (x->is_empty != y->is_empty)
		return x->is_empty ? 1 : -1;
	int diff = strcmp(x->report.recording, y->report.recording);
	return diff ? diff : x->report.segment - y->report.segment;
}

/* A file that was named twice, or a copy of it, is no fault. */
static void drop_copies(struct dh_verify_sequence *s)
{
	int kept = 0;
	for (int i = 0; i < s->count; i++) {
		const struct dh_verify_report *r = &s->parts[i].report, *before = kept ? &s->parts[kept - 1].report : NULL;
		bool is_copy = before && r->links && r->verdict == before->verdict && r->file_bytes == before->file_bytes &&
			       r->segment == before->segment && !memcmp(r->head, before->head, DH_HASH_BYTES);
		if (is_copy)
			cJSON_Delete(s->parts[i].report.notes);
		else if (kept++ < i)
			s->parts[kept - 1] = s->parts[i];
	}
	s->count = kept;
}

/* Behind the files of the recording that the first one belongs to. */
static int end_of_recording(const struct dh_verify_sequence *s, int first)
{
	const char *recording = s->parts[first].report.recording;
	int end = first + 1;
	while (recording[0] && end < s->count && !strcmp(s->parts[end].report.recording, recording))
		end++;
	return end;
}

static int count_recordings(const struct dh_verify_sequence *s)
{
	int count = 0;
	for (int i = 0; i < s->count; i = end_of_recording(s, i))
		count += s->parts[i].report.recording[0] != '\0';
	return count;
}

static int badness(enum dh_verdict verdict)
{
	static const enum dh_verdict order[] = {DH_VERDICT_WHOLE, DH_VERDICT_UNKNOWN_SIGNER, DH_VERDICT_UNCLEAN,
						DH_VERDICT_UNREADABLE, DH_VERDICT_ALTERED};
	int i = 0;
	while (order[i] != verdict)
		i++;
	return i;
}

static void judge_one(struct dh_verify_sequence *s, const struct dh_verify_options *o)
{
	if (s->count > 1 || s->parts[0].report.segment)
		judge(s, o);
	else
		judge_alone(s, o);
}

/* Each recording is judged by itself, the worst of them decides. */
static void judge_several(struct dh_verify_sequence *s, const struct dh_verify_options *o)
{
	struct dh_verify_options each = *o;
	bool has_head = !o->has_head;
	each.has_head = false; /* it is in one of them */
	snprintf(s->text, sizeof(s->text), "All %d files are whole and signed by a trusted key.", s->count);
	for (int first = 0, end; first < s->count; first = end) {
		end = end_of_recording(s, first);
		struct dh_verify_sequence one = {.parts = s->parts + first, .count = end - first};
		const char *name = one.parts[0].name;
		judge_one(&one, &each);
		for (int i = 0; i < one.count; i++)
			has_head |= one.parts[i].report.has_kept_head;
		if (badness(one.verdict) <= badness(s->verdict))
			continue;
		s->verdict = one.verdict;
		s->fault = one.fault;
		s->fault_segment = one.fault_segment;
		dh_strcopy(s->fault_name, sizeof(s->fault_name), one.fault_name[0] ? one.fault_name : name);
		snprintf(s->text, sizeof(s->text), "Of several recordings, that of %.127s: %.250s", name, one.text);
	}
	if (!has_head && s->verdict != DH_VERDICT_ALTERED) {
		set_fault(s, DH_FAULT_OTHER_HEAD, 0, "");
		say(s);
	}
}

int dh_verify_files(char *const *paths, int count, const struct dh_verify_options *o, struct dh_verify_sequence *out,
		    struct dh_err *e)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < count; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us */
		if (fd < 0) {
			dh_verify_sequence_finish(out);
			return dh_fail(e, dh_err_from_errno(errno), "cannot open %s: %s", paths[i], strerror(errno));
		}
		add_part(out, paths[i], fd, o);
		close(fd);
	}
	qsort(out->parts, (size_t)out->count, sizeof(*out->parts), by_number);
	drop_copies(out);
	if (count_recordings(out) > 1)
		judge_several(out, o);
	else
		judge_one(out, o);
	return DH_OK;
}

void dh_verify_sequence_finish(struct dh_verify_sequence *s)
{
	for (int i = 0; i < s->count; i++)
		cJSON_Delete(s->parts[i].report.notes);
	free(s->parts);
	s->parts = NULL;
	s->count = 0;
}

/* ---- JSON ---- */

static void add_sums(cJSON *to, const struct dh_verify_sequence *s)
{
	double bytes = 0, media_us = 0, pictures = 0;
	for (int i = 0; i < s->count; i++) {
		const struct dh_verify_report *r = &s->parts[i].report;
		bytes += (double)r->file_bytes;
		media_us += (double)r->media_us;
		pictures += (double)r->video_samples;
	}
	cJSON_AddNumberToObject(to, "bytes", bytes);
	cJSON_AddNumberToObject(to, "duration_ms", (double)(int64_t)(media_us / 1000));
	cJSON_AddNumberToObject(to, "video_frames", pictures);
}

cJSON *dh_verify_sequence_to_json(const struct dh_verify_sequence *s)
{
	if (s->count == 1 && s->fault != DH_FAULT_SEGMENT_MISSING)
		return dh_verify_to_json(&s->parts[0].report);
	cJSON *v = cJSON_CreateObject();
	cJSON_AddStringToObject(v, "verdict", dh_verdict_name(s->verdict));
	cJSON_AddNumberToObject(v, "exit_code", s->verdict);
	cJSON_AddStringToObject(v, "text", s->text);
	if (s->fault)
		cJSON_AddStringToObject(v, "fault", dh_fault_name(s->fault));
	if (s->fault_segment)
		cJSON_AddNumberToObject(v, "segment", s->fault_segment);
	if (s->fault_name[0])
		cJSON_AddStringToObject(v, "file", s->fault_name);
	add_sums(v, s);
	cJSON *list = cJSON_AddArrayToObject(v, "segments");
	for (int i = 0; i < s->count; i++) {
		cJSON *part = dh_verify_to_json(&s->parts[i].report);
		cJSON_AddStringToObject(part, "file", s->parts[i].name);
		cJSON_AddItemToArray(list, part);
	}
	return v;
}
