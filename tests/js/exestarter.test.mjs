/** EXEStarter.js: what a page of the predecessor calls and hears. Real modules and SDK, a fake agent, a fake room element. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { once } from 'node:events';
import nodeTest from 'node:test';
import { answer, freshExe, guest, hear, inRoom, me, say, startObject } from './fake_exe.mjs';
import { exeTexts } from '../../js/src/exe/texts.js';
import { joinCode } from '../../js/src/exe/codes.js';
import { readStart, roomService } from '../../js/src/exe/params.js';

const test = (name, fn) => nodeTest(name, { timeout: 10000 }, fn);
nodeTest.afterEach(() => globalThis.RtcRoom?.unload());
console.error = () => {}; /* refusals are told there too */

const status = (code) => (detail) => detail.event === 'roomStatus' && detail.code === code;

test('the globals, and nothing else', async () => {
	const before = Object.keys(globalThis);
	await freshExe();
	assert.deepEqual(Object.keys(globalThis).filter((name) => !before.includes(name)).sort(),
		['EnumDef', 'LiveRoom', 'PushPlay', 'RtcRoom', 'getSDKLoginInfo']);
	assert.equal(Date.prototype.Format, undefined);
	assert.deepEqual(EnumDef.ScreenRecordType, { RecordNone: 0, RecordScreenToServer: 1, RecordScreenToClient: 2, RecordScreenToBoth: 3 });
	assert.deepEqual(EnumDef.RoomAction, { CreateRoom: 'createRoom', EnterRoom: 'enterRoom' });
	assert.equal(EnumDef.Template.Template1V4, '1v4');
	assert.match(EnumDef.EXEUrl, /exe-room\.html#install$/);
});

test('both languages have every text', () => {
	assert.deepEqual(Object.keys(exeTexts.zh), Object.keys(exeTexts.en));
	for (const [key, text] of Object.entries(exeTexts.zh)) {
		assert.match(text, /[\u4e00-\u9fff]/, key);
		assert.deepEqual(text.match(/\{\w+\}/g)?.sort(), exeTexts.en[key].match(/\{\w+\}/g)?.sort(), key);
	}
});

test('createRoom: success once, then roomStatus 0, and what the agent is asked', async () => {
	const page = await freshExe();
	const { started, first } = await inRoom(page, { roomdata: { roomLogo: 'logo.png', roomTitle: 'Title' }, custom: { IMList: false } });
	assert.ok(started.success.data.httpPort > 0);
	assert.equal((await first('onRecvEvent', status(0))).roomID, 'r-1');
	const { params } = page.agent.asked.find(({ method }) => method === 'room.join');
	assert.deepEqual(params, { server: 'https://rooms.example', room: 'r-1', user_id: 'ann', user_name: 'Ann', user_sig: 'sig',
		sdk_app_id: 1400000001, template: '1v3', kind: 'rtc', create: 'must', room_name: 'First', session: 's1' });
	const [element] = page.container.children;
	assert.deepEqual(element.attributes,
		{ 'room-title': 'Title', 'room-logo': 'logo.png', 'user-list': 'true', 'im-list': 'false', 'screen-share': 'true' });
	assert.deepEqual(started.all, ['success']);
	assert.equal(page.opened.length, 0);
});

test('enterRoom with roomId: never created, roomStatus 1', async () => {
	const page = await freshExe();
	const { first } = await inRoom(page, { roomdata: { roomID: undefined, roomId: 77, roomAction: 'enterRoom' } });
	assert.equal((await first('onRecvEvent', status(1))).roomId, '77');
	const { params } = page.agent.asked.find(({ method }) => method === 'room.join');
	assert.deepEqual([params.room, params.create], ['77', 'never']);
});

test('called before the modules are loaded, and by callbacks alone', async () => {
	await freshExe();
	const { success } = await answer(RtcRoom.startEXE, startObject());
	assert.ok(success);
	assert.equal(RtcRoom.startEXE(startObject()), undefined);
});

for (const [name, object, code, field] of [
	['no object', undefined, -9998, 'userdata'], ['no userdata', { roomdata: {} }, -9998, 'userdata'],
	['no serverDomain', startObject({ roomdata: { serverDomain: '' } }), -9998, 'serverDomain'],
	...['userID', 'userSig', 'sdkAppID', 'accType'].map((key) => [`no ${key}`, startObject({ userdata: { [key]: '' } }), -9999, key]),
	...['roomID', 'roomAction'].map((key) => [`no ${key}`, startObject({ roomdata: { [key]: '' } }), -9999, key]),
	['an unknown action', startObject({ roomdata: { roomAction: 'leaveRoom' } }), -9999, 'roomAction'],
	['an unknown template', startObject({ roomdata: { template: '1v9' } }), -9999, 'template'],
	['a bad proxy port', startObject({ custom: { proxy_ip: 'p', proxy_port: 70000 } }), -9999, 'proxy_port'],
	['a bad screenRecord', startObject({ custom: { screenRecord: 7 } }), -9999, 'screenRecord'],
	['no such container', startObject({ custom: { container: '#none' } }), -9999, 'container'],
	['an address that is none', startObject({ roomdata: { serverDomain: 'ftp://x/' } }), -9999, 'serverDomain'],
])
	test(`${name}: fail ${code}, once, and no window`, async () => {
		const page = await freshExe();
		if (!object) {
			assert.throws(() => readStart('x', object), { code });
			return;
		}
		const { fail, all } = await answer(RtcRoom.startEXE, object);
		assert.equal(fail.errCode, code);
		assert.match(fail.errMsg, new RegExp(field));
		assert.deepEqual([all, page.opened, page.agent.asked], [['fail'], [], []]);
	});

test('the predecessor’s addresses of the room service', () => {
	for (const [domain, service] of [['https://room.example.com/', 'https://room.example.com'], ['https://h/weapp/double_room/', 'https://h'],
		['http://127.0.0.1:8086', 'http://127.0.0.1:8086'], ['wss://h:444/v1/ws', 'https://h:444'], ['h.example', 'https://h.example'],
		['javascript:alert(1)', ''], ['ftp://h', ''], ['https://', '']])
		assert.equal(roomService(domain), service, domain);
});

test('both spellings of the proxy, and its default port', () => {
	const proxy = (custom) => readStart('x', startObject({ custom })).join.proxy;
	assert.deepEqual(proxy({ proxy_ip: '10.0.0.1', proxy_port: '1081' }), { kind: 'socks5', host: '10.0.0.1', port: 1081 });
	assert.deepEqual(proxy({ ip: '10.0.0.1', port: 1081 }), { kind: 'socks5', host: '10.0.0.1', port: 1081 });
	assert.deepEqual(proxy({ proxy_ip: '10.0.0.1' }), { kind: 'socks5', host: '10.0.0.1', port: 1080 });
	assert.equal(proxy({}), undefined);
});

test('names are cut to what a room takes, never within a character', () => {
	const { join } = readStart('x', startObject({ userdata: { userName: '名'.repeat(40) }, roomdata: { roomName: 'x'.repeat(300) } }));
	assert.deepEqual([join.user_name, join.room_name.length], ['名'.repeat(19), 128]);
});

test('no agent: fail -1 with what a person can do', async () => {
	const page = await freshExe({ hostname: 'crm.example' });
	globalThis.chrome = undefined;
	globalThis.WebSocket = class extends EventTarget {
		constructor() {
			super();
			queueMicrotask(() => this.onclose({ code: 1006, reason: '' }));
		}
		close() {}
	};
	const { fail, all } = await answer(RtcRoom.startEXE, startObject());
	assert.deepEqual([fail.errCode, fail.name, all], [-1, 'not_installed', ['fail']]);
	assert.match(fail.hint, /Install/);
	assert.equal(page.locks.isTaken, false);
	assert.equal(page.container.children.length, 0);
});

for (const [name, create, code] of [['EEXIST', 'createRoom', -1005], ['ENOENT', 'enterRoom', -1006], ['ELIMIT', 'enterRoom', -1006],
	['ETIMEDOUT', 'enterRoom', -1002], ['EPROTO', 'enterRoom', -1003], ['EPERM', 'createRoom', -1004], ['EIO', 'createRoom', -1001]])
	test(`${create} that ends with ${name}: ${code} by onRecvEvent and onRoomClose`, async () => {
		const page = await freshExe();
		page.agent.answers['room.join'] = () => {
			throw { code: -32000, message: 'why', data: { name } };
		};
		const told = hear(RtcRoom);
		const { all } = await answer(RtcRoom.startEXE, startObject({ roomdata: { roomAction: create } }));
		const { data } = await told.first('onRoomClose');
		assert.deepEqual([data.code, data.msg, data.roomID, data.roomName], [code, 'why', 'r-1', 'First']);
		assert.ok(await told.first('onRecvEvent', status(code)));
		assert.deepEqual(all, ['success']);
		assert.ok(page.agent.methods().includes('session.close'));
	});

test('members: all of them, after each change', async () => {
	const page = await freshExe();
	const { heard, first } = await inRoom(page);
	say(page, 'room.member_joined', { seq: 1, room: 'r-1', ...guest });
	const list = await first('onMemberChange', (each) => each.length === 2);
	assert.deepEqual([...list], [{ userID: 'ann', userName: 'Ann', userAvatar: '', role: 0 },
		{ userID: 'bob', userName: 'Bob', userAvatar: '', role: 1 }]);
	assert.deepEqual([list.list, list.event, list.roomID], [[...list], 'memberChange', 'r-1']);
	say(page, 'room.member_joined', { seq: 2, room: 'another', ...guest, member: 3 });
	say(page, 'room.member_left', { seq: 3, room: 'r-1', member: 2 });
	await first('onMemberChange', (each) => each !== list && each.length === 1 && heard.length > 3);
	assert.deepEqual(heard.filter(({ name }) => name === 'onMemberChange').map(({ detail }) => detail.length), [1, 2, 1]);
});

test('chat: both msg and message, at the top and in data', async () => {
	const page = await freshExe();
	const { first } = await inRoom(page);
	say(page, 'room.chat', { seq: 1, room: 'r-1', id: 5, user_id: 'bob', user_name: 'Bob', text: '<b>hello</b>', ts_ms: 7 });
	const line = await first('onRecvRoomIMMsg');
	for (const each of [line, line.data])
		assert.deepEqual([each.roomID, each.roomId, each.userID, each.userName, each.userAvatar, each.msg, each.message],
			['r-1', 'r-1', 'bob', 'Bob', '', '<b>hello</b>', '<b>hello</b>']);
});

test('listeners of two parameters hear room and payload, as the old code called them', async () => {
	const page = await freshExe();
	const heard = [];
	const entered = new Promise((resolve) => RtcRoom.setListener({ onRecvEvent: (room, cmd) => heard.push([room, cmd]),
		onMemberChange: (room, list) => resolve(heard.push([room, list])) }));
	await answer(RtcRoom.startEXE, startObject());
	await entered;
	const line = new Promise((resolve) => RtcRoom.setListener({ onRecvRoomIMMsg: (room, cmd) => resolve([room, cmd.message]) }));
	say(page, 'room.chat', { seq: 1, room: 'r-1', id: 5, user_id: 'bob', user_name: 'Bob', text: 'x', ts_ms: 7 });
	assert.deepEqual(await line, ['r-1', 'x']);
	assert.deepEqual(heard.map(([room]) => room), ['r-1', 'r-1']);
	assert.equal(heard[0][1].event, 'roomStatus');
	assert.deepEqual(heard[1][1].map((member) => member.userID), ['ann']);
});

test('a listener that throws breaks nothing', async () => {
	const page = await freshExe();
	const thrown = new Promise((resolve) => (globalThis.reportError = resolve));
	RtcRoom.setListener({ onRecvEvent() {
		throw new Error('the page’s');
	} });
	const { first } = hear({ setListener: (all) => RtcRoom.setListener({ onMemberChange: all.onMemberChange }) });
	await answer(RtcRoom.startEXE, startObject());
	assert.equal((await first('onMemberChange')).length, 1);
	assert.match((await thrown).message, /the page/);
	assert.equal(page.container.children.length, 1);
});

for (const [reason, text] of [['closed', /host closed/], ['kicked', /removed/], ['replaced', /another place/], ['expired', /time/]])
	test(`room.closed ${reason}: code 2, once`, async () => {
		const page = await freshExe();
		const { heard, first } = await inRoom(page);
		say(page, 'room.closed', { seq: 1, room: 'r-1', reason });
		const { data } = await first('onRoomClose');
		assert.deepEqual([data.code, data.reason, data.roomId], [2, reason, 'r-1']);
		assert.match(data.msg, text);
		assert.ok(await first('onRecvEvent', status(2)));
		say(page, 'room.closed', { seq: 2, room: 'r-1', reason });
		assert.equal(heard.filter(({ name }) => name === 'onRoomClose').length, 1);
		assert.equal(page.container.children.length, 0);
		assert.equal(page.locks.isTaken, false);
	});

test('the room service is away for a while: told, and the members anew', async () => {
	const page = await freshExe();
	const { heard, first } = await inRoom(page);
	say(page, 'room.reconnecting', { seq: 1, room: 'r-1' });
	assert.ok(await first('onRecvEvent', (e) => e.event === 'roomConnection' && e.road === 'server' && e.state === 'reconnecting'));
	say(page, 'room.reconnecting', { seq: 1, room: 'r-1' }); /* each try says so */
	say(page, 'room.reconnected', { seq: 2, room: 'r-1', member: 1, resumed: false });
	assert.ok(await first('onRecvEvent', (e) => e.state === 'reconnected'));
	assert.equal((await first('onMemberChange', (list) => list.length === 2)).length, 2);
	assert.equal(heard.filter(({ detail }) => detail.state === 'reconnecting').length, 1);
});

for (const [reason, code] of [['refused', -1007], ['revoked', -1004], ['shutdown', -2000], ['session_closed', 2], ['another', 2]])
	test(`room.closed ${reason}: ${code}, with the agent's sentence`, async () => {
		const page = await freshExe();
		const { first } = await inRoom(page);
		say(page, 'room.closed', { seq: 3, room: 'r-1', reason, text: 'why' });
		const { data } = await first('onRoomClose');
		assert.deepEqual([data.code, data.msg], [code, 'why']);
	});

test('the agent dies and another comes: -2000', async () => {
	const page = await freshExe();
	const { first } = await inRoom(page);
	page.agent.answers['session.attach'] = () => {
		throw { code: -32004, message: 'gone', data: { name: 'ENOENT' } };
	};
	page.extension.ports.at(-1).drop();
	assert.ok(await first('onRecvEvent', (e) => e.road === 'local' && e.state === 'reconnecting'));
	const { data } = await first('onRoomClose');
	assert.equal(data.code, -2000);
});

test('the local channel breaks and comes back: the call goes on', async () => {
	const page = await freshExe();
	const { heard, first } = await inRoom(page);
	page.extension.ports.at(-1).drop();
	assert.ok(await first('onRecvEvent', (e) => e.road === 'local' && e.state === 'reconnected'));
	assert.equal(heard.filter(({ name }) => name === 'onRoomClose').length, 0);
});

test('a camera that is busy, none, unplugged: -1008, -1010, -1009 as events', async () => {
	const page = await freshExe();
	const { heard, first } = await inRoom(page);
	const lost = (name) => say(page, 'source.lost', { seq: 1, session: 's1', source: 1, role: 'camera', name, reason: 'r', hint: 'h' });
	lost('EBUSY');
	await first('onRecvEvent', status(-1008));
	lost('ENODEV');
	await first('onRecvEvent', status(-1010));
	say(page, 'session.changed', { seq: 2, session: 's1', state: 'open', sources: [{ source: 1, role: 'camera', state: 'live' }] });
	lost('ENODEV');
	await first('onRecvEvent', status(-1009));
	assert.equal(heard.filter(({ name }) => name === 'onRoomClose').length, 0);
});

test('stopEXE: leaves, code 2, success once; again: fail', async () => {
	const page = await freshExe();
	const { first } = await inRoom(page);
	const stopped = await answer(RtcRoom.stopEXE, { data: { roomID: 'r-1' } });
	assert.deepEqual(stopped.success.data.roomID, 'r-1');
	const { data } = await first('onRoomClose');
	assert.deepEqual([data.code, data.reason], [2, 'asked']);
	assert.deepEqual(page.agent.methods().filter((name) => /leave|close/.test(name)), ['room.leave', 'session.close']);
	const again = await answer(RtcRoom.stopEXE, { data: { roomID: 'r-1' } });
	assert.equal(again.fail.errCode, -9999);
	assert.deepEqual([stopped.all, again.all], [['success'], ['fail']]);
});

test('stopEXE without a room closes the only one; while it begins, startEXE fails', async () => {
	const page = await freshExe();
	page.agent.answers['agent.hello'] = () => null; /* it never answers */
	const starting = answer(RtcRoom.startEXE, startObject());
	const { success } = await answer(RtcRoom.stopEXE, {});
	assert.ok(success);
	const { fail, all } = await starting;
	assert.deepEqual([fail.errCode, fail.name, all], [-1001, 'ECANCELED', ['fail']]);
	assert.equal(page.locks.isTaken, false);
});

test('singleton: a second room fails with -2, and opens after the first has ended', async () => {
	const page = await freshExe();
	await inRoom(page);
	const second = await answer(RtcRoom.startEXE, startObject({ roomdata: { roomID: 'r-2' } }));
	assert.deepEqual([second.fail.errCode, second.all], [-2, ['fail']]);
	await answer(RtcRoom.stopEXE, { data: { roomID: 'r-1' } });
	assert.ok((await answer(RtcRoom.startEXE, startObject({ roomdata: { roomID: 'r-2' } }))).success);
	assert.ok(page);
});

test('singleton: a room in another page of this origin, too', async () => {
	const page = await freshExe();
	page.locks.isTaken = true;
	const { fail, all } = await answer(RtcRoom.startEXE, startObject());
	assert.deepEqual([fail.errCode, all], [-2, ['fail']]);
	assert.deepEqual(page.agent.asked, []);
	page.locks.isTaken = false;
	assert.ok((await answer(RtcRoom.startEXE, startObject())).success);
});

test('singleton false: two rooms at once, each with its own events; the same room twice is -2', async () => {
	const page = await freshExe();
	page.locks.isTaken = true; /* another page's does not matter */
	const custom = { singleton: false };
	const { heard, first } = await inRoom(page, { custom });
	await answer(RtcRoom.startEXE, startObject({ custom, roomdata: { roomID: 'r-2' } }));
	await first('onMemberChange', (list) => list.roomID === 'r-2');
	say(page, 'room.chat', { seq: 1, room: 'r-2', id: 1, user_id: 'bob', user_name: 'Bob', text: 'two', ts_ms: 1 });
	const line = { seq: 1, room: 'r-1', id: 1, user_id: 'bob', user_name: 'Bob', text: 'one' };
	page.extension.ports[0].say({ jsonrpc: '2.0', method: 'room.chat', params: line });
	assert.equal((await first('onRecvRoomIMMsg', (line) => line.roomID === 'r-1')).msg, 'one');
	assert.equal((await first('onRecvRoomIMMsg', (line) => line.roomID === 'r-2')).msg, 'two');
	assert.equal((await answer(RtcRoom.startEXE, startObject({ custom }))).fail.errCode, -2);
	await answer(RtcRoom.stopEXE, { data: { roomID: 'r-2' } });
	assert.deepEqual(heard.filter(({ name }) => name === 'onRoomClose').map(({ detail }) => detail.data.roomID), ['r-2']);
});

test('unload ends the calls; while the page is being left, the agent keeps them', async () => {
	const page = await freshExe();
	const { first } = await inRoom(page);
	dispatchEvent(new Event('beforeunload'));
	RtcRoom.unload();
	assert.ok(!page.agent.methods().includes('room.leave'));
	await new Promise((resolve) => setTimeout(resolve)); /* the page is not gone yet */
	dispatchEvent(new Event('pagehide'));
	RtcRoom.unload();
	assert.ok(!page.agent.methods().includes('room.leave'));
	dispatchEvent(new Event('pageshow'));
	RtcRoom.unload();
	assert.equal((await first('onRoomClose')).data.code, 2);
	const { params } = page.agent.asked.find(({ method }) => method === 'session.open');
	assert.deepEqual([params.orphan_policy, params.orphan_s], ['stop_after', 30]);
});

test('after a reload: back into the call the agent kept, its recording too', async () => {
	const page = await freshExe();
	sessionStorage.setItem('deskhand.sessions', JSON.stringify([['s9', 'secret']]));
	page.agent.answers['session.attach'] = () => ({ state: { template: '1v3', recordings: ['r9'] } });
	page.agent.answers['room.list'] = () => ({ rooms: [{ room: 'r-1', session: 's9' }] });
	const { first } = await inRoom(page, { custom: { screenRecord: 2 } });
	assert.equal((await first('onRecvEvent', (e) => e.event === 'roomStatus')).code, 1);
	assert.equal((await first('onMemberChange')).length, 2);
	const asked = page.agent.methods();
	assert.deepEqual(['room.join', 'session.open', 'recording.start'].filter((name) => asked.includes(name)), []);
	assert.equal(page.container.children[0].attached, 'r-1');
});

for (const [custom, feature] of [[{ mixRecord: true }, 'mixRecord'], [{ whiteboard: true }, 'whiteboard']])
	test(`${JSON.stringify(custom)}: a clear "not yet"`, async () => {
		const page = await freshExe();
		const { first } = await inRoom(page, { custom });
		const { code, msg } = await first('onRecvEvent', (e) => e.event === 'notYet' && e.feature === feature);
		assert.equal(code, -3000);
		assert.match(msg, /not there yet/);
		await answer(RtcRoom.stopEXE, {});
		assert.ok(!page.agent.methods().includes('recording.start'));
	});

test('LiveRoom and PushPlay: every call fails once, and says so', async () => {
	await freshExe();
	for (const [room, name, method] of [[LiveRoom, 'LiveRoom', 'startEXE'], [LiveRoom, 'LiveRoom', 'stopEXE'], [PushPlay, 'PushPlay', 'startEXE'],
		[PushPlay, 'PushPlay', 'stopEXE'], [PushPlay, 'PushPlay', 'videoSnapshot']]) {
		const { fail, all } = await answer(room[method], {});
		assert.equal(fail.errCode, -3000);
		assert.match(fail.errMsg, new RegExp(`${name} is not there yet`));
		assert.deepEqual(all, ['fail']);
	}
	PushPlay.stopEXE(); /* without an object, as documented */
	LiveRoom.setListener({});
	LiveRoom.unload();
});

test('no window opens: a panel in the page, and its button closes the room', async () => {
	const page = await freshExe();
	await answer(RtcRoom.startEXE, startObject({ roomdata: { roomID: 'warm' } }));
	await answer(RtcRoom.stopEXE, {});
	const { first } = await inRoom(page, { custom: { container: undefined } });
	assert.equal(page.opened.length, 1);
	assert.doesNotMatch(page.opened[0].join(' '), /sig|ann/);
	const [panel] = page.body.children;
	assert.equal(panel.attributes.role, 'dialog');
	panel.inside.children[0].children[1].dispatchEvent(new Event('click'));
	assert.equal((await first('onRoomClose', ({ data }) => data.roomID === 'r-1')).data.code, 2);
	assert.equal(page.body.children.length, 0);
});

test('a join error is the room’s or the road’s', () => {
	assert.deepEqual(['ESTATE', 'ECLOSED', 'EVERSION', 'whatever'].map((name) => joinCode(name, false)), [-1006, -1007, -1003, -1001]);
});

async function loginServer(t, answerWith) {
	const server = createServer(answerWith).listen(0, '127.0.0.1');
	t.after(() => server.close());
	await once(server, 'listening');
	return `http://127.0.0.1:${server.address().port}/get_login_info`;
}

test('getSDKLoginInfo: GET unless said, and both spellings of the account type', async (t) => {
	await freshExe();
	const asked = [];
	const url = await loginServer(t, async (request, response) => {
		let body = '';
		for await (const part of request)
			body += part;
		asked.push([request.method, request.url, body]);
		response.end(JSON.stringify({ code: 0, userID: 'ann', sdkAppID: 1, accountType: '36862', userSig: 's' }));
	});
	const { success, all } = await answer(getSDKLoginInfo, { data: { userID: 'a n', loginServerDoMain: url } });
	const { accType, accountType, userSig } = success.data;
	assert.deepEqual([success.status, userSig, accType, accountType, all], [200, 's', '36862', '36862', ['success']]);
	await answer(getSDKLoginInfo, { data: { userID: 'ann', loginServerDoMain: url, method: 'POST' } });
	assert.deepEqual(asked, [['GET', '/get_login_info?userID=a+n', ''], ['POST', '/get_login_info', '{"userID":"ann"}']]);
});

test('getSDKLoginInfo: every failure goes to fail, once', async (t) => {
	await freshExe();
	const replies = [[500, ''], [200, 'no JSON'], [200, '{"code":7,"message":"who?"}']];
	const url = await loginServer(t, (request, response) => {
		const [code, text] = replies.shift();
		response.writeHead(code).end(text);
	});
	for (const [data, pattern, code] of [[{ loginServerDoMain: url }, /HTTP 500/, -1001], [{ loginServerDoMain: url }, /JSON/, -1001],
		[{ loginServerDoMain: url }, /who\? \(7\)/, 7], [{ loginServerDoMain: 'http://127.0.0.1:9/' }, /login server/, -1001],
		[{}, /missing/, -9999]]) {
		const { fail, all } = await answer(getSDKLoginInfo, { data });
		assert.match(fail.errMsg, pattern);
		assert.deepEqual([fail.errCode, all], [code, ['fail']]);
	}
});
