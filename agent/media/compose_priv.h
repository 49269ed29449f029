/* The inside of the compose thread, shared by compose.c and compose_settings.c only. */
#ifndef DH_MEDIA_COMPOSE_PRIV_H
#define DH_MEDIA_COMPOSE_PRIV_H

#include "agent/media/beat.h"
#include "agent/media/compose.h"
#include "agent/media/pace.h"
#include "agent/media/worker.h"

#define INPUTS_MAX 32
#define FILTERS_MAX 4

struct dh_compose_input {
	struct dh_compose *compose;
	struct dh_slot slot;
	int id;
	/* -- any thread */
	atomic_int width_px, height_px;
	atomic_llong overwritten;
	atomic_llong skew_us; /* the least since it was asked for; INT64_MAX: nothing was drawn */
	/* -- compose thread */
	enum dh_role role;
	char label[128], placard[200];
	struct dh_filter filters[FILTERS_MAX];
	int filter_count;
	struct dh_frame *pending; /* taken from the slot, not yet filtered */
	struct dh_frame *current; /* filtered: what the program shows */
	bool has_changed;
	int64_t serial; /* of current */
};

struct dh_compose {
	struct dh_worker worker;
	struct dh_log log;
	struct dh_compose_config config; /* immutable after start */
	/* -- compose thread */
	struct dh_compositor compositor;
	bool is_open;
	struct dh_compose_input *inputs[INPUTS_MAX];
	int input_count;
	char template_name[32];
	struct dh_overlay overlay;
	struct dh_slot_place places[DH_TEMPLATE_SLOTS_MAX];
	int place_count;
	bool is_running; /* the program's encoder wants pictures */
	struct dh_list taps;
	int program_taps;
	bool layout_changed, overlay_changed;
	struct dh_pace pace;
	int64_t last_draw_us, last_pts_us, last_wall_s;
	struct dh_beat beat; /* since pictures are wanted */
	struct dh_frame *program; /* the last one drawn */
	struct dh_frame_pool *filter_pool;
	/* -- any thread */
	atomic_llong pictures, compose_us;
	/* -- loop thread */
	void (*stopped)(void *arg);
	void *stopped_arg;
};

/* Compose thread. */
void dh_compose_take_newest(struct dh_compose *c);          /* slots -> pending */
void dh_compose_advance(struct dh_compose_input *in);       /* pending -> filters -> current */
void dh_compose_draw(struct dh_compose *c, int64_t now_us); /* a program picture, handed on */
void dh_compose_free_input(struct dh_compose_input *in);

/* -- compose_tap.c */
bool dh_compose_is_tapped(const struct dh_compose *c, const struct dh_compose_input *in); /* in NULL: any input is */
bool dh_compose_is_asked(const struct dh_compose *c);
void dh_compose_feed_taps(struct dh_compose *c, int64_t now_us); /* inputs have advanced, the program is drawn */
void dh_compose_forget_input(struct dh_compose *c, struct dh_compose_input *in);

#endif
