/* What is kept of an upload: one JSON file each in the state directory, written by whoever has the upload in hand: its
 * run, or else the loop by a worker. */
#ifndef DH_UPLOAD_SPOOL_H
#define DH_UPLOAD_SPOOL_H

#include "agent/ctl/paths.h"
#include "agent/record/chain.h"
#include "agent/upload/tus.h"

enum dh_upload_state {
	DH_UPLOAD_NONE,
	DH_UPLOAD_WAITING,    /* for its turn, or for the next try */
	DH_UPLOAD_UPLOADING,
	DH_UPLOAD_CONFIRMING, /* all bytes are there; does the archive have the same? */
	DH_UPLOAD_DONE,
	DH_UPLOAD_FAILED,     /* something is wrong here, or the archive does not keep to the protocol */
	DH_UPLOAD_REFUSED,    /* the archive said no */
	DH_UPLOAD_CANCELLED,
};

struct dh_upload_record {
	char id[33], recording[33], origin[256];
	char path[DH_PATH_MAX], name[128], case_id[72];
	char chain_head[2 * DH_HASH_BYTES + 1]; /* "": none */
	enum dh_upload_state state;
	int64_t created_ms, done_ms; /* wall time */
	/* the file */
	bool has_hash;
	uint8_t hash[DH_HASH_BYTES]; /* SHA-256 of it when the upload began */
	int64_t bytes;
	/* at the archive */
	char location[DH_TUS_LOCATION_MAX]; /* "": not created yet */
	int64_t offset;      /* bytes the archive acknowledged */
	int64_t step_bytes;  /* of one PATCH */
	bool are_parts_sure; /* each byte so far was acknowledged together with a checksum */
	int creations, setbacks, confirmations; /* how often it began, had fewer bytes than before, was asked for a hash */
	bool is_confirmed;   /* the archive has the same hash */
	bool is_local_deleted;
	struct dh_err why;   /* what is in the way, or was at last; code 0: nothing */
};

const char *dh_upload_state_name(enum dh_upload_state state);
/* WAITING, UPLOADING, CONFIRMING */
bool dh_upload_is_open(const struct dh_upload_record *r);

/* DIR/ID.json. Any thread; these block on the disk. */
void dh_upload_record_path(const struct dh_upload_record *r, const char *dir, char *out, size_t size);
int dh_upload_record_save(const struct dh_upload_record *r, const char *dir, struct dh_err *e);
/* file: its name in dir. Errors: DH_ENOENT, DH_EPROTO. */
int dh_upload_record_load(struct dh_upload_record *r, const char *dir, const char *file, struct dh_err *e);

#endif
