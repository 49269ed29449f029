/** A desk with a room service beside it: `deskhand-rooms` on a free port with keys of its own, and members that are no browsers. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { WebSocket } from 'ws';
import { Desk, top } from './desk.mjs';

const program = process.env.DESKHAND_ROOMS ?? path.join(top, 'build/room-service/deskhand-rooms');
export const APP = 1400000001;

export class RoomDesk extends Desk {
	#port = 0;

	/** @returns {Promise<string>} origin of the service; started again, it has the same port and what it kept */
	async startRooms() {
		const secrets = this.#secrets;
		writeFileSync(secrets, JSON.stringify({ [APP]: 'a key of the tests, 32 bytes long' }), { mode: 0o600 });
		this.rooms = spawn(program, ['serve', '--secret-file', secrets, '--db', path.join(this.dir, 'rooms.db'), '--port', String(this.#port),
			'--print-ready'], { env: this.env, stdio: ['ignore', 'pipe', process.env.E2E_LOG ? 'inherit' : 'ignore'] });
		const [line] = await once(createInterface({ input: this.rooms.stdout }), 'line');
		this.#port = JSON.parse(line).port;
		return `http://127.0.0.1:${this.#port}`;
	}

	async killRooms(signal = 'SIGKILL') {
		if (this.rooms.exitCode !== null || this.rooms.signalCode !== null)
			return;
		const gone = once(this.rooms, 'exit');
		this.rooms.kill(signal);
		await gone;
	}

	userSig(user_id) {
		return execFileSync(program, ['usersig', '--secret-file', this.#secrets, '--sdk-app-id', String(APP), '--user-id', user_id],
			{ encoding: 'utf8' }).trim();
	}

	/** Somebody in a room who sends no pictures. @returns {Promise<Member>} */
	async member(user_id, room) {
		const member = new Member(this.#port);
		await once(member.socket, 'open');
		await member.call('room.login', { sdk_app_id: APP, user_id, user_sig: this.userSig(user_id), user_name: user_id.toUpperCase() });
		await member.call('room.join', { room, create: 'never' });
		return member;
	}

	async stop() {
		if (this.rooms)
			await this.killRooms();
		await super.stop();
	}

	get #secrets() {
		return path.join(this.dir, 'secrets.json');
	}
}

class Member {
	#waiting = new Map();
	#id = 0;

	constructor(port) {
		this.socket = new WebSocket(`ws://127.0.0.1:${port}/v1/ws`, 'deskhand-rooms.v1');
		this.socket.on('message', (text) => {
			const { id, result, error } = JSON.parse(text);
			if (error)
				this.#waiting.get(id)?.reject(new Error(`${error.data?.name}: ${error.message}`));
			else
				this.#waiting.get(id)?.resolve(result);
		});
	}

	call(method, params) {
		const id = ++this.#id;
		this.socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
	}
}
