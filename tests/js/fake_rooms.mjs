/** A room service as far as a client sees it (docs/rooms.md), on a real port of 127.0.0.1: one room, in memory. */
import { once } from 'node:events';
import { WebSocketServer } from 'ws';

const refuse = (name, message, retriable = false) => {
	throw { code: -32000, message, data: { name, hint: '', retriable } };
};

export class FakeRooms {
	asked = [];
	members = new Map();
	lines = [];
	tickets = new Set();
	tokens = new Map();
	/** answers of a test's own: (params, connection) => result, or throws */
	answers = {};
	#next = 0;
	#port = 0;

	async listen() {
		this.server = new WebSocketServer({ host: '127.0.0.1', port: this.#port, path: '/v1/ws', handleProtocols: () => 'deskhand-rooms.v1' });
		this.server.on('connection', (socket) => this.#talk(socket));
		await once(this.server, 'listening');
		this.#port = this.server.address().port;
		this.url = `ws://127.0.0.1:${this.#port}/v1/ws`;
		return this;
	}

	/** Connections break without a farewell; the service stays. */
	cut() {
		for (const socket of this.server.clients)
			socket.terminate();
	}

	/** The service is away. */
	async stop() {
		this.cut();
		await new Promise((resolve) => this.server.close(resolve));
	}

	ticket() {
		const ticket = `ticket-${++this.#next}`;
		this.tickets.add(ticket);
		return ticket;
	}

	asks(method) {
		return this.asked.filter((each) => each.method === method).map((each) => each.params);
	}

	/** An event for one member; kept while it is away. */
	say(number, method, params = {}) {
		const row = this.members.get(number);
		const event = { jsonrpc: '2.0', method, params: { ...params, seq: ++row.seq } };
		row.events.push(event);
		row.socket?.send(JSON.stringify(event));
	}

	tell(method, params, except = 0) {
		for (const number of this.members.keys())
			if (number !== except)
				this.say(number, method, params);
	}

	facts(number) {
		const { events: _, socket: __, seq: ___, ...facts } = this.members.get(number);
		return facts;
	}

	#talk(socket) {
		const connection = { socket, user: null, member: 0 };
		socket.on('message', (data) => {
			const { id, method, params } = JSON.parse(data);
			this.asked.push({ method, params });
			let reply;
			try {
				const answer = this.answers[method] ?? this[method];
				reply = { result: answer.call(this, params, connection) };
			} catch (error) {
				if (error instanceof Error)
					throw error;
				reply = { error };
			}
			if (reply.result !== null)
				socket.send(JSON.stringify({ jsonrpc: '2.0', id, ...reply }));
			connection.then?.();
			connection.then = null;
		});
		socket.on('close', () => {
			const row = this.members.get(connection.member);
			if (row?.socket !== socket)
				return;
			Object.assign(row, { socket: null, away: true });
			this.tell('room.member_changed', this.facts(connection.member), connection.member);
		});
	}

	#login(connection, user) {
		const token = `token-${++this.#next}`;
		this.tokens.set(token, user);
		connection.user = user;
		return { token, expires_s: 3600, replaced: false, ...user };
	}

	'room.redeem'({ ticket, user_name }, connection) {
		if (!this.tickets.delete(ticket))
			refuse('EPERM', 'this ticket is not valid');
		return this.#login(connection, { user_id: `guest-${this.#next}`, user_name: user_name ?? 'Guest', role: 'guest', room: 'r1' });
	}

	'room.login'({ token, user_id, user_name }, connection) {
		if (token && !this.tokens.has(token))
			refuse('EPERM', 'this token is not valid');
		return this.#login(connection, token ? this.tokens.get(token) : { user_id, user_name: user_name ?? user_id, role: 'host' });
	}

	'room.join'({ room, member, seq, chat, state = {}, user_name }, connection) {
		const { user } = connection;
		const row = this.members.get(member);
		const isSame = row?.user_id === user.user_id;
		const isResumed = isSame && row.events.length > 0 && seq >= row.events[0].params.seq - 1;
		const number = isSame ? member : ++this.#next;
		const facts = { member: number, user_id: user.user_id, user_name: user_name ?? user.user_name, role: user.role,
			joined_ms: row?.joined_ms ?? Date.now(), camera: false, microphone: false, screen: false, recording: false, ...state, away: false };
		const missed = isResumed ? row.events.filter((event) => event.params.seq > seq) : [];
		this.members.set(number, { ...facts, socket: connection.socket, seq: row?.seq ?? 0, events: row?.events ?? [] });
		connection.member = number;
		this.tell(isSame ? 'room.member_changed' : 'room.member_joined', facts, number);
		connection.then = () => missed.forEach((event) => connection.socket.send(JSON.stringify(event)));
		return { room, name: 'Room one', kind: 'rtc', template: '1v4', creator: 'host', member: number, role: user.role, resumed: isResumed,
			members: [...this.members.keys()].map((n) => this.facts(n)), history: this.lines.filter((line) => line.id > (chat ?? 0)),
			ice_servers: [], ice_expires_s: 3600, seq: this.members.get(number).seq };
	}

	'room.leave'(_, connection) {
		const facts = this.facts(connection.member);
		this.members.delete(connection.member);
		this.tell('room.member_left', { ...facts, reason: 'left' });
		return {};
	}

	'room.signal'({ to, ...body }, connection) {
		if (!this.members.has(to))
			refuse('ENOENT', 'no such member');
		this.say(to, 'room.signal', { from: connection.member, ...body });
		return {};
	}

	'room.chat'({ text, key }, connection) {
		let line = this.lines.find((each) => each.key === key);
		if (!line) {
			const { user_id, user_name } = connection.user;
			line = { id: this.lines.length + 1, user_id, user_name, text, ts_ms: Date.now(), key };
			this.lines.push(line);
			this.tell('room.chat', line);
		}
		return { id: line.id, ts_ms: line.ts_ms };
	}

	'room.history'({ limit = 50 }) {
		return { lines: this.lines.slice(-limit) };
	}

	'room.state'(state, connection) {
		Object.assign(this.members.get(connection.member), state);
		this.tell('room.member_changed', this.facts(connection.member));
		return {};
	}

	'room.refresh'(_, connection) {
		return this.#login(connection, connection.user);
	}

	'room.ice'() {
		return { ice_servers: [], ice_expires_s: 3600 };
	}
}
