/** An RTMP server (nginx) that keeps what it is sent as FLV files. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class RtmpServer {
	async start() {
		this.dir = mkdtempSync(path.join(tmpdir(), 'deskhand-rtmp-'));
		const probe = createServer().listen(0, '127.0.0.1');
		await once(probe, 'listening');
		this.port = probe.address().port;
		await new Promise((resolve) => probe.close(resolve));
		writeFileSync(path.join(this.dir, 'nginx.conf'), `load_module /usr/lib/nginx/modules/ngx_rtmp_module.so;
daemon off; master_process off; pid ${this.dir}/pid; error_log ${this.dir}/log; events {}
rtmp { server { listen 127.0.0.1:${this.port}; access_log off; application live { live on; record all; record_path ${this.dir}; } } }`);
		this.child = spawn('/usr/sbin/nginx', ['-p', this.dir, '-c', path.join(this.dir, 'nginx.conf')], { stdio: 'ignore' });
		while (this.child.exitCode === null && !(await this.#isUp()));
	}

	#isUp() {
		return new Promise((resolve) => {
			const socket = connect(this.port, '127.0.0.1', () => resolve(true)).on('error', () => setTimeout(resolve, 20, false));
			socket.on('connect', () => socket.end());
		});
	}

	/** What came under a name: the file's path. */
	file(name) {
		return path.join(this.dir, readdirSync(this.dir).find((each) => each.startsWith(name) && each.endsWith('.flv')));
	}

	stop() {
		this.child?.kill('SIGKILL');
		rmSync(this.dir, { recursive: true, force: true });
	}
}
