/* See file.h. */
#include "agent/upload/file.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/io.h"

#define BLOCK_BYTES (1 << 20) /* between two looks at is_cancelled */

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static int hash_blocks(struct dh_upload_file *f, EVP_MD_CTX *whole, EVP_MD_CTX *part, const atomic_bool *is_cancelled,
		       struct dh_err *e)
{
	uint8_t *block = dh_alloc(BLOCK_BYTES), *to = f->parts;
	int64_t at = 0;
	int err = DH_OK;
	while (!err && at < f->seen.st_size) {
		ssize_t n = dh_read_at(f->fd, block, BLOCK_BYTES, (uint64_t)at);
		if (atomic_load(is_cancelled))
			err = dh_fail(e, DH_ECANCELED, "cancelled");
		else if (n < 0)
			err = dh_fail(e, DH_EIO, "the recording's file cannot be read: %s", strerror(errno));
		else if (!n || at + n > f->seen.st_size)
			err = dh_fail(e, DH_ESTATE, "the recording's file changes while it is read");
		if (err)
			break;
		at += n;
		EVP_DigestUpdate(whole, block, (size_t)n);
		EVP_DigestUpdate(part, block, (size_t)n);
		if (at % DH_UPLOAD_PART_BYTES && at < f->seen.st_size)
			continue;
		EVP_DigestFinal_ex(part, to, NULL);
		EVP_DigestInit_ex(part, EVP_sha256(), NULL);
		to += DH_HASH_BYTES;
	}
	free(block);
	return err;
}

static int hash(struct dh_upload_file *f, const atomic_bool *is_cancelled, struct dh_err *e)
{
	EVP_MD_CTX *whole = EVP_MD_CTX_new(), *part = EVP_MD_CTX_new();
	size_t count = (size_t)((f->seen.st_size + DH_UPLOAD_PART_BYTES - 1) / DH_UPLOAD_PART_BYTES);
	free(f->parts);
	f->parts = dh_alloc(count * DH_HASH_BYTES);
	f->has_hash = false;
	EVP_DigestInit_ex(whole, EVP_sha256(), NULL);
	EVP_DigestInit_ex(part, EVP_sha256(), NULL);
	int err = hash_blocks(f, whole, part, is_cancelled, e);
	if (!err) {
		EVP_DigestFinal_ex(whole, f->hash, NULL);
		f->has_hash = true;
	}
	EVP_MD_CTX_free(whole);
	EVP_MD_CTX_free(part);
	return err;
}

int dh_upload_file_open(struct dh_upload_file *f, const char *path, const atomic_bool *is_cancelled, struct dh_err *e)
{
	struct stat st;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (f->fd < 0)
		return dh_fail(e, dh_err_from_errno(errno), "the recording's file cannot be opened: %s", strerror(errno));
	int err = DH_OK;
	if (fstat(f->fd, &st) || !S_ISREG(st.st_mode) || !st.st_size)
		err = dh_fail(e, DH_EINVAL, "the recording's file is empty, or not a file");
	if (!err && !(f->has_hash && is_same(&f->seen, &st))) {
		f->seen = st;
		err = hash(f, is_cancelled, e);
	}
	if (err)
		dh_upload_file_close(f);
	return err;
}

void dh_upload_file_close(struct dh_upload_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = -1;
}

void dh_upload_file_finish(struct dh_upload_file *f)
{
	free(f->parts);
	f->parts = NULL;
	f->has_hash = false;
}

int dh_upload_file_read(const struct dh_upload_file *f, int64_t i, uint8_t *buffer, struct dh_err *e)
{
	uint8_t got[DH_HASH_BYTES];
	int64_t at = i * DH_UPLOAD_PART_BYTES, left = f->seen.st_size - at;
	size_t want = left < DH_UPLOAD_PART_BYTES ? (size_t)left : DH_UPLOAD_PART_BYTES;
	ssize_t n = dh_read_at(f->fd, buffer, want, (uint64_t)at);
	if (n < 0)
		return dh_fail(e, DH_EIO, "the recording's file cannot be read: %s", strerror(errno));
	if ((size_t)n == want) {
		EVP_Digest(buffer, want, got, NULL, EVP_sha256(), NULL);
		if (!memcmp(got, f->parts + i * DH_HASH_BYTES, DH_HASH_BYTES))
			return DH_OK;
	}
	dh_fail(e, DH_ESTATE, "the recording's file was changed while it was uploaded");
	return dh_hint(e, "\"deskhand verify\" says what was done to it; upload.retry sends it as it is now.");
}
