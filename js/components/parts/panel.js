/** The drawer beside the pictures (below them on a narrow screen): chat, people, settings; one at a time, Escape closes it. */
import { h, roundButton } from './dom.js';

export class Panel {
	#pages;
	#onchange;
	#opener = null;
	#title = h('h2', { tabindex: '-1' });
	#t;
	/** name of the open page or '' */
	open = '';

	/** @param {Record<string, HTMLElement>} pages by the key of their title @param {(open: string) => void} onchange */
	constructor(t, pages, onchange) {
		this.#t = t;
		this.#pages = pages;
		this.#onchange = onchange;
		this.element = h('aside', { class: 'panel', hidden: true, data: { testid: 'panel' } }, h('header', {}, this.#title,
			roundButton('close', 'close', () => this.close(), { testid: 'panel-close' })), ...Object.values(pages));
		this.element.addEventListener('keydown', (e) => {
			if (e.key === 'Escape') {
				e.stopPropagation();
				this.close();
			}
		});
		Object.values(pages).forEach((page) => (page.hidden = true));
	}

	/** @param {string} name @param {HTMLElement} opener gets the focus back */
	toggle(name, opener) {
		if (this.open === name)
			this.close();
		else {
			this.#opener = opener;
			this.#show(name);
			this.#title.focus();
			this.#onchange(name);
		}
	}

	close() {
		if (!this.open)
			return;
		this.#show('');
		this.#onchange('');
		this.#opener?.focus();
	}

	retitle() {
		this.#title.textContent = this.open && this.#t(this.open);
		this.element.setAttribute('aria-label', this.#title.textContent);
	}

	#show(name) {
		this.open = name;
		this.element.hidden = !name;
		this.retitle();
		for (const [each, page] of Object.entries(this.#pages))
			page.hidden = each !== name;
	}
}
