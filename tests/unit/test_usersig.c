/* user_sig: vectors made from the public description by another program, and everything that must not pass. */
#include "room-service/usersig.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "tst.h"

#define KEY "a key of the tests"
#define APP 1400000001u
#define MADE_S 1700000000
#define EXPIRE_S 86400
#define THEN_S (MADE_S + 60)

/* anna, made at MADE_S for EXPIRE_S by Python's hmac and zlib */
static const char plain[] =
	"eNqrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkEvPyEmEyxSnZiQUFmSlAcUMTAwgwhMqlVhRkFqUCZSzMgFJQwZLMXJCQ"
	"oTlUMUy8ODMdZHZujoVJoH56uFtOkrtfeqG*T2GVpX5pSVKIYWp2nlFEZUmFRZaHW2FlZkG*rVItAMDgMmY_";
static const char with_userbuf[] = /* "\0\4abcd\377" */
	"eNqrVgrxCdYrSy1SslJQMtIzUNJRAItkpqTmlWSmZUIkEvPyEmEyxSnZiQUFmSlAcUMTAwgwhMqlVhRkFqUCZSzMgFJQwZLMXJCQ"
	"oTlUMUy8tDi1KKk0DWS*o2NQRmSuX7Z*ua0t3J7MdJBUiJdnvoFfrolLsLtlWKqlW1a4WZq7k2VVoHluWniFR1ZBYXG5Y6i2YX6a"
	"o61SLQAdTDpp";

static int check(const char *sig, int64_t now_s)
{
	struct dh_err e = {0};
	int err = dh_usersig_check(sig, KEY, APP, "anna", now_s, &e);
	TST_CHECK(err == e.code && (!err || *e.text));
	return err;
}

static void the_public_description(void)
{
	TST_EQ(check(plain, THEN_S), DH_OK);
	TST_EQ(check(with_userbuf, THEN_S), DH_OK);
}

static void made_and_checked(void)
{
	static const char *const users[] = {"a", "anna", "柜员-7", "a.very.long.name.of.somebody@branch.example"};
	for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
		struct dh_err e = {0};
		char *sig = dh_usersig_make(KEY, APP, users[i], MADE_S, EXPIRE_S);
		TST_CHECK(sig && !strpbrk(sig, "+/="));
		TST_EQ(dh_usersig_check(sig, KEY, APP, users[i], THEN_S, &e), DH_OK);
		free(sig);
	}
}

static void of_somebody_else(void)
{
	struct dh_err e = {0};
	TST_EQ(dh_usersig_check(plain, KEY, APP, "hans", THEN_S, &e), DH_EPERM);
	TST_EQ(dh_usersig_check(plain, KEY, APP, "ann", THEN_S, &e), DH_EPERM);
	TST_EQ(dh_usersig_check(plain, KEY, APP + 1, "anna", THEN_S, &e), DH_EPERM);
	TST_EQ(dh_usersig_check(plain, "another key", APP, "anna", THEN_S, &e), DH_EPERM);
}

static void at_another_time(void)
{
	TST_EQ(check(plain, MADE_S + EXPIRE_S - 1), DH_OK);
	TST_EQ(check(plain, MADE_S + EXPIRE_S + 1), DH_ETIMEDOUT);
	TST_EQ(check(plain, MADE_S + 100LL * 365 * 86400), DH_ETIMEDOUT);
	TST_EQ(check(plain, MADE_S - 7 * 86400), DH_ETIMEDOUT);
}

static void cut_anywhere(void)
{
	for (size_t n = 0; n < sizeof(plain) - 1; n++) {
		char *sig = strndup(plain, n);
		TST_CHECK(check(sig, THEN_S) != DH_OK);
		free(sig);
	}
}

/* The base64 alphabet has spare bits at its end only; inside, each letter counts. */
static void any_letter_changed(void)
{
	static const char letters[] = "Az09*-_ \n\x80";
	for (size_t i = 0; i < sizeof(plain) - 4; i++)
		for (const char *l = letters; *l; l++) {
			char *sig = strdup(plain);
			bool is_same = sig[i] == *l;
			sig[i] = *l;
			TST_CHECK(is_same || check(sig, THEN_S) != DH_OK);
			free(sig);
		}
}

/* JSON as a user_sig. size: of the JSON. */
static char *packed(const char *json, size_t size)
{
	uLongf n = compressBound(size);
	unsigned char *z = malloc(n);
	compress2(z, &n, (const unsigned char *)json, size, 9);
	char *out = malloc(n * 4 / 3 + 8);
	EVP_EncodeBlock((unsigned char *)out, z, (int)n);
	for (char *c = out; *c; c++)
		*c = *c == '+' ? '*' : *c == '/' ? '-' : *c == '=' ? '_' : *c;
	free(z);
	return out;
}

static void too_large(void)
{
	size_t size = 2000000;
	char *json = malloc(size);
	memset(json, ' ', size);
	json[0] = '{';
	json[size - 1] = '}';
	char *bomb = packed(json, size); /* small as a text */
	TST_CHECK(strlen(bomb) < DH_USERSIG_MAX);
	TST_EQ(check(bomb, THEN_S), DH_ELIMIT);
	memset(json, 'A', size - 1);
	json[size - 1] = '\0';
	TST_EQ(check(json, THEN_S), DH_ELIMIT);
	free(bomb);
	free(json);
}

static void other_json(void)
{
	static const char *const texts[] = {"", "1", "[]", "null", "{}", "{", "{\"TLS.ver\":\"2.0\"}", "{\"TLS.sig\":1}",
		"{\"TLS.ver\":\"2.0\",\"TLS.identifier\":\"anna\",\"TLS.sdkappid\":1400000001,\"TLS.expire\":86400,"
		"\"TLS.time\":1700000000,\"TLS.sig\":\"\"}",
		"{\"TLS.ver\":\"2.0\",\"TLS.identifier\":\"anna\",\"TLS.sdkappid\":1400000001,\"TLS.expire\":1e99,"
		"\"TLS.time\":-1e99,\"TLS.sig\":\"AAAA\"}"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		char *sig = packed(texts[i], strlen(texts[i]));
		TST_CHECK(check(sig, THEN_S) != DH_OK);
		free(sig);
	}
}

TST_MAIN({"the public description", the_public_description}, {"made and checked", made_and_checked},
	 {"of somebody else", of_somebody_else}, {"at another time", at_another_time}, {"cut anywhere", cut_anywhere},
	 {"any letter changed", any_letter_changed}, {"too large", too_large}, {"other JSON", other_json})
