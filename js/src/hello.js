/** agent.hello: versions, and on a WebSocket the proof that this is the agent the page met before (SR-37). */
import { localError } from './errors.js';

export const VERSION = '0.1.0';
const PROTOCOL = 1;
const STORE = 'deskhand.met';

/** @returns {{road?: string, key?: string}|null} what this origin remembers of its first meeting */
export function recall() {
	try {
		return JSON.parse(localStorage.getItem(STORE));
	} catch {
		return null;
	}
}

export function remember(met) {
	try {
		localStorage.setItem(STORE, JSON.stringify(met));
	} catch {
		/* storage is off: every meeting is the first */
	}
}

export function forget() {
	try {
		localStorage.removeItem(STORE);
	} catch {
		/* nothing was kept */
	}
}

/**
 * @param {import('./link.js').Link} link up
 * @param {{client?: string, proof?: boolean, known?: {key?: string}}} options
 * @returns {Promise<object>} the agent's reply
 */
export async function greet(link, { client = `deskhand.js/${VERSION}`, proof = false, known, lang, timeout, signal } = {}) {
	const params = { min_version: PROTOCOL, max_version: PROTOCOL, client };
	if (proof)
		params.nonce = btoa(String.fromCharCode(...crypto.getRandomValues(new Uint8Array(32))));
	let hello;
	try {
		hello = await link.request('agent.hello', params, { timeout, signal });
	} catch (e) {
		if (e.name === 'EVERSION')
			throw localError('version_mismatch', '', lang, e.message);
		if (e.name === 'EPERM')
			throw Object.assign(localError('denied', '', lang, e.message), e.hint && { hint: e.hint });
		throw e.name === 'ECLOSED' ? link.failure() : e;
	}
	if (hello?.version !== PROTOCOL || !Array.isArray(hello.granted))
		throw localError('version_mismatch', '', lang);
	if (proof && hello.granted.length && !(await isProven(hello, params.nonce, known?.key)))
		throw localError('denied', 'impostor', lang);
	return hello;
}

/** The signature holds, and the key is the one of the first meeting. */
async function isProven({ proof, key, origin }, nonce, knownKey) {
	if (!proof || !key || (knownKey && knownKey !== key))
		return false;
	const { subtle } = globalThis.crypto;
	if (!subtle)
		return !knownKey; /* an insecure page cannot check; it then has no first meeting either */
	try {
		const imported = await subtle.importKey('raw', fromBase64(key), 'Ed25519', false, ['verify']);
		const text = new TextEncoder().encode(`deskhand-hello-v1\n${nonce}\n${origin}`);
		return await subtle.verify('Ed25519', imported, fromBase64(proof), text);
	} catch (e) {
		return e.name === 'NotSupportedError' && !knownKey;
	}
}

function fromBase64(text) {
	return Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
}
