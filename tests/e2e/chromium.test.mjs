/** A real page in Chromium -> extension -> deskhand-host -> agent (with fake devices) -> a file, and back. */
import assert from 'node:assert/strict';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import nodeTest from 'node:test';
import { chromium } from 'playwright-core';
import { Desk, extension, percentiles } from './desk.mjs';
import { callHere, connectHere, rawCalls, timeCalls } from './page_script.mjs';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';
const desk = new Desk();
const test = (name, fn) => nodeTest(name, { timeout: 60000 }, fn);
let pages, plain, context, url, stranger;

async function launch(profile, withHost, args = [], folder = extension) {
	const directory = path.join(desk.dir, profile);
	if (withHost)
		desk.cli('manifests', 'install', '--browser', 'chromium', '--dir', path.join(directory, 'NativeMessagingHosts'));
	const made = await chromium.launchPersistentContext(directory, {
		executablePath: program, headless: true, env: desk.env, args: [...(process.getuid() === 0 ? ['--no-sandbox'] : []),
			`--disable-extensions-except=${folder}`, `--load-extension=${folder}`, ...args],
		ignoreHTTPSErrors: true,
	});
	made.setDefaultTimeout(15000);
	if (!made.serviceWorkers().length)
		await made.waitForEvent('serviceworker');
	return made;
}

nodeTest.before(async () => {
	pages = await desk.servePages();
	url = `http://localhost:${pages}`;
	stranger = `http://127.0.0.1:${pages}`; /* the same files, another origin */
	plain = await desk.servePlain();
	desk.setPolicy({ origins: [{ origin: url, scopes: ['*'] }, { origin: `http://localhost:${plain}`, scopes: ['*'] }],
		limits: { commands_per_s: 100000 } }); /* 1000 calls in a row would be over the usual 200 a second */
	await desk.startAgent();
	context = await launch('profile', true);
});

nodeTest.after(async () => {
	await context?.close();
	await desk.stop();
});

/** What a failed test left open would mislead the next. */
nodeTest.afterEach(() => {
	for (const { session } of desk.call('session.list').sessions)
		desk.call('session.close', { session });
});

/** A tab that is closed with its test. */
async function tab(t, where = `${url}/pages/index.html`) {
	const page = await context.newPage();
	t.after(() => page.close());
	page.violations = [];
	page.on('console', (m) => /Content Security Policy/.test(m.text()) && page.violations.push(m.text()));
	page.on('pageerror', (e) => page.violations.push(String(e)));
	await page.goto(where);
	return page;
}

const element = (page, id) => page.getByTestId(id);
const shows = (page, id, text) => element(page, id).filter({ hasText: text }).waitFor();
const connection = (page, state) => page.locator(`#connection[data-state="${state}"]`).waitFor();

async function connectAndOpen(page) {
	await element(page, 'connect').click();
	await connection(page, 'connected');
	await element(page, 'open').click();
	await element(page, 'live').waitFor();
}

test('the demo page records: connect, open, beauty, marker, pause, stop, and the file is whole', async (t) => {
	const page = await tab(t);
	await connectAndOpen(page);
	await element(page, 'agent-facts').filter({ hasText: 'extension' }).waitFor();
	await element(page, 'record').click();
	await shows(page, 'record-state', 'Recording');
	await element(page, 'beauty-smooth').fill('7');
	await element(page, 'template').selectOption('grid');
	await element(page, 'level-0').waitFor();
	await shows(page, 'elapsed', '00:02');
	await element(page, 'marker-text').fill('risk confirmed');
	await element(page, 'marker-text').press('Enter');
	await page.locator('#log [data-event="recording.marker"]').waitFor();
	await element(page, 'pause').click();
	await shows(page, 'record-state', 'Paused');
	await element(page, 'pause').click();
	await shows(page, 'elapsed', '00:03');
	await element(page, 'stop').click();
	await shows(page, 'record-state', 'Finished');
	const facts = JSON.parse(await element(page, 'facts').textContent());
	assert.equal(facts.case_id, 'C-2026-0417');
	assert.equal(facts.markers[0].text, 'risk confirmed');
	assert.equal('path' in facts, false, 'a page never gets a path');
	const { duration_s, video, audio } = desk.probe(facts.recording);
	assert.ok(duration_s >= 2.8 && duration_s < 8, `${duration_s} s`);
	assert.deepEqual([video.codec_name, video.width, video.height], ['h264', 1280, 720]);
	assert.ok(video.nb_read_packets >= duration_s * 10, `${video.nb_read_packets} pictures`); /* rates are the bench's matter */
	assert.equal(audio.codec_name, 'aac');
	await element(page, 'close').click();
	await element(page, 'open').waitFor();
	assert.deepEqual(page.violations, []);
});

test('every control has a name, the page works in Chinese', async (t) => {
	const page = await tab(t);
	await element(page, 'language').selectOption('zh');
	await page.getByRole('button', { name: '连接', exact: true }).waitFor();
	assert.equal(await page.evaluate(() => document.documentElement.lang), 'zh-CN');
	const nameless = await page.evaluate(() => [...document.querySelectorAll('button, select, input')]
		.filter((e) => !(e.textContent.trim() || e.labels?.[0]?.textContent.trim() || e.ariaLabel)).map((e) => e.id));
	assert.deepEqual(nameless, []);
	await page.keyboard.press('Tab');
	assert.equal(await page.evaluate(() => document.activeElement.className), 'skip');
});

test('a reload keeps session and recording', async (t) => {
	const page = await tab(t);
	await connectAndOpen(page);
	await element(page, 'record').click();
	await shows(page, 'elapsed', '00:01');
	const before = desk.call('session.list').sessions[0];
	await page.reload();
	await connection(page, 'connected');
	await shows(page, 'record-state', 'Recording');
	const [after] = desk.call('session.list').sessions;
	assert.deepEqual([after.session, after.is_controlled, after.recordings], [before.session, true, before.recordings]);
	await element(page, 'stop').click();
	await shows(page, 'record-state', 'Finished');
	const { recording } = JSON.parse(await element(page, 'facts').textContent());
	assert.equal(recording, before.recordings[0]);
	assert.ok(desk.probe(recording).duration_s >= 1);
	await element(page, 'close').click();
});

test('an origin without a grant can say hello and learn why, and nothing else', async (t) => {
	const page = await tab(t, `${stranger}/pages/index.html`);
	const described = JSON.parse(desk.cli('describe', '--json')).commands.map((c) => c.name);
	const others = described.filter((name) => name !== 'agent.hello' && name !== 'grants.request');
	assert.ok(others.length > 20);
	const hello = await page.evaluate(rawCalls, []);
	assert.deepEqual(hello['agent.hello'].result.granted, []);
	assert.deepEqual(Object.keys(hello['agent.hello'].result).sort(), ['granted', 'hint', 'version'], 'nothing of the machine');
	const answers = await page.evaluate(rawCalls, others.slice(0, 12).map((name) => [name, {}]));
	const more = await page.evaluate(rawCalls, others.slice(12).map((name) => [name, {}]));
	for (const name of others) {
		const { error, result } = answers[name] ?? more[name];
		assert.equal(result, undefined, name);
		assert.equal(error.data?.name, 'EPERM', `${name}: ${JSON.stringify(error)}`);
	}
	await element(page, 'connect').click();
	await element(page, 'failure').waitFor();
	assert.equal(await element(page, 'failure-name').textContent(), 'denied');
	assert.match(await element(page, 'failure-hint').textContent(), new RegExp(`deskhand grants allow ${stranger} `));
});

test('a grant that the user types is enough, and its revocation ends the page', async (t) => {
	const page = await tab(t, `${stranger}/pages/index.html`);
	desk.cli('grants', 'allow', stranger, 'devices.list');
	assert.deepEqual((await page.evaluate(connectHere, { transport: 'extension' })).info.granted, ['devices.list']);
	assert.ok((await page.evaluate(callHere, ['devices.list', {}])).result.devices.length > 0);
	assert.equal((await page.evaluate(callHere, ['session.open', { sources: [{ role: 'camera' }] }])).error.name, 'EPERM');
	const gone = page.evaluate(() => new Promise((resolve) => desk.addEventListener('disconnected', (e) => resolve(e.detail.name))));
	desk.cli('grants', 'revoke', stranger);
	assert.equal(await gone, 'denied');
});

test('the agent is killed and started again: the page comes back by itself', async (t) => {
	const page = await tab(t);
	await connectAndOpen(page);
	await desk.killAgent();
	await connection(page, 'reconnecting');
	await desk.startAgent();
	await connection(page, 'connected');
	await element(page, 'open').click(); /* the old session died with the agent */
	await element(page, 'live').waitFor();
	await element(page, 'close').click();
});

test('the WebSocket road: proof of the agent, a session, events', async (t) => {
	const page = await tab(t);
	const options = { transport: 'websocket', ports: [desk.ready.port] };
	const { transport, info, error } = await page.evaluate(connectHere, options);
	assert.equal(transport, 'websocket', JSON.stringify(error));
	assert.ok(info.proof && info.key);
	const opened = await page.evaluate(callHere, ['session.open', { sources: [{ role: 'camera' }] }]);
	const level = page.evaluate(() => new Promise((resolve) => desk.addEventListener('session.changed', (e) => resolve(e.detail.state))));
	await page.evaluate(callHere, ['session.close', { session: opened.result.session }]);
	assert.ok(['open', 'closed'].includes(await level));
	assert.equal((await page.evaluate(connectHere, options)).info.key, info.key, 'the same key at each meeting');
});

/** Add a frame to a page; resolves once it has loaded. */
async function frame(page, src, sandbox = '') {
	const handle = await page.evaluateHandle(([where, box]) => new Promise((resolve) => {
		const made = document.createElement('iframe');
		if (box)
			made.sandbox = box;
		made.onload = () => resolve(made);
		made.src = where;
		document.body.append(made);
	}), [src, sandbox]);
	return handle.contentFrame();
}

test('frames: in a page of the same origin yes, in a page without a grant or sandboxed no (SR-17)', async (t) => {
	const here = `http://localhost:${plain}/`;
	const page = await tab(t, here);
	const met = await (await frame(page, here)).evaluate(connectHere, { transport: 'extension' });
	assert.equal(met.transport, 'extension', JSON.stringify(met.error));
	const boxed = await frame(page, here, 'allow-scripts');
	assert.equal(await boxed.evaluate(() => new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		port1.onmessage = () => resolve('answered');
		addEventListener('message', () => setTimeout(() => resolve('silence'))); /* our own words came round first */
		window.postMessage({ type: 'deskhand.connect' }, '*', [port2]);
	})), 'silence');
	const around = await tab(t, `http://127.0.0.1:${plain}/`);
	const { error } = await (await frame(around, here)).evaluate(connectHere, { transport: 'extension' });
	assert.equal(error.name, 'denied');
});

test('an https site works once it is allowed, the open tab at once, and no longer when it is removed', async (t) => {
	/* What the user's click gives, a manifest gives here: nobody can click the browser's own question in a test. */
	const folder = path.join(desk.dir, 'extension');
	cpSync(extension, folder, { recursive: true });
	const manifest = JSON.parse(readFileSync(path.join(folder, 'manifest.json')));
	writeFileSync(path.join(folder, 'manifest.json'), JSON.stringify({ ...manifest, host_permissions: ['https://crm.example/*'] }));
	const origin = `https://crm.example:${await desk.serveSecure()}`;
	const other = await launch('profile-https', true, ['--host-resolver-rules=MAP *.example 127.0.0.1'], folder);
	t.after(() => other.close());
	const page = await other.newPage();
	await page.goto(origin);
	assert.equal((await page.evaluate(connectHere, { transport: 'extension' })).error.name, 'extension_missing');
	const present = page.evaluate(() => new Promise((resolve) => addEventListener('message', (e) => resolve(e.data.type))));
	const [worker] = other.serviceWorkers();
	await worker.evaluate((allowed) => chrome.storage.local.set({ allowed }), [origin]);
	assert.equal(await present, 'deskhand.present');
	desk.cli('grants', 'allow', origin, 'devices.list');
	assert.equal((await page.evaluate(connectHere, { transport: 'extension' })).info?.origin, origin);
	await page.reload();
	assert.equal((await page.evaluate(connectHere, { transport: 'extension' })).info?.origin, origin);
	const elsewhere = await other.newPage(); /* the pattern knows no ports, the comparison of origins does */
	await elsewhere.goto(`https://crm.example:${await desk.serveSecure()}`);
	assert.equal((await elsewhere.evaluate(connectHere, { transport: 'extension' })).error.name, 'extension_missing');
	const gone = page.evaluate(() => new Promise((resolve) => globalThis.desk.addEventListener('disconnected', (e) => resolve(e.detail.name))));
	await worker.evaluate(() => chrome.storage.local.set({ allowed: [] }));
	assert.equal(await gone, 'denied');
});

test('no host manifest: not_installed, with a hint; the popup says the same', async (t) => {
	const other = await launch('profile-without-host', false);
	t.after(() => other.close());
	const page = await other.newPage();
	await page.goto(`${url}/pages/index.html?transport=extension`);
	await element(page, 'connect').click();
	await element(page, 'failure').waitFor();
	assert.equal(await element(page, 'failure-name').textContent(), 'not_installed');
	const popup = await other.newPage();
	const { id } = await other.serviceWorkers()[0].evaluate(() => ({ id: chrome.runtime.id }));
	await popup.goto(`chrome-extension://${id}/popup/popup.html`);
	await popup.locator('#agent-state', { hasText: 'not installed for this browser' }).waitFor();
	await popup.locator('#agent-help', { hasText: 'manifests install' }).waitFor();
	assert.equal(await popup.locator('#retry').isVisible(), true);
});

test('the popup shows the state and what the page in the tab was granted', async (t) => {
	const page = await tab(t);
	await page.evaluate(connectHere, { transport: 'extension' });
	const worker = context.serviceWorkers()[0];
	const [id, tabId] = await worker.evaluate(async () => [chrome.runtime.id,
		Math.max(...(await chrome.tabs.query({})).map((each) => each.id))]);
	const popup = await context.newPage();
	t.after(() => popup.close());
	await popup.goto(`chrome-extension://${id}/popup/popup.html?tab=${tabId}`);
	await popup.locator('#agent-state', { hasText: 'Running' }).waitFor();
	await popup.locator('#grants li').first().waitFor();
});

test('a page the browser keeps from this computer is told so', async (t) => {
	const port = await desk.servePages();
	const other = await launch('profile-public', true,
		['--host-resolver-rules=MAP crm.test 127.0.0.1', `--ip-address-space-overrides=127.0.0.1:${port}=public`]);
	t.after(() => other.close());
	const page = await other.newPage();
	await page.goto(`http://crm.test:${port}/pages/index.html?transport=websocket`);
	await element(page, 'connect').click();
	await element(page, 'failure').waitFor();
	assert.equal(await element(page, 'failure-name').textContent(), 'blocked_by_browser');
});

test('1000 calls from the page to the agent and back', async (t) => {
	const page = await tab(t);
	const found = {};
	const roads = {
		extension: { transport: 'extension' },
		content_script: { transport: 'extension', extensionId: 'a'.repeat(32) }, /* no such id: the general road */
		websocket: { transport: 'websocket', ports: [desk.ready.port] },
	};
	for (const [road, options] of Object.entries(roads)) {
		await page.evaluate(connectHere, options);
		await page.evaluate(timeCalls, 100);
		found[road] = percentiles(await page.evaluate(timeCalls, 1000));
		assert.equal(found[road].n, 1000);
		t.diagnostic(`${road}: ${JSON.stringify(found[road])}`);
	}
	if (process.env.LATENCY_JSON) {
		mkdirSync(path.dirname(process.env.LATENCY_JSON), { recursive: true });
		writeFileSync(process.env.LATENCY_JSON, JSON.stringify(found));
	}
});

/* The last: its agent is a real one, which the host would start again at once. */
test('no agent runs: the host starts one, and the page does not notice more than a moment', async (t) => {
	await desk.killAgent();
	const page = await tab(t);
	const { transport, error } = await page.evaluate(connectHere, { transport: 'extension', timeout: 20000 });
	assert.equal(transport, 'extension', JSON.stringify(error));
	assert.notEqual(desk.call('agent.status').pid, desk.ready.pid);
});
