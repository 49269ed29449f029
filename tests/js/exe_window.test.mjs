/** A room in a window of its own: pages/exe-room.js on one side, EXEStarter.js on the other, a real message port between them. */
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { answer, freshExe, guest, hear, startObject } from './fake_exe.mjs';

const test = (name, fn) => nodeTest(name, { timeout: 10000 }, fn);
nodeTest.afterEach(() => globalThis.RtcRoom.unload());

const windowed = (more = {}) => startObject({ ...more, custom: { container: undefined, ...more.custom } });
let loads = 0;

/** Messages of a window, in the one process both live in. */
function message(source, origin, data, ports = []) {
	dispatchEvent(Object.assign(new Event('message'), { source, origin, data, ports }));
}

/** A page whose window loads as soon as it is opened. */
async function freshWindow({ silent = false } = {}) {
	const sent = [];
	const win = { closed: false, close: () => (win.closed = true), postMessage: (data, origin, ports) => {
		sent.push(structuredClone(data)); /* only what can be cloned crosses */
		message(opener, origin, data, ports);
	} };
	const page = await freshExe({ opens: win });
	const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
	const room = document.createElement('main');
	const words = document.createElement('p');
	define('opener', { postMessage: (data, origin) => message(win, origin, data) });
	define('name', '');
	document.getElementById = (id) => ({ room, say: words })[id];
	page.windowLoads = () => import(`../../js/pages/exe-room.js?${++loads}`);
	const { open } = globalThis;
	define('open', (...args) => {
		globalThis.name = args[1];
		if (!silent)
			setTimeout(page.windowLoads);
		return open(...args);
	});
	return Object.assign(page, { win, room, words, sent });
}

test('the room is in the window, its events come to the page, nothing secret is in the address', async () => {
	const page = await freshWindow();
	const told = hear(RtcRoom);
	const { success, all } = await answer(RtcRoom.startEXE, windowed({ roomdata: { roomTitle: 'Title' } }));
	assert.ok(success);
	await told.first('onMemberChange');
	assert.equal(document.title, 'Title');
	assert.equal(page.room.children[0].attributes['room-title'], 'Title');
	page.extension.say({ jsonrpc: '2.0', method: 'room.member_joined', params: { seq: 1, room: 'r-1', ...guest } });
	assert.equal((await told.first('onMemberChange', (list) => list.length === 2)).list[1].userID, 'bob');
	const line = { seq: 2, room: 'r-1', id: 1, user_id: 'bob', user_name: 'Bob', text: 'hi' };
	page.extension.say({ jsonrpc: '2.0', method: 'room.chat', params: line });
	assert.equal((await told.first('onRecvRoomIMMsg')).message, 'hi');
	const [[url, target]] = page.opened;
	assert.match(String(url), /\/pages\/exe-room\.html$/);
	assert.equal(target, 'deskhand-exe-r-1');
	assert.equal(page.sent[0].plan.join.user_sig, 'sig');
	await answer(RtcRoom.stopEXE, {});
	assert.equal((await told.first('onRoomClose')).data.code, 2);
	assert.equal(page.win.closed, true);
	assert.deepEqual(all, ['success']);
});

test('the window listens to its opener of the same origin alone', async () => {
	const page = await freshWindow({ silent: true });
	const { first } = hear(RtcRoom);
	const starting = answer(RtcRoom.startEXE, windowed());
	opener.postMessage = () => {}; /* so that the page does not answer yet */
	await page.windowLoads();
	const evil = { type: 'deskhand.exe.start', plan: { ...page.plan, title: 'evil' } };
	message(opener, 'https://evil.example', evil, [{}]);
	message({}, 'null', evil, [{}]);
	assert.equal(document.title, undefined);
	assert.equal(page.sent.length, 0);
	message({}, 'null', { type: 'deskhand.exe.ready' }); /* the page listens to its window alone, too */
	message(page.win, 'https://evil.example', { type: 'deskhand.exe.ready' });
	assert.equal(page.sent.length, 0);
	message(page.win, 'null', { type: 'deskhand.exe.ready' });
	assert.ok((await starting).success);
	await first('onMemberChange');
});

test('the person closes the window: the room is left and code 2 told', async () => {
	const page = await freshWindow();
	const { first } = hear(RtcRoom);
	await answer(RtcRoom.startEXE, windowed());
	await first('onMemberChange');
	page.win.closed = true;
	const { data } = await first('onRoomClose');
	assert.deepEqual([data.code, data.reason], [2, 'window']);
	const asked = page.agent.asked.map(({ method, params }) => [method, params]);
	assert.deepEqual(asked.find(([method]) => method === 'session.attach')[1], { session: 's1', resume: 'secret' });
	assert.ok(asked.some(([method, params]) => method === 'session.close' && params.session === 's1'));
});

test('the window is reloaded: back into the same call, success only once', async () => {
	const page = await freshWindow();
	const { heard, first } = hear(RtcRoom);
	const { all } = await answer(RtcRoom.startEXE, windowed());
	await first('onMemberChange');
	page.agent.answers['session.attach'] = () => ({ state: { template: '1v3' } });
	page.agent.answers['room.list'] = () => ({ rooms: [{ room: 'r-1', session: 's1' }] });
	page.locks.isTaken = false; /* the browser frees it with the document */
	await page.windowLoads();
	await first('onMemberChange', (list) => list.length === 2);
	assert.equal(page.agent.methods().filter((method) => method === 'room.join').length, 1);
	assert.deepEqual(all, ['success']);
	assert.equal(heard.filter(({ name }) => name === 'onRoomClose').length, 0);
});

test('a new window forgets the sessions copied from its opener, a reloaded one keeps its own', async () => {
	const page = await freshWindow({ silent: true });
	opener.postMessage = () => {};
	globalThis.name = 'deskhand-exe-r-1';
	sessionStorage.setItem('deskhand.sessions', '[["opener","secret"]]');
	await page.windowLoads();
	assert.equal(sessionStorage.getItem('deskhand.sessions'), null);
	sessionStorage.setItem('deskhand.sessions', '[["own","secret"]]');
	await page.windowLoads();
	assert.match(sessionStorage.getItem('deskhand.sessions'), /own/);
});

test('opened by hand: it says what it is', async () => {
	const page = await freshWindow({ silent: true });
	globalThis.opener = null;
	await page.windowLoads();
	assert.match(page.words.textContent, /Go back to that page/);
	location.hash = '#install';
	await page.windowLoads();
	assert.match(page.words.textContent, /Install the Deskhand package/);
});

test('stopped before the window answered: fail, once', async () => {
	const page = await freshWindow({ silent: true });
	const starting = answer(RtcRoom.startEXE, windowed());
	const { success } = await answer(RtcRoom.stopEXE, {});
	assert.ok(success);
	const { fail, all } = await starting;
	assert.deepEqual([fail.errCode, all, page.win.closed], [-1001, ['fail'], true]);
});
