/* Frames one behind the other, as RFC 6455, 5.2 has them: sizes on both sides of each way to write one. */
#include "common/ws_batch.h"

#include <string.h>

#include "tst.h"

/* The payload of the frame at *at, which must have these first bytes; goes behind it. */
static const unsigned char *take(const struct dh_ws_batch *b, size_t *at, const unsigned char *head, size_t head_size,
				 size_t size)
{
	TST_CHECK(*at + head_size + size <= b->size);
	TST_CHECK(!memcmp(b->data + *at, head, head_size));
	const unsigned char *payload = b->data + *at + head_size;
	*at += head_size + size;
	return payload;
}

static bool is_all(const unsigned char *data, int c, size_t size)
{
	while (size && data[size - 1] == c)
		size--;
	return !size;
}

static void sizes_on_both_sides_of_each_limit(void)
{
	static const struct {
		size_t size;
		unsigned char head[10];
		size_t head_size;
	} all[] = {{0, {0x81, 0}, 2}, {1, {0x81, 1}, 2}, {125, {0x81, 125}, 2}, {126, {0x81, 126, 0, 126}, 4},
		   {65535, {0x81, 126, 0xff, 0xff}, 4}, {65536, {0x81, 127, 0, 0, 0, 0, 0, 1, 0, 0}, 10},
		   {1048577, {0x81, 127, 0, 0, 0, 0, 0, 0x10, 0, 1}, 10}};
	struct dh_ws_batch b = {0};
	size_t at = 0, count = sizeof(all) / sizeof(all[0]);
	for (size_t i = 0; i < count; i++)
		memset(dh_ws_batch_add(&b, DH_WS_BATCH_TEXT, all[i].size), 'a' + (int)i, all[i].size);
	for (size_t i = 0; i < count; i++)
		TST_CHECK(is_all(take(&b, &at, all[i].head, all[i].head_size, all[i].size), 'a' + (int)i, all[i].size));
	TST_EQ(at, b.size);
	dh_ws_batch_finish(&b);
	TST_CHECK(!b.size && !b.data);
}

static void a_ping_is_one(void)
{
	struct dh_ws_batch b = {0};
	size_t at = 0;
	memcpy(dh_ws_batch_add(&b, DH_WS_BATCH_PING, 2), "17", 2);
	TST_CHECK(!memcmp(take(&b, &at, (const unsigned char *)"\x89\x02", 2, 2), "17", 2));
	TST_EQ(at, b.size);
	dh_ws_batch_finish(&b);
}

static void it_says_when_it_is_enough(void)
{
	struct dh_ws_batch b = {0};
	int count = 0;
	TST_CHECK(!dh_ws_batch_is_full(&b));
	for (; !dh_ws_batch_is_full(&b) && count < 1000; count++)
		memset(dh_ws_batch_add(&b, DH_WS_BATCH_TEXT, 1020), 'x', 1020);
	TST_EQ(count, 64); /* of 1,024 bytes each with their heads */
	dh_ws_batch_finish(&b);
}

TST_MAIN({"sizes on both sides of each limit", sizes_on_both_sides_of_each_limit}, {"a ping is one", a_ping_is_one},
	 {"it says when it is enough", it_says_when_it_is_enough})
