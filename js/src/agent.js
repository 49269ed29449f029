import { api } from './api.gen.js';
import { captureStream } from './capture.js';
import { dial, met } from './connect.js';
import { DeskhandError, abortError, localError } from './errors.js';
import { DeskhandEvent } from './event.js';
import { forget, greet } from './hello.js';
import { Sessions } from './sessions.js';

const RETRY_MIN_MS = 250;
const RETRY_MAX_MS = 15000;

/** Names with which trying again makes no sense until a person acted. */
const FINAL = ['denied', 'version_mismatch', 'sandboxed_browser'];

/**
 * The agent on this computer, from a page. Methods are `agent.group.verb(params, {signal, timeout})`, made from the
 * agent's command table. Own events: `reconnecting`, `reconnected`, `disconnected`, `capture.interrupted`,
 * `capture.resumed`, `capture.ended`.
 */
export class Deskhand extends EventTarget {
	#options;
	#link;
	#hello;
	#sessions = new Sessions();
	#chosen = null; // params of events.subscribe
	#alsoHeard = []; // prefixes
	#ready = Promise.resolve();
	#isReconnecting = false;
	#stop = new AbortController();
	#wakeUp = () => {};

	/** @param {object} options see connect() */
	static async connect(options = {}) {
		const { timeout = 5000, signal, request } = options;
		const { link, hello } = await dial({ ...options, timeout });
		if (signal?.aborted) {
			link.close();
			throw abortError(signal);
		}
		const agent = new Deskhand(options, link, hello);
		try {
			await agent.#needGrant(request, signal);
			return agent;
		} catch (e) {
			agent.close();
			throw e;
		}
	}

	/** Forget the pairing of this origin with an agent (its key). */
	static forget() {
		forget();
	}

	/** Use Deskhand.connect(). */
	constructor(options, link, hello) {
		super();
		this.#options = { ...options, signal: undefined };
		for (const [group, verbs] of Object.entries(api))
			this[group] = Object.fromEntries(verbs.map((verb) =>
				[verb, (params, how) => this.call(`${group}.${verb}`, params, how)]));
		this.#take(link, hello);
		for (const type of ['online', 'visibilitychange'])
			globalThis.addEventListener?.(type, () => this.#wakeUp(), { signal: this.#stop.signal });
	}

	/** 'connected', 'reconnecting' or 'closed' */
	get state() {
		if (this.#stop.signal.aborted)
			return 'closed';
		return this.#link.isUp ? 'connected' : 'reconnecting';
	}

	/** 'extension' or 'websocket' */
	get transport() {
		return this.#link.name;
	}

	/** The agent's answer to agent.hello: version, agent, origin, granted, features. */
	get info() {
		return this.#hello;
	}

	/** @returns {string[]} scopes granted to this origin */
	get granted() {
		return this.#hello.granted;
	}

	/**
	 * Any command by name; the groups (`agent.session.open`) call this.
	 * @param {string} method @param {object} [params] @param {{signal?: AbortSignal, timeout?: number}} [how]
	 */
	async call(method, params = {}, { signal, timeout = 30000 } = {}) {
		const start = Date.now();
		await this.#untilReady(signal, timeout, method);
		const isChoice = method === 'events.subscribe';
		const sent = isChoice ? this.#withHeard(params) : params;
		const result = await this.#link.request(method, sent, { signal, timeout: Math.max(1, timeout - (Date.now() - start)) });
		this.#sessions.saw(method, params, result);
		if (isChoice)
			this.#chosen = params;
		return result;
	}

	/**
	 * For a component of the page: events of high volume that it needs, beside those the page chose and will choose by
	 * `events.subscribe`. @param {string[]} prefixes
	 */
	alsoHear(prefixes) {
		this.#alsoHeard = [...new Set([...this.#alsoHeard, ...prefixes])];
		return this.call('events.subscribe', this.#chosen ?? { prefixes: [] });
	}

	#withHeard(params) {
		return Array.isArray(params.prefixes) ? { ...params, prefixes: [...new Set([...params.prefixes, ...this.#alsoHeard])] } : params;
	}

	/**
	 * Live pictures and sound of a session: one video track for each of `tracks`, in their order, and one of sound.
	 * @param {{session: string, tracks?: string[], sound?: 'local'|'all'|'none', signal?: AbortSignal, timeout?: number}} options
	 * @returns {Promise<MediaStream>} once the first pictures came
	 */
	captureStream(options) {
		return captureStream(this, options, this.#options.lang);
	}

	/** After a reload: attach to the sessions this tab opened. @returns {Promise<object[]>} one entry per living session */
	async resumeSessions() {
		return (await this.#sessions.attach((method, params) => this.call(method, params))).attached;
	}

	/** Hang up; the agent's sessions go on. */
	close() {
		this.#stop.abort(localError('ECLOSED', '', this.#options.lang));
		this.#link.close();
	}

	/** Without any grant there is nothing to do here but ask for one. */
	async #needGrant(scopes, signal) {
		if (this.granted.length)
			return;
		const denied = localError('denied', '', this.#options.lang);
		const [run] = denied.hint.split(':'); /* in the page's language */
		denied.hint = this.#hello.hint ?? denied.hint;
		if (!scopes)
			throw denied;
		try {
			const { command } = await this.call('grants.request', { scopes }, { signal, timeout: 120000 });
			this.#hello = await greet(this.#link, this.#options);
			if (this.granted.length)
				return;
			throw Object.assign(denied, command && { command, hint: `${run}: ${command}` });
		} catch (e) {
			throw e.name === 'EPERM' ? Object.assign(denied, { hint: `${e.message}. ${e.hint}` }) : e;
		}
	}

	#take(link, hello) {
		this.#link = link;
		this.#hello = hello;
		if (hello.granted.length)
			met(link, hello);
		link.onevent = (name, params) => {
			if (name === 'grants.changed')
				this.#hello.granted = params.granted;
			this.dispatchEvent(new DeskhandEvent(name, params));
		};
		link.onlost = () => this.#lost();
	}

	#lost() {
		if (this.#stop.signal.aborted || this.#isReconnecting)
			return; /* a loss while reconnecting fails that attempt */
		this.#isReconnecting = true;
		this.#ready = this.#reconnect().finally(() => (this.#isReconnecting = false));
		this.#ready.catch(() => {}); /* told by the event and by each call */
	}

	async #reconnect() {
		for (let attempt = 0; ; attempt++) {
			const link = this.#link;
			const delay_ms = link.isOpen ? 0 : Math.random() * Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** attempt);
			this.dispatchEvent(new DeskhandEvent('reconnecting', { attempt, delay_ms, reason: link.reason }));
			try {
				const { lost } = await this.#again(link, delay_ms);
				this.dispatchEvent(new DeskhandEvent('reconnected', { attempt, lost_sessions: lost }));
				return;
			} catch (e) {
				if (FINAL.includes(e.name) && !this.#stop.signal.aborted) {
					this.dispatchEvent(new DeskhandEvent('disconnected', e));
					this.close();
				}
				if (this.#stop.signal.aborted)
					throw this.#stop.signal.reason;
			}
		}
	}

	/** One attempt: over the same road where it still stands, else over a new one. */
	async #again(link, delay_ms) {
		const { signal } = this.#stop;
		if (link.isOpen) {
			await link.whenUp({ signal });
			this.#take(link, await greet(link, { ...this.#options, signal }));
		} else {
			const why = link.failure();
			if (FINAL.includes(why.name))
				throw why;
			await this.#pause(delay_ms);
			const made = await dial({ ...this.#options, transport: link.name, signal });
			this.#take(made.link, made.hello);
		}
		if (!this.granted.length)
			throw localError('denied', '', this.#options.lang);
		const request = (method, params) => this.#link.request(method, params, { signal });
		if (this.#chosen)
			await request('events.subscribe', this.#withHeard(this.#chosen));
		return this.#sessions.attach(request);
	}

	/** Full jitter, cut short when the machine comes back or the tab is looked at again. */
	#pause(delay_ms) {
		return new Promise((resolve) => {
			const done = () => {
				clearTimeout(timer);
				this.#stop.signal.removeEventListener('abort', done);
				resolve();
			};
			const timer = setTimeout(done, delay_ms);
			this.#wakeUp = done;
			this.#stop.signal.addEventListener('abort', done);
		});
	}

	#untilReady(signal, timeout, method) {
		return new Promise((resolve, reject) => {
			const finish = (fn, value) => {
				clearTimeout(timer);
				signal?.removeEventListener('abort', onabort);
				fn(value);
			};
			const onabort = () => finish(reject, abortError(signal));
			const timer = setTimeout(() => finish(reject, localError('ETIMEDOUT', '', this.#options.lang, method)), timeout);
			signal?.addEventListener('abort', onabort);
			if (signal?.aborted)
				onabort();
			this.#ready.then(() => finish(resolve), (e) => finish(reject, e));
		});
	}
}

export { DeskhandError, DeskhandEvent };
