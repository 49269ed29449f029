/** Who is here: state of each, and what a host may do. */
import { h, icon, roundButton } from './dom.js';

export class People {
	element = h('ul', { class: 'people', data: { testid: 'people' } });
	#t;
	#act;

	/** @param {(key: string, values?: object) => string} t @param {{kick: Function, mute: Function}|null} [act] what a host does: (member) */
	constructor(t, act = null) {
		this.#t = t;
		this.#act = act;
	}

	/**
	 * @param {import('../../src/room/roster.js').Member[]} members @param {number} own
	 * @param {(member: object) => string} [qualityOf] good, fair, poor or ''
	 */
	show(members, own, qualityOf = () => '') {
		const isHost = members.find((m) => m.member === own)?.role === 'host';
		const rows = members.map((m) => this.#row(m, m.member === own, isHost, qualityOf(m)));
		const texts = (list) => list.map((row) => row.outerHTML).join();
		if (texts(rows) !== texts([...this.element.children])) /* a focused button stays, as long as nothing changed */
			this.element.replaceChildren(...rows);
	}

	#row(m, isOwn, isHost, quality) {
		const t = this.#t;
		const flag = (is, name, key, values) => is && h('span', { class: 'flag', role: 'img', 'aria-label': t(key, values), title: t(key, values),
			data: { flag: name } }, icon(name));
		const name = isOwn ? t('youAre', { name: m.user_name }) : m.user_name;
		const row = h('li', { data: { member: String(m.member) } }, h('span', { class: 'who' }, name,
			m.role === 'host' ? h('small', {}, t('host')) : null));
		row.append(...[flag(m.recording, 'record', 'isRecording'), flag(!m.microphone, 'micOff', 'isMuted'),
			flag(!m.camera, 'cameraOff', 'cameraIsOff'), flag(m.screen, 'screen', 'screenOf', { name: m.user_name }), flag(m.away, 'away', 'isAway'),
			quality && flag(true, 'signal', 'quality', { word: t(`quality_${quality}`) })].filter(Boolean));
		row.dataset.quality = quality;
		if (this.#act && isHost && !isOwn)
			row.append(this.#button('micOff', 'muteMember', m, this.#act.mute), this.#button('remove', 'kick', m, this.#act.kick));
		return row;
	}

	#button(iconName, key, m, fn) {
		const button = roundButton(iconName, '', () => fn(m), { testid: `${key}-${m.member}` });
		button.setAttribute('aria-label', this.#t(key, { name: m.user_name }));
		button.title = this.#t(key, { name: m.user_name });
		return button;
	}
}
