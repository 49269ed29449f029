/** The popup over a fake document: what it says for each state, and that its buttons do what they say. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { FakePort, fakeChrome } from './fake_chrome.mjs';

const root = new URL('../../web-extension/', import.meta.url);
const messages = (lang) => JSON.parse(readFileSync(new URL(`_locales/${lang}/messages.json`, root), 'utf8'));
const html = readFileSync(new URL('popup/popup.html', root), 'utf8');
const CRM = 'https://crm.example:8443';
let run = 0;

function fakeDocument() {
	const elements = new Map([...html.matchAll(/<[^>]*\sid="([^"]+)"[^>]*>/g)].map(([tag, id]) => {
		const listeners = {};
		return [id, { id, textContent: '', hidden: /\shidden/.test(tag), dataset: { text: tag.match(/data-text="(\w+)"/)?.[1] }, children: [],
			addEventListener: (type, fn) => (listeners[type] = fn), click: () => listeners.click(), setAttribute() {},
			replaceChildren(...list) {
				this.children = list;
			} }];
	}));
	return { elements, body: { dataset: {} }, documentElement: {}, getElementById: (id) => elements.get(id), createElement: () => ({}),
		querySelectorAll: () => [...elements.values()].filter((e) => e.dataset.text) };
}

/** The popup opened over a tab. */
async function open({ url = `${CRM}/case`, lang = 'en', allows = true, allowed = [], granted = [] } = {}) {
	const chrome = fakeChrome({ local: { allowed }, granted });
	const port = new FakePort('popup');
	const texts = messages(lang);
	const asked = [];
	Object.assign(chrome.runtime, { connect: () => port, getManifest: () => ({ version: '0.1.0' }) });
	chrome.i18n = { getUILanguage: () => lang, getMessage: (key, args = []) =>
		(texts[key]?.message ?? '').replace(/\$(\d)/g, (_, n) => args[n - 1]) };
	chrome.tabs.query = async () => [{ id: 5, url }];
	chrome.permissions.request = async ({ origins }) => {
		asked.push(['request', ...origins]);
		return allows;
	};
	chrome.permissions.remove = async ({ origins }) => void asked.push(['remove', ...origins]);
	Object.assign(globalThis, { chrome, document: fakeDocument(), location: { search: '' } });
	const popup = await import(`../../web-extension/popup/popup.js?run=${++run}`);
	const at = (id) => document.elements.get(id);
	return { ...popup, chrome, port, asked, at };
}

test('every state has a sentence, every trouble a remedy, in both languages', async () => {
	for (const lang of ['en', 'zh_CN']) {
		const { diagnose } = await open({ lang });
		const texts = messages(lang);
		for (const reason of ['', 'host_missing', 'host_forbidden', 'host_disabled', 'host_exited', 'host_broken', 'sandboxed', 'version', 'other'])
			for (const state of ['idle', 'starting', 'up', 'down', 'failed']) {
				const { title, help } = diagnose({ state, reason });
				assert.ok(texts[title].message, title);
				assert.ok(['idle', 'starting', 'up'].includes(state) ? help === '' : texts[help].message, `${state} ${reason}`);
			}
	}
});

test('it shows what the worker says', async () => {
	const { port, at } = await open();
	assert.deepEqual(port.sent.map((m) => m.ask), ['site', 'call']);
	await port.say({ state: { state: 'down', reason: 'host_missing', text: '' }, pages: 0 });
	assert.match(at('agent-state').textContent, /not installed/);
	assert.match(at('agent-help').textContent, /manifests install/);
	assert.equal(at('retry').hidden, false);
	at('retry').click();
	assert.deepEqual(port.last(), { ask: 'retry' });
	await port.say({ state: { state: 'up', reason: '', text: '' }, pages: 2 });
	assert.deepEqual([at('agent-state').textContent, at('retry').hidden, document.body.dataset.agent], ['Running', true, 'up']);
	await port.say({ method: 'grants.list', reply: { result: { grants: [{ scopes: ['camera', 'screen'] }, { scopes: ['camera'] }] } } });
	assert.deepEqual(at('grants').children.map((li) => li.textContent), ['camera', 'screen']);
	await port.say({ method: 'grants.list', reply: { error: { code: -32018 } } });
	assert.equal(at('grants').hidden, true);
});

test('a site can be allowed on a click, and removed again', async () => {
	const { chrome, port, at, asked } = await open();
	await port.say({ site: { origin: CRM, source: 'none', isPermitted: false } });
	assert.deepEqual([at('allow').hidden, at('remove').hidden, at('site-origin').textContent], [false, true, CRM]);
	at('allow').click();
	await new Promise(setImmediate);
	assert.deepEqual(asked, [['request', 'https://crm.example/*']]);
	assert.deepEqual(chrome.local.allowed, [CRM]);
	await port.say({ site: { origin: CRM, source: 'user', isPermitted: true } });
	assert.deepEqual([at('allow').hidden, at('remove').hidden], [true, false]);
	at('remove').click();
	await new Promise(setImmediate);
	assert.deepEqual(chrome.local.allowed, []);
	assert.deepEqual(asked[1], ['remove', 'https://crm.example/*']);
});

test('who says no to the browser’s question has allowed nothing', async () => {
	const { chrome, at } = await open({ allows: false, allowed: ['https://other.example'] });
	at('allow').click();
	await new Promise(setImmediate);
	assert.deepEqual(chrome.local.allowed, ['https://other.example']);
});

test('two ports of one host share the permission: the last one takes it away', async () => {
	const { at, asked } = await open({ allowed: [CRM, 'https://crm.example'] });
	at('remove').click();
	await new Promise(setImmediate);
	assert.deepEqual(asked, []);
});

test('a listed site needs one click more; pages that are no https site cannot be allowed', async () => {
	const listed = await open();
	await listed.port.say({ site: { origin: CRM, source: 'managed', isPermitted: false } });
	assert.equal(listed.at('allow').hidden, false);
	assert.match(listed.at('site-state').textContent, /one click/);
	await listed.port.say({ site: { origin: CRM, source: 'managed', isPermitted: true } });
	assert.equal(listed.at('allow').hidden, true);
	for (const url of ['http://crm.example/', 'about:blank', 'file:///tmp/x', null]) {
		const { port, at } = await open({ url });
		assert.equal(port.sent[0].origin, '', String(url));
		await port.say({ site: { origin: '', source: 'none', isPermitted: false } });
		assert.deepEqual([at('allow').hidden, at('remove').hidden], [true, true]);
	}
	const local = await open({ url: 'http://localhost:8480/x' });
	assert.equal(local.port.sent[0].origin, 'http://localhost:8480');
});
