/** The two kinds of ends of a call: tests/tools/rtc_call (the agent's code) and a page in Chromium. Each has signal(message)
 * for what the other side said and onsignal for what it says; connect() joins two. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { pageSide } from './page_side.mjs';
import { chromiumInside, inside, tool } from './link.mjs';

/** Hand over what each side says. The first one offers. */
export async function connect(a, b) {
	a.onsignal = (m) => b.signal(m);
	b.onsignal = (m) => a.signal(m);
	await a.offer();
}

/** One connection of an agent. */
class AgentEnd {
	/** each second: what rtc_call says */
	seconds = [];
	states = [];
	onsignal = () => {};
	#send;

	constructor(send) {
		this.#send = send;
	}

	heard(message) {
		if (message.stats)
			this.seconds.push(message);
		else if (message.state)
			this.states.push(message);
		else
			this.onsignal(message);
	}

	signal(message) {
		this.#send(message);
	}

	async offer(restart = false) {
		this.#send({ offer: { restart } });
	}

	addScreen() {
		this.#send({ screen: true });
	}
}

export class AgentSide extends AgentEnd {
	#ends = new Map();

	/** @param {string | undefined} space network namespace  @param {string[]} options of rtc_call */
	constructor(space, options = []) {
		super((message) => this.child.stdin.write(`${JSON.stringify(message)}\n`));
		const [command, args] = inside(space, tool('rtc_call'), options);
		this.child = spawn(command, args, { stdio: ['pipe', 'pipe', process.env.E2E_LOG ? 'inherit' : 'ignore'] });
		this.gone = once(this.child, 'exit');
		this.child.stdin.on('error', () => {}); /* it ended: its exit code tells */
		createInterface({ input: this.child.stdout }).on('line', (line) => this.#read(JSON.parse(line)));
	}

	/** One more connection of the same agent. */
	end(name, polite = false) {
		const end = new AgentEnd((message) => this.child.stdin.write(`${JSON.stringify({ ...message, peer: name, polite })}\n`));
		this.#ends.set(name, end);
		return end;
	}

	#read(message) {
		if (message.left)
			this.left = message.left;
		else if (message.alive)
			this.alive = message.alive;
		else
			(this.#ends.get(message.peer) ?? this).heard(message);
	}

	/** @returns {Promise<number | null>} its exit code; this.left says what was still alive in it */
	async close() {
		this.child.stdin.write('{"quit":{}}\n');
		const [code] = await this.gone;
		return code;
	}
}

/** python3-aiortc: H.264 and VP8, Opus; no transport-wide feedback, no trickle. Same words as rtc_call's. */
export class AiortcSide {
	counts = {};
	onsignal = () => {};

	constructor() {
		this.child = spawn('/usr/bin/python3', [fileURLToPath(new URL('aiortc_side.py', import.meta.url))],
			{ stdio: ['pipe', 'pipe', process.env.E2E_LOG ? 'inherit' : 'ignore'] });
		createInterface({ input: this.child.stdout }).on('line', (line) => {
			const message = JSON.parse(line);
			if (message.counts)
				this.counts = message.counts;
			else
				this.onsignal(message);
		});
	}

	signal(message) {
		this.child.stdin.write(`${JSON.stringify(message)}\n`);
	}

	async offer() {
		this.signal({ offer: {} });
	}

	async close() {
		const gone = once(this.child, 'exit');
		this.child.stdin.end();
		await gone;
	}
}

export class PageSide {
	onsignal = () => {};

	/** @param {string | undefined} space  @param {{codec?: string, sends?: boolean, width?: number, height?: number, fps?: number}} options */
	static async open(space, options = {}) {
		const side = new PageSide();
		side.dir = mkdtempSync(path.join(tmpdir(), 'deskhand-call-'));
		side.browser = await chromium.launch({ executablePath: chromiumInside(space, side.dir), headless: true, args: [
			...(process.getuid() === 0 ? ['--no-sandbox'] : []), '--disable-features=WebRtcHideLocalIpsWithMdns',
			'--disable-background-networking', '--autoplay-policy=no-user-gesture-required'] });
		side.page = await side.browser.newPage();
		await side.page.route('**/*', (route) => route.fulfill({ contentType: 'text/html', body: '<!doctype html><title>call</title>' }));
		await side.page.goto('http://call.test/');
		await side.page.exposeFunction('toOther', (message) => side.onsignal(message));
		/* the agent's clock is CLOCK_MONOTONIC, the page's is not: the page learns the difference */
		const offset = Number(process.hrtime.bigint() / 1000n) / 1000 - (performance.timeOrigin + performance.now());
		await side.page.evaluate(pageSide, { offset, ...options });
		return side;
	}

	signal(message) {
		return this.page.evaluate((m) => globalThis.fromOther(m), message).catch(() => {});
	}

	offer(restart = false) {
		return this.page.evaluate((r) => globalThis.makeOffer(r), restart);
	}

	/** What came since the last time: {video: [{age_ms, at_ms, width}], frames, stats}. */
	take() {
		return this.page.evaluate(() => globalThis.take());
	}

	async close() {
		await this.browser.close();
		rmSync(this.dir, { recursive: true, force: true });
	}
}
