/* libFuzzer: a user_sig of anybody: the text itself, and what stands in it once it is inflated. */
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "room-service/usersig.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

static void check(const char *sig)
{
	struct dh_err e = {0};
	if (!dh_usersig_check(sig, "key", 1400000001, "anna", 1700000060, &e))
		abort(); /* nobody here has the key */
	if (!*e.text)
		abort();
}

static void check_inside(const uint8_t *bytes, size_t size)
{
	uLongf n = compressBound(size);
	unsigned char *z = malloc(n);
	char *sig = malloc(n * 4 / 3 + 8);
	compress(z, &n, bytes, size);
	EVP_EncodeBlock((unsigned char *)sig, z, (int)n);
	for (char *c = sig; *c; c++)
		*c = *c == '+' ? '*' : *c == '/' ? '-' : *c == '=' ? '_' : *c;
	check(sig);
	free(sig);
	free(z);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	char *text = strndup((const char *)bytes, size);
	check(text);
	free(text);
	check_inside(bytes, size);
	return 0;
}
