/** Two network namespaces and the link between them (tests/tools/link_relay.c), or none: then both sides are on this machine. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const top = fileURLToPath(new URL('../../../', import.meta.url));
export const tool = (name) => path.join(process.env.BUILD_DIR ?? path.join(top, 'build'), 'tests/tools', name);

/** Why no link can be made here; undefined: it can. */
export function whyNoLink() {
	if (process.getuid() !== 0)
		return 'network namespaces need root';
	if (!existsSync('/dev/net/tun'))
		return 'this machine has no TUN devices';
	try {
		const space = `dh-try-${process.pid}`;
		execFileSync('ip', ['netns', 'add', space], { stdio: 'ignore' });
		execFileSync('ip', ['netns', 'del', space], { stdio: 'ignore' });
		return undefined;
	} catch {
		return 'this machine has no network namespaces';
	}
}

let count = 0;

export class Link {
	/** @param {string} settings as link_relay's KEY=VALUE words */
	static async open(settings = '') {
		const link = new Link();
		count += 1;
		link.spaces = ['a', 'b'].map((side) => `dh-${process.pid}-${count}-${side}`);
		link.spaces.forEach((space) => execFileSync('ip', ['netns', 'add', space]));
		link.child = spawn(tool('link_relay'), [...link.spaces, ...settings.split(' ').filter(Boolean)],
			{ stdio: ['pipe', 'pipe', 'inherit'] });
		link.lines = createInterface({ input: link.child.stdout });
		link.gone = once(link.child, 'exit');
		if (await Promise.race([once(link.lines, 'line'), link.gone.then(() => 'gone')]) === 'gone') {
			await link.close();
			throw new Error('link_relay ended at once: see above');
		}
		return link;
	}

	/** @param {string} words "rate=700 queue=300", "a loss=5" */
	set(words) {
		this.child.stdin.write(`set ${words}\n`);
	}

	/** What both directions did; queue_ms since the last time, a value for each 100 ms. */
	async stats() {
		this.child.stdin.write('stats\n');
		const [line] = await once(this.lines, 'line');
		return JSON.parse(line);
	}

	/** All addresses of side 'a' or 'b' go, and an IPv4 one comes: a cable is pulled and a wireless network found. */
	move(side, to) {
		const ip = (...words) => execFileSync(...inside(this.spaces[side === 'a' ? 0 : 1], 'ip', [...words, 'dev', `dhlink-${side}`]));
		ip('addr', 'flush');
		ip('addr', 'add', `${to}/24`);
	}

	async close() {
		this.child.stdin.end();
		await this.gone;
		this.spaces.forEach((space) => execFileSync('ip', ['netns', 'del', space]));
	}
}

/** Command and arguments, inside the namespace when there is one. Not by ip: that mounts things too, and cannot in a chroot. */
export const inside = (space, command, args) => (space ? ['nsenter', [`--net=/run/netns/${space}`, command, ...args]] : [command, args]);

/** A program file in dir that is Chromium inside the namespace, for those who want to start it by a path. */
export function chromiumInside(space, dir) {
	const program = path.join(dir, 'chromium');
	const [command, args] = inside(space, process.env.CHROMIUM ?? '/usr/bin/chromium', []);
	writeFileSync(program, `#!/bin/sh\nexec ${[command, ...args].join(' ')} "$@"\n`, { mode: 0o700 });
	return program;
}
