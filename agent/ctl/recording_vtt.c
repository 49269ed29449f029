/* NAME.vtt beside a recording: its markers as WebVTT, for players and people. It begins with a comment that says whose it
 * is: no other file of that name is ever replaced or removed. Source: W3C, WebVTT: The Web Video Text Tracks Format, 4. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/ctl/recording_priv.h"
#include "common/beneath.h"
#include "common/clock.h"
#include "common/io.h"
#include "common/json.h"
#include "common/utf8.h"

#define HEAD "WEBVTT\n\nNOTE Deskhand recording "
#define LINE_MAX_BYTES 2048
#define LAST_CUE_MS 1000 /* of a marker at the very end: a cue cannot be empty */

/* ---- the text ---- */

static void put_time(FILE *out, int64_t ms)
{
	fprintf(out, "%02lld:%02d:%02d.%03d", (long long)(ms / 3600000), (int)(ms / 60000 % 60), (int)(ms / 1000 % 60),
		(int)(ms % 1000));
}

static void put_escaped(FILE *out, const char *text)
{
	char line[LINE_MAX_BYTES];
	dh_utf8_line(line, sizeof(line), text);
	for (const char *p = line; *p; p++)
		if (*p == '&' || *p == '<' || *p == '>')
			fputs(*p == '&' ? "&amp;" : *p == '<' ? "&lt;" : "&gt;", out);
		else
			fputc(*p, out);
}

static int64_t time_of(const cJSON *marker)
{
	return dh_later(dh_json_int(marker, "t_ms"), 0);
}

/* A marker stands until the next one, the last until the end. */
static int64_t end_of(const cJSON *marker, int64_t duration_ms)
{
	int64_t begin_ms = time_of(marker);
	for (const cJSON *next = marker->next; next; next = next->next)
		if (time_of(next) > begin_ms)
			return time_of(next);
	return duration_ms > begin_ms ? duration_ms : begin_ms + LAST_CUE_MS;
}

char *dh_recording_vtt_text(const struct dh_recording *r)
{
	char *text = NULL;
	size_t size;
	int n = 0;
	const cJSON *marker;
	FILE *out = open_memstream(&text, &size);
	if (!out)
		abort(); /* only without memory */
	fprintf(out, HEAD "%s\n", r->id);
	cJSON_ArrayForEach(marker, r->markers) {
		const char *step = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(marker, "step"));
		const char *said = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(marker, "text"));
		fprintf(out, "\n%d\n", ++n);
		put_time(out, time_of(marker));
		fputs(" --> ", out);
		put_time(out, end_of(marker, r->facts.duration_us / 1000));
		fputc('\n', out);
		if (step) {
			put_escaped(out, step);
			fputs(": ", out);
		}
		put_escaped(out, said ? said : "");
		fputc('\n', out);
	}
	fclose(out);
	return text;
}

/* ---- the file ---- */

/* NAME.mp4 to NAME.vtt. False: not such a name. */
static bool name_beside(const char *name, char out[DH_VTT_NAME_MAX])
{
	size_t n = strlen(name);
	bool is_good = n > 4 && n < DH_VTT_NAME_MAX && !strcmp(name + n - 4, ".mp4");
	if (is_good)
		snprintf(out, DH_VTT_NAME_MAX, "%.*s.vtt", (int)n - 4, name);
	return is_good;
}

/* The folder of the recording at path, and the name in it. -1: errno says why. */
static int open_folder(const char *path, char name[DH_VTT_NAME_MAX])
{
	const char *file;
	int dir = dh_open_folder_of(path, &file);
	bool is_mp4 = name_beside(file, name);
	if (dir < 0 || is_mp4)
		return dir;
	close(dir);
	errno = ENOENT;
	return -1;
}

static bool is_ours(int dir, const char *name, const char *id)
{
	char wanted[128], found[128];
	int n = snprintf(wanted, sizeof(wanted), HEAD "%s\n", id);
	int fd = openat(dir, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	bool is_same = fd >= 0 && read(fd, found, (size_t)n) == n && !memcmp(found, wanted, (size_t)n);
	if (fd >= 0)
		close(fd);
	return is_same;
}

static int write_new(int dir, const char *temp, const char *text)
{
	unlinkat(dir, temp, 0); /* of a write that was cut off */
	int fd = dh_create_beneath(dir, temp);
	if (fd < 0)
		return errno;
	int err = dh_write_all(fd, text, strlen(text)) || fdatasync(fd) ? errno : 0;
	close(fd);
	return err;
}

static int put_in_place(int dir, const char *temp, const char *name, const char *id)
{
	bool must_be_new = !is_ours(dir, name, id);
	if (!renameat2(dir, temp, dir, name, must_be_new ? RENAME_NOREPLACE : 0))
		return 0;
	if (errno != EINVAL) /* a file system that does not know the flag */
		return errno;
	if (!faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW))
		return EEXIST;
	return renameat(dir, temp, dir, name) ? errno : 0;
}

int dh_recording_vtt_write(const char *path, const char *id, const char *text, struct dh_err *e)
{
	char name[DH_VTT_NAME_MAX] = "", temp[DH_VTT_NAME_MAX + 8];
	int dir = open_folder(path, name);
	snprintf(temp, sizeof(temp), ".%s.new", name);
	int err = dir < 0 ? errno : write_new(dir, temp, text);
	if (!err)
		err = put_in_place(dir, temp, name, id);
	if (!err && dh_sync_folder(dir))
		err = errno;
	if (err && dir >= 0)
		unlinkat(dir, temp, 0);
	if (dir >= 0)
		close(dir);
	return !err ? DH_OK : dh_fail(e, dh_err_from_errno(err), "cannot write the recording's markers beside it, as %s: %s",
				      name, strerror(err));
}

void dh_recording_vtt_remove(const char *path, const char *id)
{
	char name[DH_VTT_NAME_MAX];
	int dir = open_folder(path, name);
	if (dir < 0)
		return;
	if (is_ours(dir, name, id))
		unlinkat(dir, name, 0);
	close(dir);
}

void dh_recording_finish_vtt(struct dh_recording *r)
{
	r->must_write_vtt = !r->is_push_only && cJSON_GetArraySize(r->markers) && name_beside(r->name, r->vtt);
}
