/* Errors: one list makes the enum, the wire names and the sentences.
 * What can fail returns int: DH_OK or one of these negative codes. */
#ifndef DH_COMMON_ERR_H
#define DH_COMMON_ERR_H

#include <stdbool.h>

/* Append, never renumber: the wire code is -32000 + value. */
#define DH_ERR_MAP(XX)                                                        \
	XX(EFAIL, -1, "something failed inside the agent")                    \
	XX(EPERM, -2, "not permitted")                                        \
	XX(EBUSY, -3, "device or resource is in use")                         \
	XX(ENOENT, -4, "no such thing")                                       \
	XX(EINVAL, -5, "a value is not acceptable")                           \
	XX(ENOMEM, -6, "out of memory")                                       \
	XX(EIO, -7, "a device, disk or network failed")                       \
	XX(ENOSPC, -8, "the disk is full")                                    \
	XX(EAGAIN, -9, "nothing there yet")                                   \
	XX(ECANCELED, -10, "cancelled")                                       \
	XX(ETIMEDOUT, -11, "took too long")                                   \
	XX(ENOTSUP, -12, "not supported here")                                \
	XX(ESTATE, -13, "not possible in this state")                         \
	XX(ELIMIT, -14, "over a limit")                                       \
	XX(ENODEV, -15, "the device is gone or absent")                       \
	XX(EVERSION, -16, "no common protocol version")                       \
	XX(EEXIST, -17, "exists already")                                     \
	XX(ECLOSED, -18, "the other side is gone")                            \
	XX(EPROTO, -19, "malformed message")

enum dh_err_code {
	DH_OK = 0,
#define XX(name, value, text) DH_##name = value,
	DH_ERR_MAP(XX)
#undef XX
};
#define DH_AGAIN DH_EAGAIN

/* Rides along where a person will read the failure. */
struct dh_err {
	int code;
	char text[240]; /* a sentence: which value, why */
	char hint[200]; /* what to do about it; may be empty */
};

/* Fill e (may be NULL) with a code and a printf-style sentence. Returns code. Any thread. */
int dh_fail(struct dh_err *e, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Add what the reader can do to an error already filled. Returns e->code (DH_EFAIL for NULL). Any thread. */
int dh_hint(struct dh_err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* "EBUSY" for DH_EBUSY; "EFAIL" for an unknown code. Any thread. */
const char *dh_err_name(int code);

/* The general sentence for a code. Any thread. */
const char *dh_err_text(int code);

/* Whether the same request may succeed later without a change. Any thread. */
bool dh_err_is_retriable(int code);

/* Translate an errno value (positive) or a libuv status (negative). Any thread. */
int dh_err_from_errno(int err);
int dh_err_from_uv(int status);

#endif
