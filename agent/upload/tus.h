/* What an archive answers: header lines of HTTP/1.1 as the tus protocol means them. Pure; any thread.
 * Source: tus resumable upload protocol 1.0.0 (core, creation, checksum, termination); RFC 9110; RFC 9530. */
#ifndef DH_UPLOAD_TUS_H
#define DH_UPLOAD_TUS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "agent/record/chain.h"
#include "common/err.h"

#define DH_TUS_HEAD_BYTES_MAX (32 * 1024) /* of all header lines of one answer, informational ones included */
#define DH_TUS_LOCATION_MAX 1024          /* with its NUL */

struct dh_tus_answer {
	size_t head_bytes;
	int status;                         /* 0: none yet */
	bool is_tus;                        /* Tus-Resumable: 1.0.0 */
	bool has_creation, has_termination; /* Tus-Extension */
	bool has_checksum;                  /* and sha256 among Tus-Checksum-Algorithm */
	int64_t offset, length, max_size;   /* Upload-Offset, Upload-Length, Tus-Max-Size; -1: none, or no number */
	int64_t retry_after_s;              /* Retry-After; -1: none */
	char location[DH_TUS_LOCATION_MAX]; /* as it came; "": none, or too long */
	bool has_digest;                    /* SHA-256 of all that is stored: Repr-Digest, or Upload-Checksum */
	uint8_t digest[DH_HASH_BYTES];
};

/* Forget all. */
void dh_tus_answer_init(struct dh_tus_answer *a);

/* One more line, with or without its line end; a status line begins a new answer. wall_s: now, for a Retry-After that is a
 * date. False: over DH_TUS_HEAD_BYTES_MAX, or no line of HTTP. */
bool dh_tus_answer_line(struct dh_tus_answer *a, const char *line, size_t size, int64_t wall_s);

/* The URL of an upload from the Location that came for a POST to url. It must have the same origin as url, or be one of
 * targets (push_targets). Errors: DH_EPROTO none, or malformed; DH_EPERM leads elsewhere. */
int dh_tus_location(const char *url, const char *location, const cJSON *targets, char *out, size_t size, struct dh_err *e);

/* Append "name BASE64(value)" to Upload-Metadata, unless value is empty or there is no room. */
void dh_tus_add_metadata(char *to, size_t size, const char *name, const char *value);

/* "sha256 BASE64" of a part, for Upload-Checksum. */
#define DH_TUS_CHECKSUM_BYTES (7 + 44 + 1)
void dh_tus_checksum(const uint8_t hash[DH_HASH_BYTES], char out[DH_TUS_CHECKSUM_BYTES]);

#endif
