/* Whole reads and writes: interrupted or short ones go on. Any thread; they block. */
#ifndef DH_COMMON_IO_H
#define DH_COMMON_IO_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* 0, or -1: errno says why. */
int dh_write_all(int fd, const void *data, size_t size);

/* As many bytes at `at` as there are, up to size. -1: errno says why. */
ssize_t dh_read_at(int fd, void *out, size_t size, uint64_t at);

#endif
