import { language, texts } from './texts.js';

/** -32000 + value of DH_E... in common/err.h, for the two errors that arise on this side. */
const LOCAL = { ETIMEDOUT: -32011, ECLOSED: -32018 };

/**
 * What every call and connect() reject with (besides AbortError).
 * name: a state of connect (`not_installed`, ...) or the agent's error name (`EBUSY`, ...); hint: what a person can do.
 */
export class DeskhandError extends Error {
	constructor(name, { message, hint = '', code = 0, reason = '', retriable = false } = {}) {
		super(message ?? name);
		Object.assign(this, { name, hint, code, reason, retriable });
	}
}

/** An error of our own. @param {string} name @param {string} [reason] a more exact cause with a text of its own */
export function localError(name, reason = '', lang = undefined, said = '') {
	const catalogue = texts[language(lang)];
	const [message, hint] = catalogue[reason] ?? catalogue[name] ?? [name, ''];
	return new DeskhandError(name, {
		message: said ? `${message} (${said})` : message, hint, reason, code: LOCAL[name] ?? 0,
		retriable: name in LOCAL || name === 'agent_down',
	});
}

/** The agent's own error object. */
export function remoteError({ code = 0, message = '', data } = {}) {
	const { name = 'EPROTO', hint = '', retriable = false } = data ?? {};
	return new DeskhandError(name, { code, message, hint, retriable });
}

export function abortError(signal) {
	return signal?.reason ?? new DOMException('aborted', 'AbortError');
}
