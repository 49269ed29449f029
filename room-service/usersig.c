/* user_sig; see usersig.h. Source: TLSSigAPIv2 (github.com/tencentyun/tls-sig-api-v2-node). */
#include "room-service/usersig.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "common/alloc.h"
#include "common/json.h"

#define CLOCK_SKEW_S 300 /* the business server's clock may be ahead of ours by this */
#define HMAC_TEXT 45     /* base64 of 32 bytes, with the NUL */

/* What the signature covers. userbuf: base64 or NULL. */
struct claims {
	const char *user_id, *userbuf;
	int64_t app_id, time_s, expire_s;
};

static void sign(char out[HMAC_TEXT], const char *key, const struct claims *c)
{
	unsigned char mac[EVP_MAX_MD_SIZE];
	unsigned int size = 0;
	char *buf = c->userbuf ? dh_strfmt("TLS.userbuf:%s\n", c->userbuf) : dh_strdup("");
	char *text = dh_strfmt("TLS.identifier:%s\nTLS.sdkappid:%lld\nTLS.time:%lld\nTLS.expire:%lld\n%s", c->user_id,
			       (long long)c->app_id, (long long)c->time_s, (long long)c->expire_s, buf);
	HMAC(EVP_sha256(), key, (int)strlen(key), (unsigned char *)text, strlen(text), mac, &size);
	EVP_EncodeBlock((unsigned char *)out, mac, (int)size);
	free(text);
	free(buf);
}

static char *pack(const char *json)
{
	uLong size = (uLong)strlen(json);
	uLongf room = compressBound(size);
	unsigned char *deflated = dh_alloc(room), *text = dh_alloc(room * 4 / 3 + 8);
	compress2(deflated, &room, (const Bytef *)json, size, Z_BEST_COMPRESSION);
	EVP_EncodeBlock(text, deflated, (int)room);
	free(deflated);
	for (unsigned char *p = text; *p; p++)
		*p = *p == '+' ? '*' : *p == '/' ? '-' : *p == '=' ? '_' : *p;
	return (char *)text;
}

char *dh_usersig_make(const char *key, uint32_t app_id, const char *user_id, int64_t now_s, int64_t expire_s)
{
	struct claims c = {user_id, NULL, app_id, now_s, expire_s};
	char mac[HMAC_TEXT];
	sign(mac, key, &c);
	cJSON *json = cJSON_CreateObject();
	cJSON_AddStringToObject(json, "TLS.ver", "2.0");
	cJSON_AddStringToObject(json, "TLS.identifier", user_id);
	cJSON_AddNumberToObject(json, "TLS.sdkappid", app_id);
	cJSON_AddNumberToObject(json, "TLS.expire", (double)expire_s);
	cJSON_AddNumberToObject(json, "TLS.time", (double)now_s);
	cJSON_AddStringToObject(json, "TLS.sig", mac);
	char *text = cJSON_PrintUnformatted(json);
	cJSON_Delete(json);
	char *sig = pack(text);
	cJSON_free(text);
	return sig;
}

static int malformed(struct dh_err *e, const char *what)
{
	dh_fail(e, DH_EPROTO, "the user_sig is malformed: %s", what);
	return dh_hint(e, "It must reach the service whole and as TLSSigAPIv2 makes it; see docs/usersig.md.");
}

/* Base64 in that alphabet. Gives the bytes (heap) and their number, or NULL. */
static unsigned char *decode(const char *sig, size_t n, size_t *size)
{
	unsigned char *text = dh_alloc(n + 1), *out = dh_alloc(n + 4);
	size_t pads = 0;
	bool is_good = n > 0 && n % 4 == 0;
	for (size_t i = 0; i < n; i++) {
		char c = sig[i];
		pads += c == '_';
		text[i] = (unsigned char)(c == '*' ? '+' : c == '-' ? '/' : c == '_' ? '=' : c);
		is_good &= (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '*' ||
			   c == '-' || (c == '_' && i + 2 >= n);
	}
	int got = is_good ? EVP_DecodeBlock(out, text, (int)n) : -1;
	free(text);
	if (got < 0 || (size_t)got < pads) {
		free(out);
		return NULL;
	}
	*size = (size_t)got - pads;
	return out;
}

/* *out is the caller's in any case. */
static int unpack(const char *sig, cJSON **out, struct dh_err *e)
{
	size_t n = strnlen(sig, DH_USERSIG_MAX + 1), size = 0;
	if (n > DH_USERSIG_MAX)
		return dh_fail(e, DH_ELIMIT, "the user_sig has more than %d bytes", DH_USERSIG_MAX);
	unsigned char *deflated = decode(sig, n, &size);
	if (!deflated)
		return malformed(e, "not its base64");
	char *json = dh_alloc(DH_USERSIG_INFLATED);
	uLongf inflated = DH_USERSIG_INFLATED;
	uLong taken = (uLong)size;
	int z = uncompress2((Bytef *)json, &inflated, deflated, &taken);
	free(deflated);
	int err = DH_OK;
	if (z == Z_BUF_ERROR && inflated == DH_USERSIG_INFLATED)
		err = dh_fail(e, DH_ELIMIT, "the user_sig has more than %d bytes inside", DH_USERSIG_INFLATED);
	else if (z != Z_OK || taken != size)
		err = malformed(e, "not whole zlib data");
	struct dh_err parse;
	*out = err ? NULL : dh_json_parse(json, inflated, &parse);
	free(json);
	return err || cJSON_IsObject(*out) ? err : malformed(e, "no JSON object inside");
}

static const char *text_of(const cJSON *json, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(json, name));
}

/* A whole number of seconds or an id, as number or text (older makers wrote text); -1 when it is none. */
static int64_t number_of(const cJSON *json, const char *name)
{
	const cJSON *v = cJSON_GetObjectItemCaseSensitive(json, name);
	if (cJSON_IsNumber(v) && v->valuedouble >= 0 && v->valuedouble <= 9007199254740992.0 &&
	    v->valuedouble == (double)(int64_t)v->valuedouble)
		return (int64_t)v->valuedouble;
	if (cJSON_IsString(v) && v->valuestring[0] && strlen(v->valuestring) < 16 &&
	    strspn(v->valuestring, "0123456789") == strlen(v->valuestring))
		return strtoll(v->valuestring, NULL, 10);
	return -1;
}

static int check_claims(const cJSON *json, const char *key, uint32_t app_id, const char *user_id, int64_t now_s,
			struct dh_err *e)
{
	const char *version = text_of(json, "TLS.ver"), *sig = text_of(json, "TLS.sig");
	struct claims c = {text_of(json, "TLS.identifier"), text_of(json, "TLS.userbuf"), number_of(json, "TLS.sdkappid"),
			   number_of(json, "TLS.time"), number_of(json, "TLS.expire")};
	char mac[HMAC_TEXT];
	if (!version || strcmp(version, "2.0") || !sig || !c.user_id || c.app_id < 0 || c.time_s < 0 || c.expire_s < 0)
		return malformed(e, "a field is missing or of another version");
	if (c.app_id != app_id)
		return dh_fail(e, DH_EPERM, "the user_sig is for another app: %lld", (long long)c.app_id);
	if (strcmp(c.user_id, user_id))
		return dh_fail(e, DH_EPERM, "the user_sig is for another user");
	sign(mac, key, &c);
	if (strlen(sig) != HMAC_TEXT - 1 || CRYPTO_memcmp(sig, mac, HMAC_TEXT - 1)) {
		dh_fail(e, DH_EPERM, "the user_sig was not made with the key of app %lld", (long long)app_id);
		return dh_hint(e, "The business server and the service's secret file must hold the same key.");
	}
	if (c.time_s > now_s + CLOCK_SKEW_S)
		return dh_fail(e, DH_ETIMEDOUT, "the user_sig is not valid yet: the clocks differ by %lld s",
			       (long long)(c.time_s - now_s));
	if (now_s - c.time_s >= c.expire_s) {
		dh_fail(e, DH_ETIMEDOUT, "the user_sig has expired");
		return dh_hint(e, "Ask the business server for a fresh one.");
	}
	return DH_OK;
}

int dh_usersig_check(const char *sig, const char *key, uint32_t app_id, const char *user_id, int64_t now_s,
		     struct dh_err *e)
{
	cJSON *json = NULL;
	int err = unpack(sig, &json, e);
	if (!err)
		err = check_claims(json, key, app_id, user_id, now_s, e);
	cJSON_Delete(json);
	return err;
}
