/** The content-script road: the SDK in a fake page, web-extension/src/content.js beside it. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import vm from 'node:vm';
import { Deskhand } from '../../js/deskhand.js';
import { FakeAgent, freshPage, next, state } from './fakes.mjs';

const source = readFileSync(new URL('../../web-extension/src/content.js', import.meta.url), 'utf8');

/** A window that both see, and chrome.runtime as the content script sees it. */
function setUp({ origin = 'https://crm.example', greeting = [state('up')] } = {}) {
	freshPage();
	const agent = new FakeAgent();
	const listeners = [];
	const said = [];
	const ports = [];
	const window = {
		origin,
		addEventListener: (type, fn) => listeners.push(fn),
		postMessage: (data, target, transfer = []) => {
			said.push({ data, target });
			queueMicrotask(() => window.deliver({ data, ports: transfer }));
		},
		deliver: (e) => listeners.forEach((fn) => fn({ source: window, origin, stopImmediatePropagation() {}, ports: [], ...e })),
	};
	const connect = () => {
		const port = { onMessage: [], onDisconnect: [], sent: [] };
		Object.assign(port, {
			addTo: (list) => ({ addListener: (fn) => list.push(fn) }),
			postMessage: (m) => {
				port.sent.push(m);
				const reply = agent.reply(m);
				if (reply)
					setImmediate(() => port.say(reply));
			},
			disconnect: () => (port.isGone = true),
		});
		const { onMessage, onDisconnect } = port;
		port.say = (m) => onMessage.forEach((fn) => fn(m));
		port.drop = () => onDisconnect.forEach((fn) => fn());
		ports.push(port);
		setImmediate(() => greeting.forEach((m) => port.say(m)));
		return { ...port, onMessage: port.addTo(onMessage), onDisconnect: port.addTo(onDisconnect) };
	};
	const world = { window, chrome: { runtime: { connect } }, setTimeout, clearTimeout };
	const inject = () => vm.runInNewContext(source, world);
	inject();
	globalThis.window = window;
	return { agent, ports, window, said, inject, world };
}

const open = (options) => Deskhand.connect({ transport: 'extension', ...options });

test('the page reaches the agent; what passes is id, method and params', async () => {
	const { ports, said } = setUp();
	const desk = await open();
	assert.equal(desk.transport, 'extension');
	assert.deepEqual(Object.keys(ports[0].sent[0]).sort(), ['id', 'method', 'params']);
	assert.ok(said.every(({ target }) => target === 'https://crm.example'), 'never posted to *');
	desk.close();
});

test('messages of other windows and origins, without a port, or of other kinds are not for it', async () => {
	const { ports, window } = setUp();
	const { port1 } = new MessageChannel();
	const connect = { type: 'deskhand.connect' };
	for (const e of [{ data: connect, ports: [port1], source: {} }, { data: connect, ports: [port1], origin: 'https://evil.test' },
		{ data: connect, ports: [] }, { data: connect, ports: [port1, port1] }, { data: { type: 'other' }, ports: [port1] },
		{ data: null, ports: [port1] }, { data: 'deskhand.connect', ports: [port1] }])
		window.deliver(e);
	assert.equal(ports.length, 0);
	port1.close();
});

test('injected twice it answers once', async () => {
	const { ports, inject } = setUp();
	inject();
	(await open()).close();
	assert.equal(ports.length, 1);
});

test('a sandboxed frame gets nothing', async () => {
	const { ports } = setUp({ origin: 'null' });
	await assert.rejects(open(), { name: 'extension_missing' });
	assert.equal(ports.length, 0);
});

test('the worker restarts: the content script opens a new port and the page says hello again', async () => {
	const { agent, ports } = setUp();
	const desk = await open();
	const reconnected = next(desk, 'reconnected');
	ports[0].drop();
	await reconnected;
	assert.equal(ports.length, 2);
	assert.deepEqual(agent.methods(), ['agent.hello', 'agent.hello']);
	desk.close();
});

test('a site that is refused is not asked again', async () => {
	const { ports } = setUp({ greeting: [{ method: 'transport.closed', params: { code: 4403, reason: 'site_not_allowed' } }] });
	await assert.rejects(open(), { name: 'extension_missing' });
	ports[0].drop();
	assert.equal(ports.length, 1);
});

test('the extension is removed while the page is open', async () => {
	const { ports, world } = setUp();
	const desk = await open();
	world.chrome.runtime.connect = () => {
		throw new Error('Extension context invalidated.');
	};
	const reconnecting = next(desk, 'reconnecting');
	ports[0].drop();
	assert.equal((await reconnecting).detail.reason, 'extension_restarted');
	desk.close();
	await assert.rejects(open({ timeout: 60000 }), { name: 'extension_missing' });
});
