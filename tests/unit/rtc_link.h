/* A link on a virtual clock, for tests: a drop-tail queue before a fixed rate, then delay, jitter, loss and
 * reordering; optionally a competing flow in the same queue. The same seed gives the same run. Settings may be
 * changed at any time. Times are us; nothing here reads a clock. */
#ifndef DH_RTC_LINK_H
#define DH_RTC_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct rtc_link_packet {
	int64_t id; /* the caller's; < 0: the rival's */
	int64_t sent_us, queued_us, arrive_us;
	int bytes;
};

enum rtc_rival { RTC_RIVAL_NONE, RTC_RIVAL_CONSTANT, RTC_RIVAL_RENO };

struct rtc_link_config {
	int64_t rate_bps;
	int64_t queue_us;  /* drop-tail limit as time at the present rate */
	int64_t delay_us;  /* one way */
	int64_t jitter_us; /* standard deviation of what is added; keeps the order */
	double loss;       /* random, 0..1 */
	double burst_enter, burst_leave; /* Gilbert model, per packet: all is lost inside a burst */
	double reorder;    /* share of packets held back ... */
	int64_t reorder_us; /* ... by this much */
	int64_t stall_us, stall_every_us; /* so often, for so long all comes so much later */
	bool is_down;      /* outage: all is lost */
	enum rtc_rival rival;
	int64_t rival_bps; /* of RTC_RIVAL_CONSTANT */
};

struct rtc_link {
	struct rtc_link_config config;
	uint64_t random;
	struct rtc_link_packet *queue, *flight; /* waiting; on the way, by arrival */
	size_t queue_count, queue_room, flight_count, flight_room;
	int64_t queue_bytes, free_us, now_us, last_arrive_us;
	bool in_burst;
	/* -- rival -- */
	double window, slow_start_limit; /* packets, Reno */
	int64_t rival_next_us, rival_cut_us, rival_flying, rival_bytes;
	/* -- counters -- */
	int64_t sent, dropped, lost, arrived;
};

void rtc_link_init(struct rtc_link *l, const struct rtc_link_config *c, uint64_t seed, int64_t now_us);
void rtc_link_finish(struct rtc_link *l);

/* Put a packet in at now_us, which never goes back. Returns whether the queue had room. */
bool rtc_link_send(struct rtc_link *l, int64_t id, int bytes, int64_t now_us);

/* Take one packet that arrived at or before now_us, in order of arrival. False: none. */
bool rtc_link_receive(struct rtc_link *l, struct rtc_link_packet *out, int64_t now_us);

/* Time a packet put in now would wait in the queue. */
int64_t rtc_link_queue_us(const struct rtc_link *l, int64_t now_us);

/* Uniform in [0, 1), from the link's generator. */
double rtc_link_random(struct rtc_link *l);

#endif
