/* Big-endian numbers in packets. Lengths are the caller's care. */
#ifndef DH_RTC_BYTES_H
#define DH_RTC_BYTES_H

#include <stdint.h>

static inline uint16_t dh_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static inline uint32_t dh_get24(const uint8_t *p)
{
	return (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
}

static inline uint32_t dh_get32(const uint8_t *p)
{
	return (uint32_t)dh_get16(p) << 16 | dh_get16(p + 2);
}

static inline uint64_t dh_get64(const uint8_t *p)
{
	return (uint64_t)dh_get32(p) << 32 | dh_get32(p + 4);
}

static inline void dh_put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static inline void dh_put24(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 16);
	dh_put16(p + 1, (uint16_t)v);
}

static inline void dh_put32(uint8_t *p, uint32_t v)
{
	dh_put16(p, (uint16_t)(v >> 16));
	dh_put16(p + 2, (uint16_t)v);
}

static inline void dh_put64(uint8_t *p, uint64_t v)
{
	dh_put32(p, (uint32_t)(v >> 32));
	dh_put32(p + 4, (uint32_t)v);
}

#endif
