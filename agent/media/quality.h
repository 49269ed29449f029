/* Says what is wrong with a source while it can still be mended: from what was measured of its pictures and sounds, which
 * warnings begin and end. Pure: no threads, no clock of its own. What is measured: quality_probe.h. docs/quality.md */
#ifndef DH_MEDIA_QUALITY_H
#define DH_MEDIA_QUALITY_H

#include "agent/media/compositor.h"
#include "agent/media/quality_echo.h"
#include "agent/media/quality_picture.h"
#include "agent/media/quality_sound.h"

enum dh_quality_kind {
	DH_QUALITY_NONE, DH_QUALITY_BLACK, DH_QUALITY_COVERED, DH_QUALITY_FROZEN, DH_QUALITY_DARK, DH_QUALITY_BRIGHT,
	DH_QUALITY_SILENT, DH_QUALITY_CLIPPING, DH_QUALITY_SKEW, DH_QUALITY_FORMAT, DH_QUALITY_DEVICE, DH_QUALITY_ECHO,
	DH_QUALITY_COUNT
};

/* Of one source, since the look before. */
struct dh_quality_facts {
	bool is_live;       /* it gives something, and that is shown: else nothing is said of it */
	bool has_picture;   /* one was measured, now or earlier: */
	struct dh_picture_facts picture;
	int64_t picture_us; /* when (agent clock), and when one last differed from the one before */
	int64_t changed_us;
	int width_px, height_px, want_width_px, want_height_px;
	struct dh_sound_facts sound;
	int rate_hz;        /* of the sound, 0: none came */
	struct dh_echo_facts echo;
	bool has_skew;
	int64_t skew_us;    /* its times in the program are so far from those at which it was taken, at least */
	bool is_other_device; /* another one gives the sound than was asked for */
};

struct dh_quality_change {
	enum dh_quality_kind kind;
	bool is_start;
	int64_t lasted_us;       /* how long it has been so */
	double value, threshold; /* as the rules in quality.c say */
	const char *hint;        /* what to do */
};

struct dh_quality_state {
	bool is_on;
	int64_t since_us; /* it has been so since then; 0: it is not */
	int64_t over_us;  /* while on: it has been well since then; 0: it is not */
	double value;
};

struct dh_quality { /* start with zeros, then set role */
	enum dh_role role;
	bool is_shared_screen; /* of a remote member: may stand still */
	bool is_muted;         /* silence is meant */
	unsigned off;          /* bits 1 << kind: not looked for */
	/* -- private */
	struct dh_quality_state states[DH_QUALITY_COUNT];
	int64_t looked_us;
	int64_t nothing_us; /* for how long the samples were all zero */
	double clips;       /* recent ones: each counts half after two seconds */
};

/* Look once more, a few times a second. Calls changed for each warning that begins or ends. */
void dh_quality_look(struct dh_quality *q, const struct dh_quality_facts *f, int64_t now_us,
		     void (*changed)(void *arg, const struct dh_quality_change *c), void *arg);

/* As it stands. False: no such warning now. */
bool dh_quality_get(const struct dh_quality *q, enum dh_quality_kind kind, int64_t now_us, struct dh_quality_change *out);

const char *dh_quality_name(enum dh_quality_kind kind); /* "black" */

#endif
