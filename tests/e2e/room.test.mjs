/** Calls in real browsers through the real room service: customers by link, a host by user_sig. What counts is what arrives. */
import assert from 'node:assert/strict';
import { networkInterfaces } from 'node:os';
import nodeTest from 'node:test';
import { chromium } from 'playwright-core';
import puppeteer from 'puppeteer-core';
import { Desk } from './desk.mjs';
import { APP, RoomService, Turn, fakeDevices, hostHere, prepare, receivedHere, relayOnly, roadsHere } from './room_desk.mjs';

const test = (name, fn) => nodeTest(name, { timeout: 120000 }, fn);
const service = new RoomService();
let browser, rooms = 0;

nodeTest.before(async () => {
	await service.start();
	browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', headless: true, args: fakeDevices });
});

nodeTest.after(async () => {
	await browser?.close();
	await service.stop();
});

async function page(t, { permissions = ['camera', 'microphone'], denied = '', script, ...how } = {}) {
	const context = await browser.newContext({ permissions, viewport: { width: 640, height: 480 }, ...how });
	t.after(() => context.close());
	context.setDefaultTimeout(30000);
	await context.addInitScript(prepare, denied);
	if (script)
		await context.addInitScript(script);
	const made = await context.newPage();
	made.problems = [];
	made.on('console', (m) => /Content Security Policy|room: /.test(m.text()) && made.problems.push(m.text()));
	made.on('pageerror', (e) => made.problems.push(String(e)));
	return made;
}

/** A room with its host in it. */
async function host(t, template = '1v3', at = service) {
	const made = await page(t);
	await made.goto(`${at.url}/pages/customer.html`);
	made.room = `room-${++rooms}`;
	made.service = at;
	await made.evaluate(hostHere, [APP, 'anna', at.sig('anna'), made.room, template]);
	made.ticket = () => made.evaluate(async () => (await host.request('room.ticket')).ticket);
	return made;
}

async function open(t, anna, how) {
	const made = await page(t, how);
	await made.goto(`${anna.service.url}/pages/customer.html#t=${await anna.ticket()}&n=Fund%20subscription&by=Meridian`);
	return made;
}

async function customer(t, anna, name, how) {
	const made = await open(t, anna, how);
	await made.getByTestId('name').fill(name);
	await made.getByTestId('join').click();
	await inCall(made);
	return made;
}

const inCall = (made) => made.getByTestId('call-state').filter({ hasText: 'Connected' }).waitFor();
const says = (made, id, text) => made.getByTestId(id).filter({ hasText: text }).first().waitFor();
const received = (made) => made.evaluate(receivedHere);

async function until(is, what, seconds = 40) {
	for (const end = Date.now() + seconds * 1000; Date.now() < end;) {
		if (await is())
			return;
		await new Promise((done) => { setTimeout(done, 200); });
	}
	assert.fail(`not within ${seconds} s: ${what}`);
}

/** More pictures and sounds than now, from so many others. */
async function flows(made, others, what) {
	const before = await received(made);
	const fewer = { pictures: before.connected === others ? before.pictures : 0, sounds: before.connected === others ? before.sounds : 0 };
	await until(async () => {
		const now = await received(made);
		return now.connected === others && now.pictures > fewer.pictures + 5 * others && now.sounds > fewer.sounds + 10 * others;
	}, what);
}

test('a host and two customers see, hear and read each other', async (t) => {
	const anna = await host(t);
	const lin = await open(t, anna);
	assert.equal(new URL(lin.url()).hash, '', 'the ticket is out of the address');
	await says(lin, 'invitation', 'Fund subscription');
	await lin.getByTestId('name').fill('Lin Mei');
	await lin.getByTestId('join').click();
	await inCall(lin);
	await says(lin, 'room-name', 'Fund subscription');
	const zhang = await customer(t, anna, 'Zhang Wei', { locale: 'en-GB', viewport: { width: 360, height: 640 } });
	for (const each of [anna, lin, zhang])
		await flows(each, 2, 'pictures and sound of both others');
	assert.ok((await received(lin)).codecs.every((codec) => codec === 'video/H264'), JSON.stringify((await received(lin)).codecs));
	await zhang.getByTestId('open-chat').click();
	await zhang.getByTestId('chat-text').fill('Good morning! 您好 <b>');
	await zhang.getByTestId('chat-text').press('Enter');
	await says(lin, 'unread', '1');
	await lin.getByTestId('open-chat').click();
	await says(lin, 'chat-lines', 'Good morning! 您好 <b>');
	await anna.evaluate(() => host.chat('Welcome'));
	await says(zhang, 'chat-lines', 'Welcome');
	await anna.evaluate(() => host.request('room.state', { recording: true }));
	await says(lin, 'recorded', 'This call is being recorded by Anna Schmidt.');
	await anna.evaluate(() => host.request('room.state', { recording: false }));
	await lin.getByTestId('recorded').waitFor({ state: 'hidden' });
	await lin.getByTestId('panel-close').click();
	await lin.getByTestId('open-settings').click();
	const cameras = lin.getByTestId('device-camera');
	await until(async () => await cameras.locator('option').count() > 1, 'both cameras');
	const [chosen, other] = await cameras.evaluate((field) => [field.value,
		[...field.options].find((o) => o.value && o.value !== field.value).value]);
	await cameras.selectOption(other);
	await until(() => lin.evaluate((id) => connections.filter((pc) => pc.connectionState === 'connected')
		.every((pc) => pc.getSenders().some((s) => s.track?.getSettings().deviceId === id)), other),
		'the other camera, for both');
	assert.notEqual(chosen, other);
	for (const each of [anna, zhang])
		await flows(each, 2, 'another camera, without another offer');
	for (const each of [anna, lin, zhang])
		assert.deepEqual(each.problems, []);
});

test('a reload goes on as the same member, with pictures both ways and all that was written', async (t) => {
	const anna = await host(t);
	const lin = await customer(t, anna, 'Lin Mei');
	await flows(anna, 1, 'before');
	await anna.evaluate(() => host.chat('before the reload'));
	const number = () => anna.evaluate(() => host.roster.others.map((m) => m.member).join());
	const before = await number();
	await lin.reload();
	await inCall(lin);
	await flows(lin, 1, 'pictures for the page that was loaded again');
	await flows(anna, 1, 'pictures of the page that was loaded again');
	assert.equal(await number(), before);
	await lin.getByTestId('open-chat').click();
	await says(lin, 'chat-lines', 'before the reload');
});

test('the service is killed in the call: pictures go on; started again, nothing was lost', async (t) => {
	const anna = await host(t);
	const lin = await customer(t, anna, 'Lin Mei');
	await flows(lin, 1, 'before');
	await service.kill();
	await says(lin, 'call-state', 'Reconnecting');
	await flows(lin, 1, 'while the service is away');
	const sent = anna.evaluate(() => host.chat('said while it was away'));
	await service.start();
	await inCall(lin);
	await sent;
	await lin.getByTestId('open-chat').click();
	await says(lin, 'chat-lines', 'said while it was away');
	await flows(anna, 1, 'afterwards');
});

test('a link that was used, a room that is full, a customer who leaves and comes back', async (t) => {
	const anna = await host(t, '1v1');
	const ticket = await anna.ticket();
	const lin = await page(t);
	await lin.goto(`${service.url}/pages/customer.html#t=${ticket}`);
	await lin.getByTestId('name').fill('Lin Mei');
	await lin.getByTestId('join').click();
	await inCall(lin);
	const late = await page(t);
	await late.goto(`${service.url}/pages/customer.html#t=${ticket}`);
	await late.getByTestId('name').fill('Late');
	await late.getByTestId('join').click();
	await says(late, 'trouble', 'has been used or has expired');
	const third = await open(t, anna);
	await third.getByTestId('name').fill('Third');
	await third.getByTestId('join').click();
	await says(third, 'trouble', 'The call is full.');
	await lin.getByTestId('leave').click();
	await says(lin, 'over', 'You have left the call.');
	await third.getByTestId('join').click(); /* the login stands, there is room now */
	await inCall(third);
	await third.getByTestId('leave').click();
	await lin.getByTestId('again').click();
	await lin.getByTestId('join').click();
	await flows(lin, 1, 'back in the call');
});

test('the host mutes and removes a customer, who is told', async (t) => {
	const anna = await host(t);
	const lin = await customer(t, anna, 'Lin Mei');
	const other = () => anna.evaluate(() => host.roster.others[0]);
	await until(async () => (await other())?.microphone, 'the customer is heard');
	await anna.evaluate((member) => host.request('room.mute', { member, microphone: true }), (await other()).member);
	await says(lin, 'notices', 'Anna Schmidt has muted your microphone.');
	await until(async () => !(await other()).microphone, 'muted');
	await lin.getByTestId('microphone').click();
	await until(async () => (await other()).microphone, 'heard again, by the customer’s own click');
	await anna.evaluate((member) => host.request('room.kick', { member }), (await other()).member);
	await says(lin, 'over', 'You were removed from the call.');
	await lin.reload();
	await says(lin, 'trouble', 'This page needs an invitation.');
});

test('without camera and microphone one joins all the same, and the page says why', async (t) => {
	const anna = await host(t);
	const lin = await open(t, anna, { permissions: [], denied: 'NotAllowedError' });
	await lin.getByTestId('allow').click();
	await says(lin, 'lacks', 'does not let this page use the camera');
	await says(lin, 'lacks', 'You can join anyway');
	await lin.getByTestId('name').fill('Lin Mei');
	await lin.getByTestId('join').click();
	await inCall(lin);
	await flows(lin, 1, 'pictures and sound of the host');
	assert.deepEqual(await anna.evaluate(() => host.roster.others.map((m) => [m.camera, m.microphone])), [[false, false]]);
});

test('a screen is shown large, beside the camera, and gone when it ends', async (t) => {
	const anna = await host(t);
	const lin = await customer(t, anna, 'Lin Mei');
	await flows(lin, 1, 'before');
	await anna.evaluate(async () => {
		const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
		const draw = canvas.getContext('2d');
		setInterval(() => draw.fillRect(Math.random() * 300, Math.random() * 160, 20, 20), 200);
		globalThis.screenTrack = canvas.captureStream(5).getVideoTracks()[0];
		await host.setTrack('screen', screenTrack);
	});
	const tile = lin.locator('.tile[data-kind="screen"] video');
	await tile.waitFor();
	await until(() => tile.evaluate((video) => video.videoWidth === 320), 'the screen');
	await flows(lin, 1, 'the camera goes on');
	await anna.evaluate(() => host.setTrack('screen', null));
	await tile.waitFor({ state: 'detached' });
});

const outside = Object.values(networkInterfaces()).flat().find(({ internal, family }) => !internal && family === 'IPv4')?.address;

test('a customer who gets through by TURN only', async (t) => {
	if (!outside)
		return t.skip('this machine has no address but loopback');
	const turn = new Turn();
	t.after(() => turn.stop());
	const away = await new RoomService(...await turn.start(outside)).start();
	t.after(() => away.stop());
	const anna = await host(t, '1v1', away);
	const lin = await customer(t, anna, 'Lin Mei', { script: relayOnly });
	await flows(lin, 1, 'pictures and sound of the host');
	await flows(anna, 1, 'pictures and sound of the customer');
	assert.deepEqual(await lin.evaluate(roadsHere), ['relay']);
});

test('a customer with Firefox', async (t) => {
	if (!outside)
		return t.skip('this machine has no address but loopback, and Firefox never tries that one');
	const anna = await host(t);
	const firefox = await puppeteer.launch({ browser: 'firefox', executablePath: process.env.FIREFOX ?? '/usr/bin/firefox-esr', headless: true,
		extraPrefsFirefox: { 'media.navigator.streams.fake': true, 'media.navigator.permission.disabled': true } });
	t.after(() => firefox.close());
	const lin = await firefox.newPage();
	lin.setDefaultTimeout(40000);
	await lin.evaluateOnNewDocument(prepare, '');
	await lin.goto(`${service.url}/customer.html#t=${await anna.ticket()}`);
	await lin.type('[data-testid=name]', 'Lin Mei');
	await lin.click('[data-testid=join]');
	await lin.waitForSelector('[data-state=online]');
	await flows(anna, 1, 'pictures and sound of Firefox');
	await flows(lin, 1, 'pictures and sound in Firefox');
	await lin.reload();
	await lin.waitForSelector('[data-state=online]');
	await flows(anna, 1, 'after a reload');
});

/** The CRM's page with an agent of its own; the room's link opens the customer's. */
async function deskPage(t) {
	const desk = new Desk();
	t.after(() => desk.stop());
	desk.setPolicy({ origins: [{ origin: service.url, scopes: ['*'] }], signal_hosts: [`localhost:${service.port}`] });
	await desk.startAgent();
	const crm = await page(t, { permissions: [], viewport: { width: 1000, height: 700 } });
	crm.desk = desk;
	const fields = new URLSearchParams({ transport: 'websocket', port: desk.ready.port, server: service.url, app: APP, user: 'anna',
		'room-name': `Fund ${++rooms}` });
	await crm.goto(`${service.url}/pages/double.html?${fields}`);
	await crm.getByTestId('sig').fill(service.sig('anna'));
	await crm.getByTestId('enter').click();
	await inCall(crm);
	return crm;
}

/** Pictures that were shown in <deskhand-room>, by tile. */
const shownIn = (crm) => crm.evaluate(() => Object.fromEntries([...document.querySelector('deskhand-room').shadowRoot.querySelectorAll('.tile')]
	.map((tile) => [tile.dataset.key, tile.querySelector('video').getVideoPlaybackQuality().totalVideoFrames])));

async function showsOthers(crm, what) {
	const sum = async () => Object.entries(await shownIn(crm)).filter(([key]) => key !== 'own').reduce((all, [, n]) => all + n, 0);
	const before = await sum();
	await until(async () => await sum() > before + 5, what);
}

const level = (crm, who) => crm.getByTestId(`level-${who}`).evaluate((meter) => meter.value);

test('the CRM’s page with the agent, and a customer: pictures, chat, screen, recording, reload', async (t) => {
	const crm = await deskPage(t);
	await crm.getByTestId('copy-link').click();
	const link = await crm.getByTestId('link').inputValue();
	await crm.getByTestId('answer-close').click();
	const lin = await page(t);
	await lin.goto(link);
	await says(lin, 'invitation', 'Fund');
	await lin.getByTestId('name').fill('Lin Mei');
	await lin.getByTestId('join').click();
	await inCall(lin);
	await flows(lin, 1, 'pictures and sound of the desk');
	await showsOthers(crm, 'the customer, in the component');
	for (const who of ['microphone', 'speaker'])
		await until(() => level(crm, who).then((db) => db > -50 && db < 0), `the level of the ${who}`);
	await crm.getByTestId('open-chat').click();
	await crm.getByTestId('chat-text').fill('Here is the contract');
	await crm.getByTestId('chat-text').press('Enter');
	await says(lin, 'unread', '1');
	await lin.getByTestId('open-chat').click();
	await says(lin, 'chat-lines', 'Here is the contract');
	await lin.getByTestId('chat-text').fill('Thank you');
	await lin.getByTestId('chat-text').press('Enter');
	await says(crm, 'chat-lines', 'Thank you');
	await lin.getByTestId('panel-close').click();
	await crm.getByTestId('record').click();
	await says(lin, 'recorded', 'This call is being recorded by anna.');
	await crm.getByTestId('share').click();
	const screen = lin.locator('.tile[data-kind="screen"] video');
	await screen.waitFor();
	await until(() => screen.evaluate((video) => video.videoWidth > 0), 'the desk’s screen');
	await crm.reload();
	await inCall(crm);
	await showsOthers(crm, 'the customer, after a reload');
	await flows(lin, 1, 'the desk, after its page was loaded again');
	await crm.getByTestId('open-chat').click();
	await says(crm, 'chat-lines', 'Thank you');
	await crm.getByTestId('share').click();
	await screen.waitFor({ state: 'detached' });
	await crm.getByTestId('stop').click();
	await lin.getByTestId('recorded').waitFor({ state: 'hidden' });
	const { recordings: [{ recording }] } = crm.desk.call('recording.list');
	const { duration_s, video, audio } = crm.desk.probe(recording);
	assert.ok(duration_s > 2, `${duration_s} s`);
	assert.deepEqual([video.codec_name, audio.codec_name], ['h264', 'aac']);
	assert.ok(video.nb_read_packets > duration_s * 5, `${video.nb_read_packets} pictures`);
	await lin.getByTestId('leave').click();
	await says(crm, 'notices', 'Lin Mei has left.');
	await crm.getByTestId('leave').click();
	await crm.getByTestId('enter').waitFor();
	for (const each of [crm, lin])
		assert.deepEqual(each.problems, []);
});

/** An agent without a page, in a room. @returns {Promise<Desk>} */
async function deskMember(t, user_id, join) {
	const desk = new Desk();
	t.after(() => desk.stop());
	desk.setPolicy({ signal_hosts: [`localhost:${service.port}`] });
	await desk.startAgent();
	desk.call('room.join', { server: service.url, sdk_app_id: APP, user_id, user_sig: service.sig(user_id), user_name: user_id, ...join });
	return desk;
}

/** Pictures and sounds that an agent has of each other member. */
const receivedBy = (desk) => desk.call('rtc.stats').peers.map(({ receive }) => Math.min(
	...['frames_decoded', 'samples'].map((what) => receive.reduce((sum, stream) => sum + (stream[what] ?? 0), 0))));

test('1v3: two agents and two customers, everybody sees and hears everybody', async (t) => {
	const room = `room-${++rooms}`;
	const anna = await deskMember(t, 'anna', { room, template: '1v3' });
	const bob = await deskMember(t, 'bob', { room, role: 'member' });
	const customers = [];
	for (const name of ['Lin Mei', 'Zhang Wei']) {
		const made = await page(t);
		await made.goto(`${service.url}/customer.html#t=${anna.call('room.ticket', { room }).ticket}`);
		await made.getByTestId('name').fill(name);
		await made.getByTestId('join').click();
		customers.push(made);
	}
	for (const each of customers)
		await flows(each, 3, 'pictures and sound of all three others');
	for (const desk of [anna, bob])
		await until(() => receivedBy(desk).filter((least) => least > 20).length === 3, 'three others at the desk');
	assert.deepEqual(anna.call('room.get', { room }).members.map((m) => [m.user_name, m.role]),
		[['anna', 'host'], ['bob', 'member'], ['Lin Mei', 'guest'], ['Zhang Wei', 'guest']]);
	for (const each of customers)
		assert.deepEqual(each.problems, []);
});

test('<deskhand-room>: mute, camera off, another language, removing a customer, all by keyboard', async (t) => {
	const crm = await deskPage(t);
	const { ticket } = await crm.evaluate(() => call.agent.room.ticket({ room: call.room }));
	const lin = await page(t, { permissions: [], denied: 'NotFoundError' });
	await lin.goto(`${service.url}/customer.html#t=${ticket}`);
	await lin.getByTestId('name').fill('Lin Mei');
	await lin.getByTestId('join').click();
	await inCall(lin);
	const press = async (id) => {
		await crm.getByTestId(id).focus();
		await crm.keyboard.press('Enter');
	};
	await until(async () => await level(crm, 'microphone') > -50, 'the own microphone');
	assert.equal(await level(crm, 'speaker'), -60, 'who is not heard shows nothing');
	await press('microphone');
	await lin.locator('.tile[data-muted]:not([data-own])').waitFor();
	await press('camera');
	await lin.locator('.tile[data-off]:not([data-own])').waitFor();
	await crm.getByTestId('language').selectOption('zh');
	await crm.getByRole('button', { name: '取消静音' }).waitFor();
	await crm.getByTestId('language').selectOption('en');
	await press('open-people');
	await crm.keyboard.press('Escape');
	await crm.getByTestId('panel').waitFor({ state: 'hidden' });
	assert.equal(await crm.evaluate(() => call.shadowRoot.activeElement.dataset.testid), 'open-people', 'the focus is back where it was');
	await press('open-people');
	await crm.locator('[data-testid^="kick-"]').focus();
	await crm.keyboard.press('Enter');
	await press('answer-yes');
	await says(lin, 'over', 'You were removed from the call.');
	await says(crm, 'notices', 'Lin Mei was removed.');
	const unnamed = await crm.evaluate(() => [...call.shadowRoot.querySelectorAll('button')]
		.filter((button) => !(button.textContent.trim() || button.ariaLabel)).length);
	assert.equal(unnamed, 0);
});
