/* Tokens and tickets: 43 characters with 256 random bits, of which only the hash is kept; what cannot be one is refused. */
#include "room-service/ticket.h"

#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "tst.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static void a_ticket_is_43_digits_and_known_by_its_hash(void)
{
	char text[DH_TICKET_SIZE];
	uint8_t made[DH_HASH_SIZE], shown[DH_HASH_SIZE], sha[DH_HASH_SIZE];
	dh_ticket_make(text, made);
	TST_EQ((int)strlen(text), 43);
	TST_EQ((int)strspn(text, digits), 43);
	TST_CHECK(dh_ticket_hash(text, shown) && !memcmp(made, shown, sizeof(made)));
	SHA256((const uint8_t *)text, 43, sha);
	TST_CHECK(!memcmp(made, sha, sizeof(made)));
	text[0] = text[0] == 'A' ? 'B' : 'A';
	TST_CHECK(dh_ticket_hash(text, shown) && memcmp(made, shown, sizeof(made)));
}

/* Each digit at each place: a bit that never changes would show. The last digit holds 4 bits, 2 are zero. */
static void all_bits_are_random(void)
{
	static bool seen[DH_TICKET_SIZE - 1][64];
	char text[DH_TICKET_SIZE];
	uint8_t hash[DH_HASH_SIZE];
	for (int n = 0; n < 4000; n++) {
		dh_ticket_make(text, hash);
		for (int i = 0; i < DH_TICKET_SIZE - 1; i++)
			seen[i][strchr(digits, text[i]) - digits] = true;
	}
	for (int i = 0; i < DH_TICKET_SIZE - 1; i++) {
		int count = 0;
		for (int d = 0; d < 64; d++)
			count += seen[i][d];
		TST_EQ(count, i < 42 ? 64 : 16);
	}
}

static void what_cannot_be_one_is_refused(void)
{
	uint8_t hash[DH_HASH_SIZE];
	char text[64];
	memset(text, 'A', sizeof(text));
	text[43] = '\0';
	TST_CHECK(dh_ticket_hash(text, hash));
	text[42] = '\0';
	TST_CHECK(!dh_ticket_hash(text, hash)); /* too short */
	text[42] = text[43] = 'A';
	text[44] = '\0';
	TST_CHECK(!dh_ticket_hash(text, hash)); /* too long */
	text[43] = '\0';
	for (const char *bad = " =+/%.\n\x80"; *bad; bad++) {
		text[20] = *bad;
		TST_CHECK(!dh_ticket_hash(text, hash));
	}
	TST_CHECK(!dh_ticket_hash("", hash));
}

static void names_are_unguessable_and_bounded(void)
{
	char a[32], b[32], small[8];
	dh_ticket_name(a, sizeof(a), "R-");
	dh_ticket_name(b, sizeof(b), "R-");
	TST_EQ((int)strlen(a), 18);
	TST_CHECK(!strncmp(a, "R-", 2) && strspn(a + 2, digits) == 16 && strcmp(a, b));
	dh_ticket_name(small, sizeof(small), "guest-");
	TST_EQ((int)strlen(small), 7);
}

static void numbers_fit_a_double(void)
{
	int64_t all = 0;
	for (int i = 0; i < 2000; i++) {
		int64_t n = dh_ticket_number();
		TST_CHECK(n > 0 && n < 1LL << 53 && (int64_t)(double)n == n);
		all |= n;
	}
	TST_CHECK(all == (1LL << 53) - 1);
}

TST_MAIN({"a ticket is 43 digits and known by its hash", a_ticket_is_43_digits_and_known_by_its_hash},
	 {"all bits are random", all_bits_are_random}, {"what cannot be one is refused", what_cannot_be_one_is_refused},
	 {"names are unguessable and bounded", names_are_unguessable_and_bounded},
	 {"numbers are positive and fit a double", numbers_fit_a_double})
