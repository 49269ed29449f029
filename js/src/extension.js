/**
 * The road through the browser extension. On localhost Chromium lets the page open a port to it directly; everywhere
 * else (and in Firefox) its content script takes one end of a MessageChannel.
 */
import { localError } from './errors.js';
import { Link } from './link.js';

/** Follows from `key` in web-extension/manifest.json. */
export const EXTENSION_ID = 'pegccibcnjfjondlfoninmfilhnmnbba';

/** A content script answers in the same turn of the loop; this is for a page that is busy starting up. */
const PRESENCE_MS = 300;

/** An absent extension is told at once here; a present one may have to start its worker first. */
const WORKER_START_MS = 3000;

class ExtensionLink extends Link {
	/** @param {(m: object) => void} post @param {() => void} hangUp */
	constructor(lang, post, hangUp) {
		super('extension', lang);
		Object.assign(this, { post, hangUp });
	}

	/** Everything that comes from the extension passes here. */
	incoming(m) {
		if (m?.method === 'transport.closed') {
			this.closed(m.params.code, m.params.reason);
			this.hangUp();
		} else if (m?.method !== 'transport.state')
			this.received(m);
		else if (m.params.state === 'up')
			this.up();
		else
			this.down(m.params.state, m.params.reason);
	}
}

/** Resolves with a link once the extension has answered (the agent may still be starting). */
export async function openExtension({ lang, extensionId = EXTENSION_ID } = {}) {
	const link = (await openDirect(lang, extensionId)) ?? (await openByContentScript(lang));
	if (!link)
		throw localError('extension_missing', '', lang);
	return link;
}

function openDirect(lang, id) {
	const connect = globalThis.chrome?.runtime?.connect;
	if (!connect)
		return null;
	return new Promise((resolve) => {
		let port;
		try {
			port = connect.call(globalThis.chrome.runtime, id);
		} catch {
			resolve(null);
			return;
		}
		const link = new ExtensionLink(lang, (m) => port.postMessage(m), () => port.disconnect());
		const timer = setTimeout(() => {
			port.disconnect();
			resolve(null);
		}, WORKER_START_MS);
		port.onMessage.addListener((m) => {
			clearTimeout(timer);
			link.incoming(m);
			resolve(link);
		});
		port.onDisconnect.addListener(() => {
			void globalThis.chrome.runtime.lastError; /* reading it keeps the console clean */
			clearTimeout(timer);
			link.closed(0, 'extension_restarted');
			resolve(null);
		});
	});
}

function openByContentScript(lang) {
	const { window } = globalThis;
	if (!window?.postMessage || window.origin === 'null')
		return null;
	return new Promise((resolve) => {
		const { port1, port2 } = new MessageChannel();
		const link = new ExtensionLink(lang, (m) => port1.postMessage(m), () => {
			port1.postMessage({ type: 'deskhand.close' });
			port1.close();
		});
		const timer = setTimeout(() => {
			port1.close();
			resolve(null);
		}, PRESENCE_MS);
		port1.onmessage = ({ data }) => {
			clearTimeout(timer);
			if (data.method !== 'transport.present')
				link.incoming(data);
			resolve(link);
		};
		window.postMessage({ type: 'deskhand.connect' }, window.origin, [port2]);
	});
}
