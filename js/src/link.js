/**
 * What every road to the agent has in common: requests and their replies, events, and the state of the other end.
 * A road (extension.js, websocket.js) calls up(), down(), closed() and received(), and gives post() and hangUp().
 */
import { abortError, localError, remoteError } from './errors.js';

export class Link {
	#pending = new Map();
	#waiters = new Set();
	#id = 0;

	/** @param {string} name 'extension' or 'websocket' */
	constructor(name, lang) {
		this.name = name;
		this.lang = lang;
		this.isOpen = true;
		this.isUp = false;
		this.wasUp = false;
		this.reason = '';
		this.close_code = 0;
		this.onevent = () => {};
		this.onlost = () => {};
	}

	/** One request. @returns {Promise<object>} its result; rejects with DeskhandError or AbortError */
	request(method, params, { signal, timeout = 30000 } = {}) {
		return new Promise((resolve, reject) => {
			if (signal?.aborted || !this.isUp) {
				reject(signal?.aborted ? abortError(signal) : localError('ECLOSED', '', this.lang));
				return;
			}
			const id = ++this.#id;
			const settle = (fn, value) => {
				if (!this.#pending.delete(id))
					return;
				clearTimeout(timer);
				signal?.removeEventListener('abort', onabort);
				fn(value);
			};
			const onabort = () => settle(reject, abortError(signal));
			const timer = setTimeout(() => settle(reject, localError('ETIMEDOUT', '', this.lang, method)), timeout);
			signal?.addEventListener('abort', onabort);
			this.#pending.set(id, { resolve: (v) => settle(resolve, v), reject: (e) => settle(reject, e) });
			this.post({ id, method, params: params ?? {} });
		});
	}

	/** Resolves when the agent is at the other end; rejects when the road is closed or the other end has given up. */
	whenUp({ signal, timeout } = {}) {
		return new Promise((resolve, reject) => {
			let timer;
			const finish = (fn, value) => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', onabort);
				this.#waiters.delete(look);
				fn(value);
			};
			const onabort = () => finish(reject, abortError(signal));
			const look = () => {
				if (this.isUp)
					finish(resolve);
				else if (!this.isOpen || (timeout && this.isHopeless))
					finish(reject, this.failure());
			};
			if (timeout)
				timer = setTimeout(() => finish(reject, this.failure()), timeout);
			signal?.addEventListener('abort', onabort);
			this.#waiters.add(look);
			if (signal?.aborted)
				onabort();
			else
				look();
		});
	}

	/** Why this road does not lead to the agent. */
	failure() {
		return localError(...(reasonNames[this.reason] ?? closeNames[this.close_code] ?? ['agent_down', this.reason]), this.lang);
	}

	/** Waiting a few seconds more would not help: connect() says so at once. */
	get isHopeless() {
		return this.state === 'failed' || this.reason in reasonNames;
	}

	up() {
		this.isUp = this.wasUp = true;
		this.reason = '';
		this.state = 'up';
		this.#wake();
	}

	/** The other end lost the agent; the road itself stays. */
	down(state, reason) {
		const wasUp = this.isUp;
		Object.assign(this, { isUp: false, state, reason });
		this.#wake();
		this.#rejectAll();
		if (wasUp)
			this.onlost();
	}

	/** The road itself is gone. */
	closed(code, reason) {
		if (!this.isOpen)
			return;
		this.isOpen = false;
		this.close_code = code;
		this.down('down', reason);
	}

	received(m) {
		if (m === null || typeof m !== 'object')
			return;
		if (typeof m.method === 'string') {
			this.onevent(m.method, m.params ?? {});
			return;
		}
		const waiting = this.#pending.get(m.id);
		if (m.error)
			waiting?.reject(remoteError(m.error));
		else
			waiting?.resolve(m.result);
	}

	close() {
		if (!this.isOpen)
			return;
		this.onlost = () => {};
		this.hangUp();
		this.closed(1000, '');
	}

	#wake() {
		for (const look of [...this.#waiters])
			look();
	}

	#rejectAll() {
		for (const { reject } of [...this.#pending.values()])
			reject(localError('ECLOSED', '', this.lang));
	}
}

/** Close codes of agent/ctl/client.h that have a name of their own -> [name, reason]. */
const closeNames = { 4403: ['denied', ''], 4426: ['version_mismatch', ''], 4440: ['denied', ''],
	4429: ['agent_down', 'too_many'], 4431: ['agent_down', 'too_many'] };

/** Words of the extension and of deskhand-host -> [name, reason]. */
const reasonNames = {
	host_missing: ['not_installed', ''],
	host_forbidden: ['not_installed', 'host_forbidden'],
	host_disabled: ['blocked_by_browser', 'host_disabled'],
	sandboxed: ['sandboxed_browser', ''],
	version: ['version_mismatch', ''],
	extension_gone: ['extension_missing', ''],
	site_not_allowed: ['extension_missing', ''],
	frame_not_allowed: ['denied', 'frame_not_allowed'],
};
