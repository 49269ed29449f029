/** Measures one call and prints JSON: call_bench.mjs SENDER RECEIVER SCENARIO, sender and receiver agent or page.
 * Only the sender sends (picture and tone), so that each kind's sending is judged alone: grain that needs every bit over a link,
 * a moving person on this machine. Seconds count from the first picture.
 * Frames come from who shows them, the queue from the link itself. */
import { setTimeout as wait } from 'node:timers/promises';
import { Link } from '../e2e/rtc/link.mjs';
import { AgentSide, PageSide, connect } from '../e2e/rtc/peers.mjs';

const SCENARIOS = {
	/* settings of the link, what changes and when (s), length (s) */
	local: { length: 14 },
	step: { link: 'rate=3000 queue=300 delay=25', changes: [[14, 'a rate=700']], length: 28 },
	ramp: { link: 'rate=3000 queue=300 delay=25', startBps: 300000, length: 12 },
	loss5: { link: 'rate=3000 queue=300 delay=25 loss=5', length: 20 },
	loss15: { link: 'rate=3000 queue=300 delay=25 loss=15', length: 20 },
	rtt200: { link: 'rate=3000 queue=300 delay=100', length: 20 },
};

const median = (values, q = 0.5) => {
	const sorted = [...values].sort((a, b) => a - b);
	return sorted.length ? sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] : null;
};

async function open(kind, space, sends, startBps) {
	if (kind === 'page')
		return PageSide.open(space, { codec: 'h264', sends });
	const start = startBps ? ['--start-bps', String(startBps)] : [];
	return new AgentSide(space, sends ? ['--motion', space ? 'noise' : 'pan', ...start] : ['--receive-only', '--polite']);
}

/** Pictures of the last second: [{at_ms, age_ms}] from a page; an agent tells counts and its longest gap. */
async function received(end) {
	if (end instanceof PageSide) {
		const { video, stats } = await end.take();
		return { frames: video.length, ages: video.map((v) => v.age_ms).filter((v) => v !== null), times: video.map((v) => v.at_ms),
			freezes: stats.in?.freezes ?? 0 };
	}
	const last = end.seconds.at(-1);
	if (!last || last === end.told)
		return { frames: 0, ages: [], times: [], freezes: 0 };
	end.told = last;
	const video = last.remote.find((r) => r.pictures || r.gap_ms) ?? {};
	return { frames: video.pictures ?? 0, ages: video.age_median_ms === undefined ? [] : [video.age_median_ms], times: [],
		freezes: last.stats.receive.find((r) => r.kind === 'video')?.freezes ?? 0 };
}

async function main([from, to, name]) {
	const scenario = SCENARIOS[name];
	const link = scenario.link === undefined ? undefined : await Link.open(scenario.link);
	const sender = await open(from, link?.spaces[0], true, scenario.startBps);
	const receiver = await open(to, link?.spaces[1], false);
	await connect(sender, receiver);
	let waited = 0;
	for (; !(await received(receiver)).frames && waited < 200; waited++)
		await wait(100);
	if (waited === 200)
		throw new Error(`${from} -> ${to}, ${name}: no picture within 20 s`);
	const seconds = [];
	let bytes = link ? (await link.stats()).a.bytes : 0;
	const start = performance.now();
	let before = start;
	for (let s = 0; s < scenario.length; s++) {
		for (const [, words] of (scenario.changes ?? []).filter(([at]) => at === s))
			link.set(words);
		await wait(Math.max(0, start + (s + 1) * 1000 - performance.now()));
		const got = await received(receiver);
		const road = link && (await link.stats()).a;
		const took = performance.now() - before;
		before = performance.now();
		seconds.push({ frames: got.frames, age_ms: median(got.ages), freezes: got.freezes,
			queue_ms: road ? Math.max(0, ...road.queue_ms) : null, kbps: road ? Math.round((road.bytes - bytes) * 8 / took) : null });
		bytes = road?.bytes;
	}
	await sender.close();
	await receiver.close();
	await link?.close();
	console.log(JSON.stringify({ from, to, scenario: name, seconds }));
	process.exit(0);
}

await main(process.argv.slice(2));
