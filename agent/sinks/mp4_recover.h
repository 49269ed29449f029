/* Finish a recording that was interrupted: read its fragments back and make it an ordinary file, in place. */
#ifndef DH_SINKS_MP4_RECOVER_H
#define DH_SINKS_MP4_RECOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/record/verify.h"

struct dh_mp4_facts {
	bool was_finished; /* nothing had to be done */
	int64_t bytes, duration_us, video_frames, audio_frames;
	int64_t lost_bytes; /* behind the last whole fragment: what was being written */
	bool has_chain;     /* and it was whole, so that it was continued: */
	uint32_t chain_seq; /* of its last link */
	uint8_t chain_head[DH_HASH_BYTES];
	/* file time at which each track ends (0: it has nothing, or nothing that is shown), and its last picture begins */
	int64_t video_end_us, audio_end_us, picture_us;
	char next[DH_SEGMENT_NAME_MAX]; /* the file in which it goes on; "": none, or no chain to say so */
};

/* key: signs what is finished here (NULL: nobody). cause: what interrupted it, for the recovery's note (NULL: unknown).
 * Only a chain that is whole as far as it goes is continued, by a link that says "recovery": what was altered before stays
 * altered, and is finished without.
 * fd: open for reading and writing, borrowed. Running it again changes nothing, and it may itself be interrupted. The
 * input is not trusted: whatever is malformed ends the file there. Any thread; blocks.
 * Errors: DH_EPROTO not a recording of ours (untouched), DH_ENODEV nothing was recorded yet (untouched),
 * DH_EBUSY it is being recorded right now (untouched), DH_ENOSPC, DH_EIO (readable as before). */
int dh_mp4_recover(int fd, struct dh_agent_key *key, const char *cause, struct dh_mp4_facts *facts,
		   struct dh_err *e);
/* The same for a recording that goes on in the file `next`, which its last link then names. */
int dh_mp4_recover_into(int fd, struct dh_agent_key *key, const char *cause, const char *next, struct dh_mp4_facts *facts,
			struct dh_err *e);

/* Make the sidecar of a finished recording anew, if it has one: it may lack links that the file has, or after a power cut
 * have some that the file lacks. */
void dh_mp4_recover_sidecar(const char *sidecar, int fd);

#endif
