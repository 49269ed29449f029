/* Closed loop on a virtual clock: see rtc_session.h. */
#include "rtc_session.h"

#include "agent/rtc/rtcp.h"
#include "common/alloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define START_US 1000000
#define STEP_US 1000
#define FRAME_US 33333
#define AUDIO_US 20000
#define AUDIO_BYTES 120
#define AUDIO_BPS (AUDIO_BYTES * 8 * 50)
#define PACKET_BYTES 1150
#define HEADER_BYTES 50
#define NACK_US 20000         /* libwebrtc looks this often ... */
#define NACK_AGAIN_US 100000  /* ... whether it has waited as long as it takes the round trip for, when nobody tells it */
#define NACK_MAX 64
#define TWCC_MAX 512
#define BACK_BYTES 1100
#define CLOCK_OFFSET_US 86400000000 /* the receiver's clock: a day ahead */

struct rtc_back {
	int64_t arrive_us;
	size_t size;
	uint8_t data[BACK_BYTES]; /* RTCP as on the wire */
};

static int second(const struct rtc_session *s)
{
	return (int)((s->now_us - START_US) / 1000000);
}

static void *grow(void *items, int count, int *room, size_t size)
{
	if (count < *room)
		return items;
	*room = *room ? *room * 2 : 256;
	return dh_realloc(items, (size_t)*room * size);
}

static void transmit(struct rtc_session *s, struct rtc_wire w, uint16_t probe)
{
	int bytes = w.bytes;
	w.twcc = dh_twcc_history_add(&s->history, (uint32_t)bytes, probe, w.video_seq < 0 ? 0 : (uint32_t)w.video_seq + 1,
				     s->now_us);
	dh_bwe_sent(&s->bwe, (uint32_t)bytes, s->now_us);
	s->wires = grow(s->wires, s->wire_count, &s->wire_room, sizeof(*s->wires));
	s->wires[s->wire_count] = w;
	rtc_link_send(&s->link, s->wire_count++, bytes, s->now_us);
}

static void on_send(void *user, void *take, enum dh_pacer_kind kind, uint16_t probe, int64_t now_us)
{
	struct rtc_session *s = user;
	struct rtc_wire *w = take;
	static const uint8_t zeros[PACKET_BYTES + HEADER_BYTES];
	if (kind == DH_PACER_VIDEO)
		dh_rtx_put(&s->rtx, (uint16_t)w->video_seq, zeros, (size_t)w->bytes, now_us);
	transmit(s, *w, probe);
	free(w);
}

static void on_drop(void *user, void *take, enum dh_pacer_kind kind)
{
	struct rtc_session *s = user;
	if (kind == DH_PACER_VIDEO)
		s->wants_key = true;
	free(take);
}

static uint32_t on_pad(void *user, uint32_t bytes, uint16_t probe, int64_t now_us)
{
	struct rtc_session *s = user;
	s->padding_bytes += (int)bytes;
	transmit(s, (struct rtc_wire){DH_PACER_PADDING, (int)bytes, -1, -1, 0}, probe);
	return bytes;
}

static const struct dh_pacer_ops ops = {on_send, on_drop, on_pad};

void rtc_session_init(struct rtc_session *s, const struct rtc_session_config *c, uint64_t seed)
{
	memset(s, 0, sizeof(*s));
	s->config = *c;
	s->now_us = s->next_frame_us = s->next_audio_us = s->last_shown_us = START_US;
	s->next_feedback_us = s->next_nack_us = s->next_tick_us = START_US;
	s->wants_key = true;
	s->seq_highest = -1;
	rtc_link_init(&s->link, &c->link, seed, s->now_us);
	dh_bwe_init(&s->bwe, &c->bwe, s->now_us);
	dh_pacer_init(&s->pacer, &ops, s, dh_bwe_pacing_bps(&s->bwe));
	dh_rtx_init(&s->rtx, c->bwe.start_bps, s->now_us);
	dh_twcc_history_init(&s->history, 65000); /* wraps soon */
	dh_twcc_recorder_init(&s->recorder);
}

void rtc_session_finish(struct rtc_session *s)
{
	dh_pacer_finish(&s->pacer);
	dh_rtx_finish(&s->rtx);
	rtc_link_finish(&s->link);
	free(s->frames);
	free(s->wires);
	free(s->seq_frame);
	free(s->seq_arrived);
	free(s->seq_asked_us);
	free(s->back);
}

static void push(struct rtc_session *s, struct rtc_wire w)
{
	struct rtc_wire *copy = dh_alloc(sizeof(w));
	*copy = w;
	dh_pacer_push(&s->pacer, copy, w.kind, (uint32_t)w.bytes, s->now_us);
}

static void add_video_seq(struct rtc_session *s, int frame)
{
	if (s->video_seqs == s->seq_room) {
		s->seq_room = s->seq_room ? s->seq_room * 2 : 1024;
		s->seq_frame = dh_realloc(s->seq_frame, (size_t)s->seq_room * sizeof(int));
		s->seq_arrived = dh_realloc(s->seq_arrived, (size_t)s->seq_room);
		s->seq_asked_us = dh_realloc(s->seq_asked_us, (size_t)s->seq_room * sizeof(int64_t));
	}
	s->seq_frame[s->video_seqs] = frame;
	s->seq_arrived[s->video_seqs] = 0;
	s->seq_asked_us[s->video_seqs++] = 0;
}

/* The encoder: frames of the rate it is told, a quarter up or down; a key frame is five frames big. */
static void encode(struct rtc_session *s)
{
	bool is_key = (s->wants_key || dh_rtx_needs_key(&s->rtx)) && s->now_us - s->last_key_us >= 1000000;
	int64_t bps = dh_bwe_video_bps(&s->bwe, AUDIO_BPS, dh_rtx_bps(&s->rtx, s->now_us),
				       dh_pacer_backlog_bytes(&s->pacer));
	if (dh_pacer_wants_skip(&s->pacer)) {
		s->skipped++;
		return;
	}
	if (s->config.encoder_max_bps && bps > s->config.encoder_max_bps)
		bps = s->config.encoder_max_bps;
	double noise = 0.75 + 0.5 * rtc_link_random(&s->link);
	int bytes = (int)((double)bps * FRAME_US / 8e6 * noise * (is_key ? 5 : 1));
	int packets = bytes / (PACKET_BYTES + HEADER_BYTES) + 1;
	/* the target counts headers */
	bytes = bytes > packets * (HEADER_BYTES + 20) ? bytes - packets * HEADER_BYTES : packets * 20;
	s->frames = grow(s->frames, s->frame_count, &s->frame_room, sizeof(*s->frames));
	s->frames[s->frame_count] = (struct rtc_frame){s->now_us, s->video_seqs, packets, 0, is_key};
	if (is_key) {
		if (s->keys++)
			dh_rtx_key_sent(&s->rtx, (uint16_t)s->video_seqs);
		s->wants_key = false;
		s->last_key_us = s->now_us;
	}
	for (int i = 0; i < packets; i++) {
		push(s, (struct rtc_wire){DH_PACER_VIDEO, bytes / packets + HEADER_BYTES, s->frame_count, s->video_seqs, 0});
		add_video_seq(s, s->frame_count);
	}
	s->frame_count++;
}

static void show(struct rtc_session *s, int frame)
{
	int t = second(s);
	int64_t gap = s->now_us - s->last_shown_us, delay = s->now_us - s->frames[frame].made_us;
	s->shown[t]++;
	if (gap > s->gap_max_us[t])
		s->gap_max_us[t] = gap;
	s->freezes += gap > 183000; /* W3C webrtc-stats, freezeCount: over the mean gap by 150 ms */
	if (delay > s->frame_delay_max_us[t])
		s->frame_delay_max_us[t] = delay;
	s->last_shown_us = s->now_us;
	s->next_frame = frame + 1;
}

static bool is_whole(const struct rtc_frame *f)
{
	return f->arrived == f->packets;
}

/* Show what can be decoded: the next frame in order, or a later key frame that is whole. */
static void decode(struct rtc_session *s)
{
	for (;;) {
		while (s->next_frame < s->frame_count && is_whole(&s->frames[s->next_frame]))
			show(s, s->next_frame);
		int key = s->next_frame;
		while (key < s->frame_count && !(s->frames[key].is_key && is_whole(&s->frames[key])))
			key++;
		if (key >= s->frame_count)
			return;
		show(s, key);
	}
}

static struct rtc_back *new_back(struct rtc_session *s, struct dh_rtcp_writer *w)
{
	s->back = grow(s->back, s->back_count, &s->back_room, sizeof(*s->back));
	struct rtc_back *b = &s->back[s->back_count];
	b->arrive_us = s->now_us + s->link.config.delay_us;
	*w = (struct dh_rtcp_writer){b->data, 0, BACK_BYTES};
	return b;
}

/* The return road has the same random loss and outage, no queue. */
static void post(struct rtc_session *s, struct rtc_back *b, const struct dh_rtcp_writer *w)
{
	b->size = w->size;
	if (!s->link.config.is_down && rtc_link_random(&s->link) >= s->link.config.loss)
		s->back_count++;
}

static void feedback(struct rtc_session *s)
{
	struct dh_rtcp_writer w;
	int64_t arrival_us[TWCC_MAX];
	uint16_t base;
	int n = dh_twcc_recorder_take(&s->recorder, &base, arrival_us, TWCC_MAX);
	for (int from = 0; from < n;) {
		struct rtc_back *b = new_back(s, &w);
		int done = dh_rtcp_put_twcc(&w, 1, 2, s->feedbacks++, (uint16_t)(base + from), arrival_us + from, n - from);
		if (done <= 0)
			return; /* only losses are left */
		post(s, b, &w);
		from += done;
	}
}

static void ask_again(struct rtc_session *s)
{
	struct dh_rtcp_writer w;
	uint16_t seqs[NACK_MAX];
	int n = 0;
	if (s->next_frame >= s->frame_count || s->seq_highest < 0)
		return;
	for (int q = s->frames[s->next_frame].first_seq; q < s->seq_highest && n < NACK_MAX; q++) {
		if (s->seq_arrived[q] || (s->seq_asked_us[q] && s->now_us - s->seq_asked_us[q] < NACK_AGAIN_US))
			continue;
		s->seq_asked_us[q] = s->now_us;
		seqs[n++] = (uint16_t)q;
	}
	struct rtc_back *b = new_back(s, &w);
	if (n && dh_rtcp_put_nack(&w, 1, 2, seqs, n) == 0)
		post(s, b, &w);
}

static void receive(struct rtc_session *s, const struct rtc_link_packet *p)
{
	struct rtc_wire *w = &s->wires[p->id];
	int t = second(s);
	int64_t taken_us = p->arrive_us > s->receiver_busy_us ? p->arrive_us : s->receiver_busy_us;
	int64_t waited = p->arrive_us - p->sent_us - s->link.config.delay_us;
	dh_twcc_recorder_add(&s->recorder, w->twcc,
			     CLOCK_OFFSET_US + taken_us + taken_us * s->config.clock_ppm / 1000000);
	s->arrived_bytes[t] += p->bytes;
	s->delay_sum_us[t] += waited;
	s->delay_count[t]++;
	if (w->video_seq < 0 || s->seq_arrived[w->video_seq])
		return;
	s->seq_arrived[w->video_seq] = 1;
	s->media_bytes[t] += p->bytes;
	bool has_gap = w->video_seq > s->seq_highest + 1;
	if (w->video_seq > s->seq_highest)
		s->seq_highest = w->video_seq;
	s->frames[s->seq_frame[w->video_seq]].arrived++;
	decode(s);
	if (has_gap)
		ask_again(s);
}

static void resend(void *user, uint16_t seq, const uint8_t *data, size_t size)
{
	struct rtc_session *s = user;
	int full = s->video_seqs - (uint16_t)((uint16_t)s->video_seqs - seq);
	push(s, (struct rtc_wire){DH_PACER_RTX, (int)size, s->seq_frame[full], full, 0});
}

static void told(struct rtc_session *s, const struct dh_twcc_result *r, int n)
{
	for (int i = 0; i < n; i++) {
		bool has_arrived = r[i].arrival_us != DH_TWCC_LOST;
		if (r[i].what)
			dh_rtx_told(&s->rtx, (uint16_t)(r[i].what - 1), has_arrived, s->now_us, resend, s);
	}
}

static void read_one(struct rtc_session *s, const struct rtc_back *b)
{
	struct dh_rtcp_reader r;
	struct dh_rtcp_message m;
	struct dh_twcc_result results[TWCC_MAX];
	int64_t arrival_us[TWCC_MAX];
	uint16_t seqs[NACK_MAX], base;
	uint8_t count;
	dh_rtcp_read(&r, b->data, b->size);
	while (dh_rtcp_next(&r, &m) == 1) {
		if (m.kind == DH_RTCP_NACK) {
			dh_rtx_nack(&s->rtx, seqs, dh_rtcp_get_nack(&m, seqs, NACK_MAX), s->now_us, resend, s);
		} else if (m.kind == DH_RTCP_TWCC) {
			int n = dh_rtcp_get_twcc(&m, &s->reference, &base, &count, arrival_us, TWCC_MAX);
			n = dh_twcc_history_feedback(&s->history, base, arrival_us, n, results, TWCC_MAX);
			told(s, results, n);
			dh_bwe_feedback(&s->bwe, results, n, s->now_us);
		}
	}
}

static void read_back(struct rtc_session *s)
{
	int done = 0;
	for (; done < s->back_count && s->back[done].arrive_us <= s->now_us; done++)
		read_one(s, &s->back[done]);
	s->back_count -= done;
	if (done)
		memmove(s->back, s->back + done, (size_t)s->back_count * sizeof(*s->back));
}

static bool is_due(int64_t now_us, int64_t *next_us, int64_t interval_us)
{
	if (now_us < *next_us)
		return false;
	*next_us += interval_us;
	return true;
}

/* Whether a computer stands still now; begins and ends such times. */
static bool is_busy(struct rtc_session *s, int64_t *until_us)
{
	const struct rtc_session_config *c = &s->config;
	if (s->now_us < *until_us)
		return true;
	if (!c->busy_every_us || rtc_link_random(&s->link) * (double)c->busy_every_us > STEP_US)
		return false;
	*until_us = s->now_us + (int64_t)(rtc_link_random(&s->link) * 2 * (double)c->busy_us);
	return true;
}

static void step_receiver(struct rtc_session *s)
{
	struct rtc_link_packet p;
	while (rtc_link_receive(&s->link, &p, s->now_us))
		receive(s, &p);
	if (is_due(s->now_us, &s->next_feedback_us, s->config.feedback_us))
		feedback(s);
	if (is_due(s->now_us, &s->next_nack_us, NACK_US))
		ask_again(s);
}

static void step_sender(struct rtc_session *s)
{
	struct dh_bwe_probe probe;
	read_back(s);
	if (is_due(s->now_us, &s->next_tick_us, 25000))
		dh_bwe_tick(&s->bwe, s->now_us);
	dh_pacer_set_rate(&s->pacer, dh_bwe_pacing_bps(&s->bwe));
	dh_rtx_set_link(&s->rtx, dh_bwe_target_bps(&s->bwe), s->bwe.rtt_us, dh_bwe_is_lossy(&s->bwe));
	if (dh_bwe_take_probe(&s->bwe, s->now_us, &probe))
		dh_pacer_probe(&s->pacer, probe.id, probe.rate_bps, probe.bytes, probe.min_packets, s->now_us);
	if (is_due(s->now_us, &s->next_audio_us, AUDIO_US))
		push(s, (struct rtc_wire){DH_PACER_AUDIO, AUDIO_BYTES, -1, -1, 0});
	if (is_due(s->now_us, &s->next_frame_us, FRAME_US))
		encode(s);
	dh_pacer_run(&s->pacer, s->now_us);
}

static void step(struct rtc_session *s)
{
	if (!is_busy(s, &s->receiver_busy_us))
		step_receiver(s);
	if (!is_busy(s, &s->sender_busy_us))
		step_sender(s);
	int t = second(s);
	int64_t queue = rtc_link_queue_us(&s->link, s->now_us);
	if (queue > s->queue_max_us[t])
		s->queue_max_us[t] = queue;
	if (s->now_us - s->last_shown_us > s->gap_max_us[t])
		s->gap_max_us[t] = s->now_us - s->last_shown_us;
	s->target_bps[t] += dh_bwe_target_bps(&s->bwe) / (1000000 / STEP_US);
}

void rtc_session_run(struct rtc_session *s, double t)
{
	for (; s->now_us < START_US + (int64_t)(t * 1e6) && second(s) < RTC_SESSION_S; s->now_us += STEP_US)
		step(s);
}

static int64_t sum(const int64_t *v, int from, int to)
{
	int64_t total = 0;
	for (int i = from; i < to; i++)
		total += v[i];
	return total;
}

static int64_t most(const int64_t *v, int from, int to)
{
	int64_t high = 0;
	for (int i = from; i < to; i++)
		if (v[i] > high)
			high = v[i];
	return high;
}

int64_t rtc_session_bps(const struct rtc_session *s, int from, int to)
{
	return sum(s->arrived_bytes, from, to) * 8 / (to - from);
}

int64_t rtc_session_target(const struct rtc_session *s, int from, int to)
{
	return sum(s->target_bps, from, to) / (to - from);
}

int rtc_session_shown(const struct rtc_session *s, int from, int to)
{
	int n = 0;
	for (int i = from; i < to; i++)
		n += s->shown[i];
	return n;
}

int64_t rtc_session_queue_us(const struct rtc_session *s, int from, int to)
{
	return most(s->queue_max_us, from, to);
}

int64_t rtc_session_gap_us(const struct rtc_session *s, int from, int to)
{
	return most(s->gap_max_us, from, to);
}

int64_t rtc_session_delay_us(const struct rtc_session *s, int from, int to)
{
	return most(s->frame_delay_max_us, from, to);
}

int rtc_session_stalled(const struct rtc_session *s, int from, int to)
{
	int n = 0;
	for (int i = from; i + 2 <= to; i += 2)
		n += rtc_session_shown(s, i, i + 2) < 20;
	return n;
}

void rtc_session_print(const struct rtc_session *s, int from, int to)
{
	for (int i = from; i < to; i++) {
		fprintf(stdout, "# %3d s: target %5lld in %5lld video %5lld kbit/s, queue %4lld ms, ", i,
			(long long)s->target_bps[i] / 1000, (long long)s->arrived_bytes[i] * 8 / 1000,
			(long long)s->media_bytes[i] * 8 / 1000, (long long)s->queue_max_us[i] / 1000);
		fprintf(stdout, "%2d frames, gap %5lld ms, late %5lld ms\n", s->shown[i],
			(long long)s->gap_max_us[i] / 1000, (long long)s->frame_delay_max_us[i] / 1000);
	}
}
