/** A page with EXEStarter.js in it: a little document, a room element, windows, locks; behind them the real SDK and a fake agent. */
import assert from 'node:assert/strict';
import { FakeAgent, FakeExtension, freshPage } from './fakes.mjs';

const script = new URL('../../js/EXEStarter.js', import.meta.url).href;
/** The window's events; one for all pages, since the modules are loaded once. */
const target = new EventTarget();
let runs = 0;

class FakeElement extends EventTarget {
	attributes = {};
	children = [];
	style = { setProperty() {} };
	parent = null;

	constructor(localName) {
		super();
		this.localName = localName;
	}
	setAttribute(name, value) {
		this.attributes[name] = value;
	}
	append(...children) {
		this.children.push(...children);
		children.forEach((child) => (child.parent = this));
	}
	remove() {
		this.parent.children = this.parent.children.filter((child) => child !== this);
	}
	attachShadow() {
		return (this.inside = new FakeElement('shadow'));
	}
	getBoundingClientRect() {
		return { left: 0, top: 0 };
	}
}

/** What EXEStarter needs of <deskhand-room>. */
class FakeRoom extends FakeElement {
	join(params) {
		return this.agent.call('room.join', params);
	}
	attach(room) {
		this.attached = room;
		return this.agent.call('room.get', { room });
	}
	async leave() {
		await this.agent.call('room.leave', { room: 'r-1' });
	}
}

class FakeLocks {
	isTaken = false;
	async request(name, options, work) {
		if (this.isTaken)
			return work(null);
		this.isTaken = true;
		try {
			return await work({ name });
		} finally {
			this.isTaken = false;
		}
	}
}

export const me = { member: 1, user_id: 'ann', user_name: 'Ann', role: 'host' };
export const guest = { member: 2, user_id: 'bob', user_name: 'Bob', role: 'guest' };

/** @returns {object} agent, extension, body, container, locks, windows opened; a fresh run of the script each time */
export async function freshExe({ opens = null, hostname = 'localhost' } = {}) {
	freshPage({ hostname });
	const page = { agent: new FakeAgent(), body: new FakeElement('body'), container: new FakeElement('div'), locks: new FakeLocks(), opened: [] };
	page.extension = new FakeExtension(page.agent);
	let sessions = 0;
	Object.assign(page.agent.answers, {
		'session.open': () => ({ session: `s${++sessions}`, resume: 'secret' }),
		'room.join': ({ room }) => ({ room, member: 1, members: [me], history: [] }),
		'room.list': () => ({ rooms: [] }),
		'room.get': ({ room }) => ({ room, member: 1, members: [me, guest], history: [] }),
		'recording.start': () => ({ recording: 'r1' }),
	});
	const define = (name, value) => Object.defineProperty(globalThis, name, { value, configurable: true, writable: true });
	define('document', {
		documentElement: { lang: 'en' }, body: page.body, baseURI: 'https://crm.example/',
		currentScript: { src: script, dataset: {} },
		createElement: (name) => (name === 'deskhand-room' ? new FakeRoom(name) : new FakeElement(name)),
		querySelector: (selector) => (selector === '#room' ? page.container : null),
	});
	define('customElements', { get: () => FakeRoom });
	define('CSSStyleSheet', class {
		replaceSync() {}
	});
	define('innerWidth', 1280);
	define('innerHeight', 800);
	define('origin', 'null');
	define('location', { hostname, origin: 'null', href: 'file:///page.html' }); /* a file's origin, as EXEStarter's own here */
	navigator.locks = page.locks;
	define('open', (...args) => {
		page.opened.push(args);
		return opens;
	});
	define('addEventListener', target.addEventListener.bind(target));
	define('dispatchEvent', target.dispatchEvent.bind(target));
	await import(`${script}?${++runs}`);
	return page;
}

/** What a page writes, with everything that is needed. */
export function startObject(more = {}) {
	return {
		userdata: { userID: 'ann', userName: 'Ann', userSig: 'sig', sdkAppID: 1400000001, accType: '36862', ...more.userdata },
		roomdata: { serverDomain: 'https://rooms.example/', roomAction: 'createRoom', roomID: 'r-1', roomName: 'First', template: '1V3',
			...more.roomdata },
		custom: { container: '#room', ...more.custom },
	};
}

/** Call a method; which of its callbacks came, with what. Both of them, or one twice, would be seen in `all`. */
export function answer(method, object) {
	const all = [];
	const first = new Promise((resolve) => {
		for (const name of ['success', 'fail'])
			object[name] = (detail) => {
				all.push(name);
				resolve({ [name]: detail, all });
			};
	});
	method(object);
	return first;
}

/** Listeners that keep what they hear, and a promise for the first that fits. */
export function hear(room) {
	const heard = [];
	let wake = () => {};
	const listener = (name) => (detail) => {
		heard.push({ name, detail });
		wake();
	};
	const names = ['onRoomClose', 'onMemberChange', 'onRecvRoomIMMsg', 'onRecvEvent'];
	room.setListener(Object.fromEntries(names.map((name) => [name, listener(name)])));
	return {
		heard,
		async first(name, fits = () => true) {
			for (;;) {
				const found = heard.find((each) => each.name === name && fits(each.detail));
				if (found)
					return found.detail;
				await new Promise((resolve) => (wake = resolve));
			}
		},
	};
}

/** What wanted() gives once it is true. */
export async function until(wanted) {
	for (;;) {
		const got = wanted();
		if (got)
			return got;
		await new Promise(setImmediate);
	}
}

/** The agent tells the page an event. */
export const say = (page, method, params) => page.extension.say({ jsonrpc: '2.0', method, params });

/** A room that was entered. */
export async function inRoom(page, more) {
	const told = hear(RtcRoom);
	const started = await answer(RtcRoom.startEXE, startObject(more));
	assert.ok(started.success, JSON.stringify(started));
	await told.first('onMemberChange');
	return { ...told, started };
}
