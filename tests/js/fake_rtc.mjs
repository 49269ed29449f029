/** A browser's WebRTC as far as captureStream() uses it. A test plays the other end. */

class FakeTrack extends EventTarget {
	muted = true;
	enabled = true;
	readyState = 'live';

	constructor(kind) {
		super();
		this.kind = kind;
	}

	stop() {
		this.readyState = 'ended';
	}

	/** The first packet came. */
	come() {
		this.muted = false;
		this.dispatchEvent(new Event('unmute'));
	}
}

export class FakeStream {
	#tracks;

	constructor(tracks = []) {
		this.#tracks = new Set(tracks);
	}

	addTrack(track) {
		this.#tracks.add(track);
	}

	removeTrack(track) {
		this.#tracks.delete(track);
	}

	getTracks() {
		return [...this.#tracks];
	}
}

export class FakePeer extends EventTarget {
	static made = [];
	/** What happens once an answer is set: by default all pictures come. */
	static onanswer = (peer) => peer.tracks().forEach((track) => track.come());
	connectionState = 'new';
	lines = [];
	added = [];

	constructor() {
		super();
		FakePeer.made.push(this);
	}

	addTransceiver(kind, { direction }) {
		const line = { kind, direction, currentDirection: null, receiver: { track: new FakeTrack(kind) } };
		this.lines.push(line);
		return line;
	}

	tracks() {
		return this.lines.map((line) => line.receiver.track);
	}

	async setLocalDescription() {
		this.localDescription = { type: 'offer', sdp: this.lines.map((line) => `${line.kind} ${line.direction}`).join('\n') };
		this.onicecandidate({ candidate: { candidate: 'candidate:1' } });
		this.onicecandidate({ candidate: null });
	}

	/** The answer is one word for each line. */
	async setRemoteDescription({ sdp }) {
		const words = sdp.split(' ');
		this.lines.forEach((line, i) => (line.currentDirection = words[i] === 'sendonly' ? 'recvonly' : 'inactive'));
		queueMicrotask(() => FakePeer.onanswer(this));
	}

	async addIceCandidate(candidate) {
		this.added.push(candidate);
	}

	become(state) {
		this.connectionState = state;
		this.dispatchEvent(new Event('connectionstatechange'));
	}

	close() {
		this.connectionState = 'closed';
		this.tracks().forEach((track) => (track.readyState = 'ended'));
	}
}

/** An <audio> element. */
export class FakeAudio {
	static made = [];
	isPlaying = false;

	constructor() {
		FakeAudio.made.push(this);
	}

	async play() {
		this.isPlaying = true;
	}
}

/** Put them into the page. */
export function installRtc() {
	FakePeer.made = [];
	FakeAudio.made = [];
	FakePeer.onanswer = (peer) => peer.tracks().forEach((track) => track.come());
	Object.assign(globalThis, { RTCPeerConnection: FakePeer, MediaStream: FakeStream, Audio: FakeAudio });
}
