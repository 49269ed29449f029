/** Somebody in a room who is no browser and sends no pictures. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { APP } from './room_desk.mjs';

export class Member {
	#socket;
	#waiting = new Map();

	/** @param {import('./room_desk.mjs').RoomService} service @returns {Promise<Member>} in a room that is there */
	static async enter(service, user_id, room) {
		const member = new Member();
		member.#socket = new WebSocket(`ws://127.0.0.1:${service.port}/v1/ws`, 'deskhand-rooms.v1');
		member.#socket.on('message', (text) => member.#heard(JSON.parse(text)));
		await once(member.#socket, 'open');
		await member.call('room.login', { sdk_app_id: APP, user_id, user_sig: service.sig(user_id), user_name: user_id.toUpperCase() });
		await member.call('room.join', { room, create: 'never' });
		return member;
	}

	call(method, params) {
		const id = this.#waiting.size + 1;
		this.#socket.send(JSON.stringify({ jsonrpc: '2.0', id, method, params }));
		return new Promise((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
	}

	close() {
		this.#socket.close();
	}

	#heard({ id, result, error }) {
		if (error)
			this.#waiting.get(id)?.reject(new Error(`${error.data?.name}: ${error.message}`));
		else
			this.#waiting.get(id)?.resolve(result);
	}
}
