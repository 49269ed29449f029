/* The peer of G9: Node `ws` with JSON, answering as briefly as our agent does. Prints its port. */
import { WebSocketServer } from 'ws';

const server = new WebSocketServer({ host: '127.0.0.1', port: 0, perMessageDeflate: false });
server.on('connection', (socket) => {
	socket.on('message', (data) => {
		const { id, method, params } = JSON.parse(data);
		socket.send(JSON.stringify({ jsonrpc: '2.0', id, result: typeof method === 'string' && params ? {} : null }));
	});
});
server.on('listening', () => process.stdout.write(`${server.address().port}\n`));
