/* What a recording keeps beside its media: who did what and when, and what was claimed. Goes into the evidence chain. */
#ifndef DH_MEDIA_NOTE_H
#define DH_MEDIA_NOTE_H

#include <stdint.h>

/* On disk by number: append, never renumber. */
enum dh_note_kind {
	DH_NOTE_NONE,
	DH_NOTE_CLAIM,    /* text is "name=value", who says so; nothing vouches for it */
	DH_NOTE_PAUSE,
	DH_NOTE_RESUME,
	DH_NOTE_LOST,     /* a device */
	DH_NOTE_BACK,
	DH_NOTE_GAP,      /* media is missing */
	DH_NOTE_CLOCK,    /* the wall clock was set */
	DH_NOTE_MARKER,
	DH_NOTE_RECOVERY, /* finished after an interruption */
	DH_NOTE_STOP,
	DH_NOTE_QUALITY,  /* something was wrong with a source: begins, ends */
	DH_NOTE_NEXT,     /* the recording goes on in another file: text is its name */
	DH_NOTE_COUNT,
};

struct dh_note {
	enum dh_note_kind kind;
	int64_t mono_us, utc_us; /* when; both 0: now, where it is written */
	int64_t media_us;        /* MARKER: where in the recording; the link says where in the file */
	char who[256];           /* "agent", "desk" (its user), or the origin of a page */
	char text[512];          /* UTF-8 */
};

#endif
