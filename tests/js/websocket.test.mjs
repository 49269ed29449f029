/** The SDK over the local WebSocket: probing ports, the agent's proof, what the browser blocks. Real sockets. */
import assert from 'node:assert/strict';
import { createServer } from 'node:net';
import test from 'node:test';
import { Deskhand } from '../../js/deskhand.js';
import { FakeAgent, FakeExtension, SocketAgent, freshPage, next, state } from './fakes.mjs';

/** A port on which nobody listens. */
async function freePort() {
	const server = createServer().listen(0, '127.0.0.1');
	await new Promise((resolve) => server.once('listening', resolve));
	const { port } = server.address();
	await new Promise((resolve) => server.close(resolve));
	return port;
}

const bySocket = (ports, options) => Deskhand.connect({ transport: 'websocket', ports, ...options });

test('all ports are tried; the one with an agent wins, and the others are closed', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	const other = await new SocketAgent().listen();
	other.answers['agent.hello'] = () => null; /* something that never answers */
	t.after(() => Promise.all([agent.stop(), other.stop()]));
	const desk = await bySocket([await freePort(), other.port, agent.port]);
	assert.equal(desk.transport, 'websocket');
	const [{ method, params }] = agent.asked;
	assert.equal(method, 'agent.hello');
	assert.equal(Buffer.from(params.nonce, 'base64').length, 32);
	const [socket] = agent.server.clients;
	assert.equal(socket.protocol, 'deskhand.v1');
	while (other.server.clients.size)
		await new Promise((resolve) => [...other.server.clients][0]?.once('close', resolve) ?? resolve());
	desk.close();
});

test('who took the port after the first meeting is found out', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	(await bySocket([agent.port])).close();
	await agent.stop();
	const impostor = await new SocketAgent().listen(agent.port);
	t.after(() => impostor.stop());
	await assert.rejects(bySocket([agent.port]), { name: 'denied', reason: 'impostor' });
	Deskhand.forget();
	(await bySocket([agent.port])).close();
});

test('a proof that does not hold is refused: wrong nonce, wrong signature, none at all', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	t.after(() => agent.stop());
	const hello = agent.answers['agent.hello'];
	const stale = agent.prove('https://crm.example', 'old nonce');
	for (const proof of [stale, { ...stale, proof: '' }, { key: 'AAAA', proof: 'AAAA' }, {}]) {
		agent.answers['agent.hello'] = (params) => ({ ...hello(params), proof: undefined, key: undefined, ...proof });
		await assert.rejects(bySocket([agent.port]), { name: 'denied', reason: 'impostor' });
	}
});

test('a stranger on the port that speaks something else is not the agent', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	const stranger = await new SocketAgent().listen();
	t.after(() => Promise.all([agent.stop(), stranger.stop()]));
	for (const text of ['not json', '42', 'null', '[]', '{"id":1}', '{"id":1,"result":null}', '{"id":1,"result":{"version":1}}',
		'{"id":1,"error":{}}', '{"method":5}']) {
		stranger.reply = () => null;
		stranger.server.removeAllListeners('connection');
		stranger.server.on('connection', (socket) => socket.on('message', () => socket.send(text)));
		await assert.rejects(bySocket([stranger.port], { timeout: 200 }), (e) => e.name !== 'TypeError' && e.name !== 'SyntaxError', text);
		const desk = await bySocket([stranger.port, agent.port]);
		assert.equal(desk.transport, 'websocket');
		desk.close();
	}
});

test('nobody there: not installed for a newcomer, agent down for who was here before', async () => {
	freshPage();
	const agent = await new SocketAgent().listen();
	const { port } = agent;
	await assert.rejects(bySocket([await freePort()]), { name: 'not_installed' });
	(await bySocket([port])).close();
	await agent.stop();
	await assert.rejects(bySocket([port]), { name: 'agent_down' });
});

test('blocked by the browser is told apart from nobody there', async () => {
	const port = await freePort();
	freshPage({ permission: 'denied' });
	await assert.rejects(bySocket([port]), { name: 'blocked_by_browser' });
	freshPage({ permission: 'prompt' });
	await assert.rejects(bySocket([port]), { name: 'not_installed' }, 'refused at once: nobody was asked');
	freshPage({ permission: 'denied', hostname: 'localhost' });
	await assert.rejects(bySocket([port]), { name: 'not_installed' }, 'pages of this computer are never blocked');
	/* The browser's question is on the screen: the socket stays as it is. */
	freshPage({ permission: 'prompt' });
	globalThis.WebSocket = class {
		close() {}
	};
	await assert.rejects(bySocket([port], { timeout: 30 }), { name: 'blocked_by_browser', reason: 'prompt' });
});

test('close codes have names', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	t.after(() => agent.stop());
	for (const [code, name] of [[4403, 'denied'], [4426, 'version_mismatch'], [4500, 'agent_down']]) {
		agent.answers['agent.hello'] = () => {
			for (const socket of agent.server.clients)
				socket.close(code, 'why');
			return null;
		};
		await assert.rejects(bySocket([agent.port]), { name });
	}
});

test('the agent restarts: the socket is made again', async (t) => {
	freshPage();
	const first = await new SocketAgent().listen();
	const desk = await bySocket([first.port]);
	await desk.session.open({});
	const reconnecting = next(desk, 'reconnecting');
	const reconnected = next(desk, 'reconnected');
	await first.stop();
	const { detail } = await reconnecting;
	assert.ok(detail.delay_ms >= 0 && detail.delay_ms <= 250, 'full jitter from a quarter of a second');
	const second = await new SocketAgent(first.keys).listen(first.port);
	t.after(() => second.stop());
	await reconnected;
	assert.deepEqual(second.methods(), ['agent.hello', 'session.attach']);
	desk.close();
});

test('auto: the extension first, the socket where there is none', async (t) => {
	freshPage();
	const agent = await new SocketAgent().listen();
	t.after(() => agent.stop());
	const ports = [agent.port];
	let desk = await Deskhand.connect({ ports });
	assert.equal(desk.transport, 'websocket');
	desk.close();
	new FakeExtension(new FakeAgent());
	desk = await Deskhand.connect({ ports });
	assert.equal(desk.transport, 'extension');
	desk.close();
	new FakeExtension(new FakeAgent(), [state('down', 'host_missing')]);
	desk = await Deskhand.connect({ ports });
	assert.equal(desk.transport, 'websocket', 'an extension without a host does not stand in the way');
	desk.close();
});

test('auto: of two failures the one that tells more', async () => {
	const ports = [await freePort()];
	freshPage();
	await assert.rejects(Deskhand.connect({ ports }), { name: 'not_installed' });
	new FakeExtension(new FakeAgent(), [state('failed', 'start_failed')]);
	await assert.rejects(Deskhand.connect({ ports }), { name: 'agent_down' });
	freshPage({ permission: 'denied' });
	await assert.rejects(Deskhand.connect({ ports }), { name: 'blocked_by_browser' });
	freshPage();
	new FakeExtension(new FakeAgent());
	(await Deskhand.connect({ ports })).close();
	globalThis.chrome = undefined;
	await assert.rejects(Deskhand.connect({ ports }), { name: 'extension_missing' }, 'it was there before');
});
