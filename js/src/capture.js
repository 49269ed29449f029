/**
 * agent.captureStream(): live pictures and sound of a session as a MediaStream, over a WebRTC connection that does not
 * leave this computer. The stream outlives its connections: when one is lost and the session lives, another takes its
 * place and the stream's tracks are replaced.
 */
import { DeskhandEvent } from './event.js';
import { DeskhandError, abortError, localError } from './errors.js';
import { permission } from './permission.js';

/** Lost again this soon after it came: something is wrong that trying again does not mend. */
const FLAPPING_MS = 2000;
const MENDS_MAX = 5;

/** One connection: opened once, lost once. */
class Connection {
	tracks = [];
	#pc = new RTCPeerConnection();
	#listening = new AbortController();
	#preview = '';
	#early = [];
	#ear = null;

	constructor(agent, { session, tracks, sound }) {
		this.agent = agent;
		this.request = { session, tracks, sound };
	}

	/** Resolves once every picture has come; rejects with a DeskhandError. onlost(reason) comes later, at most once. */
	async open(how, onlost) {
		const { request } = this;
		const pc = this.#pc;
		const lines = request.tracks.map(() => pc.addTransceiver('video', { direction: 'recvonly' }));
		if (request.sound !== 'none')
			this.#listen(lines[lines.push(pc.addTransceiver('audio', { direction: 'recvonly' })) - 1].receiver.track);
		pc.onicecandidate = ({ candidate }) => this.#send(candidate?.candidate ?? '');
		await pc.setLocalDescription();
		const { preview, answer } = await this.agent.call('preview.open', { ...request, offer: pc.localDescription.sdp }, how);
		this.#preview = preview;
		const lost = this.#watch();
		this.#early.splice(0).forEach((candidate) => this.#send(candidate));
		await pc.setRemoteDescription({ type: 'answer', sdp: answer });
		this.tracks = lines.filter((line) => line.currentDirection === 'recvonly').map((line) => line.receiver.track);
		await Promise.race([lost.then((reason) => Promise.reject(reason)), this.#pictures(how)]);
		lost.then(onlost);
	}

	close() {
		if (this.#listening.signal.aborted)
			return;
		this.#listening.abort();
		this.#pc.close();
		if (this.#ear)
			this.#ear.srcObject = null;
		if (this.#preview)
			this.agent.call('preview.close', { preview: this.#preview }, { timeout: 5000 }).catch(() => {}); /* gone is gone */
	}

	/** Browsers collect sound until something plays it, and need many seconds to catch up: until the page does, we play it to nobody. */
	#listen(track) {
		if (!globalThis.Audio)
			return;
		this.#ear = Object.assign(new Audio(), { muted: true, srcObject: new MediaStream([track]) });
		this.#ear.play().catch(() => {}); /* refused, or over already */
	}

	#send(candidate) {
		if (!this.#preview)
			this.#early.push(candidate);
		else
			this.agent.call('preview.candidate', { preview: this.#preview, candidate }).catch(() => {}); /* others may do */
	}

	/** Addresses of the agent; resolves with the reason when the connection is over, never after close(). */
	#watch() {
		const { signal } = this.#listening;
		const own = (name, fn) => this.agent.addEventListener(name, ({ detail }) => detail.preview === this.#preview && fn(detail), { signal });
		own('preview.candidate', ({ candidate, mid }) => this.#pc.addIceCandidate({ candidate, sdpMid: mid }).catch(() => {}));
		return new Promise((resolve) => {
			own('preview.closed', ({ name, reason }) => resolve(new DeskhandError(name, { message: reason })));
			this.agent.addEventListener('reconnecting', () => resolve(localError('ECLOSED')), { signal });
			this.#pc.addEventListener('connectionstatechange', () => {
				if (['failed', 'closed'].includes(this.#pc.connectionState) && !signal.aborted)
					resolve(localError('ETIMEDOUT', 'no_road'));
			});
		});
	}

	/** A track is muted until its first packet came. */
	#pictures({ signal, timeout }) {
		const waiting = this.tracks.filter((track) => track.kind === 'video' && track.muted);
		return new Promise((resolve, reject) => {
			const timer = setTimeout(() => reject(localError('ETIMEDOUT', 'no_road')), timeout);
			const finish = (fn, value) => {
				clearTimeout(timer);
				fn(value);
			};
			signal?.addEventListener('abort', () => finish(reject, abortError(signal)), { signal: this.#listening.signal });
			Promise.all(waiting.map((track) => new Promise((came) => track.addEventListener('unmute', came, { once: true }))))
				.then(() => finish(resolve));
		});
	}
}

class Capture {
	stream = new MediaStream();
	#agent;
	#options;
	#connection = null;
	#came_ms = 0;
	#isOver = false;
	#isMending = false;

	constructor(agent, options) {
		this.#agent = agent;
		this.#options = options;
	}

	async connect() {
		const { signal, timeout } = this.#options;
		const made = new Connection(this.#agent, this.#options);
		try {
			await made.open({ signal, timeout }, (why) => this.#lost(why));
			if (this.#isOver)
				throw localError('ECLOSED');
		} catch (e) {
			made.close();
			throw signal?.aborted ? abortError(signal) : e;
		}
		this.#take(made);
	}

	/** Nothing comes any more: asked by the page, or told to it by capture.ended. */
	end(why) {
		if (this.#isOver)
			return;
		this.#isOver = true;
		this.#connection?.close();
		this.stream.getTracks().forEach((track) => track.stop());
		if (why)
			this.#tell('capture.ended', why);
	}

	/** What the page did to a track holds for the one that follows it. */
	#take(connection) {
		const before = this.#connection?.tracks ?? [];
		this.#connection = connection;
		this.#came_ms = performance.now();
		before.forEach((track) => this.stream.removeTrack(track));
		connection.tracks.forEach((track, i) => {
			const stop = track.stop.bind(track);
			track.stop = () => {
				track.isStopped = true;
				stop();
				if (connection.tracks.every((each) => each.readyState === 'ended'))
					this.end();
			};
			this.stream.addTrack(track);
			track.enabled = before[i]?.enabled ?? true;
			if (before[i]?.isStopped)
				track.stop();
		});
	}

	#tell(name, why) {
		const { session } = this.#options;
		this.#agent.dispatchEvent(new DeskhandEvent(name, { session, stream: this.stream, name: why?.name, reason: why?.message }));
	}

	async #lost(why) {
		if (this.#isOver || this.#isMending)
			return;
		this.#isMending = true;
		this.#connection.close();
		try {
			if (performance.now() - this.#came_ms < FLAPPING_MS)
				throw why;
			this.#tell('capture.interrupted', why);
			await this.#mend(why);
			this.#tell('capture.resumed');
		} catch (e) {
			this.end(e.name === 'ENOENT' ? why : e);
		}
		this.#isMending = false;
	}

	async #mend(why) {
		for (let i = 1; ; i++) {
			await this.#untilUp(why);
			try {
				await this.connect();
				return;
			} catch (e) {
				if (e.name !== 'ECLOSED' || i === MENDS_MAX || this.#isOver)
					throw e;
			}
		}
	}

	/** The agent is at the other end, and the session is still there. */
	#untilUp(why) {
		return new Promise((resolve, reject) => {
			if (this.#agent.state !== 'reconnecting') {
				(this.#agent.state === 'connected' ? resolve : reject)(why);
				return;
			}
			const heard = new AbortController();
			const on = (name, fn) => this.#agent.addEventListener(name, (e) => {
				heard.abort();
				fn(e.detail);
			}, { signal: heard.signal });
			on('reconnected', ({ lost_sessions }) => (lost_sessions.includes(this.#options.session) ? reject(why) : resolve()));
			on('disconnected', reject);
		});
	}
}

/** A connection that was not made: by the browser's will, or by accident? */
async function explain(e, lang) {
	if (e.reason !== 'no_road')
		return e;
	const state = await permission(['loopback-network', 'local-network']);
	if (state === 'denied' || state === 'prompt')
		return localError('blocked_by_browser', state === 'prompt' ? state : '', lang);
	return localError(e.name, e.reason, lang);
}

/** See docs/sdk.md. @returns {Promise<MediaStream>} */
export async function captureStream(agent, { session, tracks = ['program'], sound = 'local', signal, timeout = 10000 }, lang) {
	if (signal?.aborted)
		throw abortError(signal);
	if (!globalThis.RTCPeerConnection)
		throw localError('blocked_by_browser', 'no_webrtc', lang);
	const capture = new Capture(agent, { session, tracks, sound, signal, timeout });
	try {
		await capture.connect();
	} catch (e) {
		throw await explain(e, lang);
	}
	signal?.addEventListener('abort', () => capture.end());
	return capture.stream;
}
