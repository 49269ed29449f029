/* Message framing: every way of cutting the stream, lengths that lie, lengths over the cap (SR-19). */
#include "agent/transports/frame.h"

#include <stdlib.h>

#include "tst.h"

#define LIMIT 1000

static size_t put(char *out, const char *text, size_t size)
{
	dh_msg_header((uint8_t *)out, size);
	if (size)
		memcpy(out + DH_MSG_HEADER, text, size);
	return size + DH_MSG_HEADER;
}

/* Feed in steps; write "size:first last," per message, "!size," per refusal. */
static void run(struct dh_msg_reader *r, const char *in, size_t size, size_t step, char *log, size_t log_size)
{
	size_t used = 0;
	log[0] = '\0';
	for (size_t at = 0; at < size; at += step) {
		const char *data = in + at, *msg;
		size_t left = size - at < step ? size - at : step, n;
		int got;
		while ((got = dh_msg_reader_next(r, &data, &left, &msg, &n)) != 0) {
			if (got == 1)
				used += (size_t)snprintf(log + used, log_size - used, "%zu:%c%c,", n, n ? msg[0] : '-',
							 n ? msg[n - 1] : '-');
			else
				used += (size_t)snprintf(log + used, log_size - used, "!%zu,", n);
		}
		TST_EQ(left, 0);
	}
}

static void any_cut(void)
{
	char body[5000], in[8000], log[200];
	memset(body, 'x', sizeof(body));
	body[0] = 'a';
	body[999] = 'z';
	size_t n = put(in, "{}", 2);
	n += put(in + n, "", 0);
	n += put(in + n, body, 1000); /* exactly the limit */
	n += put(in + n, body, 4000); /* over it */
	n += put(in + n, "[1]", 3);
	for (size_t step = 1; step <= n; step++) {
		struct dh_msg_reader r;
		dh_msg_reader_init(&r, LIMIT);
		run(&r, in, n, step, log, sizeof(log));
		TST_STR(log, "2:{},0:--,1000:az,!4000,3:[],");
		TST_CHECK(dh_msg_reader_is_idle(&r));
		dh_msg_reader_finish(&r);
	}
}

static void huge_length_costs_nothing(void)
{
	struct dh_msg_reader r;
	char log[64];
	dh_msg_reader_init(&r, DH_MSG_MAX);
	run(&r, "\xff\xff\xff\xff", 4, 4, log, sizeof(log));
	TST_STR(log, "!4294967295,");
	TST_CHECK(!r.buf);
	TST_CHECK(!dh_msg_reader_is_idle(&r));
	dh_msg_reader_finish(&r);

	/* a header that claims the whole cap and brings ten bytes does not get the cap */
	dh_msg_reader_init(&r, DH_MSG_MAX);
	run(&r, "\x00\x00\x10\x00" "0123456789", 14, 14, log, sizeof(log));
	TST_STR(log, "");
	TST_CHECK(r.cap <= 4096);
	dh_msg_reader_finish(&r);

	/* one byte over 1 MiB */
	dh_msg_reader_init(&r, DH_MSG_MAX);
	run(&r, "\x01\x00\x10\x00", 4, 4, log, sizeof(log));
	TST_STR(log, "!1048577,");
	dh_msg_reader_finish(&r);
}

static void big_buffer_is_given_back(void)
{
	struct dh_msg_reader r;
	char *in = calloc(1, 301 * 1024), *body = calloc(1, 300 * 1024), log[64];
	dh_msg_reader_init(&r, DH_MSG_MAX);
	size_t n = put(in, body, 300 * 1024);
	n += put(in + n, "", 0);
	run(&r, in, n, 1000, log, sizeof(log));
	TST_EQ(r.cap, 0);
	dh_msg_reader_finish(&r);
	free(in);
	free(body);
}

static void header_is_little_endian(void)
{
	uint8_t h[4];
	dh_msg_header(h, 0x01020304);
	TST_CHECK(h[0] == 4 && h[1] == 3 && h[2] == 2 && h[3] == 1);
}

TST_MAIN({"any cut of the stream gives the same messages", any_cut},
	 {"huge lengths cost nothing", huge_length_costs_nothing},
	 {"a big buffer is given back", big_buffer_is_given_back}, {"header is little-endian", header_is_little_endian})
