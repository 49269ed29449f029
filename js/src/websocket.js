/** The road without an extension: ws://127.0.0.1, the first port of a short list at which an agent proves itself. */
import { localError } from './errors.js';
import { Link } from './link.js';
import { greet } from './hello.js';
import { permission } from './permission.js';
import { messageText } from './message_text.js';

export const PORTS = [18620, 18621, 18622, 18623, 18624];

/** A refused connection fails within milliseconds; after this long a person was asked and declined. */
const ASKED_MS = 400;

class SocketLink extends Link {
	constructor(port, lang) {
		super('websocket', lang);
		const socket = new WebSocket(`ws://127.0.0.1:${port}/deskhand`, 'deskhand.v1');
		this.port = port;
		this.state = 'starting';
		this.post = (m) => socket.send(messageText(m));
		this.hangUp = () => socket.close(1000);
		socket.onopen = () => this.up();
		socket.onmessage = ({ data }) => {
			try {
				this.received(JSON.parse(data));
			} catch {
				socket.close(4400); /* whoever that is, it does not speak JSON */
			}
		};
		socket.onclose = ({ code, reason }) => this.closed(code, reason);
	}
}

/** All ports at once; the first good hello wins. @returns {Promise<{link: Link, hello: object}>} */
export async function openSocket({ lang, ports = PORTS, timeout, signal, known, ...rest }) {
	const start = Date.now();
	const before = await permission();
	const links = ports.map((port) => new SocketLink(port, lang));
	try {
		const winner = await Promise.any(links.map(async (link) => {
			await link.whenUp({ timeout, signal });
			return { link, hello: await greet(link, { lang, timeout, signal, known, proof: true, ...rest }) };
		}));
		links.filter((link) => link !== winner.link).forEach((link) => link.close());
		return winner;
	} catch (e) {
		const told = e.errors.find((error) => error.name !== 'agent_down');
		const isPending = links.some((link) => link.isOpen);
		links.forEach((link) => link.close());
		if (told && told.name !== 'ETIMEDOUT')
			throw told;
		if (links.some((link) => link.wasUp))
			throw localError('agent_down', '', lang);
		throw await nothingThere(before, isPending, Date.now() - start, lang, known);
	}
}

/** Nobody answered: because nobody is there, or because the browser did not let us ask? */
async function nothingThere(before, isPending, took_ms, lang, known) {
	const now = await permission();
	if (now === 'denied')
		return localError('blocked_by_browser', '', lang);
	if (now === 'prompt' && (isPending || took_ms > ASKED_MS))
		return localError('blocked_by_browser', isPending ? 'prompt' : '', lang);
	return localError(known ? 'agent_down' : 'not_installed', '', lang);
}
