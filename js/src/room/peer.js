/**
 * The connection to one other member: perfect negotiation (W3C webrtc-pc, 10.7), which of our tracks go out, which of the
 * other's streams is camera and which is screen, and ICE restarts. It does not know rooms.
 */
import { DeskhandEvent } from '../event.js';

/** Shorter gaps mend themselves. */
const PATIENCE_MS = 5000;

/** Which stream each kind of own track belongs to. */
const STREAM_OF = { microphone: 'camera', camera: 'camera', screen: 'screen' };

/** H.264 first: most computers and phones have it in hardware, and so has the agent. */
function preferH264(line) {
	const kind = line.receiver?.track?.kind;
	const codecs = kind === 'video' && globalThis.RTCRtpReceiver?.getCapabilities?.('video')?.codecs;
	if (!codecs || !line.setCodecPreferences)
		return;
	const isH264 = ({ mimeType }) => /\/h264$/i.test(mimeType);
	if (codecs.some(isH264))
		line.setCodecPreferences([...codecs.filter(isH264), ...codecs.filter((codec) => !isH264(codec))]);
}

/** The number of an RTCPeerConnection in its descriptions: RFC 8866, 5.2, sess-id. */
const sessionOf = (description) => /^o=\S+ (\d+)/m.exec(description?.sdp ?? '')?.[1];

/** Events: `streams`, `connection` {state}. */
export class Peer extends EventTarget {
	/** @type {'new'|'connecting'|'connected'|'lost'|'closed'} */
	state = 'new';
	#pc;
	#isPolite;
	#isCaller;
	#own;
	#send;
	#lines = {};
	#remote = new Map();
	#names = {};
	#isOffering = false;
	#isAnswering = false;
	#ignores = false;
	#chain = Promise.resolve();
	#timer = 0;

	/**
	 * @param {object} how
	 * @param {boolean} how.isPolite gives way when offers cross
	 * @param {boolean} how.isCaller offers first
	 * @param {RTCIceServer[]} how.iceServers
	 * @param {{camera: MediaStream, screen: MediaStream}} how.own names of what we send
	 * @param {Record<string, MediaStreamTrack|null>} how.tracks by microphone, camera, screen
	 * @param {(body: object) => void} how.send description or candidate to the other side
	 */
	constructor({ isPolite, isCaller, iceServers, own, tracks, send }) {
		super();
		this.#isPolite = isPolite;
		this.#isCaller = isCaller;
		this.#own = own;
		this.#send = send;
		const pc = (this.#pc = new RTCPeerConnection({ iceServers }));
		pc.onicecandidate = ({ candidate }) => candidate?.candidate !== '' && send({ candidate: candidate && {
			candidate: candidate.candidate, sdpMid: candidate.sdpMid, sdpMLineIndex: candidate.sdpMLineIndex } });
		pc.onnegotiationneeded = () => this.#offer();
		pc.onconnectionstatechange = () => this.#watch();
		pc.ontrack = ({ track, streams }) => this.#came(track, streams[0] ?? new MediaStream([track]));
		for (const [role, track] of Object.entries(tracks))
			if (track)
				void this.setTrack(role, track);
		if (isCaller) /* so that the other side can send what we do not have */
			for (const [role, kind] of [['microphone', 'audio'], ['camera', 'video']])
				if (!this.#lines[role])
					preferH264(pc.addTransceiver(kind, { direction: 'recvonly' }));
	}

	/** @returns {{camera?: MediaStream, screen?: MediaStream}} what the other side sends, sound with the camera */
	get streams() {
		const found = {};
		for (const [id, stream] of this.#remote)
			if (stream.getTracks().length)
				found[id === this.#names.screen ? 'screen' : 'camera'] = stream;
		return found;
	}

	/** Another connection of the other side than the one this talks to: it was reloaded. */
	isStranger(description) {
		const known = sessionOf(this.#pc.remoteDescription);
		return description?.type === 'offer' && known !== undefined && known !== sessionOf(description);
	}

	/** What we send. A camera that is off keeps its line; a screen that ends gives it back. */
	async setTrack(role, track) {
		const line = this.#lines[role];
		if (!line) {
			if (track)
				this.#add(role, track);
			return;
		}
		await line.sender.replaceTrack(track);
		if (role !== 'screen')
			return;
		if (track)
			line.sender.setStreams?.(this.#own.screen);
		line.direction = track ? 'sendrecv' : 'recvonly';
	}

	/** What the other side said, in order. */
	take(body) {
		this.#chain = this.#chain.then(() => this.#take(body)).catch((e) => console.warn('room: refused', e));
		return this.#chain;
	}

	/** The service was away and lost what was under way: say it again. A connection that stands is left alone. */
	async renew() {
		if (this.#pc.signalingState === 'have-local-offer')
			await this.#pc.setLocalDescription({ type: 'rollback' });
		if (this.state !== 'connected')
			this.#pc.restartIce();
	}

	setIceServers(iceServers) {
		this.#pc.setConfiguration({ iceServers });
	}

	/** @returns {Promise<RTCStatsReport>} */
	stats() {
		return this.#pc.getStats();
	}

	close() {
		clearInterval(this.#timer);
		this.#pc.onconnectionstatechange = this.#pc.onnegotiationneeded = this.#pc.onicecandidate = null;
		this.#pc.close();
		this.#become('closed');
	}

	#add(role, track) {
		const sender = this.#pc.addTrack(track, this.#own[STREAM_OF[role]]);
		const line = this.#pc.getTransceivers().find((each) => each.sender === sender);
		preferH264(line);
		this.#lines[role] = line;
	}

	async #offer() {
		if (!this.#isCaller && !this.#pc.remoteDescription)
			return; /* the first offer is the caller's */
		this.#isOffering = true;
		try {
			await this.#pc.setLocalDescription();
			this.#describe();
		} catch (e) {
			console.warn('room: no offer', e);
		} finally {
			this.#isOffering = false;
		}
	}

	#describe() {
		const { type, sdp } = this.#pc.localDescription;
		const streams = {};
		for (const [role, line] of Object.entries(this.#lines))
			if (/send/.test(line.direction))
				streams[STREAM_OF[role]] = this.#own[STREAM_OF[role]].id;
		this.#send({ description: { type, sdp }, streams });
	}

	async #take({ description, candidate, streams }) {
		const pc = this.#pc;
		if (!description) {
			await pc.addIceCandidate(candidate ?? undefined).catch(() => {}); /* of an offer that was ignored, or of an older one */
			return;
		}
		const isFree = !this.#isOffering && (pc.signalingState === 'stable' || this.#isAnswering);
		this.#ignores = description.type === 'offer' && !isFree && !this.#isPolite;
		if (this.#ignores)
			return;
		this.#names = streams ?? this.#names;
		this.#isAnswering = description.type === 'answer';
		await pc.setRemoteDescription(description);
		this.#isAnswering = false;
		if (description.type === 'offer') {
			pc.getTransceivers().forEach(preferH264);
			await pc.setLocalDescription();
			this.#describe();
		}
		this.#tell();
	}

	#came(track, stream) {
		this.#remote.set(stream.id, stream);
		stream.onaddtrack = stream.onremovetrack = track.onended = () => this.#tell();
		this.#tell();
	}

	#tell() {
		this.dispatchEvent(new DeskhandEvent('streams', this.streams));
	}

	#watch() {
		const state = this.#pc.connectionState;
		clearInterval(this.#timer);
		if (state === 'disconnected' || state === 'failed') {
			if (state === 'failed')
				this.#pc.restartIce();
			this.#timer = setInterval(() => this.#pc.restartIce(), PATIENCE_MS);
		}
		this.#become({ disconnected: 'lost', failed: 'lost' }[state] ?? state);
	}

	#become(state) {
		if (state === this.state)
			return;
		this.state = state;
		this.dispatchEvent(new DeskhandEvent('connection', { state }));
	}
}
