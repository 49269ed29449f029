/** A desk of its own for each test file: places, policy, `deskhand agent --fake`, page servers. Nothing of the user's is touched. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { inside } from './rtc/link.mjs';

export const top = fileURLToPath(new URL('../../', import.meta.url));
export const extension = path.join(top, 'web-extension');
const program = process.env.DESKHAND ?? path.join(top, 'build/agent/deskhand');

export class Desk {
	#children = [];
	#servers = [];

	constructor() {
		this.dir = mkdtempSync(path.join(tmpdir(), 'deskhand-e2e-'));
		this.env = { ...process.env, HOME: this.dir, DESKHAND_POLICY_DIRS: path.join(this.dir, 'policy') };
		for (const [name, folder] of [['CONFIG', 'config'], ['STATE', 'state'], ['RUNTIME', 'run']]) {
			this.env[name === 'RUNTIME' ? 'XDG_RUNTIME_DIR' : `XDG_${name}_HOME`] = path.join(this.dir, folder);
			mkdirSync(path.join(this.dir, folder), { mode: 0o700 });
		}
		mkdirSync(path.join(this.dir, 'policy'), { mode: 0o700 });
	}

	/** @param {object} policy see api.md */
	setPolicy(policy) {
		writeFileSync(path.join(this.dir, 'policy/test.json'), JSON.stringify({ folders: { videos: path.join(this.dir, 'videos') }, ...policy }),
			{ mode: 0o600 });
	}

	/** The pages of js/ on a free port. @returns {Promise<number>} */
	async servePages() {
		const child = this.#start('python3', [path.join(top, 'tools/serve_pages.py'), '--port', '0', '--print-port']);
		return Number(await firstLine(child));
	}

	/** An empty page and the SDK without any policy of its own, so that it can hold frames. @returns {Promise<number>} */
	servePlain() {
		return this.#serve(createServer(plain));
	}

	/** The same over TLS, with a certificate that nobody signed. @returns {Promise<number>} */
	serveSecure() {
		const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(this.dir, name));
		if (!existsSync(cert))
			execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key,
				'-out', cert, '-subj', '/CN=crm.example', '-days', '2'], { stdio: 'ignore' });
		return this.#serve(createSecureServer({ key: readFileSync(key), cert: readFileSync(cert) }, plain));
	}

	async #serve(server) {
		this.#servers.push(server.listen(0, '127.0.0.1'));
		await once(server, 'listening');
		return server.address().port;
	}

	/** @returns {Promise<{pid: number, port: number}>} once it serves; in the network namespace this.space, if one was set */
	async startAgent(...more) {
		this.agent = this.#start(...inside(this.space, program, ['agent', '--fake', '--print-ready', ...more]));
		this.ready = JSON.parse(await firstLine(this.agent));
		return this.ready;
	}

	async killAgent(signal = 'SIGKILL') {
		const gone = once(this.agent, 'exit');
		this.agent.kill(signal);
		await gone;
	}

	/** One command as local:cli. */
	call(method, params = {}) {
		return JSON.parse(this.cli('call', method, JSON.stringify(params)));
	}

	cli(...args) {
		return execFileSync(program, args, { env: this.env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
	}

	/** Until the agent's state is as wanted; it has no event for everything. */
	async until(wanted) {
		const end = Date.now() + 20000;
		while (!wanted()) {
			if (Date.now() > end)
				throw new Error(`it did not come: ${wanted}`);
			await new Promise((resolve) => setTimeout(resolve, 20));
		}
	}

	/** What ffprobe says of a recording, by the id that the page knows. */
	probe(recording) {
		return this.probeFile(this.call('recording.get', { recording }).path);
	}

	probeFile(file) {
		const entries = 'format=duration:stream=codec_type,codec_name,width,height,nb_read_packets';
		const found = JSON.parse(execFileSync('ffprobe', ['-v', 'error', '-count_packets', '-show_entries', entries, '-of', 'json', file]));
		const stream = (type) => found.streams.find((s) => s.codec_type === type);
		return { file, duration_s: Number(found.format.duration), video: stream('video'), audio: stream('audio') };
	}

	#start(command, args) {
		const child = spawn(command, args, { env: this.env, stdio: ['ignore', 'pipe', process.env.E2E_LOG ? 'inherit' : 'ignore'] });
		this.#children.push(child);
		return child;
	}

	async stop() {
		this.#servers.forEach((server) => server.close());
		for (const child of this.#children.filter((c) => c.exitCode === null && c.signalCode === null)) {
			const gone = once(child, 'exit');
			child.kill();
			await gone;
		}
		try {
			process.kill(this.call('agent.status').pid); /* one that deskhand-host started */
		} catch {
			/* none runs */
		}
		rmSync(this.dir, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 });
	}
}

function plain(request, response) {
	const file = path.join(top, 'js', path.normalize(request.url));
	const isScript = file.endsWith('.js') && existsSync(file);
	response.setHeader('content-type', isScript ? 'text/javascript' : 'text/html');
	response.end(isScript ? readFileSync(file) : '<!doctype html><title>plain</title>');
}

async function firstLine(child) {
	const lines = createInterface({ input: child.stdout });
	const gone = once(child, 'exit').then(([code]) => Promise.reject(new Error(`${child.spawnfile} ended with ${code}`)));
	gone.catch(() => {});
	const [line] = await Promise.race([once(lines, 'line'), gone]);
	child.stdout.resume();
	return line;
}

/** Sorted milliseconds -> {n, p50_ms, p90_ms, p99_ms, max_ms} */
export function percentiles(times) {
	const sorted = [...times].sort((a, b) => a - b);
	const at = (q) => Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * q))] * 1000) / 1000;
	return { n: sorted.length, p50_ms: at(0.5), p90_ms: at(0.9), p99_ms: at(0.99), max_ms: at(1) };
}
