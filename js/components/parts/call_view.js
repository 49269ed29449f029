/** The frame of a call, the same for the customer's page and for <deskhand-room>: title, pictures, drawer, bar of buttons. */
import { Chat } from './chat.js';
import { clock, h, relabel, roundButton, say } from './dom.js';
import { Notices } from './notices.js';
import { Panel } from './panel.js';
import { People } from './people.js';
import { Stage } from './stage.js';

export class CallView {
	#t;
	#state = h('span', { class: 'state', role: 'status', data: { testid: 'call-state' } });
	#title = h('h1', { data: { testid: 'room-name' } });
	#logo = h('img', { alt: '', hidden: true });
	#elapsed = h('time', { role: 'timer', label: 'elapsed', data: { testid: 'elapsed' } }, '00:00');
	#badge = h('span', { class: 'badge', hidden: true, data: { testid: 'unread' } });
	#clock = 0;
	#panelButtons = new Map();

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {object} how
	 * @param {(text: string) => Promise<unknown>} how.send a line of chat
	 * @param {{kick: Function, mute: Function}} [how.act] what a host may do to a member
	 * @param {Record<string, HTMLElement>} [how.pages] more pages of the drawer, beside chat and people
	 * @param {(open: string) => void} [how.onpanel]
	 */
	constructor(t, { send, act, pages = {}, onpanel = () => {} }) {
		this.#t = t;
		this.stage = new Stage(t);
		this.notices = new Notices();
		this.chat = new Chat(t, { send, onunread: (count) => this.#unread(count) });
		this.people = new People(t, act);
		this.panel = new Panel(t, { chat: this.chat.element, people: this.people.element, ...pages }, (open) => {
			this.chat.show(open === 'chat');
			for (const [name, button] of this.#panelButtons)
				button.setAttribute('aria-expanded', String(name === open));
			onpanel(open);
		});
		this.bar = h('div', { class: 'bar', role: 'toolbar', label: 'controls' });
		this.element = h('section', { class: 'call' },
			h('header', { class: 'top' }, this.#logo, this.#title, this.#state, this.#elapsed), this.notices.recording,
			h('div', { class: 'middle' }, this.stage.element, this.panel.element), this.bar);
		this.stage.element.append(this.notices.element); /* never over the line that says who records */
		this.element.addEventListener('keydown', (e) => e.key === 'Escape' && this.panel.close());
	}

	/** A button of the bar. @returns {HTMLButtonElement} */
	button(name, iconName, label, onclick) {
		const button = roundButton(iconName, label, onclick, { testid: name });
		this.bar.append(button);
		return button;
	}

	/** A button that opens a page of the drawer. */
	panelButton(name, iconName) {
		const button = this.button(`open-${name}`, iconName, name, () => this.panel.toggle(name, button));
		button.setAttribute('aria-expanded', 'false');
		if (name === 'chat')
			button.append(this.#badge);
		this.#panelButtons.set(name, button);
		return button;
	}

	/** Microphone or camera of a button: whether it is on. */
	showSwitch(button, role, isOn) {
		const [iconName, label] = { microphone: isOn ? ['mic', 'mute'] : ['micOff', 'unmute'],
			camera: isOn ? ['camera', 'cameraOff'] : ['cameraOff', 'cameraOn'], screen: ['screen', isOn ? 'unshare' : 'share'] }[role];
		say(button, this.#t, iconName, label);
		button.toggleAttribute('data-off', role !== 'screen' && !isOn);
		button.toggleAttribute('data-on', role === 'screen' && isOn);
	}

	/** @param {'connecting'|'online'|'reconnecting'|'closed'} state */
	setState(state) {
		this.element.dataset.state = state;
		this.#state.textContent = this.#t(`s_${state}`);
	}

	setTitle(title, logo = '') {
		this.#title.textContent = title;
		this.#logo.hidden = !logo;
		if (logo)
			this.#logo.src = logo;
	}

	/** Count from here. @param {number} since_ms of Date.now() */
	startClock(since_ms) {
		this.stopClock();
		const show = () => (this.#elapsed.textContent = clock(Date.now() - since_ms));
		this.#clock = setInterval(show, 1000);
		show();
	}

	stopClock() {
		clearInterval(this.#clock);
	}

	/** Say who came and went, and who records. @param {import('../../src/room/roster.js').Diff} diff */
	tell({ joined, left }, own) {
		const t = this.#t;
		joined.filter((m) => m.member !== own).forEach((m) => this.notices.say(t('joined', { name: m.user_name })));
		left.filter((m) => m.member !== own).forEach((m) => this.notices.say(t(m.reason ?? 'left', { name: m.user_name })));
	}

	/** @param {import('../../src/room/roster.js').Member[]} recorders @param {number} own */
	showRecorders(recorders, own) {
		const wasShown = !this.notices.recording.hidden;
		const others = recorders.filter((m) => m.member !== own).map((m) => m.user_name);
		const isMine = recorders.some((m) => m.member === own);
		this.notices.setRecording(others.length ? this.#t('recordedBy', { name: others.join(', ') }) : isMine ? this.#t('youRecord') : '');
		if (wasShown && !recorders.length)
			this.notices.say(this.#t('recordEnded'));
	}

	/** Everything in the language of now. */
	relabel() {
		relabel(this.element, this.#t);
		this.panel.retitle();
		this.#unread(this.chat.unread);
		if (this.element.dataset.state)
			this.setState(this.element.dataset.state);
	}

	#unread(count) {
		this.#badge.hidden = !count;
		this.#badge.textContent = String(count);
		const button = this.#panelButtons.get('chat');
		if (button)
			button.setAttribute('aria-label', [this.#t('chat'), count && this.#t('unread', { count })].filter(Boolean).join(', '));
	}
}

/** A labelled row of the settings page. */
export function row(key, control, ...more) {
	return h('label', { class: 'row' }, h('span', { text: key }), control, ...more);
}

/** Fill a select with {id, name}; the empty value is the default. @param {string} chosen */
export function fillDevices(select, devices, chosen, t) {
	const options = devices.map(({ id, name }, i) => new Option(name || t('unnamed', { number: i + 1 }), id));
	if (!devices.some(({ id }) => id === 'default' || id === ''))
		options.unshift(new Option(t('byDefault'), ''));
	select.replaceChildren(...options);
	select.value = devices.some(({ id }) => id === chosen) ? chosen : options[0].value;
}

