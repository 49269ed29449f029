/* ICE servers and their credentials; see ice.h. */
#include "room-service/ice.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static cJSON *add_server(cJSON *servers, const char *const *urls, int count)
{
	cJSON *server = cJSON_CreateObject();
	cJSON_AddItemToObject(server, "urls", cJSON_CreateStringArray(urls, count));
	cJSON_AddItemToArray(servers, server);
	return server;
}

static void add_credential(const struct dh_ice *ice, cJSON *server, const char *user_id, int64_t now_s)
{
	unsigned char mac[EVP_MAX_MD_SIZE], text[64];
	unsigned int size = 0;
	char *user = dh_strfmt("%lld:%s", (long long)(now_s + DH_ICE_TTL_S), user_id);
	HMAC(EVP_sha1(), ice->turn_secret, (int)strlen(ice->turn_secret), (unsigned char *)user, strlen(user), mac, &size);
	EVP_EncodeBlock(text, mac, (int)size);
	cJSON_AddStringToObject(server, "username", user);
	cJSON_AddStringToObject(server, "credential", (char *)text);
	free(user);
}

void dh_ice_add(const struct dh_ice *ice, cJSON *reply, const char *user_id, int64_t now_s)
{
	cJSON *servers = cJSON_AddArrayToObject(reply, "ice_servers");
	if (ice->stun_count)
		add_server(servers, ice->stun, ice->stun_count);
	if (ice->turn_count && ice->turn_secret)
		add_credential(ice, add_server(servers, ice->turn, ice->turn_count), user_id, now_s);
	cJSON_AddNumberToObject(reply, "ice_expires_s", DH_ICE_TTL_S);
}
