/** A room service of the test's own with the pages on it, and people in browsers: hosts by user_sig, customers by the page. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { top } from './desk.mjs';
import { inside } from './rtc/link.mjs';

const program = process.env.DESKHAND_ROOMS ?? path.join(top, 'build/room-service/deskhand-rooms');
export const APP = 1400000001;
export const KEY = 'a key of the tests, long enough';

/** What headless Chromium needs for a camera and a screen that nobody has; slow, since several people share this machine. */
export const fakeDevices = ['--disable-gpu', ...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--use-fake-ui-for-media-stream',
	'--use-fake-device-for-media-stream=device-count=2,fps=10', '--auto-select-desktop-capture-source=Entire screen'];

export class RoomService {
	dir = mkdtempSync(path.join(tmpdir(), 'deskhand-rooms-'));
	#secrets = path.join(this.dir, 'secrets.json');

	/** @param {string[]} options further ones of the command line */
	constructor(...options) {
		this.options = options;
		writeFileSync(this.#secrets, JSON.stringify({ [APP]: KEY }), { mode: 0o600 });
	}

	/** Always on the same port; in the network namespace this.space, if one was set. */
	async start() {
		this.port ??= await freePort();
		this.process = spawn(...inside(this.space, program, ['serve', '--secret-file', this.#secrets, '--db', path.join(this.dir, 'rooms.db'),
			'--port', String(this.port), '--pages', path.join(top, 'js'), '--print-ready', ...this.options]),
		{ stdio: ['ignore', 'pipe', process.env.E2E_LOG ? 'inherit' : 'ignore'] });
		const gone = once(this.process, 'exit').then(([code]) => Promise.reject(new Error(`deskhand-rooms ended with ${code}`)));
		gone.catch(() => {});
		await Promise.race([once(createInterface({ input: this.process.stdout }), 'line'), gone]);
		this.url = `http://localhost:${this.port}`;
		return this;
	}

	async kill(signal = 'SIGKILL') {
		const gone = once(this.process, 'exit');
		this.process.kill(signal);
		await gone;
	}

	sig(user) {
		const args = ['usersig', '--secret-file', this.#secrets, '--sdk-app-id', String(APP), '--user-id', user];
		return execFileSync(program, args, { encoding: 'utf8' }).trim();
	}

	async stop() {
		if (this.process.exitCode === null && this.process.signalCode === null)
			await this.kill('SIGTERM');
		rmSync(this.dir, { recursive: true, force: true });
	}
}

export async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await once(server, 'listening');
	const { port } = server.address();
	server.close();
	return port;
}

async function answers(host, port) {
	const socket = connect({ host, port });
	const is = await once(socket, 'connect').then(() => true, () => false);
	socket.destroy();
	return is;
}

/** Before any script of a page: small pictures, and a hand on its connections for the test to count what arrives. */
export function prepare(denied) {
	const devices = navigator.mediaDevices;
	const open = devices.getUserMedia.bind(devices);
	devices.getUserMedia = async (wish) => {
		if (denied)
			throw new DOMException('', denied);
		return open({ ...wish, video: wish.video && { ...wish.video, width: 320, height: 180, frameRate: 10 } });
	};
	globalThis.connections = [];
	globalThis.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(...args) {
			super(...args);
			connections.push(this);
		}
	};
}

/** After prepare(): a page that gets no further than its TURN servers. */
export function relayOnly() {
	globalThis.RTCPeerConnection = class extends RTCPeerConnection {
		constructor(config, ...more) {
			super({ ...config, iceTransportPolicy: 'relay' }, ...more);
		}
	};
}

/** @returns the kind of our end of each road that is in use: host, srflx, relay */
export async function roadsHere() {
	const kinds = [];
	for (const pc of globalThis.connections.filter((each) => each.connectionState === 'connected')) {
		const report = await pc.getStats();
		for (const s of report.values())
			if (s.type === 'transport' && s.selectedCandidatePairId)
				kinds.push(report.get(report.get(s.selectedCandidatePairId).localCandidateId).candidateType);
	}
	return kinds;
}

/** coturn on this machine's address, with the secret that a room service shares with it. */
export class Turn {
	#dir = mkdtempSync(path.join(tmpdir(), 'deskhand-turn-'));

	/** @param {string} address of this machine, not loopback: browsers send nothing there from elsewhere */
	async start(address) {
		const port = await freePort();
		const secret = path.join(this.#dir, 'secret');
		writeFileSync(secret, 'the turn secret', { mode: 0o600 });
		const conf = path.join(this.#dir, 'conf');
		writeFileSync(conf, [`listening-ip=${address}`, `relay-ip=${address}`, `listening-port=${port}`, 'use-auth-secret', 'no-tls', 'no-dtls',
			'static-auth-secret=the turn secret', 'realm=test', 'no-cli', 'log-file=stdout', `pidfile=${this.#dir}/pid`,
			`userdb=${this.#dir}/db`].join('\n'));
		this.process = spawn('turnserver', ['-c', conf], { stdio: 'ignore' });
		while (!await answers(address, port))
			await new Promise((done) => { setTimeout(done, 50); });
		return ['--turn', `turn:${address}:${port}`, '--turn-secret-file', secret];
	}

	stop() {
		this.process.kill();
		rmSync(this.#dir, { recursive: true, force: true });
	}
}

/** @returns pictures decoded and sound packets received so far, over all connections of a page, and their codecs */
export async function receivedHere() {
	const sum = { pictures: 0, sounds: 0, connected: 0, codecs: [] };
	for (const pc of globalThis.connections.filter((each) => each.connectionState === 'connected')) {
		sum.connected++;
		const report = await pc.getStats();
		for (const s of report.values())
			if (s.type === 'inbound-rtp') {
				sum.pictures += s.framesDecoded ?? 0;
				sum.sounds += s.kind === 'audio' ? s.packetsReceived : 0;
				if (s.kind === 'video' && s.codecId)
					sum.codecs.push(report.get(s.codecId).mimeType);
			}
	}
	return sum;
}

/** A host in any page of the service: the room client without a page around it; stays in globalThis.host. */
export async function hostHere([app, user, sig, room, template]) {
	const { Room } = await import('/src/room/room.js');
	const { Media } = await import('/src/room/media.js');
	globalThis.media = new Media();
	globalThis.host = new Room(`${origin.replace('http', 'ws')}/v1/ws`);
	globalThis.told = [];
	for (const name of ['chat', 'members', 'closed', 'state'])
		host.addEventListener(name, ({ detail }) => told.push([name, detail]));
	await media.open();
	for (const role of ['microphone', 'camera'])
		await host.setTrack(role, media.tracks[role]);
	await host.enter({ sdk_app_id: app, user_id: user, user_sig: sig, user_name: 'Anna Schmidt' }, { room, name: 'Fund subscription', template });
}
