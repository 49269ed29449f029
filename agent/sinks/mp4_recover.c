/* See mp4_recover.h. */
#include "agent/sinks/mp4_recover.h"

#include "agent/sinks/mp4_file.h"
#include "agent/sinks/mp4_read.h"

static int finish(int fd, const struct dh_mp4_index *x, const struct dh_mp4_layout *layout, struct dh_mp4_facts *facts,
		  struct dh_err *e)
{
	if (!layout->fragments)
		return dh_fail(e, DH_ENODEV, "nothing was recorded yet when this recording was interrupted");
	struct dh_mp4_file f = {.fd = fd, .end = layout->end, .moov_at = layout->moov_at};
	int err = dh_mp4_file_finish(&f, x, e);
	dh_mp4_buf_finish(&f.scratch);
	if (err)
		return err;
	facts->bytes = (int64_t)f.end;
	for (int i = 0; i < x->track_count; i++) {
		const struct dh_mp4_track *t = &x->tracks[i];
		int64_t end_us = dh_mp4_track_end_us(t);
		*(t->is_video ? &facts->video_frames : &facts->audio_frames) = (int64_t)t->sample_count;
		facts->duration_us = end_us > facts->duration_us ? end_us : facts->duration_us;
	}
	return DH_OK;
}

int dh_mp4_recover(int fd, struct dh_mp4_facts *facts, struct dh_err *e)
{
	struct dh_mp4_index x = {0};
	struct dh_mp4_layout layout;
	*facts = (struct dh_mp4_facts){0};
	int err = dh_mp4_read(fd, &x, &layout, e);
	facts->was_finished = !err && layout.is_finished;
	if (!err && !layout.is_finished)
		err = finish(fd, &x, &layout, facts, e);
	dh_mp4_index_finish(&x);
	return err;
}
