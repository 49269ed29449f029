/* Pictures and sound chunks by counted reference, and the pools they come from.
 * A frame may be written only while one reference exists; all pictures are I420, BT.601 limited range. */
#ifndef DH_MEDIA_FRAME_H
#define DH_MEDIA_FRAME_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum dh_media_kind { DH_MEDIA_NONE, DH_MEDIA_VIDEO, DH_MEDIA_AUDIO };

struct dh_frame {
	atomic_int refs; /* writable only while 1 */
	enum dh_media_kind kind;
	int64_t pts_us; /* agent clock at capture (sound: of its first sample), never wall time */
	/* -- video: Y, U, V; chroma is (width + 1) / 2 by (height + 1) / 2 */
	int width_px, height_px;
	uint8_t *plane[3]; /* 64-byte aligned, rows padded to a multiple of 64 bytes */
	int stride[3];     /* bytes from one row to the next */
	/* -- sound: interleaved floats, nominal range -1..1 */
	float *samples;
	int sample_count; /* per channel */
	int channels, rate_hz;
	/* -- private to frame.c */
	void (*release)(struct dh_frame *f); /* last unref, any thread */
	void *owner;
	struct dh_frame *next;
	bool is_alias; /* shares the memory of owner: never writable */
};

/* New frame with one reference, contents undefined. NULL when memory is gone. Any thread. */
struct dh_frame *dh_frame_new_video(int width_px, int height_px);
struct dh_frame *dh_frame_new_audio(int sample_count, int channels, int rate_hz);

struct dh_frame *dh_frame_ref(struct dh_frame *f);
void dh_frame_unref(struct dh_frame *f); /* NULL is fine */

static inline bool dh_frame_is_writable(const struct dh_frame *f)
{
	return !f->is_alias && atomic_load_explicit(&f->refs, memory_order_acquire) == 1;
}

/* Another header over the same picture, with a pts of its own: for showing a shared picture again at a later
 * time. Pictures only; never writable; holds a reference to f. NULL when memory is gone. Any thread. */
struct dh_frame *dh_frame_alias(struct dh_frame *f, int64_t pts_us);

/* Copy planes (and pts_us) of src into dst of the same size; dst must be writable. Any thread. */
void dh_frame_copy(struct dh_frame *dst, const struct dh_frame *src);

/* Paint the whole picture in one colour; f must be writable. Any thread. */
void dh_frame_fill(struct dh_frame *f, uint8_t y, uint8_t u, uint8_t v);

/* Frames alive in this process; 0 at exit. Any thread. */
int dh_frame_live_count(void);

/* A pool keeps released pictures of one size for reuse (at most `keep`). Frames may outlive the
 * pool's destroy. Get: any thread. Create and destroy: the owner. */
struct dh_frame_pool;
struct dh_frame_pool *dh_frame_pool_create(int keep);
void dh_frame_pool_destroy(struct dh_frame_pool *p);
/* A writable picture, contents undefined; a change of size empties the pool. NULL: no memory. */
struct dh_frame *dh_frame_pool_get(struct dh_frame_pool *p, int width_px, int height_px);

#endif
