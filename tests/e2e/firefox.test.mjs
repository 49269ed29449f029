/** The same road in Firefox, driven over WebDriver BiDi; here every page takes the content script's way. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import nodeTest from 'node:test';
import path from 'node:path';
import puppeteer from 'puppeteer-core';
import { Desk, extension, percentiles } from './desk.mjs';
import { callHere, captureHere, connectHere, timeCalls, watchHere } from './page_script.mjs';

const program = process.env.FIREFOX ?? '/usr/bin/firefox-esr';
const desk = new Desk();
const test = (name, fn) => nodeTest(name, { timeout: 90000 }, fn);
let browser, url, stranger;

nodeTest.before(async () => {
	const pages = await desk.servePages();
	url = `http://localhost:${pages}`;
	stranger = `http://127.0.0.1:${pages}`;
	desk.setPolicy({ origins: [{ origin: url, scopes: ['*'] }], limits: { commands_per_s: 100000 } });
	await desk.startAgent();
	desk.cli('manifests', 'install', '--user', '--browser', 'firefox'); /* HOME is the desk's */
	browser = await puppeteer.launch({
		browser: 'firefox', executablePath: program, headless: true, env: desk.env, userDataDir: path.join(desk.dir, 'firefox'),
		extraPrefsFirefox: { 'extensions.originControls.grantByDefault': true },
	});
	await browser.installExtension(extension);
});

nodeTest.after(async () => {
	await browser?.close();
	await desk.stop();
});

async function tab(t, where = `${url}/pages/index.html`) {
	const page = await browser.newPage();
	t.after(() => page.close());
	page.setDefaultTimeout(20000);
	await page.goto(where);
	return page;
}

const text = (page, id, wanted) => page.waitForFunction((i, w) => document.getElementById(i).textContent.includes(w), {}, id, wanted);
const read = (page, id) => page.evaluate((i) => document.getElementById(i).textContent, id);
const connection = (page, state) => page.waitForFunction((s) => document.getElementById('connection').dataset.state === s, {}, state);
const visible = (page, id) => page.waitForSelector(`#${id}`, { visible: true });

test('the demo page records in Firefox, over a reload, and the file is whole', async (t) => {
	const page = await tab(t);
	await page.click('#connect');
	await connection(page, 'connected');
	await text(page, 'agent-facts', 'extension');
	await page.click('#open');
	await visible(page, 'live');
	await page.click('#record');
	await text(page, 'elapsed', '00:02');
	await page.reload();
	await connection(page, 'connected');
	await text(page, 'record-state', 'Recording');
	await text(page, 'elapsed', '00:03');
	await page.click('#stop');
	await text(page, 'record-state', 'Finished');
	const facts = JSON.parse(await read(page, 'facts'));
	const { duration_s, video, audio } = desk.probe(facts.recording);
	assert.ok(duration_s >= 2.8, `${duration_s} s`);
	assert.deepEqual([video.codec_name, video.width, video.height, audio.codec_name], ['h264', 1280, 720, 'aac']);
	await page.click('#close');
	await visible(page, 'open');
});

test('live pictures in a fresh profile: VP8, over the address of an interface', async (t) => {
	if (!Object.values(networkInterfaces()).flat().some(({ internal }) => !internal))
		return t.skip('this machine has no address but loopback, and Firefox never tries that one');
	const here = `http://localhost:${await desk.servePlain()}`;
	desk.cli('grants', 'allow', here, 'camera', 'microphone');
	const page = await tab(t, here);
	await page.evaluate(connectHere, { transport: 'websocket', ports: [desk.ready.port] });
	const { result: { session } } = await page.evaluate(callHere, ['session.open', { sources: [{ role: 'camera' }, { role: 'microphone' }] }]);
	const made = await page.evaluate(captureHere, { session, tracks: ['camera', 'program'] });
	assert.equal(made.error, undefined, JSON.stringify(made.error));
	t.diagnostic(`stream after ${Math.round(made.came_ms)} ms, first picture after ${Math.round(made.seen_ms)} ms`);
	const { numbers } = await page.evaluate(watchHere, ['stream', 0, 20]);
	const read = numbers.filter(Boolean);
	assert.ok(read.length >= 15 && read.at(-1) > read[0], `${numbers}`);
	const [peer] = desk.call('rtc.stats').peers;
	assert.equal(peer.send[0].codec, 'vp8');
	assert.doesNotMatch(peer.road.local_address, /^(127\.|::1)/);
	await page.evaluate(callHere, ['session.close', { session }]);
});

test('an origin without a grant is told what to type', async (t) => {
	const page = await tab(t, `${stranger}/pages/index.html`);
	await page.click('#connect');
	await visible(page, 'failure');
	assert.equal(await read(page, 'failure-name'), 'denied');
	assert.match(await read(page, 'failure-hint'), new RegExp(`deskhand grants allow ${stranger} `));
});

test('a frame in a page of its own origin may speak', async (t) => {
	const here = `http://localhost:${await desk.servePlain()}/`;
	const page = await tab(t, here);
	const handle = await page.evaluateHandle((src) => new Promise((resolve) => {
		const made = Object.assign(document.createElement('iframe'), { src, onload: () => resolve(made) });
		document.body.append(made);
	}), here);
	desk.cli('grants', 'allow', here.slice(0, -1), 'devices.list');
	const met = await (await handle.contentFrame()).evaluate(connectHere, { transport: 'extension' });
	assert.equal(met.transport, 'extension', JSON.stringify(met.error));
});

test('the agent is killed and started again: the page comes back by itself', async (t) => {
	const page = await tab(t);
	await page.click('#connect');
	await connection(page, 'connected');
	await desk.killAgent();
	await connection(page, 'reconnecting');
	await desk.startAgent();
	await connection(page, 'connected');
});

test('the WebSocket road, and its errors as values', async (t) => {
	const page = await tab(t);
	const { transport, error } = await page.evaluate(connectHere, { transport: 'websocket', ports: [desk.ready.port] });
	assert.equal(transport, 'websocket', JSON.stringify(error));
	const answer = await page.evaluate(callHere, ['recording.get', { recording: 'none' }]);
	assert.equal(answer.error.name, 'ENOENT', JSON.stringify(answer));
});

test('1000 calls from the page to the agent and back', async (t) => {
	const page = await tab(t);
	for (const [road, options] of Object.entries({ content_script: { transport: 'extension' },
		websocket: { transport: 'websocket', ports: [desk.ready.port] } })) {
		const { error } = await page.evaluate(connectHere, { ...options, timeout: 20000 });
		assert.equal(error, undefined, JSON.stringify(error));
		await page.evaluate(timeCalls, 100);
		const found = percentiles(await page.evaluate(timeCalls, 1000));
		assert.equal(found.n, 1000);
		t.diagnostic(`${road}: ${JSON.stringify(found)}`);
	}
});
