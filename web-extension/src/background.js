/**
 * The service worker (Chromium) or event page (Firefox): listeners, registered at once so that an event can wake it.
 * What it does with them is in ports.js (channels), native.js (the port to the agent) and sites.js (who may).
 */
import { Ports, refuse } from './ports.js';
import { Sites } from './sites.js';

const RETRY_ALARM = 'retry';
const KEEP_AWAKE_MS = 20000;

const sites = new Sites(chrome);
const ports = new Ports({ chrome });

/** Who is at the other end, from the browser's word alone; null when that does not suffice. */
export function whoIs(sender) {
	const { origin, frameId, tab } = sender;
	if (typeof origin !== 'string' || origin === 'null' || typeof frameId !== 'number' || !tab || tab.incognito)
		return null;
	return { origin, is_top_frame: frameId === 0, is_incognito: false, tab_id: tab.id, top_origin: originOf(tab.url) };
}

function originOf(url) {
	try {
		return new URL(url).origin;
	} catch {
		return '';
	}
}

/** SR-17: a frame speaks only inside a page of its own origin or of one that is allowed itself. */
function mayFrame(who) {
	return who.is_top_frame || who.top_origin === who.origin || sites.has(who.top_origin);
}

async function pageConnected(port) {
	let isGone = false;
	port.onDisconnect.addListener(() => (isGone = true));
	await sites.ready;
	const who = whoIs(port.sender ?? {});
	if (isGone)
		return;
	if (!who || !sites.has(who.origin))
		refuse(port, 4403, 'site_not_allowed');
	else if (!mayFrame(who))
		refuse(port, 4403, 'frame_not_allowed');
	else
		ports.add(port, who);
	keepAwake();
	/* The backstop of the back-off, should the worker be stopped in between. */
	void chrome.alarms.create(RETRY_ALARM, { periodInMinutes: 1 });
}

/** The popup watches the state, asks for a site's grants and says "try again". */
function popupConnected(port) {
	if (port.sender?.id !== chrome.runtime.id || !port.sender?.url?.startsWith(chrome.runtime.getURL('popup/'))) {
		port.disconnect();
		return;
	}
	const stop = ports.watch(() => port.postMessage({ state: ports.state, pages: ports.size }));
	port.onDisconnect.addListener(stop);
	port.onMessage.addListener(async (m) => {
		if (m?.ask === 'retry')
			ports.retryNow();
		if (m?.ask === 'site') {
			await sites.ready;
			port.postMessage({ site: await sites.describe(m.origin) });
		}
		if (m?.ask === 'call')
			port.postMessage({ reply: await ports.ask(m.tabId, m.method), method: m.method });
	});
}

/** The browsers end an idle worker after 30 s: while pages are connected a cheap call starts that time anew. */
let awakeTimer = null;
function keepAwake() {
	if (awakeTimer || ports.size === 0)
		return;
	awakeTimer = setInterval(() => {
		if (ports.size > 0) {
			void chrome.runtime.getPlatformInfo();
			return;
		}
		clearInterval(awakeTimer);
		awakeTimer = null;
	}, KEEP_AWAKE_MS);
}

async function sitesChanged() {
	await sites.reload();
	ports.dropUnless((origin) => sites.has(origin));
	await sites.injectIntoOpenTabs();
}

chrome.runtime.onConnect.addListener((port) => (port.name === 'popup' ? popupConnected(port) : pageConnected(port)));
chrome.runtime.onConnectExternal?.addListener(pageConnected);
chrome.runtime.onInstalled.addListener(sitesChanged);
chrome.storage.onChanged.addListener(sitesChanged);
chrome.permissions.onAdded.addListener(sitesChanged);
chrome.permissions.onRemoved.addListener(sitesChanged);
chrome.alarms.onAlarm.addListener(() => (ports.size > 0 ? ports.retryNow() : void chrome.alarms.clear(RETRY_ALARM)));
chrome.idle.onStateChanged.addListener((state) => state === 'active' && ports.retryNow());
