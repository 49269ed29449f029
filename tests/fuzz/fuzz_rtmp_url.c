/* libFuzzer: any bytes as an address to push to, and as an entry of push_targets (SR-23, SR-33). What is accepted is
 * normal: put together and parsed again it is itself; what is shown ends before the name; an entry of its host lets it
 * through, one of another host does not. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/rtmp_url.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const struct dh_rtmp_url *u)
{
	char server[400], text[DH_RTMP_URL_MAX + 200], entry[400];
	struct dh_rtmp_url again;
	struct dh_rtmp_target t;
	dh_rtmp_url_server(u, server, sizeof(server));
	snprintf(text, sizeof(text), "%s/%s/%s", server, u->app, u->name);
	if (strlen(text) <= DH_RTMP_URL_MAX &&
	    (dh_rtmp_url_parse(&again, text, NULL) || memcmp(&again, u, sizeof(again)) != 0))
		abort();
	if (strchr(u->shown, '?') || strcmp(strrchr(u->shown, '/'), "/...") != 0)
		abort();
	for (const char *c = text; *c; c++)
		if ((unsigned char)*c <= ' ' || (unsigned char)*c >= 0x7f)
			abort();
	snprintf(entry, sizeof(entry), "rtmp%s://%s:%d/*", u->is_tls ? "s" : "", u->host, u->port);
	if (dh_rtmp_target_parse(&t, entry, NULL) || !dh_rtmp_target_matches(&t, u))
		abort();
	snprintf(t.host, sizeof(t.host), "x%.190s", u->host);
	if (dh_rtmp_target_matches(&t, u))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct dh_rtmp_url u;
	struct dh_rtmp_target t;
	struct dh_err e = {0};
	char *text = strndup((const char *)bytes, size);
	if (!text)
		return 0;
	memset(&u, 0, sizeof(u));
	if (!dh_rtmp_url_parse(&u, text, &e))
		check(&u);
	else if (!e.text[0])
		abort();
	dh_rtmp_target_parse(&t, text, NULL);
	free(text);
	return 0;
}
