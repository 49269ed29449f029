/* Numbers of H.264 over RTP shared by both directions. */
#ifndef DH_RTC_RTP_H264_PRIV_H
#define DH_RTC_RTP_H264_PRIV_H

enum { /* ITU-T H.264, table 7-1; RFC 6184, table 1 */
	NAL_SLICE = 1,
	NAL_IDR = 5,
	NAL_SEI = 6,
	NAL_SPS = 7,
	NAL_PPS = 8,
	NAL_DELIMITER = 9,
	NAL_FILLER = 12,
	NAL_SINGLE_MAX = 23,
	NAL_STAP_A = 24,
	NAL_FU_A = 28
};
enum { FU_START = 0x80, FU_END = 0x40 }; /* RFC 6184, 5.8 */

#endif
