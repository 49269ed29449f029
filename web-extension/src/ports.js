/**
 * Pages on one side, the native port on the other: each page's port is a channel `ch`, opened at the agent with the
 * origin the browser attested. Messages are copied field by field. It knows no command and keeps nothing that it
 * cannot rebuild from the ports that are open.
 */
import { NativePort, TIMERS } from './native.js';

const METHOD = /^[a-z][a-z0-9_]{0,31}\.[a-z][a-z0-9_]{0,31}$/;
const MESSAGE_MAX = 256 * 1024; /* SR-19: the agent takes no more; an error here spares the shared port */
const CHANNELS_MAX = 64;
const OWN_ID = 'deskhand-extension:';
const ASK_TIMEOUT_MS = 3000;

/** JSON-RPC shape errors, and ours from api.md: code = -32000 + value of the DH_E... */
const ERRORS = {
	shape: { code: -32600, message: 'not a request: id, method and params are needed' },
	size: { code: -32014, message: 'the message is larger than 256 KiB', data: { name: 'ELIMIT', retriable: false } },
	down: { code: -32018, message: 'the agent is not connected', data: { name: 'ECLOSED', retriable: true } },
};

export class Ports {
	#native;
	#channels = new Map();
	#next = 1;
	#watchers = new Set();
	#asks = new Map();
	#setTimer;

	/** @param {object} env what NativePort takes: chrome, and in tests random and timers */
	constructor(env) {
		this.#setTimer = env.setTimer ?? TIMERS.setTimer;
		this.#native = new NativePort({ ...env, onMessage: (m) => this.#fromAgent(m), onState: () => this.#stateChanged() });
	}

	get state() {
		return this.#native.state;
	}

	get size() {
		return this.#channels.size;
	}

	get isWaitingToRetry() {
		return this.#native.isWaitingToRetry;
	}

	retryNow() {
		this.#native.retryNow();
	}

	/**
	 * A page's port, already vetted.
	 * @param {object} port runtime.Port
	 * @param {{origin: string, is_top_frame: boolean, is_incognito: boolean, top_origin?: string, tab_id?: number}} who from the browser's sender
	 */
	add(port, who) {
		if (this.#channels.size >= CHANNELS_MAX) {
			refuse(port, 4431, 'too many connections');
			return;
		}
		const channel = { ch: this.#next++, port, who, is_open: false };
		this.#channels.set(channel.ch, channel);
		port.onMessage.addListener((m) => this.#fromPage(channel, m));
		port.onDisconnect.addListener(() => this.#drop(channel));
		this.#native.retryNow(); /* a page that just came need not wait for the others' back-off */
		this.#updateNeed();
		this.#open(channel);
		this.#tellState(channel);
	}

	/** Close the channels of pages that are no longer allowed. @param {(origin: string) => boolean} isAllowed */
	dropUnless(isAllowed) {
		for (const channel of this.#channels.values()) {
			if (isAllowed(channel.who.origin))
				continue;
			refuse(channel.port, 4440, 'this site was removed');
			this.#drop(channel);
		}
	}

	/** Call back on every change of state; while somebody watches the port is kept open. @returns {() => void} stop */
	watch(fn) {
		this.#watchers.add(fn);
		this.#updateNeed();
		fn();
		return () => {
			this.#watchers.delete(fn);
			this.#updateNeed();
		};
	}

	/** One request of the extension's own on the channel of a tab's page. @returns {Promise<object>} the reply */
	ask(tabId, method) {
		const channel = [...this.#channels.values()].find((c) => c.is_open && c.who.tab_id === tabId && c.who.is_top_frame);
		if (!channel)
			return Promise.resolve({ error: ERRORS.down });
		const id = `${OWN_ID}${this.#next++}`;
		return new Promise((resolve) => {
			this.#asks.set(id, resolve);
			this.#setTimer(() => this.#answer(id, { error: ERRORS.down }), ASK_TIMEOUT_MS);
			this.#native.send({ jsonrpc: '2.0', ch: channel.ch, id, method, params: {} });
		});
	}

	#answer(id, reply) {
		this.#asks.get(id)?.(reply);
		this.#asks.delete(id);
	}

	#updateNeed() {
		this.#native.need(this.#channels.size > 0 || this.#watchers.size > 0);
	}

	#open(channel) {
		if (channel.is_open || this.state.state !== 'up')
			return;
		const { origin, is_top_frame, is_incognito, top_origin } = channel.who;
		const params = { ch: channel.ch, origin, is_top_frame, is_incognito };
		if (!is_top_frame)
			params.top_origin = top_origin;
		channel.is_open = this.#native.send({ jsonrpc: '2.0', method: 'transport.open', params });
	}

	#drop(channel) {
		if (!this.#channels.delete(channel.ch))
			return;
		if (channel.is_open)
			this.#native.send({ jsonrpc: '2.0', method: 'transport.close', params: { ch: channel.ch } });
		this.#updateNeed();
	}

	#stateChanged() {
		for (const channel of this.#channels.values()) {
			if (this.state.state !== 'up')
				channel.is_open = false; /* the agent forgot it */
			this.#open(channel);
			this.#tellState(channel);
		}
		for (const fn of this.#watchers)
			fn();
	}

	#tellState(channel) {
		const { state, reason } = this.state;
		post(channel.port, { method: 'transport.state', params: { state: state === 'idle' ? 'starting' : state, reason } });
	}

	#fromPage(channel, m) {
		const { id, method, params } = m !== null && typeof m === 'object' ? m : {};
		const fault = this.#faultOf(channel, id, method, params);
		if (fault) {
			post(channel.port, { id: isId(id) ? id : null, error: fault });
			return;
		}
		const copy = { jsonrpc: '2.0', ch: channel.ch, id, method };
		if (params !== undefined)
			copy.params = params;
		if (!this.#native.send(copy))
			post(channel.port, { id, error: ERRORS.down });
	}

	#faultOf(channel, id, method, params) {
		const isObject = params === undefined || (params !== null && typeof params === 'object' && !Array.isArray(params));
		if (!isId(id) || typeof method !== 'string' || !METHOD.test(method) || method.startsWith('transport.') || !isObject)
			return ERRORS.shape;
		if (params !== undefined && isTooLarge(JSON.stringify(params)))
			return ERRORS.size;
		return channel.is_open ? null : ERRORS.down;
	}

	#fromAgent(m) {
		if (m === null || typeof m !== 'object')
			return;
		if (m.method === 'transport.closed') {
			this.#closedByAgent(m);
			return;
		}
		const channel = this.#channels.get(m.ch);
		if (typeof m.id === 'string' && m.id.startsWith(OWN_ID))
			this.#answer(m.id, m);
		else if (channel?.is_open && 'method' in m)
			post(channel.port, { method: m.method, params: m.params });
		else if (channel?.is_open)
			post(channel.port, 'error' in m ? { id: m.id, error: m.error } : { id: m.id, result: m.result });
	}

	#closedByAgent(m) {
		const ch = m.params?.ch ?? m.ch;
		const channel = this.#channels.get(ch);
		if (!channel)
			return;
		channel.is_open = false;
		refuse(channel.port, m.params?.code ?? 4500, m.params?.reason ?? '');
		this.#drop(channel);
	}
}

/** Say why, then hang up. */
export function refuse(port, code, reason) {
	post(port, { method: 'transport.closed', params: { code, reason } });
	port.disconnect();
}

function post(port, message) {
	try {
		port.postMessage(message);
	} catch {
		/* the page is gone; its onDisconnect is on the way */
	}
}

function isId(id) {
	return Number.isSafeInteger(id) || (typeof id === 'string' && id.length <= 64 && !id.startsWith(OWN_ID));
}

function isTooLarge(text) {
	return text.length > MESSAGE_MAX || (text.length * 3 > MESSAGE_MAX && new TextEncoder().encode(text).length > MESSAGE_MAX);
}
