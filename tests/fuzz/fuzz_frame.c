/* libFuzzer: the first byte chooses how the rest is cut, the rest is a stream of frames (SR-33). What comes out must
 * not depend on the cut, and must account for every byte. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "agent/transports/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define LIMIT 4096

static uint64_t digest(const char *in, size_t size, size_t step)
{
	struct dh_msg_reader r;
	uint64_t sum = 14695981039346656037ULL;
	dh_msg_reader_init(&r, LIMIT);
	for (size_t at = 0; at < size; at += step) {
		const char *data = in + at, *msg = NULL;
		size_t left = size - at < step ? size - at : step, n = 0;
		int got;
		while ((got = dh_msg_reader_next(&r, &data, &left, &msg, &n)) != 0) {
			sum = (sum ^ (uint64_t)got ^ n) * 1099511628211ULL;
			for (size_t i = 0; got == 1 && i < n; i++)
				sum = (sum ^ (uint8_t)msg[i]) * 1099511628211ULL;
			if ((got == 1) != (n <= LIMIT))
				abort();
		}
		if (left)
			abort();
	}
	if (r.cap > 2 * LIMIT)
		abort();
	dh_msg_reader_finish(&r);
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (size < 2)
		return 0;
	size_t step = 1 + bytes[0];
	if (digest((const char *)bytes + 1, size - 1, step) != digest((const char *)bytes + 1, size - 1, size))
		abort();
	return 0;
}
