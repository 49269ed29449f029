/** Which road leads to the agent, and if none does, the one reason a person should hear. */
import { abortError, localError } from './errors.js';
import { openExtension } from './extension.js';
import { openSocket } from './websocket.js';
import { greet, recall, remember } from './hello.js';

/** The earlier tells more: an agent that refused is worth more words than an extension that is absent. */
const TELLING = ['denied', 'version_mismatch', 'sandboxed_browser', 'blocked_by_browser', 'agent_down', 'not_installed',
	'extension_missing'];

/**
 * @param {{transport?: 'auto'|'extension'|'websocket', timeout?: number, signal?: AbortSignal, lang?: string}} options
 * @returns {Promise<{link: import('./link.js').Link, hello: object}>}
 */
export async function dial(options) {
	const { transport = 'auto', signal } = options;
	const known = recall();
	const roads = { extension: byExtension, websocket: openSocket };
	const names = transport === 'auto' ? Object.keys(roads) : [transport];
	const errors = [];
	for (const name of names) {
		if (signal?.aborted)
			throw abortError(signal);
		try {
			const met = await roads[name]({ timeout: 5000, ...options, known });
			return met;
		} catch (e) {
			if (signal?.aborted || !TELLING.includes(e.name))
				throw e;
			errors.push(e);
		}
	}
	throw mostTelling(errors, known, options.lang);
}

async function byExtension(options) {
	const link = await openExtension(options);
	try {
		await link.whenUp(options);
		return { link, hello: await greet(link, options) };
	} catch (e) {
		link.close();
		throw e;
	}
}

function mostTelling(errors, known, lang) {
	const [first, second] = errors;
	/* No extension and nobody on the ports: what this origin used before says what is missing now. */
	if (second && first.name === 'extension_missing' && second.name === 'agent_down' && known?.road === 'extension')
		return localError('extension_missing', '', lang);
	return errors.sort((a, b) => TELLING.indexOf(a.name) - TELLING.indexOf(b.name))[0];
}

/** After a meeting with a grant: the road, and on a WebSocket the agent's key. */
export function met(link, hello) {
	remember({ road: link.name, key: link.name === 'websocket' ? hello.key : recall()?.key });
}
