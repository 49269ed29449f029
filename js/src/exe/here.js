/** A room in this document: its element in a container, and the call behind it. */
import { Call } from './call.js';

export class Here {
	#call = null;
	#element = null;
	#container;
	#remove;

	/** @param {HTMLElement} container @param {() => void} [remove] takes the container away at the end */
	constructor(container, remove = () => {}) {
		this.#container = container;
		this.#remove = remove;
	}

	/** @param {object} plan @param {(name: string, detail: any) => void} tell */
	run(plan, tell) {
		this.#element = roomElement(plan);
		this.#container.append(this.#element);
		this.#call = new Call(plan, this.#element, (name, detail) => {
			if (name === 'ended' || name === 'failed')
				this.#end();
			tell(name, detail);
		});
		this.#call.run();
	}

	stop() {
		return this.#call.stop();
	}

	#end() {
		this.#element.remove();
		this.#remove();
	}
}

function roomElement({ title, logo, userList, IMList, screenShare }) {
	const element = document.createElement('deskhand-room');
	const set = (name, value) => value !== '' && element.setAttribute(name, String(value));
	set('room-title', title);
	set('room-logo', logo);
	set('user-list', userList);
	set('im-list', IMList);
	set('screen-share', screenShare);
	return element;
}
