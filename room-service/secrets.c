/* Keys; see secrets.h. */
#include "room-service/secrets.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/json.h"

static int check_mode(int fd, const char *file, struct dh_err *e)
{
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return dh_fail(e, DH_EINVAL, "%.120s is not a file", file);
	if (st.st_mode & 077) {
		dh_fail(e, DH_EPERM, "%.120s can be read by others (mode %03o): whoever has a key can be any user", file,
			(unsigned)st.st_mode & 0777);
		return dh_hint(e, "chmod 600 it, and make new keys if somebody may have read them.");
	}
	if (st.st_size > DH_SECRET_FILE_MAX)
		return dh_fail(e, DH_ELIMIT, "%.120s has more than %d bytes", file, DH_SECRET_FILE_MAX);
	return DH_OK;
}

char *dh_secret_file(const char *file, struct dh_err *e)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		dh_fail(e, dh_err_from_errno(errno), "cannot read %.120s: %s", file, strerror(errno));
		return NULL;
	}
	if (check_mode(fd, file, e)) {
		close(fd);
		return NULL;
	}
	char *text = dh_alloc(DH_SECRET_FILE_MAX + 1);
	size_t size = 0;
	ssize_t n;
	while ((n = read(fd, text + size, DH_SECRET_FILE_MAX - size)) > 0)
		size += (size_t)n;
	close(fd);
	if (n < 0) {
		dh_fail(e, DH_EIO, "cannot read %.120s: %s", file, strerror(errno));
		dh_free_secret(text);
		return NULL;
	}
	return text;
}

static int add(struct dh_secrets *s, const cJSON *v, struct dh_err *e)
{
	char *end;
	unsigned long long id = strtoull(v->string, &end, 10);
	if (*end || end == v->string || *v->string == '-' || !id || id > UINT32_MAX)
		return dh_fail(e, DH_EINVAL, "\"%.40s\" in the secret file is no sdk_app_id", v->string);
	if (!cJSON_IsString(v) || !v->valuestring[0])
		return dh_fail(e, DH_EINVAL, "the key of app %llu is not a text", id);
	if (s->count == DH_SECRETS_MAX)
		return dh_fail(e, DH_ELIMIT, "more than %d apps in the secret file", DH_SECRETS_MAX);
	s->apps[s->count].app_id = (uint32_t)id;
	s->apps[s->count++].key = dh_strdup(v->valuestring);
	return DH_OK;
}

int dh_secrets_read(struct dh_secrets *s, const char *file, struct dh_err *e)
{
	struct dh_err parse = {0};
	char *text = dh_secret_file(file, e);
	if (!text)
		return e->code;
	cJSON *json = dh_json_parse(text, strlen(text), &parse);
	dh_free_secret(text);
	int err = cJSON_IsObject(json) && json->child
			  ? DH_OK
			  : dh_fail(e, DH_EINVAL, "%.80s is not an object of apps%s%s", file,
				    parse.text[0] ? ": " : "", parse.text);
	if (err)
		dh_hint(e, "It looks like this: {\"1400000001\": \"the app's key\"}");
	for (cJSON *v = err ? NULL : json->child; v && !err; v = v->next) {
		err = add(s, v, e);
		if (cJSON_IsString(v))
			explicit_bzero(v->valuestring, strlen(v->valuestring));
	}
	cJSON_Delete(json);
	if (err)
		dh_secrets_finish(s);
	return err;
}

void dh_secrets_finish(struct dh_secrets *s)
{
	for (int i = 0; i < s->count; i++)
		dh_free_secret(s->apps[i].key);
	s->count = 0;
}

const char *dh_secrets_key(const struct dh_secrets *s, uint32_t app_id)
{
	for (int i = 0; i < s->count; i++)
		if (s->apps[i].app_id == app_id)
			return s->apps[i].key;
	return NULL;
}
