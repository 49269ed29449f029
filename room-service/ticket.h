/* Tokens and tickets: 256 random bits as text. We keep and compare their hashes only, so the file gives nobody a login. */
#ifndef DH_ROOMS_TICKET_H
#define DH_ROOMS_TICKET_H

#include <stdbool.h>

#include "room-service/rows.h"

#define DH_TICKET_SIZE 44 /* 43 characters of base64url without padding (RFC 4648, 5), and the NUL */

/* A fresh one and its hash. Any thread. */
void dh_ticket_make(char text[DH_TICKET_SIZE], uint8_t hash[DH_HASH_SIZE]);

/* The hash of one that somebody shows; false when it cannot be one. Any thread. */
bool dh_ticket_hash(const char *text, uint8_t hash[DH_HASH_SIZE]);

/* An unguessable name: prefix and 16 characters, 96 bits. Any thread. */
void dh_ticket_name(char *out, size_t size, const char *prefix);

/* A random positive number of 53 bits, which a double holds. Any thread. */
int64_t dh_ticket_number(void);

#endif
