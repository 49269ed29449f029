/**
 * The road to a room service (docs/rooms.md): login, requests, events in order, and coming back without loss. Once
 * entered it stays in the room until leave(), or until the service says that it is over.
 */
import { DeskhandError, localError } from '../errors.js';
import { DeskhandEvent } from '../event.js';
import { Link } from '../link.js';
import { messageText } from '../message_text.js';

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 8000;
const REQUEST_MS = 10000;
/** Nothing heard for this long: ask whether somebody is there. */
const QUIET_MS = 20000;
/** Tokens and credentials are renewed when this much of their life is over. */
const RENEW = 0.8;
/** Close code of room-service/client.h */
const REPLACED = 4409;

class RoomLink extends Link {
	heard_ms = Date.now();

	constructor(url) {
		super('room');
		const socket = new WebSocket(url, 'deskhand-rooms.v1');
		this.post = (m) => socket.send(messageText(m));
		this.hangUp = () => socket.close(1000);
		socket.onopen = () => this.up();
		socket.onmessage = ({ data }) => {
			this.heard_ms = Date.now();
			try {
				this.received(JSON.parse(data));
			} catch {
				socket.close(4400); /* whoever that is, it does not speak JSON */
			}
		};
		socket.onclose = ({ code, reason }) => this.closed(code, reason);
	}

	/** Dead, although nobody said so. */
	drop() {
		this.hangUp();
		this.closed(4408, 'silent');
	}
}

const isLoss = (e) => ['ECLOSED', 'ETIMEDOUT', 'service_away'].includes(e.name);

/** Why coming back makes no sense; '' where it may. */
function finalReason(e, step) {
	if (isLoss(e) || e.retriable)
		return '';
	if (step === 'login')
		return 'expired';
	return { ENOENT: 'closed', EPERM: 'kicked', ELIMIT: 'full' }[e.name] ?? 'closed';
}

/**
 * @typedef {object} Kept what a reload needs to be the same member again
 * @property {string} token @property {string} [room] @property {number} [member] @property {number} [seq] @property {number} [chat]
 * @property {string} user_id @property {string} user_name
 */

/** Events: `state` {state}, `joined` (the answer of room.join), `closed` {reason, text?}, and those of the service by their name. */
export class Signalling extends EventTarget {
	/** @type {'idle'|'connecting'|'online'|'reconnecting'|'closed'} */
	state = 'idle';
	/** @type {Kept|null} */
	kept;
	#url;
	#onkeep;
	#link = null;
	#timers = new Set();
	#outbox = [];
	#wake = () => {};
	#drain_ms = 0;
	#stop = new AbortController();

	/** @param {string} url ws(s)://HOST/v1/ws @param {{kept?: Kept|null, onkeep?: (kept: Kept|null) => void}} [how] */
	constructor(url, { kept = null, onkeep = () => {} } = {}) {
		super();
		this.#url = url;
		this.kept = kept;
		this.#onkeep = onkeep;
		for (const type of ['online', 'visibilitychange'])
			globalThis.addEventListener?.(type, () => this.#wake(), { signal: this.#stop.signal });
	}

	/**
	 * Log in and join. Tried once: a person waits.
	 * @param {object} login `{ticket, user_name?}`, `{token}` or `{sdk_app_id, user_id, user_sig, user_name?}`
	 * @param {object} [join] of room.join; `room` comes with a ticket
	 * @returns {Promise<object>} what room.join answers
	 */
	async enter(login, join = {}) {
		this.#set('connecting');
		try {
			return await this.#attempt(login, join);
		} catch (e) {
			this.#link?.close();
			this.#set('idle');
			throw e;
		}
	}

	/** One request; rejects with ECLOSED while the service is away. */
	request(method, params = {}, how = {}) {
		if (this.state !== 'online')
			return Promise.reject(localError('ECLOSED'));
		return this.#link.request(method, params, { timeout: REQUEST_MS, ...how });
	}

	/** To a member's connection: goes out now, or when the service is back with all it had. */
	signal(to, body) {
		const entry = { to, ...body };
		this.#outbox.push(entry);
		this.#post(entry);
	}

	/** @returns {Promise<{id: number, ts_ms: number}>} once the line is on disk; repeated under one key until then */
	async chat(text) {
		const key = crypto.getRandomValues(new Uint32Array(4)).join('-');
		for (;;)
			try {
				return await this.request('room.chat', { text, key });
			} catch (e) {
				if (!isLoss(e) || this.state === 'closed')
					throw e;
				await this.#untilOnline();
			}
	}

	/** For good. */
	leave() {
		if (this.state === 'online')
			this.request('room.leave').catch(() => {}); /* it sees the socket go */
		this.#close({ reason: 'left' });
	}

	async #attempt(login, join) {
		let step = 'login';
		try {
			const link = await this.#dial();
			const ask = (method, params) => link.request(method, params, { timeout: REQUEST_MS });
			const known = await ask('ticket' in login ? 'room.redeem' : 'room.login', login);
			this.#keep({ token: known.token, user_id: known.user_id, user_name: known.user_name, room: join.room ?? known.room });
			step = 'join';
			const answer = await ask('room.join', { ...join, room: this.kept.room });
			this.#entered(link, known, answer);
			return answer;
		} catch (e) {
			throw Object.assign(e, { step });
		}
	}

	async #dial() {
		this.#link?.close();
		const link = (this.#link = new RoomLink(this.#url));
		try {
			await link.whenUp({ timeout: REQUEST_MS, signal: this.#stop.signal });
		} catch (e) {
			link.close();
			throw this.#stop.signal.aborted ? e : new DeskhandError('service_away', { retriable: true });
		}
		link.onevent = (name, params) => link === this.#link && this.#received(name, params);
		return link;
	}

	#entered(link, known, answer) {
		const line = answer.history?.at(-1);
		this.#keep({ room: answer.room, member: answer.member, seq: answer.resumed ? this.kept.seq : answer.seq,
			chat: line?.id ?? this.kept.chat ?? 0 });
		link.onlost = () => this.#lost();
		this.#clear();
		this.#after(known.expires_s * 1000 * RENEW, () => this.#renewToken());
		this.#after(answer.ice_expires_s * 1000 * RENEW, () => this.#renewIce());
		this.#after(QUIET_MS, () => this.#listen(link));
		if (!answer.resumed)
			this.#outbox = [];
		this.#set('online');
		this.#emit('joined', answer);
		this.#outbox.forEach((entry) => this.#post(entry));
	}

	#received(name, params) {
		const seen = {};
		if (params.seq)
			seen.seq = params.seq;
		if (name === 'room.chat')
			seen.chat = params.id;
		this.#keep(seen);
		if (name === 'service.draining')
			this.#drain_ms = params.retry_ms ?? 0;
		if (name === 'room.closed')
			this.#close(params);
		else
			this.#emit(name, params);
	}

	#lost() {
		if (this.state === 'closed')
			return;
		if (this.#link.close_code === REPLACED) { /* the same login in another tab: two would take it from each other for ever */
			this.#close({ reason: 'replaced' });
			return;
		}
		this.#clear();
		this.#set('reconnecting');
		this.#comeBack();
	}

	async #comeBack() {
		for (let attempt = 0; this.state === 'reconnecting'; attempt++) {
			await this.#pause(this.#drain_ms || Math.random() * Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt));
			this.#drain_ms = 0;
			if (this.state !== 'reconnecting')
				return;
			try {
				const { token, room, member, seq, chat } = this.kept;
				await this.#attempt({ token }, { room, member, seq, chat });
			} catch (e) {
				const reason = finalReason(e, e.step);
				if (reason)
					this.#close({ reason, text: e.message });
			}
		}
	}

	#post(entry) {
		const done = () => (this.#outbox = this.#outbox.filter((each) => each !== entry));
		this.request('room.signal', entry).then(done, (e) => isLoss(e) || done());
	}

	/** Full jitter, cut short when the machine comes back or the tab is looked at again. */
	#pause(delay_ms) {
		return new Promise((resolve) => {
			const timer = setTimeout(resolve, delay_ms);
			this.#wake = () => {
				clearTimeout(timer);
				resolve();
			};
		});
	}

	#untilOnline() {
		return new Promise((resolve, reject) => {
			const look = () => {
				if (this.state === 'closed')
					reject(localError('ECLOSED'));
				else if (this.state === 'online')
					resolve();
				else
					this.addEventListener('state', look, { once: true });
			};
			look();
		});
	}

	async #renewToken() {
		const { token, expires_s } = await this.request('room.refresh');
		this.#keep({ token });
		this.#after(expires_s * 1000 * RENEW, () => this.#renewToken());
	}

	async #renewIce() {
		const answer = await this.request('room.ice');
		this.#emit('ice', answer);
		this.#after(answer.ice_expires_s * 1000 * RENEW, () => this.#renewIce());
	}

	/** A network that went without a word leaves a socket that looks open. */
	async #listen(link) {
		if (Date.now() - link.heard_ms >= QUIET_MS)
			await this.request('room.history', { limit: 1 }).catch((e) => e.name === 'ETIMEDOUT' && link.drop());
		if (link === this.#link && link.isOpen)
			this.#after(QUIET_MS, () => this.#listen(link));
	}

	/** What fails here is tried again by the next login. */
	#after(delay_ms, fn) {
		if (!(delay_ms > 0))
			return;
		const timer = setTimeout(() => {
			this.#timers.delete(timer);
			fn().catch(() => {});
		}, Math.min(delay_ms, 2 ** 31 - 1));
		this.#timers.add(timer);
	}

	#clear() {
		this.#timers.forEach(clearTimeout);
		this.#timers.clear();
	}

	#keep(more) {
		this.kept = { ...this.kept, ...more };
		this.#onkeep(this.kept);
	}

	#close(detail) {
		if (this.state === 'closed')
			return;
		this.#clear();
		this.#stop.abort();
		this.#wake();
		this.#onkeep((this.kept = null));
		this.#link?.close();
		this.#set('closed');
		this.#emit('closed', detail);
	}

	#set(state) {
		this.state = state;
		this.#emit('state', { state });
	}

	#emit(name, detail) {
		this.dispatchEvent(new DeskhandEvent(name, detail));
	}
}
