/* Addresses of RTMP servers: what is taken, what is refused, what a policy's entry lets through, what is shown (SR-23). */
#include "common/rtmp_url.h"
#include "common/target.h"

#include "tst.h"

static struct dh_rtmp_url parsed(const char *text)
{
	struct dh_rtmp_url u = {0};
	struct dh_err e = {0};
	if (dh_rtmp_url_parse(&u, text, &e))
		fprintf(stdout, "# %s: %s\n", text, e.text);
	return u;
}

static bool allows(const char *entry, const char *url)
{
	struct dh_rtmp_target t;
	struct dh_rtmp_url u;
	return !dh_target_check(entry, NULL) && !dh_rtmp_target_parse(&t, entry, NULL) &&
	       !dh_rtmp_url_parse(&u, url, NULL) && dh_rtmp_target_matches(&t, &u);
}

static void takes_apart(void)
{
	struct dh_rtmp_url u = parsed("RTMP://Push.Example/live/room-7?txSecret=ab/cd&txTime=5F");
	TST_CHECK(!u.is_tls);
	TST_STR(u.host, "push.example");
	TST_EQ(u.port, 1935);
	TST_STR(u.app, "live");
	TST_STR(u.name, "room-7?txSecret=ab/cd&txTime=5F");
	TST_STR(u.shown, "rtmp://push.example/live/...");
	u = parsed("rtmps://ann:pa%2Fss@[0:0::1]:8443/app/inst/key@1");
	TST_CHECK(u.is_tls);
	TST_STR(u.host, "[::1]");
	TST_STR(u.login, "ann:pa%2Fss");
	TST_STR(u.app, "app/inst");
	TST_STR(u.name, "key@1");
	TST_STR(u.shown, "rtmps://[::1]:8443/app/...");
	char server[400];
	dh_rtmp_url_server(&u, server, sizeof(server));
	TST_STR(server, "rtmps://ann:pa%2Fss@[::1]:8443");
	TST_EQ(parsed("rtmps://a.example/a/b").port, 443);
}

static void refuses(void)
{
	static const char *const bad[] = {
		"", "rtmp://", "rtmp:/h/a/b", "http://h/a/b", "file:///etc/passwd", "rtmpt://h/a/b",
		"rtmpe://h/a/b", "concat:rtmp://h/a/b", "tee:[f=flv]rtmp://h/a/b", "rtmp://h", "rtmp://h/",
		"rtmp://h/a", "rtmp://h/a/", "rtmp://h//b", "rtmp://h/a//b", "rtmp://h/../b",
		"rtmp://h/a/..", "rtmp://h/a/./b", "rtmp://h/a/%2e%2e/b", "rtmp://h/a%2fb/c",
		"rtmp://h/a/b%5c", "rtmp://h/a/b%0d%0a", "rtmp://h/a/b?x=%00", "rtmp://h/a/b%4",
		"rtmp://h/a/b live=1", "rtmp://h/a/b\r\nlive=1", "rtmp://h/a/b\x01", "rtmp://h/a/b#c",
		"rtmp://h/a/b|c", "rtmp://h/a/\xe6\x91\x84", "rtmp://h\\@evil/a/b", "rtmp://ok@evil@h/a/b",
		"rtmp://@h/a/b", "rtmp://a:b:c@h/a/b", "rtmp://h:0/a/b", "rtmp://h:65536/a/b",
		"rtmp://h:/a/b", "rtmp://h:19x/a/b", "rtmp://h:019/a/b", "rtmp://h.:1/a/b",
		"rtmp://2130706433/a/b", "rtmp://0x7f000001/a/b", "rtmp://127.1/a/b",
		"rtmp://0177.0.0.1/a/b", "rtmp://[::1/a/b", "rtmp://[fe80::1%25eth0]/a/b", "rtmp://h..x/a/b",
		"rtmp://*.x.example/a/b", "rtmp://h h/a/b", " rtmp://h/a/b", "rtmp://\xef\xbd\x88/a/b",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dh_rtmp_url u;
		struct dh_err e = {0};
		if (dh_rtmp_url_parse(&u, bad[i], &e) != DH_EINVAL || !e.text[0] || !e.hint[0]) {
			tst_failures++;
			fprintf(stdout, "# taken: %s\n", bad[i]);
		}
	}
	char text[1200];
	for (int bytes = 1; bytes < 1100; bytes++) { /* no length cuts anything off */
		struct dh_rtmp_url u;
		snprintf(text, sizeof(text), "rtmp://h/app/%0*d", bytes, 7);
		if (!dh_rtmp_url_parse(&u, text, NULL) && (int)strlen(u.name) != bytes)
			TST_EQ(strlen(u.name), bytes);
	}
}

/* Secrets are in no text that people read. */
static void errors_tell_nothing(void)
{
	struct dh_rtmp_url u;
	struct dh_err e = {0};
	TST_EQ(dh_rtmp_url_parse(&u, "rtmp://ann:hunter2@h/a/s3cret key", &e), DH_EINVAL);
	TST_CHECK(!strstr(e.text, "hunter2") && !strstr(e.text, "s3cret") && !strstr(e.hint, "s3cret"));
}

static void policy(void)
{
	TST_CHECK(allows("rtmps://archive.example/*", "rtmps://archive.example/live/x?sig=1"));
	TST_CHECK(allows("rtmps://archive.example:443/*", "rtmps://ARCHIVE.example/live/x"));
	TST_CHECK(allows("rtmp://h.example/live/*", "rtmp://u:p@h.example:1935/live/x"));
	TST_CHECK(allows("rtmp://h.example/live/desk-*", "rtmp://h.example/live/desk-7"));
	TST_CHECK(!allows("rtmp://h.example/*/desk", "rtmp://h.example/live/desk"));
	TST_CHECK(allows("rtmp://h.example/live/desk", "rtmp://h.example/live/desk?key=1"));
	TST_CHECK(!allows("rtmp://h.example/live/desk", "rtmp://h.example/live/desk2"));
	TST_CHECK(!allows("rtmp://h.example/live/*", "rtmp://h.example/alive/x"));
	TST_CHECK(!allows("rtmp://h.example/live/*", "rtmp://h.example/vod/x?/live/x"));
	TST_CHECK(!allows("rtmps://h.example/*", "rtmp://h.example:443/a/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmps://h.example:1935/a/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmp://h.example:1936/a/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmp://h.example.evil.test/a/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmp://evil.test/h.example/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmp://h.example@evil.test/a/x"));
	TST_CHECK(!allows("rtmp://h.example/*", "rtmp://xh.example/a/x"));
	TST_CHECK(!allows("rtmp://127.0.0.1/*", "rtmp://127.0.0.2/a/x"));
	TST_CHECK(!allows("rtmp://127.0.0.1/*", "rtmp://[::ffff:127.0.0.1]/a/x"));
	static const char *const bad[] = {"rtmp://h.example", "rtmp://*/x", "rtmp://*.h.example/x", "http://h/x",
					  "h.example/*", "rtmp://u:p@h/x", "rtmp://h/x?key=*", "rtmp://h:0/x", "*"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct dh_rtmp_target t;
		struct dh_err e = {0};
		if (dh_rtmp_target_parse(&t, bad[i], &e) != DH_EINVAL || !strstr(e.text, bad[i]) || !e.hint[0]) {
			tst_failures++;
			fprintf(stdout, "# taken: %s\n", bad[i]);
		}
	}
}

TST_MAIN({"an address is taken apart", takes_apart}, {"malformed and hostile ones are refused", refuses},
	 {"no error tells a secret", errors_tell_nothing}, {"a policy's entry binds scheme, host, port and path", policy})
