// WebRTC audio processing behind a C interface; see voice_dsp.h.
#include "agent/filters/voice_dsp.h"

#include <cstring>
#include <new>

#include <webrtc/common.h>
#include <webrtc/modules/audio_processing/include/audio_processing.h>

#include "common/err.h"

struct dh_voice_dsp {
	webrtc::AudioProcessing *apm;
	bool cancels_echo;
};

struct dh_voice_dsp *dh_voice_dsp_create(void)
{
	webrtc::Config config;
	// The times of sound devices are not better than some 10 ms: the library finds the rest of the delay by itself,
	// and its longer filter holds rooms and buffers.
	config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));
	config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true));
	struct dh_voice_dsp *d = new (std::nothrow) dh_voice_dsp();
	if (!d)
		return nullptr;
	d->apm = webrtc::AudioProcessing::Create(config);
	if (!d->apm) {
		delete d;
		return nullptr;
	}
	return d;
}

void dh_voice_dsp_destroy(struct dh_voice_dsp *d)
{
	if (d)
		delete d->apm;
	delete d;
}

void dh_voice_dsp_set(struct dh_voice_dsp *d, bool echo_cancel, bool noise_suppress, bool auto_gain)
{
	d->cancels_echo = echo_cancel;
	d->apm->high_pass_filter()->Enable(echo_cancel || noise_suppress);
	d->apm->echo_cancellation()->enable_drift_compensation(false);
	d->apm->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kModerateSuppression);
	d->apm->echo_cancellation()->Enable(echo_cancel);
	d->apm->noise_suppression()->set_level(webrtc::NoiseSuppression::kHigh);
	d->apm->noise_suppression()->Enable(noise_suppress);
	d->apm->gain_control()->set_mode(webrtc::GainControl::kAdaptiveDigital);
	d->apm->gain_control()->set_target_level_dbfs(6);
	d->apm->gain_control()->set_compression_gain_db(12);
	d->apm->gain_control()->enable_limiter(true);
	d->apm->gain_control()->Enable(auto_gain);
}

int dh_voice_dsp_process(struct dh_voice_dsp *d, const float *reference, float *capture)
{
	const webrtc::StreamConfig mono(DH_VOICE_DSP_RATE_HZ, 1);
	float played[DH_VOICE_DSP_COUNT], out[DH_VOICE_DSP_COUNT];
	const float *reverse_in[] = {reference}, *in[] = {capture};
	float *reverse_out[] = {played}, *result[] = {out};
	if (d->cancels_echo) {
		if (d->apm->ProcessReverseStream(reverse_in, mono, mono, reverse_out))
			return DH_EIO;
		d->apm->set_stream_delay_ms(0); // only a hint in this mode, but without it the library refuses
	}
	int err = d->apm->ProcessStream(in, mono, mono, result);
	if (err && err != webrtc::AudioProcessing::kBadStreamParameterWarning)
		return DH_EIO;
	std::memcpy(capture, out, sizeof(out));
	return 0;
}
