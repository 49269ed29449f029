/* What a sink's driver tells its owner. The chain's head goes between the sink's thread and the others without a lock: a
 * reader tries again when the words changed under it, which they do three times a second. */
#include "agent/media/sink.h"

#include <string.h>

void dh_sink_want_key(struct dh_sink *s)
{
	if (s->want_key)
		s->want_key(s);
}

void dh_sink_tell_link(struct dh_sink *s, const struct dh_sink_link *now)
{
	if (s->link)
		s->link(s, now);
}

void dh_sink_tell_segment(struct dh_sink *s, const struct dh_sink_segment *segment)
{
	if (s->segment)
		s->segment(s, segment);
}

void dh_sink_set_chain(struct dh_sink *s, uint32_t seq, const uint8_t head[32])
{
	struct dh_sink_chain *c = &s->chain;
	unsigned long long words[5] = {1ull + seq};
	memcpy(words + 1, head, 32);
	atomic_fetch_add(&c->version, 1);
	for (int i = 0; i < 5; i++)
		atomic_store(&c->words[i], words[i]);
	atomic_fetch_add(&c->version, 1);
}

bool dh_sink_get_chain(struct dh_sink *s, uint32_t *seq, uint8_t head[32])
{
	struct dh_sink_chain *c = &s->chain;
	unsigned long long words[5];
	unsigned before, after;
	do {
		before = atomic_load(&c->version);
		for (int i = 0; i < 5; i++)
			words[i] = atomic_load(&c->words[i]);
		after = atomic_load(&c->version);
	} while (before != after || before % 2);
	if (!words[0])
		return false;
	*seq = (uint32_t)(words[0] - 1);
	memcpy(head, words + 1, 32);
	return true;
}
