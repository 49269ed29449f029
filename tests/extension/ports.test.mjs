import assert from 'node:assert/strict';
import test from 'node:test';
import { FakePort, FakeTimers, fakeChrome } from './fake_chrome.mjs';
import { Ports } from '../../web-extension/src/ports.js';
import { reasonOf, retryDelay } from '../../web-extension/src/native.js';

const WHO = { origin: 'https://crm.example', is_top_frame: true, is_incognito: false, tab_id: 7 };

function setUp() {
	const chrome = fakeChrome();
	const timers = new FakeTimers();
	const ports = new Ports({ chrome, random: () => 0.5, setTimer: timers.set, clearTimer: timers.clear });
	return { chrome, timers, ports, host: () => chrome.nativePorts[chrome.nativePorts.length - 1] };
}

function connected() {
	const all = setUp();
	const page = new FakePort('page');
	all.ports.add(page, WHO);
	all.host().say({ jsonrpc: '2.0', method: 'agent.state', params: { state: 'up' } });
	return { ...all, page };
}

test('a page is opened at the agent with the attested origin, once the agent is up', () => {
	const { ports, host } = setUp();
	const page = new FakePort('page');
	ports.add(page, { ...WHO, secret: 'stays here' });
	assert.deepEqual(host().sent, []);
	assert.deepEqual(page.last(), { method: 'transport.state', params: { state: 'starting', reason: 'connecting' } });
	host().say({ method: 'agent.state', params: { state: 'up' } });
	assert.deepEqual(host().sent, [{ jsonrpc: '2.0', method: 'transport.open',
		params: { ch: 1, origin: 'https://crm.example', is_top_frame: true, is_incognito: false } }]);
	assert.equal(page.last().params.state, 'up');
});

test('a frame is opened with the origin of the page around it', () => {
	const { ports, host } = setUp();
	ports.add(new FakePort('page'), { ...WHO, is_top_frame: false, top_origin: 'https://portal.example' });
	host().say({ method: 'agent.state', params: { state: 'up' } });
	assert.equal(host().last().params.top_origin, 'https://portal.example');
});

test('only id, method and params pass; a forged origin or channel does not', () => {
	const { host, page } = connected();
	page.say({ id: 3, method: 'session.open', params: { template: 'desk' }, origin: 'https://bank.example', ch: 99, jsonrpc: '9' });
	assert.deepEqual(host().last(), { jsonrpc: '2.0', ch: 1, id: 3, method: 'session.open', params: { template: 'desk' } });
});

test('what is not a request is answered here', () => {
	const { host, page } = connected();
	const before = host().sent.length;
	const bad = [null, 'text', [], {}, { id: 1 }, { id: 1.5, method: 'a.b' }, { method: 'a.b' }, { id: 1, method: 'a' },
		{ id: 1, method: 'transport.open', params: { ch: 5, origin: 'https://bank.example' } },
		{ id: 1, method: 'a.b', params: [1] }, { id: 1, method: 'a.b', params: null }, { id: 'deskhand-extension:1', method: 'a.b' },
		{ id: 'x'.repeat(65), method: 'a.b' }, { id: 1, method: 'A.b' }, { id: { toString: 1 }, method: 'a.b' }];
	for (const m of bad) {
		page.say(m);
		assert.equal(page.last().error.code, -32600, JSON.stringify(m));
	}
	assert.equal(host().sent.length, before);
});

test('a message over 256 KiB is refused, in bytes and not in characters', () => {
	const { host, page } = connected();
	page.say({ id: 1, method: 'a.b', params: { x: 'é'.repeat(140000) } });
	assert.equal(page.last().error.data.name, 'ELIMIT');
	page.say({ id: 2, method: 'a.b', params: { x: 'e'.repeat(140000) } });
	assert.equal(host().last().id, 2);
});

test('replies and events go to their channel alone', () => {
	const { ports, host, page } = connected();
	const other = new FakePort('page');
	ports.add(other, { ...WHO, origin: 'https://other.example' });
	const seen = other.sent.length;
	host().say({ jsonrpc: '2.0', ch: 1, id: 4, result: { ok: true }, extra: 1 });
	assert.deepEqual(page.last(), { id: 4, result: { ok: true } });
	host().say({ jsonrpc: '2.0', ch: 1, id: 5, error: { code: -32002, message: 'no' } });
	assert.deepEqual(page.last(), { id: 5, error: { code: -32002, message: 'no' } });
	host().say({ jsonrpc: '2.0', ch: 1, method: 'recording.stopped', params: { seq: 1 } });
	assert.deepEqual(page.last(), { method: 'recording.stopped', params: { seq: 1 } });
	host().say({ jsonrpc: '2.0', ch: 77, id: 1, result: {} });
	host().say(null);
	assert.equal(other.sent.length, seen);
});

test('an agent that restarts behind the host: pages are told and opened again', () => {
	const { host, page } = connected();
	host().say({ method: 'agent.state', params: { state: 'down', reason: 'no_agent' } });
	assert.deepEqual(page.last().params, { state: 'down', reason: 'no_agent' });
	page.say({ id: 9, method: 'agent.status' });
	assert.equal(page.last().error.data.name, 'ECLOSED');
	host().say({ method: 'agent.state', params: { state: 'up' } });
	assert.equal(host().last().method, 'transport.open');
	assert.equal(page.last().params.state, 'up');
	host().say({ method: 'agent.state', params: { state: 'up' } });
	assert.equal(host().sent.filter((m) => m.method === 'transport.open').length, 2);
});

test('a host that dies is started again with back-off, and the channels with it', async () => {
	const { chrome, timers, host, page } = connected();
	await chrome.breakNative('Native host has exited.');
	assert.deepEqual(page.last().params, { state: 'down', reason: 'host_exited' });
	assert.deepEqual(timers.delays, [500]);
	timers.advance(500);
	assert.equal(chrome.nativePorts.length, 2);
	await chrome.breakNative('Native host has exited.');
	assert.deepEqual(timers.delays, [1000]);
	timers.advance(1000);
	host().say({ method: 'agent.state', params: { state: 'up' } });
	assert.deepEqual(host().sent.map((m) => m.method), ['transport.open']);
	await chrome.breakNative('Native host has exited.');
	assert.deepEqual(timers.delays, [500], 'the back-off starts anew after the agent was up');
});

test('messages of a port that was replaced are not heard', async () => {
	const { chrome, timers, ports } = connected();
	const old = chrome.nativePorts[0];
	await chrome.breakNative('Native host has exited.');
	timers.advance(500);
	old.say({ method: 'agent.state', params: { state: 'up' } });
	assert.equal(ports.state.state, 'starting');
});

test('retry delays: 0.5 s doubling to 30 s, never above, never without jitter', () => {
	assert.deepEqual([0, 1, 2, 3, 6, 20].map((n) => retryDelay(n, () => 0.5)), [500, 1000, 2000, 4000, 30000, 30000]);
	assert.equal(retryDelay(0, () => 0), 375);
	assert.equal(retryDelay(9, () => 0.99), 30000);
});

test('a new page does not wait for the back-off of others', async () => {
	const { chrome, ports } = connected();
	await chrome.breakNative('Specified native messaging host not found.');
	ports.add(new FakePort('page'), WHO);
	assert.equal(chrome.nativePorts.length, 2);
});

test('the native port closes a while after the last page', () => {
	const { timers, ports, host, page } = connected();
	page.drop();
	assert.deepEqual(host().last(), { jsonrpc: '2.0', method: 'transport.close', params: { ch: 1 } });
	assert.equal(host().isGone, false);
	timers.advance(9999);
	ports.add(new FakePort('page'), WHO);
	timers.advance(60000);
	assert.equal(host().isGone, false, 'a reload within ten seconds keeps it');
});

test('the native port does close when nobody comes back', () => {
	const { timers, chrome, ports, host, page } = connected();
	page.drop();
	timers.advance(10000);
	assert.equal(host().isGone, true);
	assert.equal(ports.state.state, 'idle');
	timers.advance(60000);
	assert.equal(chrome.nativePorts.length, 1);
});

test('a channel the agent closes ends the page with code and reason', () => {
	const { ports, host, page } = connected();
	host().say({ jsonrpc: '2.0', method: 'transport.closed', params: { ch: 1, code: 4403, reason: 'this origin has no grant' } });
	assert.deepEqual(page.last(), { method: 'transport.closed', params: { code: 4403, reason: 'this origin has no grant' } });
	assert.equal(page.isGone, true);
	assert.equal(ports.size, 0);
	assert.ok(!host().sent.some((m) => m.method === 'transport.close'), 'it is closed already');
});

test('the extension asks for itself on a page channel, and the page does not hear it', async () => {
	const { timers, ports, host, page } = connected();
	const seen = page.sent.length;
	const asked = ports.ask(7, 'grants.list');
	const { id, ch, method } = host().last();
	assert.deepEqual({ ch, method }, { ch: 1, method: 'grants.list' });
	host().say({ jsonrpc: '2.0', ch: 1, id, result: { grants: [] } });
	assert.deepEqual((await asked).result, { grants: [] });
	assert.equal(page.sent.length, seen);
	assert.equal((await ports.ask(8, 'grants.list')).error.data.name, 'ECLOSED');
	const unanswered = ports.ask(7, 'grants.list');
	timers.advance(3000);
	assert.equal((await unanswered).error.data.name, 'ECLOSED');
});

test('pages over the bound are refused', () => {
	const { ports } = connected();
	for (let i = 1; i < 64; i++)
		ports.add(new FakePort('page'), WHO);
	const one = new FakePort('page');
	ports.add(one, WHO);
	assert.equal(one.last().params.code, 4431);
	assert.equal(ports.size, 64);
});

test('a site that was removed loses its channels at once', () => {
	const { ports, page } = connected();
	ports.dropUnless((origin) => origin !== WHO.origin);
	assert.equal(page.last().params.code, 4440);
	assert.equal(ports.size, 0);
});

test('the browsers’ sentences have words of our own', () => {
	assert.equal(reasonOf('Specified native messaging host not found.'), 'host_missing');
	assert.equal(reasonOf('No such native application io.deskhand.host'), 'host_missing');
	assert.equal(reasonOf('Access to the specified native messaging host is forbidden.'), 'host_forbidden');
	assert.equal(reasonOf('Access to the native messaging host was disabled by the system administrator.'), 'host_disabled');
	assert.equal(reasonOf('Native host has exited.'), 'host_exited');
	assert.equal(reasonOf('Error when communicating with the native messaging host.'), 'host_broken');
	assert.equal(reasonOf('An unexpected error occurred'), 'host_broken');
	assert.equal(reasonOf(''), 'host_exited');
});
