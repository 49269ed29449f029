/** captureStream(): what is asked of the agent, when the stream comes, how it ends, and what it survives. */
import assert from 'node:assert/strict';
import test from 'node:test';
import { Deskhand } from '../../js/deskhand.js';
import { FakeAgent, FakeExtension, freshPage, next, state } from './fakes.mjs';
import { FakeAudio, FakePeer, FakeStream, installRtc } from './fake_rtc.mjs';

const calls = (agent, method) => agent.asked.filter((each) => each.method === method).map((each) => each.params);
const turn = () => new Promise((resolve) => setTimeout(resolve));

async function setUp(page) {
	freshPage(page);
	installRtc();
	const agent = new FakeAgent();
	agent.answers['preview.open'] = ({ tracks, sound }) => {
		agent.previews = (agent.previews ?? 0) + 1;
		return { preview: `p${agent.previews}`, answer: [...tracks, ...(sound === 'none' ? [] : ['sound'])].map(() => 'sendonly').join(' ') };
	};
	const extension = new FakeExtension(agent);
	const desk = await Deskhand.connect({ transport: 'extension' });
	const { session } = await desk.session.open({});
	agent.asked = [];
	return { agent, extension, desk, session, say: (method, params) => extension.say({ method, params }) };
}

test('an offer to receive each track and sound; the stream has them in their order', async () => {
	const { agent, desk, session } = await setUp();
	const stream = await desk.captureStream({ session, tracks: ['camera', 'screen'] });
	assert.ok(stream instanceof FakeStream);
	assert.deepEqual(calls(agent, 'preview.open'), [{ session, tracks: ['camera', 'screen'], sound: 'local',
		offer: 'video recvonly\nvideo recvonly\naudio recvonly' }]);
	assert.deepEqual(stream.getTracks(), FakePeer.made[0].tracks());
	await turn();
	assert.deepEqual(calls(agent, 'preview.candidate'), [{ preview: 'p1', candidate: 'candidate:1' }, { preview: 'p1', candidate: '' }]);
});

test('the program and local sound unless said; a line the agent does not fill is left out', async () => {
	const { agent, desk, session } = await setUp();
	agent.answers['preview.open'] = () => ({ preview: 'p1', answer: 'sendonly inactive' });
	assert.deepEqual((await desk.captureStream({ session })).getTracks().map((track) => track.kind), ['video']);
	assert.deepEqual(calls(agent, 'preview.open')[0].tracks, ['program']);
	await desk.captureStream({ session, sound: 'none' });
	assert.equal(calls(agent, 'preview.open')[1].offer, 'video recvonly');
});

test('sound is taken from the road before the page plays it, heard by nobody, until the stream ends', async () => {
	const { agent, desk, session } = await setUp();
	const open = agent.answers['preview.open'];
	agent.answers['preview.open'] = (params) => {
		assert.ok(FakeAudio.made[0].isPlaying && FakeAudio.made[0].muted, 'before the first packet can come');
		return open(params);
	};
	const stream = await desk.captureStream({ session });
	const [, sound] = stream.getTracks();
	assert.deepEqual(FakeAudio.made.map((each) => each.srcObject.getTracks()), [[sound]]);
	stream.getTracks().forEach((track) => track.stop());
	assert.equal(FakeAudio.made[0].srcObject, null);
	agent.answers['preview.open'] = open;
	await desk.captureStream({ session, sound: 'none' });
	assert.equal(FakeAudio.made.length, 1);
});

test('it comes with the last first picture, not before', async () => {
	const { desk, session } = await setUp();
	let peer;
	const answered = new Promise((resolve) => (FakePeer.onanswer = (made) => resolve(peer = made)));
	let isThere = false;
	const capture = desk.captureStream({ session, tracks: ['camera', 'screen'] }).then(() => (isThere = true));
	await answered;
	peer.tracks()[0].come();
	await turn();
	assert.equal(isThere, false);
	peer.tracks()[1].come(); /* sound may be silent */
	await capture;
});

test('the agent’s later addresses are taken, of this preview only', async () => {
	const { desk, session, say } = await setUp();
	await desk.captureStream({ session });
	say('preview.candidate', { preview: 'p1', mid: '0', candidate: 'candidate:7' });
	say('preview.candidate', { preview: 'other', mid: '0', candidate: 'candidate:8' });
	assert.deepEqual(FakePeer.made[0].added, [{ candidate: 'candidate:7', sdpMid: '0' }]);
});

test('stopping the last track, or the signal, closes the preview', async () => {
	const { agent, desk, session } = await setUp();
	const [picture, sound] = (await desk.captureStream({ session })).getTracks();
	picture.stop();
	assert.deepEqual(calls(agent, 'preview.close'), []);
	sound.stop();
	await turn();
	assert.deepEqual(calls(agent, 'preview.close'), [{ preview: 'p1' }]);
	const controller = new AbortController();
	const stream = await desk.captureStream({ session, signal: controller.signal });
	controller.abort();
	await turn();
	assert.deepEqual(calls(agent, 'preview.close')[1], { preview: 'p2' });
	assert.ok(stream.getTracks().every((track) => track.readyState === 'ended'));
});

test('aborted while it is made: AbortError, and the preview is closed', async () => {
	const { agent, desk, session } = await setUp();
	const controller = new AbortController();
	FakePeer.onanswer = () => controller.abort();
	await assert.rejects(desk.captureStream({ session, signal: controller.signal }), { name: 'AbortError' });
	assert.deepEqual(calls(agent, 'preview.close'), [{ preview: 'p1' }]);
	await assert.rejects(desk.captureStream({ session, signal: controller.signal }), { name: 'AbortError' });
	assert.equal(FakePeer.made.length, 1);
});

test('the agent’s refusal is passed on, and nothing stays', async () => {
	const { agent, desk, session } = await setUp();
	agent.answers['preview.open'] = () => {
		throw { code: -32002, message: 'no grant for: screen', data: { name: 'EPERM', hint: 'deskhand grants allow', retriable: false } };
	};
	await assert.rejects(desk.captureStream({ session }), { name: 'EPERM', hint: 'deskhand grants allow' });
	assert.equal(FakePeer.made[0].connectionState, 'closed');
});

test('a browser without WebRTC: blocked_by_browser, in the page’s language', async () => {
	const { desk, session } = await setUp();
	delete globalThis.RTCPeerConnection;
	await assert.rejects(desk.captureStream({ session }), (e) => e.name === 'blocked_by_browser' && e.reason === 'no_webrtc' && e.hint.length > 20);
});

for (const [permission, name, reason] of [['denied', 'blocked_by_browser', ''], ['prompt', 'blocked_by_browser', 'prompt'],
	['granted', 'ETIMEDOUT', 'no_road'], [undefined, 'ETIMEDOUT', 'no_road']])
	test(`no picture comes and the permission is ${permission}: ${name}`, async () => {
		const { agent, desk, session } = await setUp({ permission });
		FakePeer.onanswer = (peer) => peer.become('failed');
		await assert.rejects(desk.captureStream({ session }), (e) => e.name === name && e.reason === reason && e.hint.length > 20);
		FakePeer.onanswer = () => {};
		await assert.rejects(desk.captureStream({ session, timeout: 20 }), { name, reason });
		assert.equal(calls(agent, 'preview.close').length, 2);
	});

/** A stream that stood for a while, so that its loss is none at once. */
async function standing(t, more) {
	t.mock.method(performance, 'now', () => now);
	let now = 0;
	const made = await setUp();
	const stream = await made.desk.captureStream({ session: made.session, ...more });
	now = 60000;
	return { ...made, stream, told: (name) => next(made.desk, name).then(({ detail }) => detail) };
}

test('a connection that is lost is made again: the same stream, other tracks, as muted and stopped as before', async (t) => {
	const { stream, told, say } = await standing(t, { tracks: ['camera', 'screen'] });
	const before = stream.getTracks();
	before[0].enabled = false;
	before[2].stop();
	const interrupted = told('capture.interrupted');
	const resumed = told('capture.resumed');
	say('preview.closed', { preview: 'p1', name: 'EIO', reason: 'the road is gone' });
	assert.equal((await interrupted).reason, 'the road is gone');
	assert.equal((await resumed).stream, stream);
	const after = stream.getTracks();
	assert.deepEqual(after, FakePeer.made[1].tracks());
	assert.deepEqual(after.map(({ enabled, readyState }) => [enabled, readyState]), [[false, 'live'], [true, 'live'], [true, 'ended']]);
	assert.ok(before.every((track) => track.readyState === 'ended'));
});

test('the page’s road to the agent breaks and comes back: so does the picture', async (t) => {
	const { agent, extension, stream, told } = await standing(t);
	const resumed = told('capture.resumed');
	extension.say(state('down'));
	await turn();
	assert.equal(FakePeer.made.length, 1, 'nothing is tried while the agent is away');
	extension.say(state('up'));
	await resumed;
	assert.deepEqual(stream.getTracks(), FakePeer.made[1].tracks());
	assert.equal(calls(agent, 'preview.open').length, 2);
});

test('the session died with the agent: capture.ended, once, and the tracks end', async (t) => {
	const { agent, extension, desk, stream, told } = await standing(t);
	agent.answers['session.attach'] = () => {
		throw { code: -32004, message: 'no such session', data: { name: 'ENOENT', retriable: false } };
	};
	let times = 0;
	desk.addEventListener('capture.ended', () => times++);
	const ended = told('capture.ended');
	extension.say(state('down'));
	await turn();
	extension.say(state('up'));
	assert.equal((await ended).stream, stream);
	assert.ok(stream.getTracks().every((track) => track.readyState === 'ended'));
	await turn();
	assert.equal(times, 1);
});

test('a session that was closed: the reason is the agent’s', async (t) => {
	const { agent, told, say } = await standing(t);
	agent.answers['preview.open'] = () => {
		throw { code: -32004, message: 'there is no session', data: { name: 'ENOENT', retriable: false } };
	};
	const ended = told('capture.ended');
	say('preview.closed', { preview: 'p1', name: 'ECLOSED', reason: 'asked' });
	assert.deepEqual([(await ended).name, (await ended).reason], ['ECLOSED', 'asked']);
});

test('lost as soon as it came: it is not tried for ever', async () => {
	const { agent, desk, session, say } = await setUp();
	await desk.captureStream({ session });
	const ended = next(desk, 'capture.ended');
	say('preview.closed', { preview: 'p1', name: 'ENOTSUP', reason: 'the encoder failed' });
	assert.equal((await ended).detail.reason, 'the encoder failed');
	assert.equal(calls(agent, 'preview.open').length, 1);
});
