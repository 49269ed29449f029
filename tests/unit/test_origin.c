/* Origins: parse, normalise, compare (SR-04). */
#include "common/origin.h"

#include "tst.h"

static const char *normal(const char *text)
{
	static struct dh_origin o;
	return dh_origin_parse(&o, text, false, NULL) ? "" : o.text;
}

static bool matches(const char *entry, const char *page)
{
	struct dh_origin e, p;
	if (dh_origin_parse(&e, entry, true, NULL) || dh_origin_parse(&p, page, false, NULL))
		return false;
	return dh_origin_matches(&e, &p);
}

static bool may_ask(const char *text)
{
	struct dh_origin o;
	return !dh_origin_parse(&o, text, false, NULL) && dh_origin_may_ask(&o, NULL);
}

static void normalises(void)
{
	TST_STR(normal("https://CRM.Example"), "https://crm.example");
	TST_STR(normal("HTTPS://crm.example:443"), "https://crm.example");
	TST_STR(normal("http://crm.example:80"), "http://crm.example");
	TST_STR(normal("https://crm.example:8443"), "https://crm.example:8443");
	TST_STR(normal("http://localhost:8480"), "http://localhost:8480");
	TST_STR(normal("http://[0:0::1]:80"), "http://[::1]");
	TST_STR(normal("file://"), "file://");
}

static void refuses_malformed(void)
{
	static const char *const bad[] = {
		"",
		"null",
		"crm.example",
		"https://",
		"https:///",
		"https://crm.example/",
		"https://crm.example/x",
		"https://crm.example?x",
		"https://crm.example#x",
		"https://user@crm.example",
		"https://user:p@crm.example",
		"https://crm.example:0",
		"https://crm.example:65536",
		"https://crm.example:",
		"https://crm.example:4x",
		"https://crm..example",
		"https://.crm.example",
		"https://crm.example.",
		"https://crm example",
		"ftp://crm.example",
		"javascript:alert(1)",
		"file:///etc/passwd",
		"https://crm.example\\evil",
		"https://\xc3\xa9.example",
		"https://1.2.3",
		"https://0x7f.0.0.1",
		"https://127.1",
		"https://[::1",
		"https://[zz]",
		"https://*.crm.example",
		" https://crm.example",
		"https://crm.example ",
		"data:text/html,x",
		"ws://crm.example",
		"https://crm.example\n",
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (*normal(bad[i]))
			fprintf(stdout, "# accepted: %s\n", bad[i]);
		TST_STR(normal(bad[i]), "");
	}
}

static void compares_exactly(void)
{
	TST_CHECK(matches("https://crm.example", "https://CRM.example:443"));
	TST_CHECK(!matches("https://crm.example", "http://crm.example"));
	TST_CHECK(!matches("https://crm.example", "https://crm.example:8443"));
	TST_CHECK(!matches("https://crm.example", "https://crm.example.evil.test"));
	TST_CHECK(!matches("https://crm.example", "https://evilcrm.example"));
	TST_CHECK(!matches("https://crm.example", "https://a.crm.example"));
	TST_CHECK(!matches("https://crm.example", "https://crm.exampl"));
	TST_CHECK(!matches("http://localhost:8480", "http://localhost:8481"));
	TST_CHECK(!matches("http://localhost:8480", "http://127.0.0.1:8480"));
}

static void wildcard_is_one_label(void)
{
	TST_CHECK(matches("https://*.crm.example", "https://a.crm.example"));
	TST_CHECK(!matches("https://*.crm.example", "https://crm.example"));
	TST_CHECK(!matches("https://*.crm.example", "https://a.b.crm.example"));
	TST_CHECK(!matches("https://*.crm.example", "https://a.evilcrm.example"));
	TST_CHECK(!matches("https://*.crm.example", "https://a.crm.example:8443"));
	TST_CHECK(!matches("https://*.crm.example", "http://a.crm.example"));
	TST_CHECK(!matches("http://*.crm.example", "http://a.crm.example"));
	TST_CHECK(!matches("https://*.example", "https://a.example"));
	TST_CHECK(!matches("https://a.*.example", "https://a.b.example"));
	TST_CHECK(!matches("https://*crm.example", "https://xcrm.example"));
	TST_CHECK(!matches("https://*", "https://x"));
}

static void who_may_ask(void)
{
	TST_CHECK(may_ask("https://crm.example"));
	TST_CHECK(may_ask("http://localhost:8480"));
	TST_CHECK(may_ask("http://127.0.0.1:8480"));
	TST_CHECK(may_ask("http://[::1]:8480"));
	TST_CHECK(may_ask("http://app.localhost"));
	TST_CHECK(!may_ask("http://crm.example"));
	TST_CHECK(!may_ask("http://localhost.evil.test"));
	TST_CHECK(!may_ask("https://192.168.1.7"));
	TST_CHECK(!may_ask("http://0.0.0.0:8480"));
	TST_CHECK(!may_ask("file://"));
	TST_CHECK(!may_ask("chrome-extension://abcdefghijklmnopabcdefghijklmnop"));
}

TST_MAIN({"normalises", normalises}, {"SR-04 refuses what is no origin", refuses_malformed},
	 {"SR-04 compares exactly", compares_exactly}, {"SR-04 a wildcard is one label", wildcard_is_one_label},
	 {"who may ask for a grant", who_may_ask})
