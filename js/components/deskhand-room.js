/**
 * <deskhand-room>: a call of the agent on this desk, whole: pictures, chat, members, devices, beauty, recording. docs/sdk.md
 * The agent is the member of the room; this only shows and commands it. Videos are silent: the agent plays the sound.
 */
import { language } from '../src/texts.js';
import { translator } from '../src/room/texts.js';
import { DeskRoom } from './parts/desk_room.js';
import { h } from './parts/dom.js';

const SHOWN = { 'user-list': 'people', 'im-list': 'chat', 'screen-share': 'share', record: 'record' };

class DeskhandRoom extends HTMLElement {
	static observedAttributes = [...Object.keys(SHOWN), 'room-title', 'room-logo', 'lang'];
	/** @type {import('../deskhand.js').Deskhand|null} a connected Deskhand */
	agent = null;
	#room = null;
	#place = h('div', { class: 'place' });

	constructor() {
		super();
		const style = h('link', { rel: 'stylesheet', href: new URL('./call.css', import.meta.url).href });
		this.attachShadow({ mode: 'open' }).append(style, this.#place);
	}

	/** id of the room, '' outside of one */
	get room() {
		return this.#room?.id ?? '';
	}

	/** id of the session that is in it, for all other commands */
	get session() {
		return this.#room?.session ?? '';
	}

	/** Create or enter a room. @param {object} params those of room.join @returns {Promise<object>} its answer */
	async join(params) {
		return this.#enter(await this.#command('room.join', params, { timeout: 60000 }), false);
	}

	/** After a reload of the page, once agent.resumeSessions() was called. @param {string} room @returns {Promise<object>} its state */
	async attach(room) {
		return this.#enter(await this.#command('room.get', { room }), true);
	}

	/** For this agent; the others go on. */
	async leave() {
		if (this.#room)
			await this.#command('room.leave', { room: this.room });
		this.#over({ reason: 'left' });
	}

	attributeChangedCallback(name) {
		if (name === 'lang' && this.#room)
			this.#room.speak(this.#translator());
		this.#applyAttributes();
	}

	disconnectedCallback() {
		this.#room?.close();
		this.#room = null;
		this.#place.replaceChildren();
	}

	async #command(method, params, how) {
		try {
			return await this.agent.call(method, params, how);
		} catch (e) {
			this.#tell('error', e);
			throw e;
		}
	}

	#enter(state, isAgain) {
		this.#room?.close();
		this.#room = new DeskRoom(this.#translator(), { agent: this.agent, state, isAgain, tell: (name, detail) => this.#tell(name, detail),
			onleave: () => this.leave().catch(() => {}), onclosed: (detail) => this.#over(detail) });
		this.#place.replaceChildren(this.#room.element);
		this.#applyAttributes();
		this.#tell('joined', state);
		return state;
	}

	#over(detail) {
		if (!this.#room)
			return;
		this.#room.close();
		this.#room = null;
		this.#place.replaceChildren();
		this.#tell('closed', detail);
	}

	#applyAttributes() {
		const isOn = (name) => this.hasAttribute(name) && this.getAttribute(name) !== 'false';
		this.#room?.show(Object.fromEntries(Object.entries(SHOWN).map(([name, part]) => [part, isOn(name)])));
		this.#room?.setTitle(this.getAttribute('room-title') ?? '', this.getAttribute('room-logo') ?? '');
	}

	#translator() {
		return translator(language(this.getAttribute('lang') ?? undefined));
	}

	#tell(name, detail) {
		this.dispatchEvent(new CustomEvent(name, { detail }));
	}
}

customElements.define('deskhand-room', DeskhandRoom);
export { DeskhandRoom };
