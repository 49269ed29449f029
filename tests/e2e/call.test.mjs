/** Calls of the agent's own code with Chromium, with aiortc and with itself, on this machine and over a bad link. What counts is
 * what was decoded at the far end. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import nodeTest from 'node:test';
import { Link, whyNoLink } from './rtc/link.mjs';
import { AgentSide, AiortcSide, PageSide, connect } from './rtc/peers.mjs';
import { closeClean, counter, ends, lastOf, readable, total, until } from './rtc/watch.mjs';

const test = (name, options, fn) => nodeTest(name, { timeout: 90000, ...options }, fn);
const noLink = whyNoLink();
const small = ['--width', '640', '--height', '360'];

test('agent offers, Chromium answers: H.264 both ways, a screen is added while talking', {}, async (t) => {
	const [agent, page] = await ends(t, [new AgentSide(undefined, small), PageSide.open(undefined, { width: 640, height: 360 })]);
	const seen = counter(page);
	await connect(agent, page);
	await until(async () => (await seen()).readable > 60 && readable(agent) > 60, 'pictures both ways');
	assert.equal(lastOf(agent).stats.send.find((s) => s.kind === 'video').codec, 'h264');
	assert.equal(lastOf(agent).stats.receive.find((s) => s.kind === 'video').codec, 'h264');
	await until(async () => (await seen()).stats.sound.samples > 48000, 'a second of sound');
	const { sound } = (await seen()).stats;
	assert.ok(sound.concealed < sound.samples / 2, JSON.stringify(sound));
	agent.addScreen();
	await until(async () => page.page.evaluate(() => document.querySelectorAll('video').length === 2 &&
		[...document.querySelectorAll('video')].every((v) => v.videoWidth > 0)), 'the screen beside the camera');
	const before = readable(agent);
	await until(() => readable(agent) > before + 30, 'the call goes on');
	await closeClean(agent);
});

test('Chromium offers, VP8 both ways', {}, async (t) => {
	const [agent, page] = await ends(t, [new AgentSide(undefined, [...small, '--polite']),
		PageSide.open(undefined, { codec: 'vp8', width: 640, height: 360 })]);
	const seen = counter(page);
	await connect(page, agent);
	await until(async () => (await seen()).readable > 60 && readable(agent) > 60, 'pictures both ways');
	assert.equal(lastOf(agent).stats.send.find((s) => s.kind === 'video').codec, 'vp8');
	assert.equal(lastOf(agent).stats.receive.find((s) => s.kind === 'video').codec, 'vp8');
	await closeClean(agent);
});

for (const [who, codec] of [['agent', 'h264'], ['aiortc', 'h264'], ['agent', 'vp8']])
	test(`aiortc, ${codec}, ${who} offers`, { skip: !existsSync('/usr/lib/python3/dist-packages/aiortc') && 'python3-aiortc is absent' },
		async (t) => {
			const [agent, other] = await ends(t, [new AgentSide(undefined, [...small, '--polite', '--codec', codec]), new AiortcSide()]);
			await (who === 'agent' ? connect(agent, other) : connect(other, agent));
			await until(() => other.counts.video > 30 && other.counts.audio > 50 && total(agent, 'pictures') > 30 &&
				total(agent, 'sounds') > 50, 'sound and pictures both ways');
			await closeClean(agent);
		});

test('three agents, each with each', {}, async (t) => {
	const names = ['x', 'y', 'z'];
	const agents = await ends(t, names.map(() => new AgentSide(undefined, small)));
	const all = [];
	for (const [i, j] of [[0, 1], [0, 2], [1, 2]]) {
		const a = agents[i].end(names[j]);
		const b = agents[j].end(names[i], true);
		all.push(a, b);
		await connect(a, b);
	}
	await until(() => all.every((end) => readable(end) > 60 && total(end, 'sounds') > 100), 'all see and hear each other');
	await until(() => all.every((end) => lastOf(end).live.listeners === 2), 'one encode for both others');
	for (const agent of agents)
		await closeClean(agent);
});

test('5 % loss and 50 ms round trip to Chromium: pictures flow', { skip: noLink }, async (t) => {
	const link = await Link.open('rate=4000 queue=300 delay=25 loss=5');
	t.after(() => link.close());
	const [agent, page] = await ends(t, [new AgentSide(link.spaces[0], small), PageSide.open(link.spaces[1], { width: 640, height: 360 })]);
	const seen = counter(page);
	await connect(agent, page);
	await until(async () => (await seen()).readable > 200 && readable(agent) > 150, 'pictures both ways');
	const { send } = lastOf(agent).stats;
	assert.ok(send.find((s) => s.kind === 'video').resent_bytes > 0, 'nothing was sent again');
	await closeClean(agent);
});

test('the road is lost for 14 s and found again by an ICE restart', { skip: noLink }, async (t) => {
	const link = await Link.open('rate=4000 queue=300 delay=10');
	t.after(() => link.close());
	const [a, b] = await ends(t, [new AgentSide(link.spaces[0], small), new AgentSide(link.spaces[1], [...small, '--polite'])]);
	await connect(a, b);
	await until(() => readable(a) > 30 && readable(b) > 30, 'pictures both ways');
	link.set('down=1');
	await until(() => [a, b].every((end) => end.states.at(-1).state === 'lost'), 'both notice');
	await new Promise((done) => { setTimeout(done, 8000); });
	link.set('down=0');
	await until(() => [a, b].every((end) => end.states.at(-1).state === 'connected'), 'both are back');
	const before = [a, b].map(readable);
	await until(() => readable(a) > before[0] + 30 && readable(b) > before[1] + 30, 'pictures again');
	await closeClean(a);
	await closeClean(b);
});
