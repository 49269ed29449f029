/* The control law of the estimator. */
#include "agent/rtc/bwe.h"

#define QUEUE_HIGH_US 50000   /* longer than this is cut whatever the trend says */
#define QUEUE_PACKETS 4       /* in one feedback, or two in a row */
#define QUEUE_TREND_US 15000  /* a trend without any queue is noise */
#define QUEUE_EMPTY_US 20000
#define QUEUE_RISE_US 40000   /* the rise slows down towards this and stops there */
#define DRAIN_US 800000.0     /* a cut is made to drain the queue within this time */
#define RECUT_US 100000
#define GIVE_UP_US 3000000    /* a queue that did not halve by then is not ours */
#define GIVE_UP_LATEST_US 6000000
#define RATE_US 500000
#define RATE_SHORT_US 200000
#define RISE_PER_S 0.15
#define NEAR_RISE_BPS 30000   /* per second, near the known capacity */
#define PROBE_EVERY_US 3000000
#define PROBE_IDLE_US 6000000   /* application-limited: nobody is waiting for the answer */
#define PROBE_FAILED_US 500000  /* it got lost, or its answer: nothing was learnt */
#define PROBE_AGAIN_US 1000000  /* a limit that still raised the target may have been chance */
#define PROBE_AFTER_CUT_US 2000000
#define APP_LIMITED 0.6
#define OUTAGE_US 600000
#define OUTAGE_ANSWERS 5        /* missing in a row, where they come rarely */
#define UNTOLD_MAX_US 900000    /* more is an outage; the rates reach no further back */
#define OUTAGE_STEP_US 500000
#define EPISODE_MIN_US 250000
#define CAPACITY_MARGIN 1.1
#define LOSSY 0.02            /* less is not worth sending anything twice */
#define TEST_KEEPS 0.95       /* of what does not get lost */
#define TEST_LOSS_MAX 0.5

static double clamp(double v, double low, double high)
{
	return v < low ? low : v > high ? high : v;
}

static double least(double a, double b)
{
	return a < b ? a : b;
}

static void set_target(struct dh_bwe *b, double bps)
{
	double most = (double)b->config.max_bps;
	if (b->remb_bps && (double)b->remb_bps < most)
		most = (double)b->remb_bps;
	if (most < (double)b->config.min_bps)
		most = (double)b->config.min_bps;
	b->target_bps = clamp(bps, (double)b->config.min_bps, most);
}

void dh_bwe_init(struct dh_bwe *b, const struct dh_bwe_config *c, int64_t now_us)
{
	*b = (struct dh_bwe){.config = *c, .state = DH_BWE_RISE, .rtt_us = 100000, .rise_us = now_us,
			     .cut_us = now_us - PROBE_AFTER_CUT_US};
	dh_delay_init(&b->delay);
	dh_probe_init(&b->probe);
	dh_rate_init(&b->acked);
	dh_rate_init(&b->sent);
	dh_loss_init(&b->loss, now_us);
	set_target(b, (double)c->start_bps);
}

void dh_bwe_sent(struct dh_bwe *b, uint32_t bytes, int64_t now_us)
{
	dh_rate_add(&b->sent, now_us, bytes);
	if (!b->unanswered_us)
		b->unanswered_us = now_us;
}

void dh_bwe_set_remb(struct dh_bwe *b, int64_t bps)
{
	b->remb_bps = bps > 0 ? bps : 0;
	set_target(b, b->has_feedback || !bps ? b->target_bps : (double)bps);
}

/* What arrives, over the shortest window that holds enough packets to mean something. */
static double arriving(const struct dh_bwe *b)
{
	bool is_dense = dh_rate_bytes(&b->acked, b->acked_until_us, RATE_SHORT_US) >= 8000;
	return (double)dh_rate_bps(&b->acked, b->acked_until_us, is_dense ? RATE_SHORT_US : RATE_US);
}

static void cut_for_delay(struct dh_bwe *b, int64_t now_us)
{
	double rate = arriving(b), queue = (double)b->delay.queue_us;
	double keep = 1 - clamp(queue / DRAIN_US, 0.08, 0.4);
	if (b->state != DH_BWE_DRAIN) {
		b->episode_us = now_us;
		b->episode_from_us = b->acked_until_us;
		b->episode_bytes = 0;
		b->peak_queue_us = 0;
		b->before_cut_bps = b->target_bps;
		b->capacity_before_bps = b->capacity_bps;
		b->had_met_queue = b->has_met_queue;
		b->capacity_bps = 0;
	}
	b->capacity_bps = b->capacity_bps > 0 && rate > b->capacity_bps ? b->capacity_bps : rate;
	b->has_met_queue = true;
	b->state = DH_BWE_DRAIN;
	b->cut_us = now_us;
	b->probe.wanted.id = 0;
	if (rate * keep < b->target_bps)
		set_target(b, rate * keep);
	dh_loss_forget(&b->loss, now_us);
}

/* Gone before a cut of ours could have reached it: packets were held up (a computer or a radio that paused), nothing that
 * our rate made, and what arrived meanwhile is no measure of the road. */
static void undo_cut(struct dh_bwe *b, int64_t now_us)
{
	b->capacity_bps = b->capacity_before_bps;
	b->has_met_queue = b->had_met_queue;
	if (b->before_cut_bps > b->target_bps)
		set_target(b, b->before_cut_bps);
	b->cut_us = now_us - PROBE_AFTER_CUT_US;
}

/* Held-up packets that came all at once look like a fast road; over the whole time of the queue they do not. */
static void correct_capacity(struct dh_bwe *b)
{
	int64_t span_us = b->acked_until_us - b->episode_from_us;
	double most = span_us > 0 ? (double)b->episode_bytes * 8e6 / (double)span_us * CAPACITY_MARGIN : 0;
	if (span_us > EPISODE_MIN_US && b->capacity_bps > most)
		b->capacity_bps = most;
}

static void drain(struct dh_bwe *b, int64_t now_us)
{
	int64_t queue_us = b->delay.queue_us, since_cut = now_us - b->cut_us, since = now_us - b->episode_us;
	if (queue_us > b->peak_queue_us)
		b->peak_queue_us = queue_us;
	if (queue_us < QUEUE_EMPTY_US) {
		b->state = DH_BWE_RISE;
		b->rise_us = now_us;
		correct_capacity(b);
		/* a queue is no reason to send more than before it */
		double back_bps = least(b->capacity_bps * 0.9, b->before_cut_bps);
		if (since < b->rtt_us + RECUT_US)
			undo_cut(b, now_us);
		else if (!b->is_app_limited && back_bps > b->target_bps)
			set_target(b, back_bps);
		dh_loss_forget(&b->loss, now_us);
		return;
	}
	if ((since > GIVE_UP_US && queue_us * 2 > b->peak_queue_us) || since > GIVE_UP_LATEST_US) {
		dh_delay_accept(&b->delay);
		b->state = DH_BWE_RISE;
		b->rise_us = now_us;
		return;
	}
	bool is_falling = queue_us < b->last_queue_us;
	if (since_cut >= RECUT_US && !is_falling && queue_us > QUEUE_HIGH_US / 2)
		cut_for_delay(b, now_us);
}

static void judge_delay(struct dh_bwe *b, int64_t now_us)
{
	int64_t queue_us = b->delay.queue_us;
	bool is_quiet = now_us < b->probe_quiet_us;
	/* One late packet is no queue: a computer that was busy. The next feedback tells. */
	bool is_long = queue_us > QUEUE_HIGH_US &&
		       (b->delay.packets >= QUEUE_PACKETS || b->last_queue_us > QUEUE_HIGH_US / 2);
	bool is_over = is_long ||
		       (b->delay.is_over && b->delay.floor_us > QUEUE_TREND_US && !is_quiet &&
			now_us - b->cut_us > b->rtt_us + RECUT_US);
	if (b->state == DH_BWE_DRAIN)
		drain(b, now_us);
	else if (is_over)
		cut_for_delay(b, now_us);
	b->last_queue_us = queue_us;
}

/* A test costs what was lost, not what the content happened to need: a rate that goes down to what arrives would stay
 * there long after the loss turned out to be the road's. */
static void judge_loss(struct dh_bwe *b, int64_t now_us)
{
	switch (dh_loss_judge(&b->loss, now_us)) {
	case DH_LOSS_SUSPECT:
		b->cut_us = now_us;
		b->before_test_bps = b->target_bps;
		set_target(b, b->target_bps * TEST_KEEPS * (1 - clamp(b->loss.before_test, 0, TEST_LOSS_MAX)));
		break;
	case DH_LOSS_ROADS: /* it was for nothing */
		if (b->before_test_bps > b->target_bps)
			set_target(b, b->before_test_bps);
		b->cut_us = now_us - PROBE_AFTER_CUT_US;
		break;
	default:
		break;
	}
}

static void rise(struct dh_bwe *b, int64_t now_us)
{
	double dt = clamp((double)(now_us - b->rise_us) / 1e6, 0, 0.3);
	int64_t queue_us = b->has_met_queue ? b->delay.queue_us : b->delay.floor_us;
	double room = clamp(1 - (double)queue_us / QUEUE_RISE_US, 0, 1), grown;
	b->rise_us = now_us;
	if (b->state != DH_BWE_RISE || b->is_app_limited || b->loss.is_testing)
		return;
	if (b->capacity_bps > 0 && b->target_bps > b->capacity_bps * 1.1)
		b->capacity_bps = 0; /* more than it was: find the end anew */
	if (b->capacity_bps > 0 && b->target_bps > b->capacity_bps * 0.85)
		grown = b->target_bps + (NEAR_RISE_BPS + 0.01 * b->target_bps) * room * dt;
	else
		grown = b->target_bps * (1 + RISE_PER_S * room * dt);
	/* gcc-02, 5.5: not far beyond what really arrives */
	double most = 1.5 * (double)dh_rate_bps(&b->acked, b->acked_until_us, RATE_US) + 10000;
	if (grown > most)
		grown = most;
	if (grown > b->target_bps)
		set_target(b, grown);
}

/* An end that only a probe has met, and no queue yet, may be jitter: look again soon. */
static int64_t probe_every_us(const struct dh_bwe *b)
{
	return b->capacity_bps > 0 && !b->has_met_queue ? PROBE_AGAIN_US : PROBE_EVERY_US;
}

/* What contradicts a capacity that was measured while a queue stood is asked again before it is believed: a short train
 * on a road with jitter, or to a busy computer, is wrong now and then, and the price is a queue. */
static void probe_result(struct dh_bwe *b, double bps, bool is_limited, int64_t now_us)
{
	b->next_probe_us = now_us + (bps < 0 ? PROBE_FAILED_US : b->is_app_limited ? PROBE_IDLE_US : probe_every_us(b));
	b->probe_quiet_us = now_us + 300000;
	if (bps <= 0 || b->state != DH_BWE_RISE)
		return;
	if (is_limited && b->is_app_limited && bps < b->target_bps * 0.7) {
		double sent = (double)dh_rate_bps(&b->sent, now_us, RATE_US);
		set_target(b, bps > sent * 1.2 ? bps : sent * 1.2); /* stale: measured long ago */
		return;
	}
	if (bps * (is_limited ? 0.85 : 0.95) <= b->target_bps) {
		b->doubted_bps = 0;
		return;
	}
	if (b->has_met_queue && b->capacity_bps > 0 && bps > b->capacity_bps * 1.1 && b->doubted_bps <= 0) {
		b->doubted_bps = bps;
		b->next_probe_us = now_us + b->rtt_us;
		return;
	}
	if (b->doubted_bps > 0)
		bps = least(bps, b->doubted_bps);
	b->doubted_bps = 0;
	set_target(b, bps * (is_limited ? 0.85 : 0.95));
	if (b->target_bps > b->capacity_bps) {
		b->capacity_bps = is_limited ? bps : 0;
		b->has_met_queue = false;
	}
	b->next_probe_us = now_us + (is_limited ? PROBE_AGAIN_US : b->rtt_us);
}

static void forget_arrivals(struct dh_bwe *b)
{
	dh_rate_init(&b->acked);
	b->acked_until_us = 0;
}

/* Feedback gets lost too, and nobody repeats it. What it would have told of is taken to have come like the rest, evenly
 * between what is known: without that, one lost message halves the rate that seems to arrive. */
static void guess_untold(struct dh_bwe *b, const struct dh_twcc_result *r, int n)
{
	int64_t from_us = b->acked_until_us, gap_us = r[0].sent_us - b->told_sent_us, to_us = from_us;
	int untold = (int16_t)(r[0].seq - b->told_seq) - 1;
	if (!from_us || untold <= 0 || gap_us <= 0 || gap_us > UNTOLD_MAX_US)
		return;
	for (int i = n - 1; i >= 0; i--)
		if (r[i].arrival_us != DH_TWCC_LOST)
			to_us = r[i].arrival_us;
	double bytes = (double)dh_rate_bytes(&b->sent, r[0].sent_us, gap_us) * (1 - b->loss.fraction);
	int64_t pieces = to_us > from_us ? (to_us - from_us) / DH_RATE_BUCKET_US + 1 : 1;
	for (int64_t i = 0; i < pieces && pieces <= DH_RATE_BUCKETS; i++)
		dh_rate_add(&b->acked, from_us + (to_us - from_us) * i / pieces, (uint32_t)(bytes / (double)pieces));
	b->guessed_from = (uint16_t)(b->told_seq + 1);
	b->guessed = untold;
}

static void count(struct dh_bwe *b, const struct dh_twcc_result *r, int n, int64_t now_us, bool *any)
{
	int64_t rtt = INT64_MAX;
	for (int i = 0; i < n; i++) {
		bool is_lost = r[i].arrival_us == DH_TWCC_LOST;
		if (!r[i].was_lost)
			dh_loss_count(&b->loss, r[i].sent_us, is_lost);
		if (is_lost)
			continue;
		*any = true;
		if (b->acked_until_us && r[i].arrival_us < b->acked_until_us - 3000000)
			forget_arrivals(b); /* another clock */
		if ((uint16_t)(r[i].seq - b->guessed_from) >= b->guessed) /* else it was only late */
			dh_rate_add(&b->acked, r[i].arrival_us, r[i].bytes);
		b->episode_bytes += r[i].arrival_us > b->episode_from_us ? r[i].bytes : 0;
		if (r[i].arrival_us > b->acked_until_us)
			b->acked_until_us = r[i].arrival_us;
		if (now_us - r[i].sent_us < rtt)
			rtt = now_us - r[i].sent_us;
	}
	if (*any)
		b->rtt_us += (rtt - b->rtt_us) / 4;
	if (n && (!b->told_sent_us || (int16_t)(r[n - 1].seq - b->told_seq) > 0)) {
		b->told_seq = r[n - 1].seq;
		b->told_sent_us = r[n - 1].sent_us;
	}
}

static void end_outage(struct dh_bwe *b, int64_t now_us)
{
	bool was_long = now_us - b->outage_us > 2000000;
	b->state = DH_BWE_RISE;
	b->rise_us = now_us;
	dh_loss_forget(&b->loss, now_us);
	if (was_long) { /* the road may be another: learn it anew, from not more than the start */
		dh_delay_init(&b->delay);
		b->capacity_bps = 0;
		double from = b->before_outage_bps / 2;
		set_target(b, from < (double)b->config.start_bps ? from : (double)b->config.start_bps);
	}
	b->next_probe_us = now_us;
}

void dh_bwe_feedback(struct dh_bwe *b, const struct dh_twcc_result *r, int n, int64_t now_us)
{
	bool any = false, is_limited = false;
	bool is_first = !b->has_feedback;
	if (n > 0)
		guess_untold(b, r, n);
	count(b, r, n, now_us, &any);
	if (!any)
		return;
	/* Rather the shortest than the mean: a lost one must not make us patient. */
	int64_t since_us = b->has_feedback ? now_us - b->answered_us : 0;
	if (!b->interval_us)
		b->interval_us = since_us;
	b->interval_us += (since_us - b->interval_us) / (since_us < b->interval_us ? 4 : 16);
	b->has_feedback = true;
	b->answered_us = now_us;
	b->unanswered_us = 0;
	if (is_first)
		b->next_probe_us = now_us;
	if (b->state == DH_BWE_OUTAGE)
		end_outage(b, now_us);
	b->is_app_limited = (double)dh_rate_bps(&b->sent, now_us, 2 * RATE_US) < APP_LIMITED * b->target_bps;
	dh_delay_feedback(&b->delay, r, n, now_us);
	int64_t measured = dh_probe_feedback(&b->probe, r, n, b->delay.base_now_us, b->delay.floor_us, now_us,
					     &is_limited);
	judge_delay(b, now_us);
	if (measured)
		probe_result(b, (double)measured, is_limited, now_us);
	if (b->state == DH_BWE_RISE)
		judge_loss(b, now_us);
	rise(b, now_us);
}

void dh_bwe_tick(struct dh_bwe *b, int64_t now_us)
{
	int64_t patience = b->rtt_us * 3 > OUTAGE_US ? b->rtt_us * 3 : OUTAGE_US;
	if (patience < b->interval_us * OUTAGE_ANSWERS)
		patience = b->interval_us * OUTAGE_ANSWERS;
	if (b->has_feedback && b->unanswered_us && now_us - b->unanswered_us > patience) {
		if (b->state != DH_BWE_OUTAGE) {
			b->before_outage_bps = b->target_bps;
			b->outage_us = b->unanswered_us;
		} else if (now_us - b->cut_us < OUTAGE_STEP_US) {
			return;
		}
		b->state = DH_BWE_OUTAGE;
		b->cut_us = now_us;
		set_target(b, b->target_bps / 2);
	}
	/* While no end is in sight, jitter that looks like a queue must not keep us from looking. */
	int64_t calm_us = b->capacity_bps > 0 ? QUEUE_TREND_US : QUEUE_HIGH_US * 2 / 3;
	int64_t queue_us = b->capacity_bps > 0 ? b->delay.queue_us : b->delay.floor_us;
	bool is_calm = b->state == DH_BWE_RISE && queue_us < calm_us && !b->loss.is_testing &&
		       now_us - b->cut_us > PROBE_AFTER_CUT_US;
	if (!b->has_feedback || !is_calm || now_us < b->next_probe_us || dh_probe_is_busy(&b->probe))
		return;
	double most = (double)(b->remb_bps && b->remb_bps < b->config.max_bps ? b->remb_bps : b->config.max_bps);
	/* Near the known capacity a smaller step: it is expected to fail, and what it queues is felt. */
	double rate = b->target_bps * (b->capacity_bps > 0 && b->target_bps > b->capacity_bps * 0.85 ? 1.5 : 2);
	if (rate > most)
		rate = most;
	if (rate > b->target_bps * 1.05 || b->is_app_limited) {
		dh_probe_want(&b->probe, (int64_t)rate);
		b->next_probe_us = now_us + (b->is_app_limited ? PROBE_IDLE_US : probe_every_us(b));
	}
}

bool dh_bwe_take_probe(struct dh_bwe *b, int64_t now_us, struct dh_bwe_probe *out)
{
	return dh_probe_take(&b->probe, now_us, out);
}

int64_t dh_bwe_target_bps(const struct dh_bwe *b)
{
	return (int64_t)b->target_bps;
}

bool dh_bwe_is_lossy(const struct dh_bwe *b)
{
	return b->loss.inherent > LOSSY;
}

int64_t dh_bwe_pacing_bps(const struct dh_bwe *b)
{
	/* At the most that may be sent no limit of the road is in sight: a frame need not take its whole interval. */
	bool is_wide = b->capacity_bps <= 0 && b->target_bps > 0.95 * (double)b->config.max_bps;
	double factor = b->state == DH_BWE_DRAIN ? 1.0 : is_wide ? 2.5 : 1.15;
	return (int64_t)(b->target_bps * factor);
}

int64_t dh_bwe_video_bps(const struct dh_bwe *b, int64_t audio_bps, int64_t rtx_bps, int64_t backlog_bytes)
{
	double share = b->target_bps - (double)audio_bps - (double)rtx_bps - (double)backlog_bytes * 16;
	return (int64_t)(share > b->target_bps / 4 ? share : b->target_bps / 4);
}
