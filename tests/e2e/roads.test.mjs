/** Calls whose road is bad or changes, in real time between two network namespaces (tests/tools/link_relay.c). E2E_LONG=1: also
 * what takes longer than a commit should. */
import assert from 'node:assert/strict';
import nodeTest from 'node:test';
import { Link, whyNoLink } from './rtc/link.mjs';
import { AgentSide, PageSide, connect } from './rtc/peers.mjs';
import { closeClean, counter, ends, lastOf, readable, total, until } from './rtc/watch.mjs';

const noLink = whyNoLink();
const test = (name, fn, skip = noLink) => nodeTest(name, { timeout: 90000, skip }, fn);
const small = ['--width', '640', '--height', '360'];

/** Two agents on a link, talking. The first offered. */
async function twoAgents(t, settings) {
	const link = await Link.open(settings);
	t.after(() => link.close());
	const [a, b] = await ends(t, [new AgentSide(link.spaces[0], small), new AgentSide(link.spaces[1], [...small, '--polite'])]);
	await connect(a, b);
	await until(() => readable(a) > 30 && readable(b) > 30, 'pictures both ways');
	return { link, a, b };
}

/** Pictures come again, soon. The first count from now on may still be of before. */
async function mediaIsBack(sides, seconds) {
	const from = sides.map((side) => side.seconds.length + 1);
	await until(() => sides.every((side, i) => readable({ seconds: side.seconds.slice(from[i]) }) > 10), 'pictures again', seconds);
}

for (const [who, side] of [['who offered', 'a'], ['who answered', 'b']])
	test(`the address of ${who} changes, twice`, async (t) => {
		const { link, a, b } = await twoAgents(t, 'rate=4000 queue=300 delay=10');
		for (const now of ['10.77.0.8', '10.77.0.9']) {
			link.move(side, now);
			await mediaIsBack([a, b], 5);
			const mover = side === 'a' ? a : b;
			await until(() => lastOf(mover).stats.road.local_address === now, 'the road begins at the new address', 2);
			assert.match(mover.states.map((s) => s.state).join(' '), /lost connected$/);
		}
		await closeClean(a);
		await closeClean(b);
	});

test('the agent moves while it talks with Chromium', async (t) => {
	const link = await Link.open('rate=4000 queue=300 delay=10');
	t.after(() => link.close());
	const [agent, page] = await ends(t, [new AgentSide(link.spaces[0], [...small, '--polite']),
		PageSide.open(link.spaces[1], { width: 640, height: 360 })]);
	const seen = counter(page);
	await connect(page, agent);
	await until(async () => (await seen()).readable > 60 && readable(agent) > 60, 'pictures both ways');
	link.move('a', '10.77.0.8');
	const before = (await seen()).readable;
	await mediaIsBack([agent], 5);
	await until(async () => (await seen()).readable > before + 45, 'the page sees the agent again', 5);
	assert.equal(lastOf(agent).stats.road.local_address, '10.77.0.8');
	await closeClean(agent);
});

test('15 % loss both ways: pictures and sound go on', async (t) => {
	const { a, b } = await twoAgents(t, 'rate=4000 queue=300 delay=25 loss=15');
	const before = [a, b].map((side) => [readable(side), total(side, 'sounds')]);
	await new Promise((done) => { setTimeout(done, 10000); });
	for (const [i, side] of [a, b].entries()) {
		assert.ok(readable(side) > before[i][0] + 100, `${readable(side) - before[i][0]} pictures in 10 s`);
		assert.ok(total(side, 'sounds') > before[i][1] + 300, `${total(side, 'sounds') - before[i][1]} sounds in 10 s`);
		assert.equal(side.states.map((x) => x.state).join(' '), 'connecting connected'); /* and never lost meanwhile */
		const sound = lastOf(side).stats.receive.find((r) => r.kind === 'audio');
		const video = lastOf(side).stats.receive.find((r) => r.kind === 'video');
		assert.ok(sound.concealed_samples > 0 && sound.concealed_samples < sound.samples * 0.3, JSON.stringify(sound));
		assert.ok(video.recovered > 0, JSON.stringify(video));
	}
	await closeClean(a);
	await closeClean(b);
});

test('200 ms round trip: pictures and sound go on', async (t) => {
	const { a, b } = await twoAgents(t, 'rate=3000 queue=300 delay=100');
	const before = [a, b].map(readable);
	await until(() => [a, b].every((side, i) => readable(side) > before[i] + 200), 'pictures both ways', 20);
	for (const side of [a, b]) {
		const { stats } = lastOf(side);
		assert.ok(stats.rtt_ms >= 195, `${stats.rtt_ms} ms`);
		const sound = stats.receive.find((r) => r.kind === 'audio');
		assert.ok(sound.concealed_samples < sound.samples * 0.1, JSON.stringify(sound));
	}
	await closeClean(a);
	await closeClean(b);
});

test('nothing passes for 30 s: media is back soon after', async (t) => {
	const { link, a, b } = await twoAgents(t, 'rate=4000 queue=300 delay=10');
	link.set('down=1');
	await new Promise((done) => { setTimeout(done, 30000); });
	assert.deepEqual([a, b].map((side) => side.states.at(-1).state), ['lost', 'lost']);
	link.set('down=0');
	await mediaIsBack([a, b], 5);
	await closeClean(a);
	await closeClean(b);
}, noLink ?? (!process.env.E2E_LONG && 'takes 40 s: E2E_LONG=1'));
