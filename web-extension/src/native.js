/**
 * The one native port: opens it while somebody needs it, and again with back-off after it dropped.
 * It knows deskhand-host's `agent.state` and nothing else of what passes.
 */

export const HOST_NAME = 'io.deskhand.host';

const RETRY_MIN_MS = 500;
const RETRY_MAX_MS = 30000;
const LINGER_MS = 10000; /* a page that reloads finds the port still open */

/** Called as methods the browser's own would throw "Illegal invocation". */
export const TIMERS = {
	setTimer: (fn, ms) => setTimeout(fn, ms),
	clearTimer: (timer) => clearTimeout(timer),
};

/** What browsers say when a native port breaks -> a word the popup and the SDK have sentences for. */
const REASONS = [
	[/host not found|no such native application/i, 'host_missing'],
	[/is forbidden/i, 'host_forbidden'],
	[/disabled by the system administrator/i, 'host_disabled'],
	[/has exited/i, 'host_exited'],
	[/error when communicating|unexpected error/i, 'host_broken'],
];

/** @param {string} text the browser's sentence @returns {string} */
export function reasonOf(text) {
	return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? 'host_exited';
}

/** @param {number} attempt from 0 @param {() => number} random in [0, 1) @returns {number} 0.5 s doubling to 30 s, +-25 % */
export function retryDelay(attempt, random) {
	const base = Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 10));
	return Math.min(RETRY_MAX_MS, base * (0.75 + random() / 2));
}

export class NativePort {
	#chrome;
	#port = null;
	#timer = null;
	#attempt = 0;
	#linger = null;
	#isNeeded = false;

	/**
	 * @param {{chrome: object, onMessage: (m: object) => void, onState: (s: object) => void,
	 *          random?: () => number, setTimer?: Function, clearTimer?: Function}} env
	 */
	constructor({ chrome, onMessage, onState, random = Math.random, ...timers }) {
		this.#chrome = chrome;
		Object.assign(this, { onMessage, onState, random, ...TIMERS, ...timers });
		/** {state: idle|starting|up|down|failed, reason, text} */
		this.state = { state: 'idle', reason: '', text: '' };
	}

	/** While needed the port is kept open; some seconds later it is closed and the host ends. */
	need(isNeeded) {
		if (isNeeded === this.#isNeeded)
			return;
		this.#isNeeded = isNeeded;
		this.clearTimer(this.#linger);
		if (!isNeeded)
			this.#linger = this.setTimer(() => this.#close(), LINGER_MS);
		else if (!this.#port && !this.#timer)
			this.#open();
	}

	/** The machine woke, an alarm rang, somebody pressed "try again". */
	retryNow() {
		if (!this.#isNeeded || this.#port)
			return;
		this.#stopTimer();
		this.#open();
	}

	get isWaitingToRetry() {
		return this.#timer !== null;
	}

	/** @returns {boolean} false when there is no agent to send to */
	send(message) {
		if (this.state.state !== 'up')
			return false;
		try {
			this.#port.postMessage(message);
			return true;
		} catch {
			return false; /* the port broke; its onDisconnect is on the way */
		}
	}

	#open() {
		let port;
		this.#setState('starting', 'connecting');
		try {
			port = this.#chrome.runtime.connectNative(HOST_NAME);
		} catch (e) {
			this.#dropped(String(e?.message ?? e));
			return;
		}
		this.#port = port;
		port.onMessage.addListener((m) => this.#port === port && this.#received(m));
		port.onDisconnect.addListener((p) => {
			const text = this.#chrome.runtime.lastError?.message ?? p?.error?.message ?? '';
			if (this.#port === port)
				this.#dropped(text);
		});
	}

	#close() {
		this.#stopTimer();
		const port = this.#port;
		this.#port = null;
		port?.disconnect();
		this.#attempt = 0;
		this.#setState('idle', '');
	}

	#received(m) {
		if (m?.method !== 'agent.state' || 'ch' in m) {
			this.onMessage(m);
			return;
		}
		const { state, reason, text } = m.params ?? {};
		if (state === 'up')
			this.#attempt = 0;
		this.#setState(['up', 'starting', 'down', 'failed'].includes(state) ? state : 'down', String(reason ?? ''),
			String(text ?? ''));
	}

	#dropped(text) {
		this.#port = null;
		const delay = retryDelay(this.#attempt++, this.random);
		this.#timer = this.setTimer(() => {
			this.#timer = null;
			if (this.#isNeeded)
				this.#open();
		}, delay);
		this.#setState('down', reasonOf(text), text);
	}

	#stopTimer() {
		if (this.#timer !== null)
			this.clearTimer(this.#timer);
		this.#timer = null;
	}

	#setState(state, reason, text = '') {
		this.state = { state, reason, text };
		this.onState(this.state);
	}
}
