/** A page's surroundings: storage, the extension's port, a WebSocket agent. What is asked is kept for the test to look at. */
import { generateKeyPairSync, sign, webcrypto } from 'node:crypto';
import { once } from 'node:events';
import { WebSocket, WebSocketServer } from 'ws';

class Storage {
	#map = new Map();
	getItem(key) {
		return this.#map.get(key) ?? null;
	}
	setItem(key, value) {
		this.#map.set(key, String(value));
	}
	removeItem(key) {
		this.#map.delete(key);
	}
}

/** Like a browser's: a refused connection is an event, not an exception. */
class PageSocket extends WebSocket {
	constructor(...args) {
		super(...args);
		this.on('error', () => {});
	}
}

/** A fresh page. */
export function freshPage({ permission, hostname = 'crm.example' } = {}) {
	const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
	define('localStorage', new Storage());
	define('sessionStorage', new Storage());
	define('WebSocket', PageSocket);
	define('crypto', webcrypto); /* not global in Node 18 */
	define('chrome', undefined);
	define('window', undefined);
	define('location', { hostname });
	define('navigator', { language: 'en', permissions: { query: async () => {
		if (!permission)
			throw new TypeError('unknown permission');
		return { state: typeof permission === 'function' ? permission() : permission };
	} } });
}

/** The answers of an agent; a test may replace single ones: (params) => result, or throws {code, message, data}. */
export class FakeAgent {
	asked = [];
	answers = {
		'agent.hello': () => ({ version: 1, agent: { version: '0.1.0', platform: 'linux' }, origin: 'https://crm.example',
			granted: ['camera'], features: [] }),
		'session.open': () => ({ session: 's1', resume: 'secret' }),
		'session.attach': () => ({ state: { template: 'desk' } }),
	};

	/** @returns the reply to one request, or null for none */
	reply({ id, method, params }) {
		this.asked.push({ method, params });
		const answer = this.answers[method] ?? (() => ({}));
		try {
			const result = answer(params);
			return result === null ? null : { jsonrpc: '2.0', id, result };
		} catch (error) {
			return { jsonrpc: '2.0', id, error };
		}
	}

	methods() {
		return this.asked.map(({ method }) => method);
	}
}

/** `chrome.runtime.connect` of a page on localhost, with the extension behind it. */
export class FakeExtension {
	ports = [];
	/** @param {FakeAgent} agent @param {object[]} greeting what the extension says to a new port */
	constructor(agent, greeting = [state('up')]) {
		this.agent = agent;
		this.greeting = greeting;
		globalThis.chrome = { runtime: { connect: () => this.#connect() } };
	}

	#connect() {
		const listeners = { message: [], disconnect: [] };
		const port = {
			isOpen: true,
			onMessage: { addListener: (fn) => listeners.message.push(fn) },
			onDisconnect: { addListener: (fn) => listeners.disconnect.push(fn) },
			postMessage: (m) => {
				const reply = this.agent.reply(structuredClone(m));
				if (reply)
					queueMicrotask(() => port.say(reply));
			},
			disconnect: () => (port.isOpen = false),
			say: (m) => port.isOpen && listeners.message.forEach((fn) => fn(m)),
			drop: () => {
				port.isOpen = false;
				listeners.disconnect.forEach((fn) => fn());
			},
		};
		this.ports.push(port);
		queueMicrotask(() => this.greeting.forEach((m) => port.say(m)));
		return port;
	}

	say(m) {
		this.ports[this.ports.length - 1].say(m);
	}
}

export const state = (value, reason = '') => ({ method: 'transport.state', params: { state: value, reason } });

/** An agent on a real port of 127.0.0.1, which proves itself with a key. */
export class SocketAgent extends FakeAgent {
	constructor(keys = generateKeyPairSync('ed25519')) {
		super();
		this.keys = keys;
		const hello = this.answers['agent.hello'];
		this.answers['agent.hello'] = (params) => ({ ...hello(params), ...this.prove('https://crm.example', params.nonce) });
	}

	prove(origin, nonce) {
		const text = Buffer.from(`deskhand-hello-v1\n${nonce}\n${origin}`);
		return { key: this.keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('base64'),
			proof: sign(null, text, this.keys.privateKey).toString('base64') };
	}

	async listen(port = 0) {
		this.server = new WebSocketServer({ host: '127.0.0.1', port, path: '/deskhand', handleProtocols: () => 'deskhand.v1' });
		this.server.on('connection', (socket) => socket.on('message', (data) => {
			const reply = this.reply(JSON.parse(data));
			if (reply)
				socket.send(JSON.stringify(reply));
		}));
		await once(this.server, 'listening');
		this.port = this.server.address().port;
		return this;
	}

	async stop(code = 1001, reason = '') {
		for (const socket of this.server.clients)
			socket.close(code, reason);
		await new Promise((resolve) => this.server.close(resolve));
	}
}

/** The next event of a name. */
export const next = (target, name) => new Promise((resolve) => target.addEventListener(name, resolve, { once: true }));

/** setInterval() by t.mock.timers.tick(). Debian 12's Node 18 takes the list itself, and loses a timer when none is cleared. */
export function mockIntervals(t) {
	const apis = ['setInterval'];
	t.mock.timers.enable(process.versions.node.startsWith('18.') ? apis : { apis });
	const clear = globalThis.clearInterval;
	t.mock.method(globalThis, 'clearInterval', (timer) => timer && clear(timer));
}
