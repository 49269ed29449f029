/* The file of an upload: hashed once, as a whole and in parts, so that what is sent is what was hashed. One thread at a
 * time. */
#ifndef DH_UPLOAD_FILE_H
#define DH_UPLOAD_FILE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/stat.h>

#include "agent/record/chain.h"
#include "common/err.h"

#define DH_UPLOAD_PART_BYTES (8 << 20)

struct dh_upload_file {
	int fd;
	struct stat seen; /* when it was hashed */
	bool has_hash;
	uint8_t hash[DH_HASH_BYTES];
	uint8_t *parts; /* SHA-256 of each DH_UPLOAD_PART_BYTES, one behind the other */
};

/* A zeroed one: open path, and hash it unless it is the file that was hashed before. Blocks. Errors: DH_ENOENT it is gone;
 * DH_EINVAL not a plain file, or empty; DH_EIO; DH_ECANCELED. */
int dh_upload_file_open(struct dh_upload_file *f, const char *path, const atomic_bool *is_cancelled, struct dh_err *e);
void dh_upload_file_close(struct dh_upload_file *f); /* keeps the hashes */
void dh_upload_file_finish(struct dh_upload_file *f);

/* Part number i into buffer (DH_UPLOAD_PART_BYTES). Errors: DH_ESTATE it is not what was hashed; DH_EIO. Blocks. */
int dh_upload_file_read(const struct dh_upload_file *f, int64_t i, uint8_t *buffer, struct dh_err *e);

#endif
