/** The live picture of the open session, what it is, a copy that went through another connection, and the sound levels. */
import { $, say, t } from './ui.js';
import { Relay } from './relay.js';

export class Picture {
	#session = null;
	#stop = null;
	#stream = null;
	#relay = new Relay();
	#onError;
	#frames = 0;
	#seen_ms = 0;

	constructor(onError) {
		this.#onError = onError;
		$('pass-on').addEventListener('click', () => this.#passOn().catch(onError));
	}

	async start(agent, session) {
		this.stop();
		this.#session = session;
		const { signal } = (this.#stop = new AbortController());
		try {
			this.#stream = await agent.captureStream({ session, tracks: ['program'], signal });
		} catch (e) {
			if (!signal.aborted)
				this.#fail(e);
			return;
		}
		agent.addEventListener('capture.ended', ({ detail }) => detail.stream === this.#stream && this.#show(null), { signal });
		agent.addEventListener('capture.resumed', ({ detail }) => detail.stream === this.#stream && this.#show(this.#stream), { signal });
		this.#show(this.#stream);
	}

	stop() {
		this.#stop?.abort();
		this.#session = null;
		this.#show(null);
		$('meters').replaceChildren();
	}

	/** An audio.levels event. */
	level({ session, source = 0, rms_db, peak_db }) {
		if (session !== this.#session)
			return;
		const id = `level-${source}`;
		const meter = $(id) ?? this.#addMeter(id, source);
		meter.value = Math.max(-60, rms_db);
		meter.title = `${rms_db} dB, ${peak_db} dB`;
	}

	/** An rtc.stats event: which codec it is; size and rate are what the browser shows. */
	stats({ peers }) {
		const mine = peers.find((peer) => peer.kind === 'preview' && peer.session === this.#session);
		const video = $('live');
		const frames = video.getVideoPlaybackQuality().totalVideoFrames;
		const now = performance.now();
		const fps = Math.max(0, Math.round((frames - this.#frames) * 1000 / (now - this.#seen_ms)));
		this.#frames = frames;
		this.#seen_ms = now;
		const codec = mine?.send.find((track) => track.kind === 'video')?.codec ?? '';
		$('live-facts').textContent = video.videoWidth && codec
			? t('liveFacts', { width: video.videoWidth, height: video.videoHeight, fps, codec: codec.toUpperCase() }) : '';
	}

	#show(stream) {
		if (!stream) {
			this.#stream = null;
			say($('no-picture'), 'noPicture');
		}
		$('live').srcObject = stream;
		$('live').hidden = !stream;
		$('no-picture').hidden = Boolean(stream);
		$('pass-on').disabled = !stream;
		$('live-facts').textContent = '';
		this.#endRelay();
	}

	/** In the picture's place: why there is none, and what to do. */
	#fail(e) {
		delete $('no-picture').dataset.text;
		$('no-picture').textContent = [e.message, e.hint].filter(Boolean).join(' ');
		this.#onError(e);
	}

	async #passOn() {
		if (this.#relay.isOpen) {
			this.#endRelay();
			return;
		}
		say($('pass-on'), 'passOnStop');
		$('passed').srcObject = await this.#relay.start(this.#stream);
		$('passed-figure').hidden = false;
	}

	#endRelay() {
		this.#relay.stop();
		$('passed').srcObject = null;
		$('passed-figure').hidden = true;
		say($('pass-on'), 'passOn');
	}

	#addMeter(id, source) {
		const meter = Object.assign(document.createElement('meter'), { id, min: -60, max: 0, low: -50, high: -6, optimum: -20, value: -60 });
		meter.dataset.testid = id;
		const label = document.createElement('label');
		const name = document.createElement('span');
		say(name, source ? 'levelSource' : 'levelMix');
		label.append(name, source ? String(source) : '', meter);
		$('meters').append(label);
		return meter;
	}
}
