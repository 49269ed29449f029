/* The peer of G15: rooms on Node `ws`, speaking as much of docs/rooms.md as the load needs (login, join, chat). Who one is
 * it takes on trust, and it writes no line to a disk. Prints its port. */
import { WebSocketServer } from 'ws';

/** @type {Map<string, {members: Set<any>, next: number, line: number}>} */
const rooms = new Map();

const methods = {
	'room.login': (socket, { user_id }) => {
		socket.user = user_id;
		return { user_id };
	},
	'room.join': (socket, { room }) => {
		if (!rooms.has(room)) rooms.set(room, { members: new Set(), next: 1, line: 0 });
		socket.room = rooms.get(room);
		socket.seq = 0;
		socket.room.members.add(socket);
		return { room, member: socket.room.next++ };
	},
	'room.chat': ({ room, user }, { text }) => {
		const line = { id: ++room.line, user_id: user, user_name: user, text, ts_ms: Date.now() };
		for (const to of room.members)
			to.send(JSON.stringify({ jsonrpc: '2.0', method: 'room.chat', params: { ...line, seq: ++to.seq } }));
		return { id: line.id, ts_ms: line.ts_ms };
	},
};

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, path: '/v1/ws', perMessageDeflate: false });
server.on('connection', (socket) => {
	socket.on('message', (data) => {
		const { id, method, params } = JSON.parse(data);
		socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: methods[method](socket, params) }));
	});
	socket.on('close', () => socket.room?.members.delete(socket));
});
server.on('listening', () => process.stdout.write(`${server.address().port}\n`));
