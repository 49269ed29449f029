/** RTCPeerConnections that negotiate as browsers do (W3C webrtc-pc) but move no media: who offers, when, and what is rolled back. */
let sessions = 0;

class Line {
	constructor(kind, direction) {
		this.receiver = { track: { kind } };
		this.direction = direction;
		this.sender = { track: null, replaceTrack: async (track) => (this.sender.track = track), setStreams: () => {} };
	}
}

export class FakeConnection {
	static made = [];
	signalingState = 'stable';
	connectionState = 'new';
	remoteDescription = null;
	localDescription = null;
	lines = [];
	/** descriptions that were set, as "local offer", "remote answer", ... */
	log = [];
	candidates = [];
	#id = ++sessions;
	#needs = false;

	constructor(config) {
		this.config = config;
		FakeConnection.made.push(this);
	}

	setConfiguration(config) {
		this.config = config;
	}

	addTransceiver(kind, { direction }) {
		const line = new Line(kind, direction);
		this.lines.push(line);
		this.need();
		return line;
	}

	addTrack(track) {
		const line = this.lines.find((each) => each.receiver.track.kind === track.kind && !each.sender.track) ?? this.addTransceiver(track.kind, {});
		line.direction = 'sendrecv';
		line.sender.track = track;
		this.need();
		return line.sender;
	}

	getTransceivers() {
		return this.lines;
	}

	restartIce() {
		this.need();
	}

	need() {
		if (this.#needs)
			return;
		this.#needs = true;
		queueMicrotask(() => {
			if (this.signalingState !== 'stable' || !this.#needs)
				return;
			this.#needs = false;
			this.onnegotiationneeded?.();
		});
	}

	async setLocalDescription(description) {
		await null;
		if (description?.type === 'rollback') {
			this.signalingState = 'stable';
			return;
		}
		const type = this.signalingState === 'have-remote-offer' ? 'answer' : 'offer';
		this.localDescription = { type, sdp: `v=0\r\no=- ${this.#id} 2 IN IP4 0.0.0.0\r\n` };
		this.log.push(`local ${type}`);
		this.#become(type === 'answer' ? 'stable' : 'have-local-offer');
		this.onicecandidate?.({ candidate: { candidate: `candidate of ${this.#id}`, sdpMid: '0', sdpMLineIndex: 0 } });
	}

	async setRemoteDescription(description) {
		await null;
		if (description.type === 'answer' && this.signalingState !== 'have-local-offer')
			throw new Error('an answer to nothing');
		if (description.type === 'offer' && this.signalingState === 'have-local-offer') {
			this.log.push('rollback');
			this.#needs = true;
		}
		this.remoteDescription = description;
		this.log.push(`remote ${description.type}`);
		this.#become(description.type === 'answer' ? 'stable' : 'have-remote-offer');
	}

	async addIceCandidate(candidate) {
		this.candidates.push(candidate);
	}

	become(state) {
		this.connectionState = state;
		this.onconnectionstatechange?.();
	}

	close() {
		this.connectionState = this.signalingState = 'closed';
	}

	#become(state) {
		this.signalingState = state;
		if (state === 'stable' && this.#needs) {
			this.#needs = false;
			this.need();
		}
	}
}

export class FakeMediaStream {
	static #made = 0;
	id = `stream-${++FakeMediaStream.#made}`;
	#tracks;

	constructor(tracks = []) {
		this.#tracks = tracks;
	}

	getTracks() {
		return this.#tracks;
	}
}

/** Put them into the page. */
export function installConnections() {
	FakeConnection.made = [];
	Object.assign(globalThis, { RTCPeerConnection: FakeConnection, MediaStream: FakeMediaStream });
}
