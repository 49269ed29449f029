/** A question in the middle: the browser's own dialog, so that focus stays in it and Escape means no. */
import { h } from './dom.js';

/**
 * @param {HTMLElement} root where it belongs (a shadow root's element keeps its style) @param {HTMLElement[]} content
 * @param {{text: string, value: string, class?: string, action?: () => unknown}[]} answers an `action` keeps the question open
 * @returns {Promise<string>} the value of the answer, '' for none
 */
export function ask(root, content, answers) {
	return new Promise((resolve) => {
		const dialog = h('dialog', { class: 'ask' }, ...content, h('div', {}, ...answers.map(({ text, value, class: look = '', action }) =>
			h('button', { type: 'button', class: `plain ${look}`, data: { testid: `answer-${value}` },
				on: { click: () => (action ? action() : dialog.close(value)) } }, text))));
		dialog.addEventListener('keydown', (e) => e.stopPropagation());
		dialog.addEventListener('close', () => {
			dialog.remove();
			resolve(dialog.returnValue);
		});
		root.append(dialog);
		dialog.showModal();
	});
}
