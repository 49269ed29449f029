/** The browser's room client: members, the road to the service and what it survives, who offers to whom. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Roster } from '../../js/src/room/roster.js';
import { Signalling } from '../../js/src/room/signalling.js';
import { FakeRooms } from './fake_rooms.mjs';
import { freshPage, next } from './fakes.mjs';

const member = (number, more) => ({ member: number, user_id: `u${number}`, user_name: `U${number}`, role: 'guest', joined_ms: number,
	camera: false, microphone: false, screen: false, recording: false, away: false, ...more });
const numbers = (diff) => Object.fromEntries(Object.entries(diff).map(([name, list]) => [name, list.map((m) => m.member)]));

test('roster: a new truth tells who came, went and changed', () => {
	const roster = new Roster();
	assert.deepEqual(numbers(roster.reset([member(1), member(2)], 2)), { joined: [1, 2], left: [], changed: [] });
	assert.deepEqual(roster.others.map((m) => m.member), [1]);
	assert.equal(roster.me.user_id, 'u2');
	assert.deepEqual(numbers(roster.reset([member(2, { camera: true }), member(4), member(3)], 2)), { joined: [4, 3], left: [1], changed: [2] });
	assert.deepEqual(roster.others.map((m) => m.member), [3, 4], 'the longest there first');
});

test('roster: events; a recording is seen, one who left is known by name', () => {
	const roster = new Roster();
	roster.reset([member(1), member(2)], 1);
	assert.deepEqual(numbers(roster.apply('room.member_joined', { ...member(3), seq: 1 })), { joined: [3], left: [], changed: [] });
	assert.deepEqual(numbers(roster.apply('room.member_changed', member(2, { recording: true }))), { joined: [], left: [], changed: [2] });
	assert.deepEqual(roster.recorders.map((m) => m.member), [2]);
	const { left: [gone] } = roster.apply('room.member_left', { member: 2, user_id: 'u2', user_name: 'U2', reason: 'kicked' });
	assert.deepEqual([gone.user_name, gone.reason], ['U2', 'kicked']);
	assert.deepEqual(roster.recorders, []);
	assert.deepEqual(numbers(roster.apply('room.member_left', { member: 9 })), { joined: [], left: [], changed: [] });
});

/** A service, and a page that entered it by a ticket. */
async function entered(t, before = () => {}) {
	freshPage();
	const rooms = await new FakeRooms().listen();
	before(rooms);
	const kept = [];
	const way = new Signalling(rooms.url, { onkeep: (what) => kept.push(what) });
	t.after(async () => {
		way.leave();
		await rooms.stop();
	});
	const answer = await way.enter({ ticket: rooms.ticket(), user_name: 'Lin' }, { state: { camera: true } });
	return { rooms, way, answer, kept, states: watch(way) };
}

function watch(way) {
	const states = [];
	way.addEventListener('state', ({ detail }) => states.push(detail.state));
	return states;
}

const seen = (target, name, is = () => true) => new Promise((resolve) => {
	const hear = ({ detail }) => {
		if (!is(detail))
			return;
		target.removeEventListener(name, hear);
		resolve(detail);
	};
	target.addEventListener(name, hear);
});
const online = (way) => seen(way, 'state', ({ state }) => state === 'online');

test('a ticket is redeemed, the room joined, the token kept', async (t) => {
	const { rooms, answer, kept, way } = await entered(t);
	assert.deepEqual(rooms.asks('room.redeem')[0].user_name, 'Lin');
	assert.deepEqual(rooms.asks('room.join')[0], { room: 'r1', state: { camera: true } });
	assert.equal(way.state, 'online');
	const { token, room, member: number } = kept.at(-1);
	assert.deepEqual([room, number], ['r1', answer.member]);
	assert.ok(rooms.tokens.has(token));
});

test('a ticket that is used, a room that is full, a service that is away: said at once, by name', async (t) => {
	freshPage();
	const rooms = await new FakeRooms().listen();
	t.after(() => rooms.stop());
	const way = new Signalling(rooms.url);
	await assert.rejects(way.enter({ ticket: 'nonsense' }), { name: 'EPERM', step: 'login' });
	rooms.answers['room.join'] = () => {
		throw { code: -32013, message: 'the room is full', data: { name: 'ELIMIT', retriable: false } };
	};
	await assert.rejects(way.enter({ ticket: rooms.ticket() }), { name: 'ELIMIT', step: 'join' });
	assert.equal(way.state, 'idle');
	assert.ok(way.kept.token, 'the ticket is used up, the login is not: the next attempt goes with it');
	delete rooms.answers['room.join'];
	await way.enter({ token: way.kept.token }, { room: 'r1' });
	way.leave();
	await assert.rejects(new Signalling('ws://127.0.0.1:9/v1/ws').enter({ ticket: 'any' }), { name: 'service_away', retriable: true });
});

test('a connection that breaks comes back as the same member, and nothing is missed', async (t) => {
	const { rooms, way, answer } = await entered(t);
	rooms.say(answer.member, 'room.custom', { data: 1 });
	await seen(way, 'room.custom');
	const back = online(way);
	rooms.cut();
	await seen(way, 'state', ({ state }) => state === 'reconnecting');
	rooms.say(answer.member, 'room.custom', { data: 2 });
	assert.equal((await seen(way, 'room.custom')).data, 2);
	await back;
	const again = rooms.asks('room.join')[1];
	assert.deepEqual([again.member, again.seq, again.room], [answer.member, 1, 'r1']);
	assert.equal(way.kept.seq, 2);
});

test('a signal for another member waits while the service is away, in order, once', async (t) => {
	const { rooms, way, answer } = await entered(t);
	const other = new Signalling(rooms.url);
	t.after(() => other.leave());
	const { member: to } = await other.enter({ ticket: rooms.ticket() });
	const heard = [];
	other.addEventListener('room.signal', ({ detail }) => heard.push([detail.from, detail.candidate.candidate]));
	const backs = [online(way), online(other)];
	const last = seen(other, 'room.signal', ({ candidate }) => candidate.candidate === 'b'); /* it may come with the answer to the join */
	rooms.say(answer.member, 'room.custom', {});
	rooms.say(to, 'room.custom', {});
	await Promise.all([seen(way, 'room.custom'), seen(other, 'room.custom')]);
	rooms.cut();
	await Promise.all([way, other].map((each) => seen(each, 'state', ({ state }) => state === 'reconnecting')));
	way.signal(to, { candidate: { candidate: 'a' } });
	way.signal(to, { candidate: { candidate: 'b' } });
	await Promise.all([...backs, last]);
	assert.deepEqual(heard, [[answer.member, 'a'], [answer.member, 'b']]);
});

test('a service that lost everything: signals that waited are dropped, they are made anew', async (t) => {
	const { rooms, way } = await entered(t);
	await rooms.stop();
	if (way.state === 'online')
		await next(way, 'state');
	way.signal(7, { candidate: { candidate: 'old' } });
	const joined = seen(way, 'joined');
	await rooms.listen();
	assert.equal((await joined).resumed, false);
	assert.deepEqual(rooms.asks('room.signal'), []);
});

test('a line of chat is repeated under its key until the service has it', async (t) => {
	const { rooms, way } = await entered(t);
	let isFirst = true;
	rooms.answers['room.chat'] = (params, connection) => {
		if (!isFirst)
			return rooms['room.chat'](params, connection);
		isFirst = false;
		rooms['room.chat'](params, connection);
		connection.socket.terminate();
		return null;
	};
	const { id } = await way.chat('hello');
	const [first, second] = rooms.asks('room.chat');
	assert.equal(first.key, second.key);
	assert.deepEqual([id, rooms.lines.length], [1, 1]);
});

test('half an emoji or a NUL in a line does not make a message that no service can read', async (t) => {
	const { rooms, way } = await entered(t);
	await way.chat('cut \ud83d and \ude00, whole 😀, \0');
	rooms.answers['room.custom'] = () => ({});
	await way.request('room.custom', { data: { 'a\ud800': ['\udfff'] } });
	assert.equal(rooms.asks('room.chat')[0].text, 'cut \ufffd and \ufffd, whole 😀, \ufffd');
	assert.deepEqual(rooms.asks('room.custom')[0].data, { 'a\ufffd': ['\ufffd'] });
});

for (const [step, name, reason] of [['login', 'EPERM', 'expired'], ['join', 'ENOENT', 'closed'], ['join', 'EPERM', 'kicked'],
	['join', 'ELIMIT', 'full']])
	test(`coming back fails for good by ${name} of room.${step}: ${reason}`, async (t) => {
		const { rooms, way, kept } = await entered(t);
		rooms.answers[`room.${step}`] = () => {
			throw { code: -32000, message: 'no', data: { name, retriable: false } };
		};
		const closed = seen(way, 'closed');
		rooms.cut();
		assert.equal((await closed).reason, reason);
		assert.deepEqual([way.state, kept.at(-1)], ['closed', null]);
		await assert.rejects(way.request('room.history'), { name: 'ECLOSED' });
	});

test('the service closes the room: over, and no way back is tried', async (t) => {
	const { rooms, way, answer } = await entered(t);
	const closed = seen(way, 'closed');
	rooms.say(answer.member, 'room.closed', { reason: 'kicked', text: 'goodbye' });
	assert.deepEqual(await closed, { reason: 'kicked', text: 'goodbye', seq: 1 });
	rooms.cut();
	assert.equal(rooms.asks('room.login').length, 0);
});

test('the same login in another tab takes the call over: this one does not take it back', async (t) => {
	const { rooms, way, answer } = await entered(t);
	const closed = seen(way, 'closed');
	rooms.members.get(answer.member).socket.close(4409);
	assert.equal((await closed).reason, 'replaced');
	assert.equal(rooms.asks('room.login').length, 0);
});

test('a service that ends says when to come back', async (t) => {
	const { rooms, way, answer } = await entered(t);
	t.mock.method(Math, 'random', () => 0.999);
	rooms.members.get(answer.member).socket.send(JSON.stringify({ jsonrpc: '2.0', method: 'service.draining', params: { retry_ms: 30 } }));
	await seen(way, 'service.draining');
	const start = Date.now();
	const back = online(way);
	rooms.cut();
	await back;
	assert.ok(Date.now() - start < 240, 'sooner than the usual wait');
});
