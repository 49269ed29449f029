/** A panel that floats in the page: where a room goes when the browser opens no window for it. Moved by its title bar or the arrow keys. */
import { say } from './texts.js';

const STYLE = `
	:host { position: fixed; inset: auto; left: var(--x); top: var(--y); z-index: 2147483000; display: flex; flex-direction: column;
		width: min(1080px, calc(100vw - 32px)); height: min(670px, calc(100vh - 32px)); min-width: 280px; min-height: 200px;
		resize: both; overflow: hidden; border: 1px solid #5b6c6e; border-radius: 8px; background: Canvas; color: CanvasText;
		box-shadow: 0 8px 32px rgb(0 0 0 / .35); font: 15px/1.4 system-ui, "Noto Sans CJK SC", sans-serif; }
	header { display: flex; align-items: center; gap: 8px; padding: 4px 4px 4px 12px; border-bottom: 1px solid #5b6c6e; }
	#move { flex: 1; cursor: move; touch-action: none; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; font: inherit;
		text-align: start; padding: 6px 0; border: 0; background: none; color: inherit; }
	#close { font: inherit; width: 36px; height: 32px; border: 0; border-radius: 6px; background: none; color: inherit; cursor: pointer; }
	#close:hover { background: #b3261e; color: #fff; }
	:focus-visible { outline: 2px solid Highlight; outline-offset: -2px; }
	::slotted(*) { flex: 1; min-height: 0; }`;
const STEP_PX = 16;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

/** @param {string} title @param {() => void} onclose the person closes it @returns {HTMLElement} in the page; children go into it */
export function openPanel(title, onclose) {
	const panel = document.createElement('deskhand-panel');
	const inside = panel.attachShadow({ mode: 'open' });
	const sheet = new CSSStyleSheet();
	sheet.replaceSync(STYLE);
	inside.adoptedStyleSheets = [sheet];
	panel.setAttribute('role', 'dialog');
	panel.setAttribute('aria-label', title || say('panel'));

	const move = button('move', '⠿', `${title || say('panel')}: ${say('panel_move')}`);
	const close = button('close', '✕', say('panel_close'));
	close.addEventListener('click', onclose);
	const header = document.createElement('header');
	header.append(move, close);
	inside.append(header, document.createElement('slot'));
	document.body.append(panel);
	place(panel, (innerWidth - panel.offsetWidth) / 2, (innerHeight - panel.offsetHeight) / 2);
	move.addEventListener('keydown', (e) => nudge(panel, e));
	move.addEventListener('pointerdown', (e) => drag(panel, move, e));
	return panel;
}

function button(id, text, label) {
	const made = Object.assign(document.createElement('button'), { id, type: 'button', textContent: text, title: label });
	made.setAttribute('aria-label', label);
	return made;
}

/** Its title bar stays within the page. */
function place(panel, x, y) {
	const within = (value, most) => Math.round(Math.max(0, Math.min(value, most)));
	panel.style.setProperty('--x', `${within(x, innerWidth - panel.offsetWidth)}px`);
	panel.style.setProperty('--y', `${within(y, innerHeight - 48)}px`);
}

function nudge(panel, event) {
	const [dx, dy] = ARROWS[event.key] ?? [0, 0];
	if (!dx && !dy)
		return;
	event.preventDefault();
	const { left, top } = panel.getBoundingClientRect();
	place(panel, left + dx * STEP_PX, top + dy * STEP_PX);
}

function drag(panel, handle, { pointerId, clientX, clientY }) {
	const { left, top } = panel.getBoundingClientRect();
	handle.setPointerCapture(pointerId);
	handle.onpointermove = (e) => place(panel, left + e.clientX - clientX, top + e.clientY - clientY);
	handle.onlostpointercapture = () => (handle.onpointermove = null);
}
