/* What is on disk: rows of rooms, members, chat, tokens and tickets, as every store backend keeps them. */
#ifndef DH_ROOMS_ROWS_H
#define DH_ROOMS_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of UTF-8, with the NUL. */
#define DH_NAME_SIZE 129 /* rooms, users: their names on the wire, and what people call them */
#define DH_KEY_SIZE 65   /* a client's own key for a line of chat */
#define DH_HASH_SIZE 32  /* SHA-256 of a token or ticket */
#define DH_CHAT_TEXT_MAX 4096

enum dh_role { DH_ROLE_NONE, DH_ROLE_HOST, DH_ROLE_MEMBER, DH_ROLE_GUEST };
enum dh_room_kind { DH_ROOM_NONE, DH_ROOM_RTC };

/* What a member says of itself, a set. */
enum dh_member_state { DH_STATE_CAMERA = 1, DH_STATE_MICROPHONE = 2, DH_STATE_SCREEN = 4, DH_STATE_RECORDING = 8 };

struct dh_room_row {
	int64_t id; /* random, the same name may be used again once a room was closed */
	uint32_t app_id;
	char room[DH_NAME_SIZE], name[DH_NAME_SIZE], creator[DH_NAME_SIZE];
	enum dh_room_kind kind;
	int guests_max; /* template "1vN": N */
	int64_t next_member, next_chat, created_ms;
};

struct dh_member_row {
	int64_t number;
	char user_id[DH_NAME_SIZE], user_name[DH_NAME_SIZE];
	enum dh_role role;
	unsigned state; /* of enum dh_member_state */
	int64_t joined_ms;
};

struct dh_chat_row {
	int64_t id, ts_ms;
	char user_id[DH_NAME_SIZE], user_name[DH_NAME_SIZE];
	char *text; /* heap */
};

/* A login. room is "" unless it came from a ticket. */
struct dh_token_row {
	uint8_t hash[DH_HASH_SIZE];
	uint32_t app_id;
	char user_id[DH_NAME_SIZE], user_name[DH_NAME_SIZE], room[DH_NAME_SIZE];
	int64_t room_id;
	uint8_t ticket[DH_HASH_SIZE];
	int64_t expires_ms;
};

struct dh_ticket_row {
	uint8_t hash[DH_HASH_SIZE];
	uint32_t app_id;
	int64_t room_id;
	char room[DH_NAME_SIZE];
	int64_t expires_ms;
	int uses;
};

#endif
