/* The compose thread: takes each source's newest picture, filters it, draws the template and hands the program
 * picture on. It works only while somebody wants pictures, and only when something changed: a
 * new picture, a setting, the clock overlay's second, or one second gone by (so that a file never has a hole). */
#ifndef DH_MEDIA_COMPOSE_H
#define DH_MEDIA_COMPOSE_H

#include "agent/media/compositor.h"
#include "agent/media/filter.h"
#include "agent/media/queue.h"
#include "common/list.h"
#include "common/loop.h"

struct dh_compose;
struct dh_compose_input;

struct dh_compose_config {
	const char *name;
	int width_px, height_px, fps;
	const char *template_name;
	const struct dh_overlay *overlay;
	const struct dh_compositor_driver *compositor;
	/* The program picture; take ownership. Compose thread. */
	void (*picture)(void *arg, struct dh_frame *take);
	void *arg;
};

/* Somebody who wants pictures beside the program's encoder. Lives inside its owner, which fills the first three. */
struct dh_tap {
	struct dh_compose_input *input; /* that input's filtered pictures; NULL: the program's */
	void (*picture)(void *arg, struct dh_frame *take); /* compose thread; pts_us never goes back */
	void *arg;
	/* -- private */
	struct dh_list node; /* compose thread */
	atomic_bool is_asked;
	int64_t given_us, last_pts_us;
	int64_t serial;
};

struct dh_compose_stats {
	int64_t pictures, compose_us;
};

/* Start and stop. After stop's done no callback comes. Loop thread. */
int dh_compose_start(struct dh_compose **out, struct dh_loop *loop, const struct dh_compose_config *c, struct dh_err *e);
void dh_compose_stop(struct dh_compose *c, void (*done)(void *arg), void *arg);

/* Whether program pictures are wanted. The first one comes at once. Loop thread. */
void dh_compose_run(struct dh_compose *c, bool on);

/* Pictures as they come, and the last one again once a second while nothing changes. Loop thread. */
void dh_compose_tap_add(struct dh_compose *c, struct dh_tap *tap);
/* No picture comes any more once done(arg) runs, on the compose thread. Of an input that is gone: the same. Loop thread. */
void dh_compose_tap_remove(struct dh_compose *c, struct dh_tap *tap, dh_task_fn done, void *arg);
/* The present picture again, now. Any thread, while the tap is there. */
void dh_compose_tap_ask(struct dh_compose *c, struct dh_tap *tap);

/* Run fn(arg) on the compose thread after all that was asked before: the tail of a flush. Loop thread. */
void dh_compose_flush(struct dh_compose *c, dh_task_fn fn, void *arg);

void dh_compose_set_template(struct dh_compose *c, const char *name);
void dh_compose_set_overlay(struct dh_compose *c, const struct dh_overlay *o);

/* A place for one source's pictures. Order of adding is the index within a role. Loop thread. */
struct dh_compose_input *dh_compose_input_add(struct dh_compose *c, enum dh_role role, const char *label, int id);
/* The source has ended: no put may come any more. Loop thread; freed on the compose thread. */
void dh_compose_input_remove(struct dh_compose_input *in);
/* A picture. Source thread. */
void dh_compose_input_put(struct dh_compose_input *in, struct dh_frame *take);
/* The source is lost: show placard instead of its last picture; NULL: it is back. Loop thread. */
void dh_compose_input_set_placard(struct dh_compose_input *in, const char *placard);
/* New settings (checked) for a filter; the filter is made at its first settings. Loop thread. */
void dh_compose_input_set_filter(struct dh_compose_input *in, const struct dh_filter_driver *driver, const cJSON *settings);
/* Size of the newest picture and pictures overwritten unseen. Any thread. */
void dh_compose_input_stats(struct dh_compose_input *in, int *width_px, int *height_px, int64_t *overwritten);
/* How far its pictures' times in the program were from those of capture since the last call: the least. False: none was
 * drawn. One thread. */
bool dh_compose_input_skew(struct dh_compose_input *in, int64_t *least_us);

/* Newest picture of an input (filtered) or of the program (input NULL): a reference, or NULL when there is none
 * yet. fn runs on the loop thread and owns it. Loop thread. */
void dh_compose_snapshot(struct dh_compose *c, struct dh_compose_input *in, void (*fn)(void *arg, struct dh_frame *take),
			 void *arg);

void dh_compose_stats(struct dh_compose *c, struct dh_compose_stats *out); /* any thread */

#endif
