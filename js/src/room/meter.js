/** How loud a microphone of this browser is, ten times a second. */

const EVERY_MS = 100;

export class Meter {
	#context = null;
	#timer = 0;
	#track = null;

	/** @param {MediaStreamTrack|null} track @param {(level: number) => void} onlevel 0 to 1; 0 when it ends */
	start(track, onlevel) {
		if (track === this.#track)
			return;
		this.stop();
		onlevel(0);
		this.#track = track;
		if (!track || !globalThis.AudioContext)
			return;
		this.#context = new AudioContext();
		const analyser = this.#context.createAnalyser();
		analyser.fftSize = 1024;
		const samples = new Float32Array(analyser.fftSize);
		this.#context.createMediaStreamSource(new MediaStream([track])).connect(analyser);
		this.#timer = setInterval(() => {
			analyser.getFloatTimeDomainData(samples);
			const rms = Math.sqrt(samples.reduce((sum, x) => sum + x * x, 0) / samples.length);
			onlevel(Math.max(0, Math.min(1, 1 + Math.log10(rms + 1e-6) / 2.5))); /* -50 dB is 0 */
		}, EVERY_MS);
	}

	stop() {
		clearInterval(this.#timer);
		this.#context?.close();
		this.#context = this.#track = null;
	}
}
