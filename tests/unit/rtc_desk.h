/* A desk of two peers in one process for tests: signalling by hand-over, media as numbered packets, which each side
 * checks as they come. */
#ifndef RTC_DESK_H
#define RTC_DESK_H

#include "agent/rtc/inbox.h"
#include "agent/rtc/peer.h"
#include "tst_check.h"

#define STREAMS 4
#define TRACKS 4
#define PICTURE_BYTES 5000

struct stream { /* of the other side, by name */
	char name[40], key[80];
	bool has_audio, has_video;
	struct dh_inbox *inbox;
	int pictures, sounds, keys, bad;
	uint32_t last_picture;
};

struct side {
	struct desk *desk;
	struct side *other;
	struct dh_peer *peer;
	enum dh_peer_state state;
	int fail_code, answer_code, candidate_code, lost_count;
	char answer_text[240];
	bool has_answer_code;
	enum dh_codec codec[TRACKS];
	int unit_max[TRACKS];
	int descriptions, candidates;
	struct stream streams[STREAMS];
	uint32_t picture;
	bool is_key_wanted[TRACKS];
	cJSON *stats;
	bool is_closed;
	void (*mangle)(char *sdp);
	enum dh_peer_state close_in; /* close as soon as this state is reached */
};

struct desk {
	struct dh_loop loop;
	struct dh_rtc *rtc;
	struct side a, b;
	uv_timer_t feed, limit;
	bool (*is_true)(struct desk *d);
	bool is_late;
	int64_t sound_us;
};

/* Two peers, a impolite and b polite, on this machine's addresses; each sends with its one codec. */
void rtc_desk_open(struct desk *d, enum dh_codec codec_a, enum dh_codec codec_b);
/* Close what is open, check that nothing is alive. */
void rtc_desk_close(struct desk *d);
void rtc_desk_close_side(struct side *s);

/* Run the loop until is_true(d), which is asked each 20 ms, or 20 s. Returns whether it came true. */
bool rtc_desk_wait(struct desk *d, bool (*is_true)(struct desk *d));

/* A picture that the sides know as their own; in ten units with unit_max. */
struct dh_packet *rtc_desk_make_picture(uint32_t number, bool is_key, enum dh_codec codec, int unit_max);
void rtc_desk_add_talk(struct side *s, const char *name); /* a sound track and a camera */
void rtc_desk_start_call(struct desk *d);                 /* both talk, a offers; until both flow */
bool rtc_desk_both_flow(struct desk *d);
void rtc_desk_check_clean(struct side *s); /* nothing broken came, no description was refused */
void rtc_desk_took(void *user, const struct dh_err *why); /* for dh_peer_remote_description() */

#endif
