/* Writing ISO base media boxes into a growing buffer. Source: ISO/IEC 14496-12. */
#ifndef DH_SINKS_MP4_BOX_H
#define DH_SINKS_MP4_BOX_H

#include <stddef.h>
#include <stdint.h>

struct dh_mp4_buf {
	uint8_t *data;
	size_t size, capacity;
};

void dh_mp4_buf_finish(struct dh_mp4_buf *b);

void dh_mp4_put(struct dh_mp4_buf *b, const void *data, size_t size);
void dh_mp4_put_zeros(struct dh_mp4_buf *b, size_t size);
void dh_mp4_put8(struct dh_mp4_buf *b, uint8_t v);
void dh_mp4_put16(struct dh_mp4_buf *b, uint16_t v);
void dh_mp4_put32(struct dh_mp4_buf *b, uint32_t v);
void dh_mp4_put64(struct dh_mp4_buf *b, uint64_t v);
void dh_mp4_put_type(struct dh_mp4_buf *b, const char type[4]);

/* Begin a box (a full box with version and flags); end sets its size. */
size_t dh_mp4_begin(struct dh_mp4_buf *b, const char type[4]);
size_t dh_mp4_begin_full(struct dh_mp4_buf *b, const char type[4], uint8_t version, uint32_t flags);
void dh_mp4_end(struct dh_mp4_buf *b, size_t begin);

/* Big-endian values in place. */
void dh_mp4_set32(uint8_t *p, uint32_t v);
void dh_mp4_set64(uint8_t *p, uint64_t v);
uint32_t dh_mp4_get32(const uint8_t *p);
uint64_t dh_mp4_get64(const uint8_t *p);

#endif
