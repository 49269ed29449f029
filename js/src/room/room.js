/**
 * A browser as a member of a room, without an agent: signalling, members and connections put together. docs/rooms.md
 * Not part of deskhand.js: pages that command an agent use its `room.*` commands.
 */
import { DeskhandEvent } from '../event.js';
import { Mesh } from './mesh.js';
import { Roster } from './roster.js';
import { Signalling } from './signalling.js';

/**
 * Events: `state` {state}, `joined` (answer of room.join), `members` (a Diff), `streams` {member, streams}, `connection` {member, state},
 * `chat` (a line), `custom`, `muted` {by, camera?, microphone?}, `closed` {reason, text?}.
 */
export class Room extends EventTarget {
	roster = new Roster();
	/** lines of chat, oldest first */
	lines = [];
	name = '';
	#signalling;
	#mesh;
	#flags = { camera: false, microphone: false, screen: false };
	#isFresh = true;

	/** @param {string} url @param {{kept?: object|null, onkeep?: (kept: object|null) => void}} [how] see Signalling */
	constructor(url, how) {
		super();
		const signalling = (this.#signalling = new Signalling(url, how));
		this.#mesh = new Mesh((to, body) => signalling.signal(to, body));
		const pass = (from, name) => from.addEventListener(name, ({ detail }) => this.#emit(name, detail));
		pass(signalling, 'state');
		pass(this.#mesh, 'streams');
		pass(this.#mesh, 'connection');
		const on = (name, fn) => signalling.addEventListener(name, ({ detail }) => fn(detail));
		on('joined', (answer) => this.#joined(answer));
		on('ice', ({ ice_servers }) => this.#mesh.setIceServers(ice_servers));
		on('room.signal', (detail) => this.#mesh.signal(detail));
		on('room.chat', (line) => this.#line(line));
		on('room.custom', (detail) => this.#emit('custom', detail));
		on('room.muted', (detail) => this.#emit('muted', detail));
		for (const name of ['room.member_joined', 'room.member_changed', 'room.member_left'])
			on(name, (detail) => this.#changed(this.roster.apply(name, detail)));
		on('closed', (detail) => {
			this.#mesh.close();
			this.#emit('closed', detail);
		});
	}

	get state() {
		return this.#signalling.state;
	}

	/**
	 * First time, or after a reload with what was kept: the same member then, but without `seq`. What this page missed was
	 * for connections that are gone with it. @returns {Promise<object>} what room.join answers
	 */
	enter(login, join = {}) {
		const { member } = ('token' in login && this.#signalling.kept) || {};
		return this.#signalling.enter(login, { ...(member && { member }), ...join, state: this.#flags });
	}

	request(method, params) {
		return this.#signalling.request(method, params);
	}

	/** @returns {Promise<{id: number, ts_ms: number}>} */
	chat(text) {
		return this.#signalling.chat(text);
	}

	/**
	 * What the others see and hear of us. A track that is null, or not enabled, is told as off.
	 * @param {'microphone'|'camera'|'screen'} role @param {MediaStreamTrack|null} track
	 */
	async setTrack(role, track) {
		this.setFlag(role, Boolean(track?.enabled));
		await this.#mesh.setTrack(role, track);
	}

	/** Tell whether a track is on, without changing it. */
	setFlag(role, isOn) {
		if (this.#flags[role] === isOn)
			return;
		this.#flags[role] = isOn;
		this.request('room.state', { [role]: isOn }).catch(() => {}); /* told again by the next join */
	}

	/** @returns {Map<number, import('./peer.js').Peer>} */
	get peers() {
		return this.#mesh.peers;
	}

	leave() {
		this.#signalling.leave();
	}

	#joined(answer) {
		const isFresh = this.#isFresh;
		this.#isFresh = false;
		this.name = answer.name ?? answer.room;
		this.#mesh.setIceServers(answer.ice_servers ?? []);
		const diff = answer.resumed ? null : this.roster.reset(answer.members, answer.member);
		this.#mesh.enter(answer.member, this.roster.others.map((m) => m.member), isFresh);
		if (!isFresh && !answer.resumed)
			this.#mesh.renew();
		this.#emit('joined', answer);
		if (diff)
			this.#changed(diff);
		if (Object.entries(this.#flags).some(([role, isOn]) => this.roster.me[role] !== isOn)) /* changed while nobody could be told */
			this.request('room.state', this.#flags).catch(() => {});
		(answer.history ?? []).forEach((line) => this.#line(line));
	}

	#changed(diff) {
		diff.joined.forEach((m) => this.#mesh.add(m.member));
		diff.left.forEach((m) => this.#mesh.remove(m.member));
		if (diff.joined.length || diff.left.length || diff.changed.length)
			this.#emit('members', diff);
	}

	/** Each line once, whichever way it came. */
	#line(line) {
		const last = this.lines.at(-1)?.id ?? 0;
		if (this.lines.some((each) => each.id === line.id))
			return;
		this.lines.push(line);
		if (line.id < last)
			this.lines.sort((a, b) => a.id - b.id);
		this.#emit('chat', line);
	}

	#emit(name, detail) {
		this.dispatchEvent(new DeskhandEvent(name, detail));
	}
}
