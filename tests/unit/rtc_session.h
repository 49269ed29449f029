/* A whole sender and receiver around a virtual link: encoder model, pacer, retransmission, estimator, feedback.
 * The receiver never asks for a key frame by itself: browsers were seen not to. */
#ifndef DH_RTC_SESSION_H
#define DH_RTC_SESSION_H

#include "rtc_link.h"

#include "agent/rtc/bwe.h"
#include "agent/rtc/pacer.h"
#include "agent/rtc/rtx.h"
#include "agent/rtc/twcc.h"

#define RTC_SESSION_S 200 /* at most this long */

struct rtc_session_config {
	struct rtc_link_config link;
	struct dh_bwe_config bwe;
	int64_t feedback_us;  /* interval of the receiver's feedback */
	int64_t clock_ppm;    /* how much too fast the receiver's clock runs */
	int64_t encoder_max_bps; /* what the content needs at most; 0: no limit */
	int64_t busy_us, busy_every_us; /* either computer stands still so long, so often, on average; 0: never */
};

struct rtc_frame {
	int64_t made_us;
	int first_seq, packets, arrived; /* video sequence numbers, unwrapped */
	bool is_key;
};

struct rtc_wire {  /* one packet, by id */
	enum dh_pacer_kind kind;
	int bytes, frame, video_seq; /* -1: none */
	uint16_t twcc;
};

struct rtc_back; /* a message on the return road */

struct rtc_session {
	struct rtc_session_config config;
	struct rtc_link link;
	struct dh_bwe bwe;
	struct dh_pacer pacer;
	struct dh_rtx rtx;
	struct dh_twcc_history history;
	struct dh_twcc_recorder recorder;
	int64_t now_us, next_frame_us, next_audio_us, next_feedback_us, next_nack_us, next_tick_us, last_key_us;
	int64_t sender_busy_us, receiver_busy_us; /* until */
	/* -- encoder -- */
	struct rtc_frame *frames;
	int frame_count, frame_room;
	bool wants_key;
	struct rtc_wire *wires;
	int wire_count, wire_room;
	/* -- receiver -- */
	int video_seqs, seq_room, seq_highest;
	int *seq_frame;
	uint8_t *seq_arrived;
	int64_t *seq_asked_us;
	int next_frame;
	int64_t last_shown_us;
	struct rtc_back *back;
	int back_count, back_room;
	uint8_t feedbacks;
	int64_t reference; /* sender: unwraps the feedback's time */
	/* -- what happened, by second -- */
	int shown[RTC_SESSION_S];
	int64_t arrived_bytes[RTC_SESSION_S], media_bytes[RTC_SESSION_S], target_bps[RTC_SESSION_S];
	int64_t queue_max_us[RTC_SESSION_S], delay_sum_us[RTC_SESSION_S], gap_max_us[RTC_SESSION_S];
	int64_t frame_delay_max_us[RTC_SESSION_S];
	int delay_count[RTC_SESSION_S];
	int skipped, keys, padding_bytes, freezes;
};

/* Starts at now_us = 1 s; seconds are counted from there. */
void rtc_session_init(struct rtc_session *s, const struct rtc_session_config *c, uint64_t seed);
void rtc_session_finish(struct rtc_session *s);

/* Let it run until second t (from the start). */
void rtc_session_run(struct rtc_session *s, double t);

/* Seconds [from, to): average arriving rate; average target; frames shown; most queueing delay; longest gap between
 * two shown frames; most time from a frame's making to its showing; 2 s bins of fewer than 20 frames. */
int64_t rtc_session_bps(const struct rtc_session *s, int from, int to);
int64_t rtc_session_target(const struct rtc_session *s, int from, int to);
int rtc_session_shown(const struct rtc_session *s, int from, int to);
int64_t rtc_session_queue_us(const struct rtc_session *s, int from, int to);
int64_t rtc_session_gap_us(const struct rtc_session *s, int from, int to);
int64_t rtc_session_delay_us(const struct rtc_session *s, int from, int to);
int rtc_session_stalled(const struct rtc_session *s, int from, int to);

/* One line per second as TAP comments, for looking. */
void rtc_session_print(const struct rtc_session *s, int from, int to);

#endif
