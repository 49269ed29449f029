/* Counted threads: the last act of each is to say that it is gone. */
#include "agent/rtc/helper.h"

#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "common/alloc.h"
#include "common/err.h"
#include "common/thread.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t fewer = PTHREAD_COND_INITIALIZER;
static int running; /* protected by lock */

struct work {
	void (*fn)(void *arg);
	void *arg;
};

static void count(int by)
{
	pthread_mutex_lock(&lock);
	running += by;
	pthread_cond_broadcast(&fewer);
	pthread_mutex_unlock(&lock);
}

static void *run(void *arg)
{
	struct work w = *(struct work *)arg;
	free(arg);
	w.fn(w.arg);
	OPENSSL_thread_stop(); /* its error queue, before the program may end */
	count(-1);
	return NULL;
}

int dh_helper_start(void (*fn)(void *arg), void *arg)
{
	pthread_t thread;
	pthread_mutex_lock(&lock);
	int err = running < DH_HELPERS_MAX ? DH_OK : DH_ELIMIT;
	running += !err;
	pthread_mutex_unlock(&lock);
	if (err)
		return err;
	struct work *w = dh_alloc(sizeof(*w));
	*w = (struct work){fn, arg};
	/* signals are blocked there, so that SIGPIPE, which OpenSSL's writes raise, is for none */
	if (!dh_thread_start(&thread, "rtc-helper", run, w)) {
		free(w);
		count(-1);
		return DH_ENOMEM;
	}
	pthread_detach(thread);
	return DH_OK;
}

int dh_helpers_wait(int64_t limit_ms)
{
	struct timespec until;
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += limit_ms / 1000;
	until.tv_nsec += limit_ms % 1000 * 1000000;
	if (until.tv_nsec >= 1000000000) {
		until.tv_sec++;
		until.tv_nsec -= 1000000000;
	}
	pthread_mutex_lock(&lock);
	while (running && !pthread_cond_timedwait(&fewer, &lock, &until))
		;
	int left = running;
	pthread_mutex_unlock(&lock);
	return left;
}
