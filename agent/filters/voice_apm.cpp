/* The one C++ file: webrtc-audio-processing 0.3 (Debian 12) behind voice_apm.h. */
#include "agent/filters/voice_apm.h"

#include <new>
#include <string.h>

#include <webrtc/modules/audio_processing/include/audio_processing.h>

using webrtc::AudioProcessing;
using webrtc::StreamConfig;

struct dh_voice_apm {
	AudioProcessing *apm;
};

struct dh_voice_apm *dh_voice_apm_create(void)
{
	webrtc::Config config;
	config.Set<webrtc::ExtendedFilter>(new webrtc::ExtendedFilter(true)); /* echoes of long rooms */
	config.Set<webrtc::DelayAgnostic>(new webrtc::DelayAgnostic(true));  /* the room's delay is found by itself */
	AudioProcessing *apm = AudioProcessing::Create(config);
	if (!apm)
		return nullptr;
	apm->high_pass_filter()->Enable(true);
	apm->echo_cancellation()->enable_drift_compensation(false); /* both sides are on one clock already */
	apm->echo_cancellation()->set_suppression_level(webrtc::EchoCancellation::kHighSuppression);
	apm->noise_suppression()->set_level(webrtc::NoiseSuppression::kHigh);
	apm->gain_control()->set_mode(webrtc::GainControl::kAdaptiveDigital);
	apm->gain_control()->set_target_level_dbfs(6);
	apm->gain_control()->set_compression_gain_db(9);
	apm->gain_control()->enable_limiter(true);
	return new (std::nothrow) dh_voice_apm{apm};
}

void dh_voice_apm_destroy(struct dh_voice_apm *a)
{
	if (!a)
		return;
	delete a->apm;
	delete a;
}

void dh_voice_apm_set(struct dh_voice_apm *a, bool echo_cancel, bool noise_suppress, bool auto_gain)
{
	a->apm->echo_cancellation()->Enable(echo_cancel);
	a->apm->noise_suppression()->Enable(noise_suppress);
	a->apm->gain_control()->Enable(auto_gain);
}

bool dh_voice_apm_process(struct dh_voice_apm *a, float near_samples[DH_VOICE_SAMPLES],
			  const float far_samples[DH_VOICE_SAMPLES])
{
	const StreamConfig mono(48000, 1);
	float played[DH_VOICE_SAMPLES];
	const float *far_in[] = {far_samples};
	float *far_out[] = {played};
	float *both[] = {near_samples};
	if (a->apm->ProcessReverseStream(far_in, mono, mono, far_out) != AudioProcessing::kNoError)
		return false;
	a->apm->set_stream_delay_ms(0);
	return a->apm->ProcessStream(both, mono, mono, both) == AudioProcessing::kNoError;
}
