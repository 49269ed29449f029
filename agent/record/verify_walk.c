/* See verify_walk.h. Every size is checked against the file; memory is the window and one link. */
#include "agent/record/verify_walk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "common/io.h"

#define WINDOW_BYTES (1u << 20) /* a usual fragment and the beginning of the next fit; stays in the cache */
#define CANDIDATES_MAX 1000     /* of a search: what only looks like a link costs a hash each */
#define BOX_HEAD_BYTES 24       /* size, type, and the long type of a uuid box */

static void take_size(struct dh_walk *w, uint64_t size)
{
	w->file_size = size;
	w->window_max = size < WINDOW_BYTES ? (size_t)size + 1 : WINDOW_BYTES;
	w->window_size = 0;
	free(w->window);
	w->window = dh_alloc(w->window_max);
}

bool dh_walk_init(struct dh_walk *w, int fd)
{
	struct stat st;
	memset(w, 0, sizeof(*w));
	w->fd = fd;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	w->changed = st.st_mtim;
	take_size(w, (uint64_t)st.st_size);
	w->digest = EVP_MD_CTX_new();
	w->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	return w->digest && w->sha256;
}

void dh_walk_finish(struct dh_walk *w)
{
	free(w->window);
	EVP_MD_CTX_free(w->digest);
	EVP_MD_free(w->sha256);
}

bool dh_walk_look_again(struct dh_walk *w)
{
	struct stat st;
	if (w->is_given_up || fstat(w->fd, &st) ||
	    ((uint64_t)st.st_size == w->file_size && !memcmp(&st.st_mtim, &w->changed, sizeof(w->changed))))
		return false;
	w->changed = st.st_mtim;
	w->is_failed = false;
	take_size(w, (uint64_t)st.st_size);
	return true;
}

bool dh_walk_read(struct dh_walk *w, void *out, size_t size, uint64_t at)
{
	bool is_there = dh_read_at(w->fd, out, size, at) == (ssize_t)size;
	w->is_failed |= !is_there;
	return is_there;
}

/* The bytes at `at`, in the window; *size is what is wanted, and less when the window is full: it begins at keep_at,
 * so that what stands between stays for the hash. NULL: not readable, or not one byte fits. */
static const uint8_t *view(struct dh_walk *w, uint64_t keep_at, uint64_t at, size_t *size)
{
	if (keep_at < w->window_at || keep_at > w->window_at + w->window_size) {
		w->window_at = keep_at;
		w->window_size = 0;
	}
	uint64_t end = at + *size;
	if (end > w->window_at + w->window_size) {
		if (w->go_on && !w->go_on(w->go_on_arg, at)) {
			w->is_failed = w->is_given_up = true;
			return NULL;
		}
		size_t drop = (size_t)(keep_at - w->window_at);
		memmove(w->window, w->window + drop, w->window_size - drop);
		w->window_at = keep_at;
		w->window_size -= drop;
		uint64_t left = w->file_size - (w->window_at + w->window_size);
		size_t room = w->window_max - w->window_size, n = left < room ? (size_t)left : room;
		if (!dh_walk_read(w, w->window + w->window_size, n, w->window_at + w->window_size))
			return NULL;
		w->window_size += n;
	}
	uint64_t have = w->window_at + w->window_size;
	if (at >= have)
		return NULL;
	*size = end < have ? *size : (size_t)(have - at);
	return w->window + (at - w->window_at);
}

/* The first size bytes at `at`, from the window if they are in it. */
static bool peek(struct dh_walk *w, uint64_t at, uint8_t *out, size_t size)
{
	size_t n = size;
	const uint8_t *p = at + size - w->region_at <= w->window_max ? view(w, w->region_at, at, &n) : NULL;
	if (!p || n < size)
		return !w->is_failed && dh_walk_read(w, out, size, at);
	memcpy(out, p, size);
	return true;
}

static void take_link(struct dh_walk *w, uint64_t at, size_t size)
{
	w->link_at = at;
	w->link_size = size;
	w->is_parsed = dh_link_parse(w->box, size, &w->link);
	w->is_sound = w->is_parsed && dh_link_is_sound(w->box, size);
}

/* Look for a link that holds together at any byte from `at` on. */
static bool search(struct dh_walk *w, uint64_t at)
{
	int candidates = 0;
	while (at + DH_LINK_BYTES_MIN <= w->file_size && !w->is_failed && candidates < CANDIDATES_MAX) {
		size_t size = w->file_size - at < w->window_max ? (size_t)(w->file_size - at) : w->window_max;
		const uint8_t *p = view(w, at, at, &size);
		const uint8_t *found = p ? dh_find_link(p, size) : NULL;
		uint64_t found_at = found ? at + (uint64_t)(found - p) : 0;
		if (!found) {
			if (size <= BOX_HEAD_BYTES)
				return false;
			at += size - BOX_HEAD_BYTES;
			continue;
		}
		uint32_t link_size = dh_mp4_get32(found);
		if (link_size >= DH_LINK_BYTES_MIN && link_size <= DH_LINK_BYTES_MAX &&
		    link_size <= w->file_size - found_at && dh_walk_read(w, w->box, link_size, found_at)) {
			take_link(w, found_at, link_size);
			if (w->is_sound)
				return true;
		}
		at = found_at + 1;
		candidates++;
	}
	return false;
}

enum dh_walk_end dh_walk_next(struct dh_walk *w, uint64_t region_at)
{
	/* what the head's 16 reserved bytes say covers the whole file once it is finished: look inside */
	uint64_t at = region_at ? region_at : DH_RESERVED_AT + DH_RESERVED_BYTES;
	w->region_at = region_at;
	while (at < w->file_size && !w->is_failed) {
		uint64_t left = w->file_size - at;
		uint8_t head[BOX_HEAD_BYTES] = {0};
		if (left < 8 || !peek(w, at, head, left < BOX_HEAD_BYTES ? (size_t)left : BOX_HEAD_BYTES))
			break;
		uint32_t size = dh_mp4_get32(head);
		if (!size && !memcmp(head + 4, "free", 4))
			return DH_WALK_TAIL;
		if (size < 8 || size > left)
			break;
		if (size >= BOX_HEAD_BYTES && dh_is_link(head) && size <= DH_LINK_BYTES_MAX) {
			if (!peek(w, at, w->box, size))
				break;
			take_link(w, at, size);
			return DH_WALK_LINK;
		}
		at += size;
	}
	if (w->is_failed)
		return DH_WALK_BROKEN;
	if (at == w->file_size)
		return DH_WALK_END;
	return search(w, region_at) ? DH_WALK_LINK : DH_WALK_BROKEN;
}

/* ---- the hash ---- */

static bool hash_file(struct dh_walk *w, uint64_t at, uint64_t end)
{
	while (at < end) {
		size_t size = end - at < w->window_max ? (size_t)(end - at) : w->window_max;
		const uint8_t *p = view(w, at, at, &size);
		if (!p || EVP_DigestUpdate(w->digest, p, size) != 1)
			return false;
		at += size;
	}
	return true;
}

/* What stands in for bytes that change after they were hashed, by position. */
struct patch {
	uint64_t at;
	size_t size;
	const uint8_t *bytes;
};

static int patches_of(const struct dh_walk *w, struct patch out[DH_CHAIN_TRACKS])
{
	static const uint8_t zeros[4];
	const struct dh_link *l = &w->link;
	int n = 0;
	if (l->kind == DH_LINK_HEAD) {
		out[n++] = (struct patch){DH_RESERVED_AT, DH_RESERVED_BYTES, DH_RESERVED_GROWING};
		return n;
	}
	for (int i = 0; i < DH_CHAIN_TRACKS; i++)
		if (l->masked_at[i])
			out[n++] = (struct patch){w->region_at + l->masked_at[i], sizeof(zeros), zeros};
	if (n == 2 && out[0].at > out[1].at) {
		struct patch first = out[1];
		out[1] = out[0];
		out[0] = first;
	}
	return n;
}

bool dh_walk_region_is_good(struct dh_walk *w)
{
	struct patch patches[DH_CHAIN_TRACKS];
	uint64_t at = w->region_at;
	uint8_t hash[DH_HASH_BYTES];
	int n = patches_of(w, patches);
	bool is_good = EVP_DigestInit_ex2(w->digest, w->sha256, NULL) == 1;
	for (int i = 0; is_good && i < n; i++) {
		uint64_t end = patches[i].at + patches[i].size;
		is_good = patches[i].at >= at && end <= w->link_at && hash_file(w, at, patches[i].at) &&
			  EVP_DigestUpdate(w->digest, patches[i].bytes, patches[i].size) == 1;
		at = end;
	}
	return is_good && hash_file(w, at, w->link_at) && EVP_DigestFinal_ex(w->digest, hash, NULL) == 1 &&
	       !memcmp(hash, w->link.region, DH_HASH_BYTES);
}
