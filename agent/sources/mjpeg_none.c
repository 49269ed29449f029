/* The build without FFmpeg: no JPEG cameras. See mjpeg.h. */
#include "agent/sources/mjpeg.h"

bool dh_mjpeg_is_supported(void)
{
	return false;
}

int dh_mjpeg_open(struct dh_mjpeg **out, struct dh_err *e)
{
	return dh_fail(e, DH_ENOTSUP, "this build reads no JPEG cameras (it has no FFmpeg)");
}

void dh_mjpeg_close(struct dh_mjpeg *m)
{
}

int dh_mjpeg_decode(struct dh_mjpeg *m, const uint8_t *data, size_t size, struct dh_frame *f)
{
	return DH_ENOTSUP;
}
