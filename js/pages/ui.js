/** Small helpers between the page's code and its elements. */
import { strings } from './strings.js';

export { clock } from '../components/parts/dom.js';

/** @param {string} id @returns {HTMLElement} */
export const $ = (id) => document.getElementById(id);

let current = 'en';

/** A text in the page's language; {name} is replaced from values. */
export function t(key, values = {}) {
	const text = strings[current][key] ?? strings.en[key] ?? key;
	return text.replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** Put the page into a language: 'en' or 'zh'. */
export function setLanguage(lang) {
	current = lang;
	document.documentElement.lang = lang === 'zh' ? 'zh-CN' : 'en';
	$('language').value = lang;
	for (const element of document.querySelectorAll('[data-text]'))
		element.textContent = t(element.dataset.text);
	for (const element of document.querySelectorAll('[data-placeholder]'))
		element.placeholder = t(element.dataset.placeholder);
	for (const element of document.querySelectorAll('[data-label]'))
		element.setAttribute('aria-label', t(element.dataset.label));
}

/** Change an element's text so that it follows the language. */
export function say(element, key) {
	element.dataset.text = key;
	element.textContent = t(key);
}

/** Fill a select with {value, label}; keeps the choice where it still exists. */
export function fill(select, items, preferred) {
	const before = select.value;
	select.replaceChildren(...items.map(({ value, label, key }) => {
		const option = new Option(label ?? t(key), value);
		if (key)
			option.dataset.text = key;
		return option;
	}));
	const values = items.map((item) => item.value);
	select.value = before && values.includes(before) ? before : preferred ?? values[0];
}

export function log(name, text = '') {
	const now = new Date();
	const time = Object.assign(document.createElement('time'), { dateTime: now.toISOString(), textContent: now.toLocaleTimeString() });
	const item = document.createElement('li');
	item.dataset.event = name;
	item.append(time, text ? `${name}: ${text}` : name);
	$('log').prepend(item);
	while ($('log').children.length > 200)
		$('log').lastChild.remove();
}

/** {name: value} as rows of the fact table; the names follow the language. */
export function showTable(facts) {
	$('fact-table').tBodies[0].replaceChildren(...Object.entries(facts).map(([name, value]) => {
		const tr = document.createElement('tr');
		const th = Object.assign(document.createElement('th'), { scope: 'row' });
		say(th, `fact_${name}`);
		tr.append(th, Object.assign(document.createElement('td'), { textContent: value }));
		return tr;
	}));
	$('fact-table').hidden = false;
}
