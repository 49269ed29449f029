/* What archives answer by the tus protocol: header lines, and where an upload may be (RFC 9110, RFC 9530, tus 1.0.0). */
#include "agent/upload/tus.h"

#include <stdlib.h>

#include "tst.h"

#define WALL_S 1792000000 /* 2026-10-14 */

static bool feed(struct dh_tus_answer *a, const char *text)
{
	for (const char *line = text; *line;) {
		size_t n = strcspn(line, "\n");
		n += line[n] == '\n';
		if (!dh_tus_answer_line(a, line, n, WALL_S))
			return false;
		line += n;
	}
	return true;
}

static struct dh_tus_answer parse(const char *text)
{
	struct dh_tus_answer a;
	dh_tus_answer_init(&a);
	TST_CHECK(feed(&a, text));
	return a;
}

static void answers(void)
{
	struct dh_tus_answer a = parse("HTTP/1.1 100 Continue\r\nUpload-Offset: 9\r\n\r\n"
				       "HTTP/1.1 204 No Content\r\nTUS-resumable: 1.0.0\r\n"
				       "Upload-Offset:  8388608 \r\nUpload-Length: 9007199254740991\r\n\r\n");
	TST_EQ(a.status, 204);
	TST_CHECK(a.is_tus && !a.has_checksum && !a.has_digest);
	TST_EQ(a.offset, 8388608);
	TST_EQ(a.length, 9007199254740991);
	TST_EQ(a.retry_after_s, -1);
	a = parse("HTTP/1.1 204 x\r\nTus-Extension: creation-with-upload,termination, checksum\r\n"
		  "Tus-Checksum-Algorithm: md5, sha256\r\nTus-Max-Size: 1000\r\n");
	TST_CHECK(!a.has_creation && a.has_termination && a.has_checksum);
	TST_EQ(a.max_size, 1000);
	a = parse("HTTP/1.1 503 x\r\nRetry-After: 120\r\nUpload-Offset: 12x\r\nUpload-Length: -1\r\n"
		  "Tus-Max-Size: 9007199254740992\r\n");
	TST_EQ(a.retry_after_s, 120);
	TST_EQ(a.offset, -1);
	TST_EQ(a.length, -1);
	TST_EQ(a.max_size, -1);
	TST_EQ(parse("HTTP/1.1 503 x\r\nRetry-After: Wed, 14 Oct 2026 17:47:10 GMT\r\n").retry_after_s, 30);
	TST_EQ(parse("HTTP/1.1 503 x\r\nRetry-After: Sun, 06 Nov 1994 08:49:37 GMT\r\n").retry_after_s, 0);
	TST_EQ(parse("HTTP/1.1 503 x\r\nRetry-After: 99999999999999999999\r\n").retry_after_s, -1);
	TST_EQ(parse("HTTP/1.1 503 x\r\nRetry-After: 86400\r\n").retry_after_s, 3600);
}

static void digests(void)
{
#define NOTHING "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU" /* the SHA-256 of it, without its last "=" */
	static const char *const good[] = {"Repr-Digest: sha-256=:" NOTHING "=:",
					   "repr-digest: sha-512=:AAAA:, SHA-256=:" NOTHING "=:",
					   "Upload-Checksum: sha256 " NOTHING "="};
	static const char *const bad[] = {"Repr-Digest: sha-256=:" NOTHING ":", "Repr-Digest: sha-256=:" NOTHING "=",
					  "Repr-Digest: sha-256=::", "Repr-Digest: x-sha-256=:" NOTHING "=:",
					  "Upload-Checksum: sha1 " NOTHING "=", "Upload-Checksum: sha256 " NOTHING "=="};
	char text[300];
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", good[i]);
		struct dh_tus_answer a = parse(text);
		TST_CHECK(a.has_digest && a.digest[0] == 0xe3 && a.digest[31] == 0x55);
	}
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		snprintf(text, sizeof(text), "HTTP/1.1 200 OK\r\n%s\r\n", bad[i]);
		TST_CHECK(!parse(text).has_digest);
	}
}

static void garbage(void)
{
	struct dh_tus_answer a;
	dh_tus_answer_init(&a);
	TST_CHECK(!feed(&a, "Upload-Offset: 5\r\n")); /* no status line yet */
	TST_CHECK(!feed(&a, "HTTP/1.1 2x4 No\r\n"));
	TST_CHECK(!feed(&a, "HTTP/1.1\r\n"));
	TST_CHECK(!feed(&a, "\x7f\x45LF\r\n"));
	TST_CHECK(!dh_tus_answer_line(&a, "HTTP/1.1 204\0", 13, WALL_S));
	a = parse("HTTP/1.1 200 OK\r\n");
	int lines = 0;
	while (feed(&a, "X-Filler: 01234567890123456789012345678901234567890123456789012345678\r\n") && lines < 100000)
		lines++;
	TST_CHECK(lines > 100 && lines < DH_TUS_HEAD_BYTES_MAX / 70); /* endless headers end */
	a = parse("HTTP/1.1 200 OK\r\n");
	lines = 0;
	while (feed(&a, "HTTP/1.1 103 Early Hints\r\n\r\n") && lines < 100000)
		lines++;
	TST_CHECK(lines < DH_TUS_HEAD_BYTES_MAX / 26); /* so do endless informational answers */
	char *longer = malloc(2000);
	memset(longer, 'x', 1999);
	memcpy(longer, "Location: ", 10);
	longer[1999] = '\0';
	a = parse("HTTP/1.1 201 Created\r\n");
	TST_CHECK(feed(&a, longer));
	TST_STR(a.location, "");
	free(longer);
}

static void locations(void)
{
	static const char base[] = "https://archive.example/files/";
	static const struct {
		const char *location, *url;
		int err;
	} cases[] = {
		{"https://archive.example/files/24e533e", "https://archive.example/files/24e533e", DH_OK},
		{"https://ARCHIVE.example:443/x?y=1", "https://ARCHIVE.example:443/x?y=1", DH_OK},
		{"/up/1", "https://archive.example/up/1", DH_OK},
		{"1+a", "https://archive.example/files/1+a", DH_OK},
		{"//archive.example/2", "https://archive.example/2", DH_OK},
		{"https://store.example/in/7", "https://store.example/in/7", DH_OK}, /* of push_targets */
		{"https://store.example/out/7", NULL, DH_EPERM},
		{"http://archive.example/files/1", NULL, DH_EPERM},
		{"https://archive.example:8443/files/1", NULL, DH_EPERM},
		{"https://evil.example/files/1", NULL, DH_EPERM},
		{"//evil.example/files/1", NULL, DH_EPERM},
		{"https://archive.example@evil.example/files/1", NULL, DH_EPROTO},
		{"https://archive.example\\@evil.example/files/1", NULL, DH_EPROTO},
		{"https://archive.example", NULL, DH_EPROTO},
		{"/up/ 1", NULL, DH_EPROTO},
		{"/up/../1", NULL, DH_EPROTO},
		{"", NULL, DH_EPROTO},
	};
	cJSON *targets = cJSON_Parse("[\"https://store.example/in/*\"]");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char out[DH_TUS_LOCATION_MAX] = "";
		struct dh_err e = {0};
		TST_EQ(dh_tus_location(base, cases[i].location, targets, out, sizeof(out), &e), cases[i].err);
		if (cases[i].url)
			TST_STR(out, cases[i].url);
		else
			TST_CHECK(e.text[0] != '\0');
	}
	cJSON_Delete(targets);
}

static void words(void)
{
	char text[64] = "", checksum[DH_TUS_CHECKSUM_BYTES];
	uint8_t hash[DH_HASH_BYTES] = {0xe3, 0xb0, 0xc4, 0x42};
	dh_tus_add_metadata(text, sizeof(text), "filename", "a.mp4");
	dh_tus_add_metadata(text, sizeof(text), "case_id", "");
	dh_tus_add_metadata(text, sizeof(text), "c", "C-17");
	TST_STR(text, "filename YS5tcDQ=,c Qy0xNw==");
	dh_tus_add_metadata(text, sizeof(text), "long", "012345678901234567890123");
	TST_STR(text, "filename YS5tcDQ=,c Qy0xNw=="); /* no room: left out as a whole */
	dh_tus_checksum(hash, checksum);
	TST_STR(checksum, "sha256 47DEQgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=");
}

TST_MAIN({"answers of an archive", answers}, {"hashes an archive tells", digests}, {"garbage, endless headers", garbage},
	 {"where an upload may be", locations}, {"metadata and checksum", words})
