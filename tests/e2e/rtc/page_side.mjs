/** The page's end of a call; runs inside the page. Paints and reads the pattern's barcode (agent/sources/pattern_code.h), so
 * that every picture tells its age. */
export function pageSide({ offset, codec, sends = true, width = 1280, height = 720, fps = 30 }) {
	const now = () => performance.timeOrigin + performance.now() + offset; /* the agent's clock, ms */
	const pc = new RTCPeerConnection();
	let seen = [];

	/* -- the mark: 16 x 7 cells of a grid of 64 x 36 at (24, 13), number 32, time 64, CRC-16 -- */
	const crc = (bytes) => { /* CRC-16/CCITT-FALSE */
		let c = 0xffff;
		for (const b of bytes) {
			c ^= b << 8;
			for (let i = 0; i < 8; i++)
				c = c & 0x8000 ? ((c << 1) ^ 0x1021) & 0xffff : (c << 1) & 0xffff;
		}
		return c;
	};
	const paint = (ctx, number) => {
		const bytes = new Uint8Array(14);
		const view = new DataView(bytes.buffer);
		view.setUint32(0, number);
		view.setBigInt64(4, BigInt(Math.round(now() * 1000)));
		view.setUint16(12, crc(bytes.subarray(0, 12)));
		const cw = width / 64;
		const ch = height / 36;
		ctx.fillStyle = '#fff';
		ctx.fillRect(23 * cw, 12 * ch, 18 * cw, 9 * ch);
		ctx.fillStyle = '#000';
		for (let i = 0; i < 112; i++)
			if (!(bytes[i >> 3] & (0x80 >> (i & 7))))
				ctx.fillRect((24 + (i % 16)) * cw, (13 + (i >> 4)) * ch, cw, ch);
	};
	const small = new OffscreenCanvas(256, 144);
	const reader = small.getContext('2d', { willReadFrequently: true });
	const readMark = (video) => {
		reader.drawImage(video, 0, 0, 256, 144);
		const { data } = reader.getImageData(96, 52, 64, 28);
		const bytes = new Uint8Array(14);
		for (let i = 0; i < 112; i++) {
			const at = (((i >> 4) * 4 + 2) * 64 + (i % 16) * 4 + 2) * 4;
			if (data[at] + data[at + 1] + data[at + 2] > 384)
				bytes[i >> 3] |= 0x80 >> (i & 7);
		}
		const view = new DataView(bytes.buffer);
		return view.getUint16(12) === crc(bytes.subarray(0, 12)) ? Number(view.getBigInt64(4)) / 1000 : undefined;
	};

	/* -- what comes -- */
	const watch = (track) => {
		const video = document.createElement('video');
		video.muted = true;
		video.srcObject = new MediaStream([track]);
		document.body.append(video);
		video.play();
		const look = (_, { presentationTime }) => {
			const shown = performance.timeOrigin + presentationTime + offset; /* handed to the compositor: reading it back takes longer */
			const made = readMark(video);
			seen.push({ at_ms: shown, age_ms: made === undefined ? null : shown - made, width: video.videoWidth });
			video.requestVideoFrameCallback(look);
		};
		video.requestVideoFrameCallback(look);
	};
	const hear = (track) => { /* what nobody plays is not decoded */
		const audio = new Audio();
		audio.srcObject = new MediaStream([track]);
		audio.play();
	};
	pc.ontrack = ({ track }) => (track.kind === 'video' ? watch : hear)(track);

	/* -- what goes: a canvas of grain that moves, and a tone -- */
	const addOwn = () => {
		const canvas = document.createElement('canvas');
		canvas.width = width;
		canvas.height = height;
		const ctx = canvas.getContext('2d');
		const grain = new OffscreenCanvas(width, height);
		const g = grain.getContext('2d');
		for (let y = 0; y < height; y += 4)
			for (let x = 0; x < width; x += 4) {
				const v = 104 + Math.floor(Math.random() * 48);
				g.fillStyle = `rgb(${v},${v},${v})`;
				g.fillRect(x, y, 4, 4);
			}
		const audio = new AudioContext();
		const tone = audio.createOscillator();
		const out = audio.createMediaStreamDestination();
		tone.connect(out);
		tone.start();
		const stream = new MediaStream([...canvas.captureStream(0).getTracks(), ...out.stream.getTracks()]);
		const [picture] = stream.getVideoTracks();
		let number = 0;
		setInterval(() => {
			const shift = (number * 7919 * 2) % width;
			ctx.drawImage(grain, -shift, 0);
			ctx.drawImage(grain, width - shift, 0);
			paint(ctx, number++);
			picture.requestFrame();
		}, 1000 / fps);
		for (const track of stream.getTracks())
			pc.addTrack(track, stream);
	};
	if (sends)
		addOwn();
	/* As much as the agent may send: libwebrtc's own limit for this size is lower. */
	const allowMore = async () => {
		for (const sender of pc.getSenders().filter((s) => s.track?.kind === 'video')) {
			const p = sender.getParameters();
			p.encodings.forEach((e) => { e.maxBitrate = 4e6; });
			await sender.setParameters(p);
		}
	};
	const prefer = () => {
		if (!codec)
			return;
		const all = RTCRtpReceiver.getCapabilities('video').codecs;
		const wanted = all.filter((c) => c.mimeType.toLowerCase().endsWith(codec) || c.mimeType.endsWith('rtx'));
		for (const t of pc.getTransceivers().filter((x) => x.receiver.track.kind === 'video'))
			t.setCodecPreferences(wanted);
	};

	/* -- signalling: polite; setRemoteDescription() rolls an offer of ours back by itself -- */
	pc.onicecandidate = ({ candidate }) => toOther({ candidate: { candidate: candidate?.candidate ?? '', sdpMid: candidate?.sdpMid } });
	globalThis.makeOffer = async (restart) => {
		prefer();
		await pc.setLocalDescription(await pc.createOffer({ iceRestart: restart }));
		toOther({ description: pc.localDescription.toJSON() });
	};
	let chain = Promise.resolve();
	const take = async ({ description, candidate }) => {
		if (description) {
			await pc.setRemoteDescription(description);
			if (description.type === 'answer')
				await allowMore();
			if (description.type === 'offer') {
				prefer();
				await pc.setLocalDescription();
				await allowMore();
				toOther({ description: pc.localDescription.toJSON() });
			}
		} else if (candidate) {
			await pc.addIceCandidate(candidate.candidate ? { sdpMid: '0', ...candidate } : undefined).catch(() => {});
		}
	};
	globalThis.fromOther = (message) => {
		chain = chain.then(() => take(message)).catch((e) => console.log(String(e)));
		return chain;
	};
	globalThis.take = async () => {
		const video = seen;
		seen = [];
		const stats = { state: pc.connectionState };
		for (const s of (await pc.getStats()).values()) {
			if (s.type === 'inbound-rtp' && s.kind === 'video')
				stats.in = { frames: s.framesDecoded, freezes: s.freezeCount, width: s.frameWidth, codec: s.codecId, pli: s.pliCount,
					nack: s.nackCount, lost: s.packetsLost, decoder: s.decoderImplementation };
			if (s.type === 'inbound-rtp' && s.kind === 'audio')
				stats.sound = { packets: s.packetsReceived, concealed: s.concealedSamples, samples: s.totalSamplesReceived };
			if (s.type === 'outbound-rtp' && s.kind === 'video')
				stats.out = { frames: s.framesSent, width: s.frameWidth, target_bps: s.targetBitrate };
			if (s.type === 'candidate-pair' && s.nominated && s.availableOutgoingBitrate)
				stats.available_bps = s.availableOutgoingBitrate;
		}
		return { video, stats };
	};
	globalThis.pc = pc;
}
