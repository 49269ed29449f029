/** Connections to the other members: who calls, whose offer gives way, what a reload and a bad network do. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Mesh } from '../../js/src/room/mesh.js';
import { countsOf, wordFor } from '../../js/src/room/quality.js';
import { FakeConnection, FakeMediaStream, installConnections } from './fake_peers.mjs';
import { mockIntervals } from './fakes.mjs';

const turn = () => new Promise((resolve) => setTimeout(resolve));
const track = (kind) => ({ kind, enabled: true });

/** Members 1.. of one room; what they send each other arrives in order, unless it is held back. */
function room(...numbers) {
	installConnections();
	const members = new Map();
	const sent = [];
	let held = null;
	for (const number of numbers)
		members.set(number, new Mesh((to, body) => {
			sent.push({ from: number, to, ...body });
			const deliver = () => members.get(to)?.signal({ from: number, ...body });
			if (held)
				held.push(deliver);
			else
				queueMicrotask(deliver);
		}));
	return { members, sent, hold: () => (held = []), release: () => {
		const all = held;
		held = null;
		all.forEach((deliver) => deliver());
	} };
}

const offers = (sent) => sent.filter((m) => m.description?.type === 'offer').map(({ from, to }) => [from, to]);
const [A, B] = [0, 1];

test('the later member calls, with lines for what it does not have; the other answers', async () => {
	const { members, sent } = room(1, 2);
	await members.get(1).setTrack('camera', track('video'));
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	await turn();
	assert.deepEqual(offers(sent), [[2, 1]]);
	const [caller, called] = FakeConnection.made;
	assert.deepEqual(caller.lines.map((line) => [line.receiver.track.kind, line.direction]), [['audio', 'recvonly'], ['video', 'recvonly']]);
	assert.deepEqual(caller.log, ['local offer', 'remote answer']);
	assert.equal(called.signalingState, 'stable');
	const first = sent.find((m) => m.from === 1 && m.description);
	assert.deepEqual(Object.keys(first.streams), ['camera'], 'its streams are named with the description');
	assert.equal(caller.candidates.length > 0 && called.candidates.length > 0, true);
});

test('one that was there and hears of a new member waits for its call, also when it has much to send', async () => {
	const { members, sent } = room(1, 2);
	members.get(1).enter(1, [], true);
	members.get(1).add(2);
	await members.get(1).setTrack('camera', track('video'));
	await members.get(1).setTrack('screen', track('video'));
	await turn();
	assert.deepEqual(offers(sent), []);
});

test('offers cross: the polite one gives way, both end in peace, and what it wanted is offered afterwards', async () => {
	const { members, sent, hold, release } = room(1, 2);
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	await turn();
	hold();
	await members.get(1).setTrack('screen', track('video'));
	await members.get(2).setTrack('screen', track('video'));
	await turn();
	assert.deepEqual(offers(sent).slice(1), [[1, 2], [2, 1]]);
	release();
	await turn();
	await turn();
	assert.ok(FakeConnection.made[A].log.includes('rollback'), 'member 2 came later');
	assert.ok(!FakeConnection.made[B].log.includes('rollback'));
	assert.deepEqual(FakeConnection.made.map((pc) => pc.signalingState), ['stable', 'stable']);
	assert.deepEqual(offers(sent).at(-1), [2, 1]);
});

test('a member that was reloaded calls everybody; those take it for a new connection', async () => {
	const { members, sent } = room(1, 2, 3);
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	members.get(3).enter(3, [1, 2], true);
	await turn();
	const before = [...members.get(1).peers.values(), ...members.get(3).peers.values()];
	const reborn = new Mesh((to, body) => {
		sent.push({ from: 2, to, ...body });
		queueMicrotask(() => members.get(to).signal({ from: 2, ...body }));
	});
	members.set(2, reborn);
	reborn.enter(2, [1, 3], true);
	await turn();
	assert.deepEqual(offers(sent).slice(-2), [[2, 1], [2, 3]]);
	assert.ok(FakeConnection.made.every((pc) => pc.signalingState === (pc.connectionState === 'closed' ? 'closed' : 'stable')));
	assert.notEqual(members.get(1).peers.get(2), before[0], 'member 1 began anew with 2');
	assert.equal(members.get(1).peers.get(3), before[1], 'and kept 3');
});

test('the service lost everything: what stands is left alone, what was under way is offered again', async () => {
	const { members, sent, hold } = room(1, 2, 3);
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	await turn();
	FakeConnection.made.forEach((pc) => pc.become('connected'));
	hold();
	members.get(3).enter(3, [1, 2], true);
	await turn();
	const before = offers(sent).length;
	/* what was held is lost with the service */
	members.get(2).enter(2, [1, 3], false);
	members.get(2).renew();
	members.get(3).enter(3, [1, 2], false);
	members.get(3).renew();
	await turn();
	assert.deepEqual(offers(sent).slice(before), [[3, 1], [3, 2]]);
});

test('a road that fails is restarted at once, one that is silent after five seconds; none once it is back', async (t) => {
	mockIntervals(t);
	const { members, sent } = room(1, 2);
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	await turn();
	const [caller] = FakeConnection.made;
	const count = () => offers(sent).length;
	const states = [];
	members.get(2).addEventListener('connection', ({ detail }) => states.push(detail.state));
	caller.become('connected');
	caller.become('disconnected');
	t.mock.timers.tick(4900);
	await turn();
	assert.equal(count(), 1);
	t.mock.timers.tick(200);
	await turn();
	assert.equal(count(), 2);
	caller.become('connected');
	t.mock.timers.tick(20000);
	await turn();
	assert.equal(count(), 2);
	caller.become('failed');
	await turn();
	assert.equal(count(), 3);
	assert.deepEqual(states, ['connected', 'lost', 'connected', 'lost']);
});

test('camera and screen are told apart by what the other side names; a stream without tracks is gone', async () => {
	const { members } = room(1, 2);
	members.get(1).enter(1, [], true);
	members.get(2).enter(2, [1], true);
	await turn();
	const streams = [];
	members.get(2).addEventListener('streams', ({ detail }) => streams.push(detail.streams));
	const [camera, screen] = [[track('video')], [track('video')]].map((tracks) => new FakeMediaStream(tracks));
	await members.get(2).signal({ from: 1, streams: { camera: camera.id, screen: screen.id },
		description: { type: 'offer', sdp: FakeConnection.made[B].localDescription.sdp } });
	for (const stream of [camera, screen])
		FakeConnection.made[A].ontrack({ track: stream.getTracks()[0], streams: [stream] });
	assert.deepEqual(streams.at(-1), { camera, screen });
	screen.getTracks().pop();
	screen.onremovetrack();
	assert.deepEqual(streams.at(-1), { camera });
});

test('camera off keeps the line, a screen that ends gives it back', async () => {
	const { members, sent } = room(1, 2);
	members.get(1).enter(1, [], true);
	await members.get(2).setTrack('camera', track('video'));
	members.get(2).enter(2, [1], true);
	await turn();
	await members.get(2).setTrack('camera', null);
	await members.get(2).setTrack('camera', track('video'));
	await turn();
	assert.equal(offers(sent).length, 1, 'nothing to negotiate');
	await members.get(2).setTrack('screen', track('video'));
	await turn();
	assert.equal(offers(sent).length, 2);
	const line = FakeConnection.made[A].lines.at(-1);
	await members.get(2).setTrack('screen', null);
	assert.deepEqual([line.direction, line.sender.track], ['recvonly', null]);
});

test('how good a connection is: by round trip, and by what was lost since the last look', () => {
	const counts = (rtt_s, received, lost) => countsOf(new Map([['a', { type: 'inbound-rtp', packetsReceived: received, packetsLost: lost }],
		['b', { type: 'candidate-pair', nominated: true, currentRoundTripTime: rtt_s }], ['c', { type: 'candidate-pair', currentRoundTripTime: 9 }]]));
	assert.equal(wordFor(counts(0.02, 1000, 2)), 'good');
	assert.equal(wordFor(counts(0.4, 1000, 2)), 'fair');
	assert.equal(wordFor(counts(0.02, 1100, 52), counts(0.02, 1000, 2)), 'poor');
	assert.equal(wordFor(counts(0.02, 2000, 52), counts(0.02, 1000, 50)), 'good', 'what was lost long ago is forgotten');
});
