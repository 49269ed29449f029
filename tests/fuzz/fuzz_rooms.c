/* libFuzzer: what people may say to the room service. Lines of JSON to a hub with a store in a file of its own: the first
 * byte chooses whether the speaker is a stranger, or logged in and in a room with somebody else. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "room-service/client.h"
#include "room-service/store_sqlite.h"
#include "room-service/usersig.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

#define APP 1400000001u

struct side {
	struct dh_client *client;
	bool must_close;
};

static struct dh_loop loop;
static struct dh_store *store;
static struct dh_secrets secrets = {.apps = {{APP, (char *)"key"}}, .count = 1};
static struct dh_ice ice;
static struct dh_hub *hub;
static char *sigs[2];
static unsigned room_number;

static void send_text(void *arg, const char *text, size_t size)
{
	if (!size || text[0] != '{')
		abort();
}

static void wake(void *arg)
{
	struct side *s = arg;
	struct dh_event *ev;
	int64_t seq;
	while ((ev = dh_client_next_event(s->client, &seq))) {
		char *text = malloc(dh_event_size(ev, seq));
		if (dh_event_write(ev, seq, text) != dh_event_size(ev, seq))
			abort();
		free(text);
	}
}

static void close_side(void *arg, enum dh_close_code code)
{
	((struct side *)arg)->must_close = true;
}

static const struct dh_client_ops ops = {send_text, wake, close_side};

static void written(struct dh_store_op *op)
{
	*(bool *)op->arg = true;
}

/* Until the store has done all that was asked of it. */
static void settle(void)
{
	bool is_done = false;
	dh_store_submit(store, dh_store_op(DH_STORE_NOTHING), written, &is_done);
	while (!is_done)
		uv_run(&loop.uv, UV_RUN_ONCE);
}

static void say(struct side *s, const char *text, size_t size)
{
	if (!s->must_close)
		dh_client_receive(s->client, text, size);
}

static void enter(struct side *s, int who)
{
	char text[8192];
	int n = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"room.login\",\"params\":"
			 "{\"sdk_app_id\":%u,\"user_id\":\"u%d\",\"user_sig\":\"%s\"}}", APP, who, sigs[who]);
	say(s, text, (size_t)n);
	settle();
	n = snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"room.join\",\"params\":"
		     "{\"room\":\"r%u\"}}", room_number);
	say(s, text, (size_t)n);
	settle();
}

static void begin(void)
{
	static char folder[] = "/tmp/fuzz_rooms.XXXXXX", file[64];
	struct dh_err e = {0};
	dh_loop_init(&loop);
	if (!mkdtemp(folder))
		abort();
	snprintf(file, sizeof(file), "%s/rooms.db", folder);
	if (dh_store_create(&store, &dh_store_sqlite, file, &loop, &e))
		abort();
	unlink(file); /* open all the same */
	dh_hub_create(&hub, &loop, store, &secrets, &ice);
	for (int i = 0; i < 2; i++)
		sigs[i] = dh_usersig_make("key", APP, i ? "u1" : "u0", time(NULL), 86400 * 30);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	if (!size)
		return 0;
	if (!hub)
		begin();
	struct side sides[2] = {0};
	room_number++;
	for (int i = 0; i < 2; i++) {
		sides[i].client = dh_client_create(hub, "192.0.2.1", &ops, &sides[i]);
		if (bytes[0] & 1)
			enter(&sides[i], i);
	}
	char *text = strndup((const char *)bytes + 1, size - 1), *rest = text;
	for (char *line = strsep(&rest, "\n"); line; line = strsep(&rest, "\n"))
		say(&sides[0], line, strlen(line));
	settle();
	for (int i = 0; i < 2; i++)
		dh_client_destroy(sides[i].client);
	settle();
	free(text);
	return 0;
}
