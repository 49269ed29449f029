/* Whether a recording is what Deskhand wrote: one pass over the file, offline. The file is not trusted. */
#ifndef DH_RECORD_VERIFY_H
#define DH_RECORD_VERIFY_H

#include <cjson/cJSON.h>

#include "agent/record/chain.h"

#define DH_TRUSTED_KEYS_MAX 64
#define DH_SEGMENT_NAME_MAX 128

/* Also the exit codes of `deskhand verify`. */
enum dh_verdict {
	DH_VERDICT_WHOLE = 0,          /* and signed by a trusted key */
	DH_VERDICT_ALTERED = 1,
	DH_VERDICT_UNREADABLE = 2,     /* or not a recording of Deskhand with a chain */
	DH_VERDICT_UNCLEAN = 3,        /* whole up to where its writer was cut off */
	DH_VERDICT_UNKNOWN_SIGNER = 4, /* whole, but nobody known vouches for it */
};

enum dh_fault {
	DH_FAULT_NONE,
	DH_FAULT_CHANGED,         /* bytes of a fragment, or its link */
	DH_FAULT_REMOVED,
	DH_FAULT_INSERTED,
	DH_FAULT_REORDERED,
	DH_FAULT_TRUNCATED,
	DH_FAULT_HEADER_CHANGED,
	DH_FAULT_INDEX_CHANGED,
	DH_FAULT_SIGNATURE_WRONG, /* or taken away */
	DH_FAULT_RESIGNED,        /* by another key than the recording's own */
	DH_FAULT_OTHER_HEAD,      /* the head somebody kept is not in the chain */
	DH_FAULT_SEGMENT_MISSING, /* of a recording in several files; verify_sequence.h */
	DH_FAULT_SEGMENT_SWAPPED,
	DH_FAULT_SEGMENT_FOREIGN,
};

struct dh_verify_options {
	const uint8_t (*trusted)[DH_PUBLIC_KEY_BYTES];
	int trusted_count;
	bool has_head;               /* a head that left the desk while the recording grew must be in the chain */
	uint8_t head[DH_HASH_BYTES];
	int64_t head_seq;            /* and at this link; -1: at any */
	bool head_may_be_elsewhere;  /* has_kept_head tells, it is no fault */
	/* Called for each MB with the bytes read so far; false gives up (unreadable). NULL: nobody asks. */
	bool (*go_on)(void *arg, uint64_t bytes);
	void *go_on_arg;
};

struct dh_verify_report {
	enum dh_verdict verdict;
	char text[360];          /* a sentence or two */
	enum dh_fault fault;     /* the first one, when altered */
	uint32_t fault_seq;      /* of the link concerned */
	int64_t fault_media_us;  /* time in the recording */
	int64_t fault_utc_us;
	/* what the chain says, as far as it is whole */
	uint64_t file_bytes;
	uint32_t links;
	uint8_t head[DH_HASH_BYTES]; /* of the last good link */
	int64_t started_utc_us, ended_utc_us, media_us;
	uint64_t video_samples, audio_samples;
	bool is_finished, is_recovered, is_signed, has_kept_head;
	int segment;                 /* which of several files, from 1; 0: the only one */
	uint8_t previous_head[DH_HASH_BYTES]; /* of the file before */
	/* names as they were when it was recorded: no slash; "" none */
	char recording[64], previous_name[DH_SEGMENT_NAME_MAX], next_name[DH_SEGMENT_NAME_MAX];
	uint8_t signer[DH_PUBLIC_KEY_BYTES];
	cJSON *notes; /* array: kind, who, text, t_ms, utc; the first DH_VERIFY_NOTES_MAX */
	/* where a writer would go on: behind the last good link that does not end the chain */
	uint64_t next_at;
	uint32_t next_seq;
	uint8_t next_head[DH_HASH_BYTES];
};

#define DH_VERIFY_NOTES_MAX 1000

/* Read fd (borrowed, a regular file) from its beginning and fill the report, whose notes the caller deletes. Blocks;
 * any thread. */
void dh_verify(int fd, const struct dh_verify_options *o, struct dh_verify_report *r);

/* The head that was kept is not in the chain: that is the fault, unless there is a worse one. */
void dh_verify_miss_head(struct dh_verify_report *r);

/* Wire names: "whole", "altered", ...; "changed", "removed", ... "" for none. */
const char *dh_verdict_name(enum dh_verdict v);
const char *dh_fault_name(enum dh_fault f);
/* The report as pages and `deskhand verify --json` get it. */
cJSON *dh_verify_to_json(const struct dh_verify_report *r);
/* A public key of 32 bytes in base64, or a hash in hex. False: it is none. */
bool dh_key_from_base64(const char *text, uint8_t out[DH_PUBLIC_KEY_BYTES]);
bool dh_hash_from_hex(const char *text, uint8_t out[DH_HASH_BYTES]);
void dh_hash_to_hex(const uint8_t hash[DH_HASH_BYTES], char out[2 * DH_HASH_BYTES + 1]);

/* Append every link of the file to out, one behind the other: the sidecar. Errors: DH_EIO, DH_ENOSPC. */
int dh_verify_copy_links(int fd, int out, struct dh_err *e);

#endif
