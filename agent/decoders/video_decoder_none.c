/* A build without FFmpeg; see video_decoder.h. */
#include "agent/decoders/video_decoder.h"

int dh_video_decoder_create(struct dh_video_decoder **out, enum dh_codec codec, struct dh_err *e)
{
	return dh_fail(e, DH_ENOTSUP, "this build has no decoder for pictures");
}

void dh_video_decoder_destroy(struct dh_video_decoder *d)
{
}

int dh_video_decoder_decode(struct dh_video_decoder *d, const struct dh_packet *p, struct dh_frame_pool *pool,
			    struct dh_frame **out)
{
	return DH_ENOTSUP;
}
