/** Short sentences that come and go, read aloud by screen readers; and one that stays while somebody records. */
import { h, icon } from './dom.js';

const SHOWN_MS = 6000;

export class Notices {
	element = h('div', { class: 'notices', role: 'status', 'aria-live': 'polite', data: { testid: 'notices' } });
	/** stays in sight while it is true */
	recording = h('p', { class: 'recorded', role: 'status', hidden: true, data: { testid: 'recorded' } }, icon('record'), h('span', {}));

	/** @param {string} text @param {boolean} [isProblem] stays twice as long */
	say(text, isProblem = false) {
		const note = h('p', { class: isProblem ? 'note bad' : 'note' }, text);
		this.element.append(note);
		while (this.element.children.length > 3)
			this.element.firstChild.remove();
		setTimeout(() => note.remove(), isProblem ? 2 * SHOWN_MS : SHOWN_MS);
	}

	/** @param {string} text '' ends it */
	setRecording(text) {
		this.recording.hidden = !text;
		this.recording.lastChild.textContent = text;
	}
}
