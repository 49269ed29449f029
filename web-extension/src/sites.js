/**
 * Which origins may use the extension: loopback always, those of managed storage, and those the user allowed in the
 * popup (an entry in storage.local together with the browser's host permission). The agent asks its own grants again.
 */

const SCRIPT_ID = 'deskhand-page';

/** @param {string} origin @returns {boolean} a page served from this machine, any port */
export function isLoopback(origin) {
	return /^http:\/\/(localhost|127\.0\.0\.1)(:\d{1,5})?$/.test(origin);
}

/** @param {unknown} text @returns {string} the exact https origin it names, or '' */
export function cleanOrigin(text) {
	if (typeof text !== 'string' || text.length > 256 || !text.startsWith('https://'))
		return '';
	try {
		const origin = new URL(text).origin;
		return text === origin && !origin.includes('*') ? origin : '';
	} catch {
		return '';
	}
}

/** Match patterns know no ports in Firefox; the exact origin is compared again when a page connects. */
export function patternOf(origin) {
	return `https://${new URL(origin).hostname}/*`;
}

export class Sites {
	#chrome;
	#managed = new Set();
	#allowed = new Set();

	/** @param {typeof chrome} chrome */
	constructor(chrome) {
		this.#chrome = chrome;
		/** Resolves once the lists are known. */
		this.ready = Promise.resolve();
		this.reload();
	}

	/** May a page of this origin speak at all? Call after `ready`. */
	has(origin) {
		return isLoopback(origin) || this.#managed.has(origin) || this.#allowed.has(origin);
	}

	/** Where the origin is allowed from, and whether the browser lets the content script in; for the popup. */
	async describe(origin) {
		const source = isLoopback(origin) ? 'loopback' : this.#managed.has(origin) ? 'managed' :
			this.#allowed.has(origin) ? 'user' : 'none';
		const isPermitted = source === 'loopback' || (source !== 'none' && await this.#isPermitted(origin));
		return { origin, source, isPermitted };
	}

	#isPermitted(origin) {
		return this.#chrome.permissions.contains({ origins: [patternOf(origin)] });
	}

	/** Read both lists again and register the content script for them; one reading after the other. */
	reload() {
		this.ready = this.ready.then(() => this.#read());
		return this.ready;
	}

	async #read() {
		const [managed, local] = await Promise.all([
			this.#chrome.storage.managed.get('origins').catch(() => ({})), /* Firefox rejects when there is none */
			this.#chrome.storage.local.get('allowed'),
		]);
		this.#managed = new Set(list(managed.origins));
		const granted = await Promise.all(list(local.allowed).map(async (origin) =>
			(await this.#isPermitted(origin)) ? origin : ''));
		this.#allowed = new Set(granted.filter(Boolean));
		await this.#register();
	}

	/** A site was just allowed: its open tabs need no reload. */
	async injectIntoOpenTabs() {
		for (const origin of [...this.#managed, ...this.#allowed]) {
			const tabs = await this.#chrome.tabs.query({ url: patternOf(origin) }).catch(() => []);
			await Promise.all(tabs.map((tab) => this.#chrome.scripting.executeScript({
				target: { tabId: tab.id, allFrames: true }, files: ['src/content.js'], injectImmediately: true,
			}).catch(() => {}))); /* a tab on an error page cannot be scripted */
		}
	}

	async #register() {
		const matches = [...new Set([...this.#managed, ...this.#allowed].map(patternOf))];
		const old = await this.#chrome.scripting.getRegisteredContentScripts({ ids: [SCRIPT_ID] });
		if (old.length)
			await this.#chrome.scripting.unregisterContentScripts({ ids: [SCRIPT_ID] });
		if (matches.length)
			await this.#chrome.scripting.registerContentScripts([{
				id: SCRIPT_ID, matches, js: ['src/content.js'], runAt: 'document_start', allFrames: true,
				persistAcrossSessions: true,
			}]);
	}
}

function list(value) {
	return Array.isArray(value) ? value.map(cleanOrigin).filter(Boolean) : [];
}
