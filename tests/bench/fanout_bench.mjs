/** CPU of one sending agent with 1, 2 and 4 receiving agents: prints {"1": percent of a core, ...}. Each for 8 s; the receivers
 * only receive, and the sender receives nothing, so that the difference is sending alone. */
import { readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { AgentSide, connect } from '../e2e/rtc/peers.mjs';

const SECONDS = 8;

/** Ticks of 10 ms that the process has used. */
function ticks(pid) {
	const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
	return Number(fields[11]) + Number(fields[12]);
}

const sender = new AgentSide(undefined, ['--start-bps', '1500000', '--max-bps', '1500000']);
const receivers = [];
const out = {};
for (const count of [1, 2, 4]) {
	while (receivers.length < count) {
		const receiver = new AgentSide(undefined, ['--receive-only', '--polite']);
		const end = sender.end(`peer${receivers.length}`);
		receivers.push(receiver);
		await connect(end, receiver);
	}
	await wait(4000);
	const before = ticks(sender.child.pid);
	const start = performance.now();
	await wait(SECONDS * 1000);
	out[count] = Math.round((ticks(sender.child.pid) - before) / (performance.now() - start) * 10000) / 10;
}
await sender.close();
for (const receiver of receivers)
	await receiver.close();
console.log(JSON.stringify(out));
process.exit(0);
