/** A page of the predecessor in Chromium, only its script swapped, under a strict Content-Security-Policy; real agent and room service. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:http';
import path from 'node:path';
import nodeTest from 'node:test';
import { chromium } from 'playwright-core';
import { Desk, top } from './desk.mjs';
import { APP, RoomService } from './room_desk.mjs';
import { Member } from './room_member.mjs';
import { RtmpServer } from './rtmp_server.mjs';

const program = process.env.CHROMIUM ?? '/usr/bin/chromium';
const asRoot = process.getuid() === 0 ? ['--no-sandbox'] : [];
const test = (name, fn) => nodeTest(name, { timeout: 180000 }, fn);
const CSP = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; media-src blob:; " +
	"connect-src 'self' ws://127.0.0.1:*; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
const TYPES = { '.js': 'text/javascript', '.html': 'text/html', '.css': 'text/css', '.svg': 'image/svg+xml' };
const desk = new Desk();
const service = new RoomService();
const rtmp = new RtmpServer();
const servers = [];
/** An origin may switch devices on 5 times in 10 s (SR-20): each test has one of its own. */
const origins = [];
let browser, stranger;

/** The CRM's server: the page, `js/` as it is, and a login server. @returns {Promise<string>} its origin */
async function serve() {
	const server = createServer((request, response) => {
		const { pathname, searchParams } = new URL(request.url, 'http://localhost');
		response.setHeader('content-security-policy', CSP);
		if (pathname === '/weapp/utils/get_login_info')
			return response.end(JSON.stringify({ code: 0, ...login(searchParams.get('userID')) }));
		const file = path.join(top, pathname.startsWith('/js/') ? '' : 'tests/e2e/pages', path.normalize(pathname));
		response.setHeader('content-type', TYPES[path.extname(file)] ?? 'text/plain');
		return existsSync(file) ? response.end(readFileSync(file)) : response.writeHead(204).end();
	});
	servers.push(server);
	await once(server.listen(0, '127.0.0.1'), 'listening');
	return `http://localhost:${server.address().port}`;
}

/** user_wrong gets another user's signature. */
function login(userID) {
	const userSig = service.sig(userID === 'user_wrong' ? 'user_other' : userID);
	return { userID, sdkAppID: APP, accountType: '36862', userSig, serverDomain: `${service.url}/weapp/` };
}

nodeTest.before(async () => {
	for (let i = 0; i < 14; i++)
		origins.push(await serve());
	stranger = await serve();
	await service.start();
	await rtmp.start();
	desk.setPolicy({ origins: origins.map((origin) => ({ origin, scopes: ['*'] })), signal_hosts: ['localhost'],
		push_targets: [`rtmp://127.0.0.1:${rtmp.port}/live/*`] });
	await desk.startAgent();
	browser = await chromium.launch({ executablePath: program, headless: true, args: asRoot });
});

nodeTest.after(async () => {
	await browser?.close();
	servers.forEach((server) => server.close());
	await desk.stop();
	await service.stop();
	rtmp.stop();
});

nodeTest.afterEach(() => {
	for (const { session } of desk.call('session.list').sessions)
		desk.call('session.close', { session });
});

async function newContext(t, { blockWindows = false } = {}) {
	const context = await browser.newContext();
	t.after(() => context.close());
	context.setDefaultTimeout(30000);
	/* The SDK finds the test's agent instead of those of this computer. */
	await context.addInitScript(([port, isBlocked]) => {
		const Real = globalThis.WebSocket;
		globalThis.WebSocket = class extends Real {
			constructor(url, ...more) {
				super(url.replace(/:1862\d\//, `:${port}/`), ...more);
			}
		};
		if (isBlocked)
			globalThis.open = () => null;
	}, [desk.ready.port, blockWindows]);
	return context;
}

/** The old page. What it or the browser complains of is kept in page.complaints. */
async function oldPage(t, { room, user = 'user_ann', custom = {}, origin = origins.pop(), context, ...more }) {
	const page = await (context ?? await newContext(t, more)).newPage();
	page.complaints = [];
	page.on('pageerror', (e) => page.complaints.push(String(e)));
	page.on('console', (message) => /Content Security Policy/.test(message.text()) && page.complaints.push(message.text()));
	t.after(() => assert.deepEqual(page.complaints, []));
	await page.goto(`${origin}/old_double.html`);
	await page.fill('#userID', user);
	await page.fill('#roomID', room);
	await page.fill('#custom', JSON.stringify(custom));
	return page;
}

/** The first of what the page was told by this name, of which fields have these values. */
const told = (page, name, fields = {}) => page.evaluate((wanted) => new Promise((resolve) => {
	const look = () => {
		const fits = (ret) => Object.entries(wanted.fields).every(([key, value]) => ret[key] === value);
		const found = globalThis.told.find(([each, ret]) => each === wanted.name && fits(ret));
		if (found)
			resolve(found[1]);
		else
			document.addEventListener('told', look, { once: true });
	};
	look();
}), { name, fields });

const inContainer = { container: '#container' };

test('in a container: created, a member comes, chats and goes, closed', async (t) => {
	const page = await oldPage(t, { room: 'room_container', custom: inContainer });
	await page.click('#create');
	assert.ok((await told(page, 'success')).data.httpPort);
	assert.equal((await told(page, 'onRecvEvent', { code: 0 })).event, 'roomStatus');
	assert.deepEqual((await told(page, 'onMemberChange'))[0], { userID: 'user_ann', userName: 'USER_ANN', userAvatar: '', role: 0 });
	const leave = page.locator('#container button.leave');
	await leave.click({ trial: true }); /* it is to be seen in a container without a height of its own */
	const bob = await Member.enter(service, 'user_bob', 'room_container');
	assert.equal((await told(page, 'onMemberChange', { length: 2 }))[1].userID, 'user_bob');
	await bob.call('room.chat', { text: '<i>hello</i>' });
	const line = await told(page, 'onRecvRoomIMMsg');
	assert.deepEqual([line.userID, line.msg, line.message, line.roomID], ['user_bob', '<i>hello</i>', '<i>hello</i>', 'room_container']);
	bob.close();
	await page.click('#stop');
	const { data } = await told(page, 'onRoomClose');
	assert.deepEqual([data.code, data.reason, data.roomName], [2, 'asked', 'Room of user_ann']);
	await told(page, 'stopped');
	await page.locator('#container > deskhand-room').waitFor({ state: 'detached' });
	assert.deepEqual([desk.call('room.list').rooms, desk.call('session.list').sessions], [[], []]);
	await page.click('#stop');
	assert.equal((await told(page, 'stopFail')).errCode, -9999);
	await page.click('#snapshot');
	assert.equal((await told(page, 'snapshotFail')).errCode, -3000);
});

test('in a window: nothing secret in its address; the person closes it', async (t) => {
	const page = await oldPage(t, { room: 'room_window' });
	const opening = page.waitForEvent('popup');
	await page.click('#create');
	const popup = await opening;
	await popup.locator('deskhand-room').waitFor();
	await told(page, 'onMemberChange');
	assert.match(popup.url(), /\/js\/pages\/exe-room\.html$/);
	assert.equal(await popup.title(), 'Counter 7');
	const [{ member }] = desk.call('room.list').rooms;
	await popup.reload();
	await told(page, 'onRecvEvent', { code: 1 });
	assert.equal(desk.call('room.list').rooms[0].member, member);
	await popup.close();
	const { data } = await told(page, 'onRoomClose');
	assert.deepEqual([data.code, data.reason], [2, 'window']);
	await desk.until(() => desk.call('session.list').sessions.length === 0);
});

test('a window that is blocked: a panel, by mouse and keyboard', async (t) => {
	const page = await oldPage(t, { room: 'room_panel', blockWindows: true });
	await page.click('#create');
	const panel = page.getByRole('dialog', { name: 'Counter 7' });
	await panel.waitFor();
	const before = await panel.boundingBox();
	const move = page.getByRole('button', { name: /Counter 7: / });
	await move.focus();
	await page.keyboard.press('ArrowLeft');
	await page.keyboard.press('ArrowDown');
	const moved = await panel.boundingBox();
	assert.deepEqual([moved.x, moved.y], [before.x - 16, before.y + 16]);
	const { x, y } = await move.boundingBox();
	await page.mouse.move(x + 20, y + 8);
	await page.mouse.down();
	await page.mouse.move(x + 50, y - 2);
	await page.mouse.up();
	const dragged = await panel.boundingBox();
	assert.deepEqual([dragged.x, dragged.y], [moved.x + 30, moved.y - 10]);
	await told(page, 'onMemberChange');
	await move.focus();
	await page.keyboard.press('Tab');
	await page.keyboard.press('Enter');
	assert.equal((await told(page, 'onRoomClose')).data.code, 2);
	await panel.waitFor({ state: 'detached' });
});

test('a reload: back into the call, which nobody saw leave', async (t) => {
	const page = await oldPage(t, { room: 'room_reload', custom: inContainer });
	await page.click('#create');
	await told(page, 'onMemberChange');
	const [{ member }] = desk.call('room.list').rooms;
	await page.reload();
	await page.fill('#roomID', 'room_reload');
	await page.fill('#custom', JSON.stringify(inContainer));
	await page.click('#enter');
	await told(page, 'onRecvEvent', { code: 1 });
	assert.equal((await told(page, 'onMemberChange')).length, 1);
	assert.equal(desk.call('room.list').rooms[0].member, member);
	await page.click('#stop');
	await told(page, 'stopped');
});

test('screenRecord 3 leaves a file here and a stream at the server', async (t) => {
	const cloudRecordUrl = `rtmp://127.0.0.1:${rtmp.port}/live/room_record?key=s3cret`;
	const page = await oldPage(t, { room: 'room_record', custom: { ...inContainer, screenRecord: 3, cloudRecordUrl } });
	await page.click('#create');
	const { recording } = await told(page, 'onRecvEvent', { event: 'screenRecord', state: 'started' });
	await told(page, 'onRecvEvent', { event: 'cloudRecord', state: 'live', recording });
	await desk.until(() => desk.call('recording.get', { recording }).push.duration_ms > 1000);
	await page.click('#stop');
	assert.ok((await told(page, 'onRecvEvent', { event: 'screenRecord', state: 'stopped' })).duration_ms > 1000);
	await told(page, 'stopped');
	const { duration_s, video, audio } = desk.probe(recording);
	assert.ok(duration_s > 1 && Number(video.nb_read_packets) > 10 && audio, JSON.stringify({ duration_s, video, audio }));
	const pushed = desk.probeFile(rtmp.file('room_record'));
	assert.ok(Number(pushed.video.nb_read_packets) > 10 && pushed.audio.codec_name === 'aac', JSON.stringify(pushed));
});

test('the room’s own button ends it: code 2', async (t) => {
	const page = await oldPage(t, { room: 'room_button', custom: inContainer });
	await page.click('#create');
	await page.locator('#container button.leave').click();
	const { data } = await told(page, 'onRoomClose');
	assert.deepEqual([data.code, data.reason], [2, 'left']);
	await desk.until(() => desk.call('session.list').sessions.length === 0);
});

test('the room service is killed and comes back', async (t) => {
	const page = await oldPage(t, { room: 'room_killed', custom: inContainer });
	await page.click('#create');
	await told(page, 'onMemberChange');
	await service.kill();
	await told(page, 'onRecvEvent', { event: 'roomConnection', road: 'server', state: 'reconnecting' });
	await service.start();
	await told(page, 'onRecvEvent', { event: 'roomConnection', road: 'server', state: 'reconnected' });
	await page.click('#stop');
	await told(page, 'stopped');
});

test('a room that is there already, one that is not, a signature of another user', async (t) => {
	const origin = origins.pop();
	const bob = await oldPage(t, { room: 'room_there', user: 'user_bob', custom: { ...inContainer, singleton: false }, origin });
	await bob.click('#create');
	await told(bob, 'onMemberChange');
	for (const [room, user, button, code] of [['room_there', 'user_ann', '#create', -1005], ['room_none', 'user_ann', '#enter', -1006],
		['room_there', 'user_wrong', '#enter', -1004]]) {
		const page = await oldPage(t, { room, user, custom: { ...inContainer, singleton: false } });
		await page.click(button);
		await told(page, 'success');
		assert.equal((await told(page, 'onRoomClose')).data.code, code, room);
	}
});

test('singleton: another tab of the origin gets -2', async (t) => {
	const context = await newContext(t);
	const origin = origins.pop();
	const first = await oldPage(t, { room: 'room_one', custom: inContainer, origin, context });
	await first.click('#create');
	await told(first, 'onMemberChange');
	const second = await oldPage(t, { room: 'room_two', custom: inContainer, origin, context });
	await second.click('#create');
	assert.equal((await told(second, 'fail')).errCode, -2);
});

test('an origin without a grant: fail -1, with what the desk user can do', async (t) => {
	const page = await oldPage(t, { room: 'room_denied', custom: inContainer, origin: stranger });
	await page.click('#create');
	const { errCode, name, command } = await told(page, 'fail');
	assert.deepEqual([errCode, name], [-1, 'denied']);
	assert.match(command, /deskhand grants allow/);
	await page.locator('#download').waitFor(); /* what the old page does with -1 */
});

test('the agent is killed and comes back: -2000', async (t) => {
	const page = await oldPage(t, { room: 'room_agent', custom: inContainer });
	await page.click('#create');
	await told(page, 'onMemberChange');
	await desk.killAgent();
	await told(page, 'onRecvEvent', { event: 'roomConnection', road: 'local', state: 'reconnecting' });
	await desk.startAgent('--port', String(desk.ready.port));
	assert.equal((await told(page, 'onRoomClose')).data.code, -2000);
});
