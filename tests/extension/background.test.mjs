import assert from 'node:assert/strict';
import test from 'node:test';
import { FakePort, FakeTimers, fakeChrome } from './fake_chrome.mjs';
import { cleanOrigin, isLoopback } from '../../web-extension/src/sites.js';

let run = 0;

/** A fresh service worker over a fake browser. */
async function start(options) {
	const chrome = fakeChrome(options);
	globalThis.chrome = chrome;
	const timers = new FakeTimers(); /* the worker's own must not keep the test alive */
	Object.assign(globalThis, { setTimeout: timers.set, clearTimeout: timers.clear, setInterval: timers.set });
	await import(`../../web-extension/src/background.js?run=${++run}`);
	return chrome;
}

const CRM = 'https://crm.example';
const sender = (origin, more = {}) => ({ id: 'x', origin, frameId: 0, tab: { id: 1, url: `${origin}/page`, incognito: false }, ...more });

async function connect(chrome, who, name = 'page') {
	const port = new FakePort(name, who);
	await chrome.runtime.onConnect.fire(port);
	return port;
}

const isRefused = (port) => port.isGone && port.last()?.method === 'transport.closed' && port.last().params.code === 4403;

test('localhost speaks at once, by both roads', async () => {
	const chrome = await start();
	const port = await connect(chrome, sender('http://localhost:8480'));
	assert.equal(port.last().method, 'transport.state');
	const direct = new FakePort('', sender('http://127.0.0.1:8480'));
	await chrome.runtime.onConnectExternal.fire(direct);
	assert.equal(direct.last().method, 'transport.state');
	assert.equal(chrome.nativePorts.length, 1, 'one native port for all pages');
});

test('an origin that nobody allowed is refused, and so are its look-alikes', async () => {
	const chrome = await start({ managed: { origins: [CRM] } });
	assert.equal(isRefused(await connect(chrome, sender(CRM))), false);
	for (const origin of ['https://crm.example.evil.test', 'https://evil.test', 'http://crm.example', 'https://crm.example:8443',
		'https://sub.crm.example', 'null', 'http://localhost.evil.test', 'http://127.0.0.1.evil.test', 'file://', 'moz-extension://abc'])
		assert.ok(isRefused(await connect(chrome, sender(origin))), origin);
});

test('without the browser’s own word on origin, frame and tab nobody gets in', async () => {
	const chrome = await start();
	const good = sender('http://localhost:1');
	for (const who of [undefined, {}, { ...good, origin: undefined }, { ...good, frameId: undefined }, { ...good, tab: undefined },
		{ ...good, tab: { ...good.tab, incognito: true } }])
		assert.ok(isRefused(await connect(chrome, who)), JSON.stringify(who));
});

test('a frame needs its top page to be of the same origin or allowed itself', async () => {
	const chrome = await start({ managed: { origins: [CRM, 'https://portal.example'] } });
	const frame = (top) => sender(CRM, { frameId: 4, tab: { id: 1, url: top, incognito: false } });
	assert.equal(isRefused(await connect(chrome, frame('https://crm.example/deep'))), false);
	assert.equal(isRefused(await connect(chrome, frame('https://portal.example/'))), false);
	for (const top of ['https://ads.example/', undefined, '', 'about:blank'])
		assert.ok(isRefused(await connect(chrome, frame(top))), String(top));
});

test('managed origins get the content script; what is no https origin is left out', async () => {
	const listed = [CRM, 'https://crm.example/', 'https://*.evil.test', 'http://x.example', 5, 'https://b.example:8443'];
	const chrome = await start({ managed: { origins: listed } });
	await chrome.runtime.onInstalled.fire({});
	assert.deepEqual(chrome.registered.map((s) => s.matches), [['https://crm.example/*', 'https://b.example/*']]);
	assert.equal(chrome.registered[0].runAt, 'document_start');
});

test('a user’s site needs the entry and the browser’s permission; losing either ends it', async () => {
	const chrome = await start({ local: { allowed: [CRM] } });
	assert.ok(isRefused(await connect(chrome, sender(CRM))));
	chrome.openTabs = [{ id: 31, pattern: 'https://crm.example/*' }];
	chrome.permitted.add('https://crm.example/*');
	await chrome.permissions.onAdded.fire({});
	assert.deepEqual(chrome.registered[0].matches, ['https://crm.example/*']);
	assert.deepEqual(chrome.injected, [31], 'the open tab needs no reload');
	const page = await connect(chrome, sender(CRM));
	assert.equal(page.isGone, false);
	chrome.permitted.clear();
	await chrome.permissions.onRemoved.fire({});
	assert.equal(page.last().params.code, 4440);
	assert.deepEqual(chrome.registered, []);
});

test('several changes at once do not trip over each other', async () => {
	const chrome = await start({ managed: { origins: [CRM] } });
	await Promise.all([chrome.storage.onChanged.fire({}), chrome.permissions.onAdded.fire({}), chrome.runtime.onInstalled.fire({})]);
	assert.equal(chrome.registered.length, 1);
});

test('a page that went away while the lists were read leaves nothing behind', async () => {
	const chrome = await start();
	const port = new FakePort('page', sender('http://localhost:1'));
	const accepted = chrome.runtime.onConnect.fire(port);
	await port.drop();
	await accepted;
	assert.equal(chrome.nativePorts.length, 0);
});

test('the popup hears the state and a site’s standing; a page that calls itself popup does not', async () => {
	const chrome = await start({ managed: { origins: [CRM] } });
	const popup = await connect(chrome, { id: chrome.runtime.id, url: chrome.runtime.getURL('popup/popup.html') }, 'popup');
	assert.deepEqual(popup.last(), { state: { state: 'starting', reason: 'connecting', text: '' }, pages: 0 });
	await chrome.breakNative('Specified native messaging host not found.');
	assert.deepEqual(popup.last().state, { state: 'down', reason: 'host_missing', text: 'Specified native messaging host not found.' });
	await popup.say({ ask: 'retry' });
	assert.equal(chrome.nativePorts.length, 2);
	await popup.say({ ask: 'site', origin: CRM });
	assert.deepEqual(popup.last().site, { origin: CRM, source: 'managed', isPermitted: false });
	await popup.say({ ask: 'call', tabId: 1, method: 'grants.list' });
	assert.equal(popup.last().reply.error.data.name, 'ECLOSED');
	const forged = await connect(chrome, { id: chrome.runtime.id, url: 'http://localhost/popup' }, 'popup');
	assert.equal(forged.isGone, true);
	assert.deepEqual(forged.sent, []);
	await popup.drop();
});

test('waking up and alarms try again, and the alarm ends when no page is left', async () => {
	const chrome = await start();
	const page = await connect(chrome, sender('http://localhost:1'));
	assert.deepEqual(chrome.alarmsSet, ['retry']);
	await chrome.breakNative('Native host has exited.');
	await chrome.alarms.onAlarm.fire({ name: 'retry' });
	assert.equal(chrome.nativePorts.length, 2);
	await chrome.breakNative('Native host has exited.');
	await chrome.idle.onStateChanged.fire('active');
	assert.equal(chrome.nativePorts.length, 3);
	await page.drop();
	await chrome.alarms.onAlarm.fire({ name: 'retry' });
	assert.deepEqual(chrome.alarmsSet, []);
});

test('origins are compared whole', () => {
	assert.equal(cleanOrigin('https://crm.example'), 'https://crm.example');
	for (const text of ['https://crm.example/', 'https://CRM.example', 'https://crm.example:443', 'https://u@crm.example', 'http://crm.example',
		'https://', 'https://*.example', null, 3, `https://${'a'.repeat(300)}.example`])
		assert.equal(cleanOrigin(text), '', String(text));
	assert.ok(isLoopback('http://127.0.0.1:65535'));
	for (const text of ['http://127.0.0.2', 'http://0.0.0.0', 'https://localhost', 'http://localhost.', 'http://localhost:', 'xhttp://localhost'])
		assert.equal(isLoopback(text), false, text);
});
