/* Going through a recording from link to link with one window of memory. Between verify_walk.c and verify.c. */
#ifndef DH_RECORD_VERIFY_WALK_H
#define DH_RECORD_VERIFY_WALK_H

#include <openssl/evp.h>
#include <time.h>

#include "agent/record/verify.h"

#define DH_RESERVED_AT 32 /* as in mp4_file.h; the head's 16 bytes that change at the finish */
#define DH_RESERVED_BYTES 16

enum dh_walk_end {
	DH_WALK_LINK,   /* a link was found */
	DH_WALK_TAIL,   /* the box that a growing file ends with */
	DH_WALK_END,    /* the end of the file, at the end of a box */
	DH_WALK_BROKEN, /* a box that does not fit, and no link behind it */
};

struct dh_walk {
	int fd;
	uint64_t file_size;
	struct timespec changed; /* when it was, at the last look */
	uint8_t *window;
	uint64_t window_at;
	size_t window_size, window_max;
	bool is_failed; /* the file cannot be read, or: */
	bool is_given_up;
	bool (*go_on)(void *arg, uint64_t at); /* asked for each window; NULL: nobody asks */
	void *go_on_arg;
	EVP_MD_CTX *digest;
	EVP_MD *sha256;
	/* the link found */
	uint64_t region_at, link_at;
	size_t link_size;
	struct dh_link link;
	bool is_parsed, is_sound;
	uint8_t box[DH_LINK_BYTES_MAX];
};

bool dh_walk_init(struct dh_walk *w, int fd);
void dh_walk_finish(struct dh_walk *w);

/* Whether somebody has written the file since the last look. What is known of it is forgotten then, a failed read too. */
bool dh_walk_look_again(struct dh_walk *w);

/* Find the next link behind region_at. A box that does not fit is searched for links byte by byte. */
enum dh_walk_end dh_walk_next(struct dh_walk *w, uint64_t region_at);

/* Whether the bytes between region_at and the link are what the link says. */
bool dh_walk_region_is_good(struct dh_walk *w);

/* Read without the window. */
bool dh_walk_read(struct dh_walk *w, void *out, size_t size, uint64_t at);

#define DH_RESERVED_GROWING ((const uint8_t *)"\0\0\0\20free\0\0\0\0\0\0\0") /* a free box of 16 bytes */

#endif
