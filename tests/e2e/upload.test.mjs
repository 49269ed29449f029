/** Recordings reach a real tus server whole, whatever breaks on the way: the line, the server, the agent. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Desk } from './desk.mjs';

const MB = 1e6;
const BYTES = 24 * MB;
const desk = new Desk();
desk.env.NO_PROXY = '*';
const [key, certificate, store] = ['key.pem', 'cert.pem', 'store'].map((name) => path.join(desk.dir, name));
const sha256 = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** Between agent and archive: counts what goes there, and does something once when so many bytes have gone. */
class Relay {
	sent = 0;
	#due = [];
	#sockets = new Set();

	async start(to) {
		this.server = net.createServer((near) => {
			const far = net.connect(to(), '127.0.0.1');
			for (const [a, b] of [[near, far], [far, near]]) {
				this.#sockets.add(a);
				a.on('error', () => {}).on('close', () => { this.#sockets.delete(a); b.destroy(); });
			}
			far.pipe(near);
			near.on('data', (data) => {
				this.sent += data.length;
				if (!far.write(data)) {
					near.pause();
					far.once('drain', () => near.resume());
				}
				if (this.sent >= this.#due[0]?.bytes)
					this.#due.shift().act();
			});
		}).listen(0, '127.0.0.1');
		await once(this.server, 'listening');
		this.port = this.server.address().port;
	}

	/** @returns {Promise<void>} when act is done */
	after(bytes, act) {
		return new Promise((resolve, reject) => {
			this.#due.push({ bytes, act: () => Promise.resolve(act()).then(resolve, reject) });
		});
	}

	cut() {
		for (const socket of this.#sockets)
			socket.destroy();
	}

	stop() {
		this.server.close();
		this.cut();
	}
}

class Archive {
	port = 0;

	async start() {
		const program = fileURLToPath(new URL('archive.mjs', import.meta.url));
		this.child = spawn(process.execPath, [program, store, String(this.port), key, certificate],
			{ stdio: ['ignore', 'pipe', 'inherit'] });
		const [line] = await once(createInterface(this.child.stdout), 'line');
		this.port = Number(line);
	}

	async kill() {
		const gone = once(this.child, 'exit');
		this.child.kill('SIGKILL');
		await gone;
	}
}

const relay = new Relay();
const archive = new Archive();

function policy(more) {
	desk.setPolicy({ push_targets: [`https://127.0.0.1:${relay.port}/*`],
		archive: { url: `https://127.0.0.1:${relay.port}/files`, delete_local: true }, ...more });
}

/** A recording that was finished earlier and not uploaded. @returns {{id: string, bytes: Buffer, file: string}} */
function finished(name) {
	const [id, bytes, file] = [randomBytes(16).toString('hex'), randomBytes(BYTES), path.join(desk.dir, 'videos', `${name}.mp4`)];
	const index = path.join(desk.dir, 'state/deskhand/recordings');
	for (const folder of [index, path.dirname(file)])
		mkdirSync(folder, { recursive: true, mode: 0o700 });
	writeFileSync(file, bytes);
	writeFileSync(path.join(index, `${id}.json`), JSON.stringify({ state: 'done', origin: 'local:cli', path: file, name: `${name}.mp4`,
		bytes: BYTES, must_archive: true }));
	return { id, bytes, file };
}

const upload = (recording) => desk.call('upload.list', { recording }).uploads[0];
const stored = (u) => readFileSync(path.join(store, path.basename(u.location)));

before(async () => {
	mkdirSync(store);
	execFileSync('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out',
		certificate, '-subj', '/CN=archive', '-addext', 'subjectAltName=IP:127.0.0.1', '-days', '2'], { stdio: 'ignore' });
	await archive.start();
	await relay.start(() => archive.port);
});
after(async () => {
	await desk.stop();
	relay.stop();
	await archive.kill();
});

test('a certificate nobody vouches for is refused; then line, archive and agent break, and every byte is there', async () => {
	const recording = finished('broken');
	policy();
	await desk.startAgent();
	await desk.until(() => upload(recording.id)?.error);
	assert.equal(upload(recording.id).error, 'EPERM');
	assert.match(upload(recording.id).reason, /certificate is not trusted/);
	assert.match(desk.cli('status'), /upload +\w+ broken\.mp4: waiting, 0\.0 of 24\.0 MB; .*certificate.*\n +If it is the right server/);
	assert.deepEqual(readdirSync(store), []);

	const start = relay.sent;
	const steps = [
		relay.after(start + 3 * MB, () => relay.cut()),
		relay.after(start + 9 * MB, async () => { await archive.kill(); await archive.start(); }),
		relay.after(start + 16 * MB, async () => { await desk.killAgent(); await desk.startAgent(); })];
	policy({ ca_file: certificate });
	await Promise.all(steps);
	await desk.until(() => upload(recording.id).state === 'done' && upload(recording.id).local_deleted);
	const u = upload(recording.id);
	assert.equal(u.hash_confirmed, true);
	assert.equal(u.sha256, sha256(recording.bytes));
	assert.equal(sha256(stored(u)), u.sha256);
	assert.ok(relay.sent - start < BYTES + 8 * MB, `${relay.sent - start} bytes went for ${BYTES}`);
	assert.equal(readdirSync(store).filter((name) => name.endsWith('.json')).length, 1, 'one upload was made');
	assert.equal(existsSync(recording.file), false);
	assert.match(desk.cli('uploads'), /broken\.mp4: done, 24\.0 MB, hash confirmed, deleted here/);
});

test('a new recording goes there by itself; what is there verifies without the desk', async () => {
	const { session } = desk.call('session.open', { sources: [{ role: 'camera' }, { role: 'microphone' }] });
	const { recording } = desk.call('recording.start', { session, case_id: 'C-17' });
	await desk.until(() => desk.call('recording.get', { recording }).duration_ms > 1000);
	const { chain, name, path: file } = desk.call('recording.stop', { recording });
	await desk.until(() => upload(recording)?.local_deleted);
	const u = upload(recording);
	assert.equal(sha256(stored(u)), u.sha256);
	const { metadata } = JSON.parse(readFileSync(path.join(store, `${path.basename(u.location)}.json`), 'utf8'));
	assert.deepEqual(metadata, { filename: name, filetype: 'video/mp4', recording, sha256: u.sha256, case_id: 'C-17', chain_head: chain.head });
	assert.match(desk.cli('verify', path.join(store, path.basename(u.location)), '--head', `${chain.seq}:${chain.head}`), /whole/);
	assert.equal(existsSync(file), false);
	assert.equal(desk.call('recording.get', { recording }).chain.head, chain.head);

	const many = desk.call('recording.start', { session, segment_s: 1 }).recording;
	const uploads = () => desk.call('upload.list', { recording: many }).uploads;
	await desk.until(() => uploads().filter((each) => each.state === 'done').length > 1);
	const running = desk.call('recording.get', { recording: many });
	assert.equal(running.state, 'recording');
	assert.equal(sha256(stored(uploads()[0])), sha256(readFileSync(running.path)), 'it is there, and still here');
	const { segments } = desk.call('recording.stop', { recording: many });
	await desk.until(() => uploads().length === segments.length && uploads().every((each) => each.local_deleted));
	assert.deepEqual(uploads().map((each) => each.name).sort(), segments.map((each) => each.name).sort());
	for (const each of uploads())
		assert.equal(sha256(stored(each)), each.sha256);
	desk.call('session.close', { session });
});
