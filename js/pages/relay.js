/**
 * A stream through an ordinary pair of RTCPeerConnections within the page: what captureStream() gives is a MediaStream like
 * any other, and every WebRTC library takes it.
 */
export class Relay {
	#pair = null;

	get isOpen() {
		return this.#pair !== null;
	}

	/** @param {MediaStream} stream @returns {Promise<MediaStream>} what arrives at the other end */
	async start(stream) {
		const [here, there] = (this.#pair = [new RTCPeerConnection(), new RTCPeerConnection()]);
		here.onicecandidate = ({ candidate }) => there.addIceCandidate(candidate);
		there.onicecandidate = ({ candidate }) => here.addIceCandidate(candidate);
		const arrived = new Promise((resolve) => (there.ontrack = ({ streams: [first] }) => resolve(first)));
		stream.getTracks().forEach((track) => here.addTrack(track, stream));
		await here.setLocalDescription();
		await there.setRemoteDescription(here.localDescription);
		await there.setLocalDescription();
		await here.setRemoteDescription(there.localDescription);
		return arrived;
	}

	stop() {
		this.#pair?.forEach((end) => end.close());
		this.#pair = null;
	}
}
