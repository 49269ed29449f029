/** A room in a window of its own (pages/exe-room.html), which this page opened. Both are of one origin and speak over a message port. */
import { Deskhand } from '../../deskhand.js';
import { CLOSED, SYSTEM, UNREACHABLE } from './codes.js';
import { say } from './texts.js';

const PAGE = new URL('../../pages/exe-room.html', import.meta.url);
const SIZE = 'popup,width=1080,height=670'; /* the predecessor's window */
const ANSWER_MS = 10000;
/** A window that was closed tells nobody: no event says so. */
const LOOK_MS = 500;

/** Now, in the click. @param {string} room @returns {There|null} null: of another origin, or the browser does not open it */
export function openWindow(room) {
	if (PAGE.origin !== location.origin)
		return null;
	const opened = open(PAGE, `deskhand-exe-${room}`, SIZE);
	return opened && new There(opened);
}

export class There {
	#window;
	#plan;
	#tell;
	#port = null;
	#held = null;
	#isOver = false;
	#listening = new AbortController();
	#answer = 0;
	#look = 0;
	#over;
	#setOver = () => {};

	constructor(opened) {
		this.#window = opened;
		this.#over = new Promise((resolve) => (this.#setOver = resolve));
	}

	run(plan, tell) {
		this.#plan = plan;
		this.#tell = tell;
		addEventListener('message', (e) => this.#heard(e), { signal: this.#listening.signal });
		this.#answer = setTimeout(() => this.#end('failed', { errCode: UNREACHABLE, errMsg: say('window_silent'), name: 'ETIMEDOUT' }), ANSWER_MS);
		this.#look = setInterval(() => this.#window.closed && this.#gone(), LOOK_MS);
	}

	stop() {
		if (this.#port)
			this.#port.postMessage('stop');
		else
			this.#end('failed', { errCode: SYSTEM, errMsg: say('stopped'), name: 'ECANCELED' });
		return this.#over;
	}

	/** `ready` comes again when the person reloads the window: it then finds its call in the agent. */
	#heard({ source, origin, data }) {
		if (source !== this.#window || origin !== PAGE.origin || data?.type !== 'deskhand.exe.ready')
			return;
		clearTimeout(this.#answer);
		const { port1, port2 } = new MessageChannel();
		this.#port?.close();
		this.#port = port1;
		port1.onmessage = (e) => this.#told(e.data);
		this.#window.postMessage({ type: 'deskhand.exe.start', plan: this.#plan }, PAGE.origin, [port2]);
	}

	#told({ name, detail }) {
		if (name === 'held')
			this.#held = detail;
		else if (name === 'ended' || name === 'failed')
			this.#end(name, detail);
		else
			this.#tell(name, detail);
	}

	/** Closed by the person: the agent would keep the call for a reload that does not come. */
	async #gone() {
		clearInterval(this.#look);
		if (this.#held)
			await closeSession(this.#held).catch(() => {}); /* the agent does it a little later by itself */
		this.#end('ended', { code: CLOSED, msg: say('window'), reason: 'window' });
	}

	#end(name, detail) {
		if (this.#isOver)
			return;
		this.#isOver = true;
		this.#listening.abort();
		clearTimeout(this.#answer);
		clearInterval(this.#look);
		this.#port?.close();
		this.#window.close();
		this.#tell(name, detail);
		this.#setOver();
	}
}

async function closeSession({ session, resume }) {
	const agent = await Deskhand.connect({ client: 'EXEStarter.js' });
	try {
		await agent.session.attach({ session, resume });
		await agent.session.close({ session });
	} finally {
		agent.close();
	}
}
