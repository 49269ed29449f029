/** As much of `chrome` as the extension uses, with the browser's side in the test's hands. */

class Listeners extends Set {
	addListener(fn) {
		this.add(fn);
	}
	fire(...args) {
		return Promise.all([...this].map((fn) => fn(...args)));
	}
}

/** One end of a runtime.Port pair. */
export class FakePort {
	constructor(name = '', sender = undefined) {
		Object.assign(this, { name, sender, onMessage: new Listeners(), onDisconnect: new Listeners(), sent: [], isGone: false });
	}
	/** The extension speaks. */
	postMessage(m) {
		if (this.isGone)
			throw new Error('Attempting to use a disconnected port object');
		this.sent.push(JSON.parse(JSON.stringify(m)));
	}
	disconnect() {
		this.isGone = true;
	}
	/** The other end speaks. */
	say(m) {
		return this.onMessage.fire(m);
	}
	/** The other end goes away. */
	drop() {
		this.isGone = true;
		return this.onDisconnect.fire(this);
	}
	last() {
		return this.sent[this.sent.length - 1];
	}
}

/** A clock that runs when told to. */
export class FakeTimers {
	#list = [];
	now = 0;
	set = (fn, ms) => {
		const timer = { fn, at: this.now + ms };
		this.#list.push(timer);
		return timer;
	};
	clear = (timer) => {
		this.#list = this.#list.filter((t) => t !== timer);
	};
	advance(ms) {
		this.now += ms;
		const due = this.#list.filter((t) => t.at <= this.now);
		this.#list = this.#list.filter((t) => t.at > this.now);
		due.forEach((t) => t.fn());
	}
	get delays() {
		return this.#list.map((t) => t.at - this.now);
	}
}

export function fakeChrome({ managed = {}, local = {}, granted = [] } = {}) {
	const id = 'pegccibcnjfjondlfoninmfilhnmnbba';
	const permitted = new Set(granted);
	const chrome = {
		nativePorts: [], registered: [], injected: [], alarmsSet: [], permitted, local,
		runtime: {
			id,
			lastError: undefined,
			getURL: (path) => `chrome-extension://${id}/${path}`,
			connectNative(name) {
				const port = new FakePort(name);
				chrome.nativePorts.push(port);
				return port;
			},
			getPlatformInfo: async () => ({}),
			onConnect: new Listeners(), onConnectExternal: new Listeners(), onInstalled: new Listeners(),
		},
		storage: {
			managed: { get: async () => managed },
			local: { get: async () => ({ ...local }), set: async (v) => void Object.assign(local, v) },
			onChanged: new Listeners(),
		},
		permissions: {
			contains: async ({ origins }) => origins.every((o) => permitted.has(o)),
			onAdded: new Listeners(), onRemoved: new Listeners(),
		},
		scripting: {
			getRegisteredContentScripts: async () => chrome.registered,
			unregisterContentScripts: async () => void (chrome.registered = []),
			registerContentScripts: async (scripts) => {
				if (chrome.registered.length)
					throw new Error('Duplicate script ID');
				chrome.registered = scripts;
			},
			executeScript: async (what) => void chrome.injected.push(what.target.tabId),
		},
		tabs: { query: async ({ url }) => (chrome.openTabs ?? []).filter((t) => t.pattern === url) },
		alarms: { create: async (name) => void chrome.alarmsSet.push(name), clear: async () => void (chrome.alarmsSet = []),
			onAlarm: new Listeners() },
		idle: { onStateChanged: new Listeners() },
	};
	/** The native host breaks with the browser's sentence. */
	chrome.breakNative = async (message) => {
		chrome.runtime.lastError = { message };
		await chrome.nativePorts[chrome.nativePorts.length - 1].drop();
		chrome.runtime.lastError = undefined;
	};
	return chrome;
}
