/* Error texts and translations; see err.h. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

static const struct {
	int code;
	const char *name, *text;
} table[] = {
#define XX(name, value, text) {value, #name, text},
	DH_ERR_MAP(XX)
#undef XX
};

int dh_fail(struct dh_err *e, int code, const char *fmt, ...)
{
	if (!e)
		return code;
	va_list ap;
	va_start(ap, fmt);
	e->code = code;
	e->hint[0] = '\0';
	vsnprintf(e->text, sizeof(e->text), fmt, ap);
	va_end(ap);
	return code;
}

int dh_hint(struct dh_err *e, const char *fmt, ...)
{
	if (!e)
		return DH_EFAIL;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->hint, sizeof(e->hint), fmt, ap);
	va_end(ap);
	return e->code;
}

const char *dh_err_name(int code)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].name;
	return code == DH_OK ? "OK" : "EFAIL";
}

const char *dh_err_text(int code)
{
	for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++)
		if (table[i].code == code)
			return table[i].text;
	return code == DH_OK ? "no error" : "something failed inside the agent";
}

bool dh_err_is_retriable(int code)
{
	return code == DH_EBUSY || code == DH_EAGAIN || code == DH_ETIMEDOUT || code == DH_ELIMIT ||
	       code == DH_ENOMEM || code == DH_ENODEV || code == DH_ECLOSED;
}

int dh_err_from_errno(int err)
{
	switch (err) {
	case 0: return DH_OK;
	case EPERM: case EACCES: case EROFS: return DH_EPERM;
	case EBUSY: case EADDRINUSE: return DH_EBUSY;
	case ENOENT: case ENOTDIR: return DH_ENOENT;
	case EINVAL: case ENAMETOOLONG: case ELOOP: case EXDEV: return DH_EINVAL;
	case ENOMEM: return DH_ENOMEM;
	case ENOSPC: case EDQUOT: case EFBIG: return DH_ENOSPC;
	case EAGAIN: return DH_EAGAIN;
	case ECANCELED: return DH_ECANCELED;
	case ETIMEDOUT: return DH_ETIMEDOUT;
	case ENOSYS: case EOPNOTSUPP: return DH_ENOTSUP;
	case ENODEV: case ENXIO: return DH_ENODEV;
	case EEXIST: return DH_EEXIST;
	case EPIPE: case ECONNRESET: case ECONNREFUSED: return DH_ECLOSED;
	default: return DH_EIO;
	}
}

int dh_err_from_uv(int status)
{
	return dh_err_from_errno(-status);
}
