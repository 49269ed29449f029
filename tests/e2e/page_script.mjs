/** What the tests run inside pages, in both browsers: functions that are sent as text and return plain values. */

/** Connect by the SDK of this page's server; the agent stays in globalThis.desk. */
export async function connectHere(options) {
	const { Deskhand } = await import('/deskhand.js');
	try {
		globalThis.desk = await Deskhand.connect(options);
		return { transport: desk.transport, info: desk.info };
	} catch (e) {
		return { error: { name: e.name, reason: e.reason, message: e.message, hint: e.hint, command: e.command } };
	}
}

/** One command; the error as a value. */
export async function callHere([method, params]) {
	try {
		return { result: await desk.call(method, params) };
	} catch (e) {
		return { error: { name: e.name, code: e.code, message: e.message, hint: e.hint } };
	}
}

/** Say hello past the SDK, then send each method once; what is answered, by method. */
export async function rawCalls(methods) {
	const port = await new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = ({ data }) => data.method === 'transport.state' && data.params.state === 'up' && resolve(port1);
		postMessage({ type: 'deskhand.connect' }, origin, [port2]);
	});
	const answers = {};
	const ask = (id, method, params) => new Promise((resolve) => {
		const hear = ({ data }) => {
			if (data.method === 'transport.closed')
				resolve({ closed: data.params });
			else if (data.id === id)
				resolve(data.error ? { error: data.error } : { result: data.result });
		};
		port.addEventListener('message', hear);
		port.postMessage({ id, method, params });
	});
	answers['agent.hello'] = await ask(1, 'agent.hello', { min_version: 1, max_version: 1, client: 'test' });
	let id = 1;
	for (const [method, params] of methods)
		answers[method] = await ask(++id, method, params);
	return answers;
}

/** @returns {Promise<number[]>} milliseconds of n calls, one after the other */
export async function timeCalls(n) {
	const times = [];
	const params = {};
	for (let i = 0; i < n; i++) {
		const start = performance.now();
		await desk.call('session.list', params);
		times.push(performance.now() - start);
	}
	return times;
}

/** A stream of the session; it stays in globalThis.stream. */
export async function captureHere(options) {
	globalThis.told = [];
	for (const name of ['capture.interrupted', 'capture.resumed', 'capture.ended', 'preview.closed'])
		desk.addEventListener(name, ({ detail }) => told.push([name, detail.name, detail.reason]));
	const start = performance.now();
	try {
		globalThis.stream = await desk.captureStream(options);
	} catch (e) {
		return { error: { name: e.name, reason: e.reason, message: e.message, hint: e.hint } };
	}
	const came_ms = performance.now() - start;
	const video = Object.assign(document.createElement('video'), { muted: true, srcObject: stream });
	void video.play();
	await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
	const seen_ms = performance.now() - start;
	video.srcObject = null;
	return { came_ms, seen_ms, kinds: stream.getTracks().map((track) => track.kind).sort() };
}

/** Look at `count` pictures of a video track: their size and the numbers in the test pattern's mark (pattern_code.h), 0: none. */
export async function watchHere([name, index, count]) {
	const COLUMNS = 64, ROWS = 36, CELL = 4;
	const video = Object.assign(document.createElement('video'), { muted: true });
	video.srcObject = new MediaStream([globalThis[name].getVideoTracks()[index]]);
	const context = new OffscreenCanvas(COLUMNS * CELL, ROWS * CELL).getContext('2d', { willReadFrequently: true });
	const crc16 = (bytes) => bytes.reduce((crc, byte) => {
		crc ^= byte << 8;
		for (let bit = 0; bit < 8; bit++)
			crc = (crc & 0x8000 ? (crc << 1) ^ 0x1021 : crc << 1) & 0xffff;
		return crc;
	}, 0xffff);
	const read = () => {
		context.drawImage(video, 0, 0, COLUMNS * CELL, ROWS * CELL);
		const { data, width } = context.getImageData(0, 0, COLUMNS * CELL, ROWS * CELL);
		const bytes = new Array(14).fill(0);
		for (let i = 0; i < 112; i++) {
			const x = (24 + i % 16) * CELL + CELL / 2, y = (13 + Math.floor(i / 16)) * CELL + CELL / 2;
			bytes[i >> 3] |= (data[(y * width + x) * 4 + 1] > 127 ? 1 : 0) << (7 - i % 8);
		}
		return crc16(bytes.slice(0, 12)) === bytes[12] * 256 + bytes[13] ? new DataView(Uint8Array.from(bytes).buffer).getUint32(0) : 0;
	};
	const numbers = [];
	void video.play();
	while (numbers.length < count) {
		await new Promise((resolve) => video.requestVideoFrameCallback(resolve));
		numbers.push(read());
	}
	const found = { width: video.videoWidth, height: video.videoHeight, numbers };
	video.srcObject = null;
	return found;
}
