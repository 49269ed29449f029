/* Addresses of RTMP servers: one parser for all who name one (SR-23), and what a policy allows. The stream's name, its
 * query and what stands before an "@" are secrets: they are in fields of their own and in no text for people. */
#ifndef DH_COMMON_RTMP_URL_H
#define DH_COMMON_RTMP_URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/err.h"

#define DH_RTMP_URL_MAX 1000 /* bytes of a whole URL */

struct dh_rtmp_url {
	bool is_tls;
	char host[200];  /* lower case; an IPv6 address in brackets */
	int port;
	char login[100]; /* secret: USER or USER:PASSWORD, or empty */
	char app[200];   /* "live", "live/instance" */
	char name[500];  /* secret: of the stream, with its query */
	char shown[300]; /* for people: rtmp://host/live/... */
};

/* An entry of push_targets for RTMP: scheme, host and port exactly; a last * of the path stands for the rest. */
struct dh_rtmp_target {
	bool is_tls;
	char host[200];
	int port;
	char path[300];
};

/* rtmp[s]://[USER[:PASSWORD]@]HOST[:PORT]/APP/NAME[?QUERY]. Errors: DH_EINVAL, says what is wrong and nothing of the
 * text itself. Any thread. */
int dh_rtmp_url_parse(struct dh_rtmp_url *out, const char *text, struct dh_err *e);

/* The same address as FFmpeg opens it, without application and name: rtmps://user:password@host:443. Secret. */
void dh_rtmp_url_server(const struct dh_rtmp_url *u, char *out, size_t size);

/* Whether it begins as one. Any thread. */
bool dh_rtmp_is_url(const char *text);

/* An entry that dh_target_check() took. Errors: DH_EINVAL. Any thread. */
int dh_rtmp_target_parse(struct dh_rtmp_target *out, const char *text, struct dh_err *e);
bool dh_rtmp_target_matches(const struct dh_rtmp_target *t, const struct dh_rtmp_url *u);

#endif
