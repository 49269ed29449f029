/** The conversation in writing: history, what is unread, a line to write. */
import { h, icon } from './dom.js';

const LONGEST = 4096; /* bytes, docs/rooms.md */

/** @param {string} text @returns {boolean} whether the service would take it */
const fits = (text) => new TextEncoder().encode(text).length <= LONGEST;

export class Chat {
	unread = 0;
	#t;
	#ids = new Set();
	#isOpen = false;
	#onunread;
	#lines = h('ol', { class: 'lines', role: 'log', 'aria-live': 'polite', label: 'chat', tabindex: '0', data: { testid: 'chat-lines' } });
	#field = h('textarea', { rows: '1', label: 'write', hint: 'write', data: { testid: 'chat-text' } });
	#hint = h('p', { class: 'soft', text: 'noLines' });
	#problem = h('p', { class: 'problem', role: 'alert', hidden: true });

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {{send: (text: string) => Promise<unknown>, onunread: (count: number) => void}} how
	 */
	constructor(t, { send, onunread }) {
		this.#t = t;
		this.#onunread = onunread;
		const submit = () => this.#send(send);
		this.element = h('form', { class: 'chat', on: { submit: (e) => {
			e.preventDefault();
			submit();
		} } }, this.#hint, this.#lines, this.#problem, h('div', { class: 'write' }, this.#field,
			h('button', { type: 'submit', class: 'round', label: 'send', data: { testid: 'chat-send' } }, icon('send'))));
		this.#field.addEventListener('keydown', (e) => {
			if (e.key !== 'Enter' || e.shiftKey || e.isComposing) /* Enter ends a Chinese word while composing */
				return;
			e.preventDefault();
			submit();
		});
	}

	/** A line of the service; each id once. `isMine`: written by oneself. */
	add({ id, user_name, text, ts_ms }, isMine) {
		if (this.#ids.has(id))
			return;
		this.#ids.add(id);
		const when = new Date(ts_ms);
		const item = h('li', { data: { id: String(id) } }, h('span', { class: 'by' }, h('b', {}, isMine ? this.#t('you') : user_name), ' ',
			h('time', { datetime: when.toISOString() }, when.toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }))), h('p', {}, text));
		item.toggleAttribute('data-mine', isMine);
		const after = [...this.#lines.children].find((line) => Number(line.dataset.id) > id);
		this.#lines.insertBefore(item, after ?? null);
		this.#hint.hidden = true;
		this.#lines.scrollTop = this.#lines.scrollHeight;
		if (!this.#isOpen && !isMine)
			this.#count(this.unread + 1);
	}

	/** Lines from before one came are no news. */
	markRead() {
		this.#count(0);
	}

	/** Whether it is looked at. */
	show(isOpen) {
		this.#isOpen = isOpen;
		if (!isOpen)
			return;
		this.#count(0);
		this.#lines.scrollTop = this.#lines.scrollHeight;
		this.#field.focus();
	}

	clear() {
		this.#ids.clear();
		this.#lines.replaceChildren();
		this.#hint.hidden = false;
		this.#count(0);
	}

	async #send(send) {
		const text = this.#field.value.trim();
		if (!text)
			return;
		this.#field.value = '';
		this.#problem.hidden = true;
		try {
			if (!fits(text))
				throw new RangeError('too long');
			await send(text);
		} catch {
			this.#field.value ||= text;
			this.#problem.textContent = this.#t('notSent', { text: text.slice(0, 60) });
			this.#problem.hidden = false;
		}
	}

	#count(count) {
		this.unread = count;
		this.#onunread(count);
	}
}
