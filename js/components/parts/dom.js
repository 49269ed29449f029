/** Elements without markup in strings: safe under a strict Content-Security-Policy, and no text can become markup. */

const SVG = 'http://www.w3.org/2000/svg';

/** 24 x 24, drawn with a line of 1.8 */
const PATHS = {
	mic: 'M12 3a3 3 0 0 1 3 3v5a3 3 0 0 1-6 0V6a3 3 0 0 1 3-3zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21',
	micOff: 'M15 9.5V6a3 3 0 0 0-5.8-1M9 9v2a3 3 0 0 0 4.6 2.5M5.5 11a6.5 6.5 0 0 0 10.6 5M18.5 11a6 6 0 0 1-.5 2.6M12 17.5V21M3.5 3.5l17 17',
	camera: 'M4 7h9a2 2 0 0 1 2 2v6a2 2 0 0 1-2 2H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1zM15 11l6-3.5v9L15 13',
	cameraOff: 'M8 7h5a2 2 0 0 1 2 2v3M15 15.5A2 2 0 0 1 13 17H4a1 1 0 0 1-1-1V8a1 1 0 0 1 1-1M15 11l6-3.5v9l-3-1.8M3.5 3.5l17 17',
	screen: 'M4 4h16a1 1 0 0 1 1 1v10a1 1 0 0 1-1 1H4a1 1 0 0 1-1-1V5a1 1 0 0 1 1-1zM8 20h8M12 16v4M12 13V7.5M9.5 9.5L12 7l2.5 2.5',
	chat: 'M5 4h14a2 2 0 0 1 2 2v8a2 2 0 0 1-2 2h-7l-5 4v-4H5a2 2 0 0 1-2-2V6a2 2 0 0 1 2-2z',
	people: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M16 4.3a3.5 3.5 0 0 1 0 6.4M18 14.2a6.5 6.5 0 0 1 3.5 5.8',
	settings: 'M4 7h10M18 7h2M4 17h2M10 17h10M16 9.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4zM8 19.2a2.2 2.2 0 1 0 0-4.4 2.2 2.2 0 0 0 0 4.4z',
	leave: 'M3 14.5c0-5 18-5 18 0v1.2a1 1 0 0 1-1.2 1l-3.6-.8a1 1 0 0 1-.8-1v-2c-2-.7-4.8-.7-6.8 0v2a1 1 0 0 1-.8 1l-3.6.8a1 1 0 0 1-1.2-1z',
	close: 'M6 6l12 12M18 6L6 18', send: 'M4 12L20 4.5l-5 15-3.5-6z',
	record: 'M12 17a5 5 0 1 0 0-10 5 5 0 0 0 0 10zM12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z', pause: 'M9 6v12M15 6v12', stop: 'M7 7h10v10H7z',
	resume: 'M8 5.5v13l10.5-6.5z', link: 'M10 14a4 4 0 0 0 6 .4l3-3a4 4 0 0 0-5.7-5.7l-1.5 1.5M14 10a4 4 0 0 0-6-.4l-3 3a4 4 0 0 0 5.7 5.7l1.5-1.5',
	beauty: 'M12 4l1.8 5.2L19 11l-5.2 1.8L12 18l-1.8-5.2L5 11l5.2-1.8zM18.5 16.5v4M16.5 18.5h4',
	signal: 'M4 19v-3M9.3 19v-6.5M14.6 19V9M20 19V5', away: 'M12 8v5M12 16.5v.1M12 3.5l9.5 16.5h-19z',
	remove: 'M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM2.5 20a6.5 6.5 0 0 1 13 0M17 9l4 4M21 9l-4 4',
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
	const svg = document.createElementNS(SVG, 'svg');
	const path = document.createElementNS(SVG, 'path');
	for (const [key, value] of Object.entries({ viewBox: '0 0 24 24', 'aria-hidden': 'true', class: 'icon', 'data-icon': name }))
		svg.setAttribute(key, value);
	path.setAttribute('d', PATHS[name]);
	svg.append(path);
	return svg;
}

/** Change what an icon shows. */
export function setIcon(svg, name) {
	svg.dataset.icon = name;
	svg.firstChild.setAttribute('d', PATHS[name]);
}

/**
 * An element. `on`: listeners by event; `data`: data attributes; `text`, `label`, `hint`: keys of the catalogue, see relabel();
 * functions, booleans and `value` are properties, everything else an attribute.
 */
export function h(tag, { on = {}, data = {}, text, label, hint, ...rest } = {}, ...children) {
	const element = document.createElement(tag);
	for (const [name, fn] of Object.entries(on))
		element.addEventListener(name, fn);
	Object.assign(element.dataset, data, text && { text }, label && { label }, hint && { hint });
	for (const [name, value] of Object.entries(rest))
		if (typeof value === 'boolean' || name === 'value')
			element[name] = value;
		else
			element.setAttribute(name, value);
	element.append(...children.filter((child) => child !== null && child !== undefined));
	return element;
}

/** Put everything below a root that was made with text, label or hint into a language. */
export function relabel(root, t) {
	for (const element of root.querySelectorAll('[data-text]'))
		element.textContent = t(element.dataset.text);
	for (const element of root.querySelectorAll('[data-label]')) {
		element.setAttribute('aria-label', t(element.dataset.label));
		if (element.localName === 'button')
			element.title = t(element.dataset.label);
	}
	for (const element of root.querySelectorAll('[data-hint]'))
		element.placeholder = t(element.dataset.hint);
}

/** A round button of the call's bar. */
export function roundButton(name, label, onclick, data = {}) {
	return h('button', { type: 'button', class: 'round', label, data, on: { click: onclick } }, icon(name));
}

/** Another meaning for a button of relabel(). */
export function say(button, t, iconName, label, isOn) {
	setIcon(button.querySelector('svg'), iconName);
	button.dataset.label = label;
	button.setAttribute('aria-label', t(label));
	button.title = t(label);
	if (isOn !== undefined)
		button.setAttribute('aria-pressed', String(isOn));
}

/** 83000 -> "01:23" */
export function clock(ms) {
	const s = Math.max(0, Math.floor(ms / 1000));
	const two = (n) => String(n).padStart(2, '0');
	return s < 3600 ? `${two(Math.floor(s / 60))}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
