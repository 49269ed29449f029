/* See mp4_sync.h. */
#include "agent/sinks/mp4_sync.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/beneath.h"
#include "common/clock.h"
#include "common/thread.h"

#define PERIOD_US 1000000
#define EARLY_PERIOD_US 200000 /* for the first EARLY_US: there a second would be all there is */
#define EARLY_US 2000000
#define AHEAD_BYTES (64ull << 20)
#define FREE_PER_AHEAD 8 /* taken ahead only where there is plenty: the last of it is for who needs it now */

struct dh_mp4_sync {
	pthread_t thread;
	int fd;
	pthread_mutex_t lock;
	pthread_cond_t changed; /* CLOCK_MONOTONIC */
	/* -- protected by lock */
	bool is_asked, is_stopping;
	bool is_waiting; /* to be asked, not for its time: only then it is woken */
	uint64_t end;
	int failed; /* errno of the first round that failed */
	/* -- own thread */
	uint64_t taken;  /* up to here there is space */
	bool takes_none; /* this file system cannot */
};

/* The blocks lie behind the end of the file, so no reader sees them. */
static void take_ahead(struct dh_mp4_sync *s, uint64_t end)
{
	struct statvfs st;
	if (s->takes_none || end + AHEAD_BYTES / 2 < s->taken || fstatvfs(s->fd, &st) ||
	    (uint64_t)st.f_bavail * st.f_frsize < FREE_PER_AHEAD * AHEAD_BYTES)
		return;
	uint64_t from = s->taken > end ? s->taken : end, to = end + AHEAD_BYTES;
	if (!fallocate(s->fd, FALLOC_FL_KEEP_SIZE, (off_t)from, (off_t)(to - from)))
		s->taken = to;
	else
		s->takes_none = errno != EINTR && errno != ENOSPC;
}

/* Until due and asked, or stopping. False: stopping. */
static bool wait_for_work(struct dh_mp4_sync *s, int64_t due_us, uint64_t *end)
{
	pthread_mutex_lock(&s->lock);
	while (!s->is_stopping && dh_now_us() < due_us)
		dh_cond_wait(&s->changed, &s->lock, due_us);
	s->is_waiting = true;
	while (!s->is_stopping && !s->is_asked)
		dh_cond_wait(&s->changed, &s->lock, INT64_MAX);
	s->is_waiting = s->is_asked = false;
	*end = s->end;
	bool must_work = !s->is_stopping;
	pthread_mutex_unlock(&s->lock);
	return must_work;
}

/* The folder of the file, which came as an open descriptor: after a power cut it has its name, and the sidecar too. */
static int sync_name(int fd)
{
	char link[64], path[PATH_MAX];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t n = readlink(link, path, sizeof(path) - 1);
	path[n > 0 ? n : 0] = '\0';
	return path[0] == '/' ? dh_sync_folder_of(path) : 0;
}

static void *run(void *arg)
{
	struct dh_mp4_sync *s = arg;
	uint64_t end;
	int64_t due_us = 0, late_us = dh_now_us() + EARLY_US;
	bool is_named = false;
	while (wait_for_work(s, due_us, &end)) {
		int64_t now_us = dh_now_us();
		due_us = now_us + (now_us < late_us ? EARLY_PERIOD_US : PERIOD_US);
		take_ahead(s, end);
		if (!fdatasync(s->fd) && (is_named || !sync_name(s->fd))) {
			is_named = true;
			continue;
		}
		int failed = errno;
		pthread_mutex_lock(&s->lock);
		s->failed = s->failed ? s->failed : failed;
		pthread_mutex_unlock(&s->lock);
	}
	return NULL;
}

struct dh_mp4_sync *dh_mp4_sync_start(int fd)
{
	struct dh_mp4_sync *s = dh_alloc(sizeof(*s));
	s->fd = fd;
	pthread_mutex_init(&s->lock, NULL);
	dh_cond_init(&s->changed);
	if (dh_thread_start(&s->thread, "sync", run, s))
		return s;
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
	return NULL;
}

int dh_mp4_sync_ask(struct dh_mp4_sync *s, uint64_t end, struct dh_err *e)
{
	if (!s)
		return DH_OK;
	pthread_mutex_lock(&s->lock);
	s->is_asked = true;
	s->end = end;
	int failed = s->failed;
	if (s->is_waiting)
		pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	if (!failed)
		return DH_OK;
	dh_fail(e, dh_err_from_errno(failed), "the disk did not take the recording: %s", strerror(failed));
	dh_hint(e, "Check the disk; record to another one. What it took until then is kept and playable.");
	return e ? e->code : dh_err_from_errno(failed);
}

void dh_mp4_sync_stop(struct dh_mp4_sync *s)
{
	if (!s)
		return;
	pthread_mutex_lock(&s->lock);
	s->is_stopping = true;
	pthread_cond_signal(&s->changed);
	pthread_mutex_unlock(&s->lock);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->changed);
	pthread_mutex_destroy(&s->lock);
	free(s);
}
