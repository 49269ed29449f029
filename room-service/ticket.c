/* Tokens and tickets; see ticket.h. */
#include "room-service/ticket.h"

#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void fill(void *out, size_t size)
{
	if (RAND_bytes(out, (int)size) != 1)
		abort(); /* without randomness nothing here is safe */
}

void dh_ticket_make(char text[DH_TICKET_SIZE], uint8_t hash[DH_HASH_SIZE])
{
	uint8_t random[33] = {0}; /* 43 digits are 258 bits */
	fill(random, 32);
	for (int i = 0; i < DH_TICKET_SIZE - 1; i++) {
		int bit = i * 6, pair = random[bit / 8] << 8 | (bit / 8 + 1 < 33 ? random[bit / 8 + 1] : 0);
		text[i] = digits[pair >> (10 - bit % 8) & 63];
	}
	text[DH_TICKET_SIZE - 1] = '\0';
	SHA256((const uint8_t *)text, DH_TICKET_SIZE - 1, hash);
}

bool dh_ticket_hash(const char *text, uint8_t hash[DH_HASH_SIZE])
{
	if (strlen(text) != DH_TICKET_SIZE - 1 || strspn(text, digits) != DH_TICKET_SIZE - 1)
		return false;
	SHA256((const uint8_t *)text, DH_TICKET_SIZE - 1, hash);
	return true;
}

void dh_ticket_name(char *out, size_t size, const char *prefix)
{
	uint8_t random[16];
	char tail[sizeof(random) + 1];
	fill(random, sizeof(random));
	for (size_t i = 0; i < sizeof(random); i++)
		tail[i] = digits[random[i] & 63];
	tail[sizeof(random)] = '\0';
	char *name = dh_strfmt("%s%s", prefix, tail);
	dh_strcopy(out, size, name);
	free(name);
}

int64_t dh_ticket_number(void)
{
	uint64_t n;
	fill(&n, sizeof(n));
	return (int64_t)(n >> 11 | 1);
}
