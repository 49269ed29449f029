/** Before the call: who invites, the name, a look at oneself, devices, and the one button. */
import { fillDevices, row } from '../components/parts/call_view.js';
import { h, icon, relabel, roundButton, say } from '../components/parts/dom.js';
import { Meter } from '../src/room/meter.js';

const ROLES = ['camera', 'microphone'];

export class Lobby {
	#t;
	#media;
	#meter = new Meter();
	#listening = new AbortController();
	#video = h('video', { autoplay: true, playsinline: '', label: 'ownPicture', data: { testid: 'preview' } });
	#allow = h('button', { type: 'button', class: 'plain', text: 'allow', data: { testid: 'allow' }, on: { click: () => this.#open() } });
	#why = h('p', { class: 'soft', text: 'allowWhy' });
	#lacks = h('ul', { class: 'lacks', role: 'status', data: { testid: 'lacks' } });
	#trouble = h('div', { class: 'trouble', role: 'alert', hidden: true, data: { testid: 'trouble' } });
	#name = h('input', { maxlength: '60', autocomplete: 'name', required: true, data: { testid: 'name' } });
	#join = h('button', { type: 'submit', class: 'big', text: 'join', data: { testid: 'join' } });
	#level = h('meter', { min: '0', max: '1', low: '0.02', label: 'level', data: { testid: 'level' } });
	#selects = Object.fromEntries(ROLES.map((role) => [role, h('select', { data: { testid: `choose-${role}` },
		on: { change: (e) => this.#media.choose(role, e.target.value) } })]));
	#switches = { microphone: roundButton('mic', 'mute', () => this.#flip('microphone'), { testid: 'lobby-microphone' }),
		camera: roundButton('camera', 'cameraOff', () => this.#flip('camera'), { testid: 'lobby-camera' }) };

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {{media: import('../src/room/media.js').Media, invitation: {room?: string, by?: string}, name: string,
	 *   onjoin: (name: string) => void}} how
	 */
	constructor(t, { media, invitation, name, onjoin }) {
		this.#t = t;
		this.#media = media;
		this.#video.muted = true;
		this.#name.value = name;
		const invited = t(invitation.by ? 'invitedBy' : 'invited', { name: invitation.by });
		this.buttons = h('div', { class: 'buttons' }, this.#switches.microphone, this.#switches.camera);
		this.devices = h('div', { class: 'devices' }, row('camera', this.#selects.camera), row('microphone', this.#selects.microphone, this.#level));
		this.element = h('form', { class: 'lobby', on: { submit: (e) => {
			e.preventDefault();
			onjoin(this.#name.value.trim());
		} } },
		h('div', {}, h('div', { class: 'preview' }, this.#video, icon('camera'), this.#allow, this.#why, this.buttons), this.#lacks, this.devices),
		h('div', { class: 'words' }, h('h1', { data: { testid: 'invitation' } }, invitation.room || invited),
			h('p', { class: 'lead' }, invitation.room ? `${invited}. ${t('before')}` : t('before')), this.#trouble,
			row('yourName', this.#name), this.#join));
		relabel(this.element, t);
		for (const type of ['change', 'problem', 'devices'])
			media.addEventListener(type, () => this.#show(), { signal: this.#listening.signal });
		this.#show();
		void this.#openIfAllowed();
	}

	/** Why joining did not work; null ends it. @param {{title: string, hint: string}|null} trouble */
	setTrouble(trouble) {
		this.#trouble.hidden = !trouble;
		this.#trouble.replaceChildren(...(trouble ? [h('p', {}, h('strong', {}, trouble.title)), h('p', {}, trouble.hint)] : []));
	}

	setBusy(isBusy) {
		this.#join.disabled = isBusy;
		this.#join.textContent = this.#t(isBusy ? 'joining' : 'join');
	}

	/** Nothing can come of it: no button to press. */
	setHopeless() {
		this.#join.hidden = true;
	}

	get wasAsked() {
		return this.#allow.hidden;
	}

	close() {
		this.#listening.abort();
		this.#meter.stop();
		this.#video.srcObject = null;
	}

	/** A browser that has allowed this page before does not ask again: then the picture is there at once. */
	async #openIfAllowed() {
		try {
			const states = await Promise.all(ROLES.map((name) => navigator.permissions.query({ name })));
			if (states.every(({ state }) => state === 'granted') && !this.#listening.signal.aborted)
				await this.#open();
		} catch {
			/* a browser that does not tell: the button is there */
		}
	}

	async #open() {
		this.#allow.disabled = true;
		await this.#media.open();
		this.#allow.disabled = false;
		this.#allow.hidden = true;
		this.#show();
	}

	async #flip(role) {
		await this.#media.turn(role, !this.#media.isOn(role));
	}

	#show() {
		const { tracks, problems } = this.#media;
		const isOpen = Boolean(tracks.camera || tracks.microphone);
		const wasTried = isOpen || ROLES.some((role) => problems[role]);
		this.#allow.hidden = wasTried && !ROLES.some((role) => ['denied', 'busy'].includes(problems[role]));
		this.#why.hidden = wasTried;
		this.devices.hidden = !isOpen;
		this.buttons.hidden = !isOpen;
		this.#video.hidden = !tracks.camera;
		if (this.#video.srcObject?.getTracks()[0] !== (tracks.camera ?? undefined))
			this.#video.srcObject = tracks.camera && new MediaStream([tracks.camera]);
		for (const [role, [on, off, mute, unmute]] of Object.entries({ microphone: ['mic', 'micOff', 'mute', 'unmute'],
			camera: ['camera', 'cameraOff', 'cameraOff', 'cameraOn'] })) {
			const isOn = this.#media.isOn(role);
			say(this.#switches[role], this.#t, isOn ? on : off, isOn ? mute : unmute);
			this.#switches[role].toggleAttribute('data-off', !isOn);
		}
		this.#meter.start(tracks.microphone, (level) => (this.#level.value = level));
		this.#showLacks();
		void this.#fill();
	}

	/** What is missing, and that one can join all the same. */
	#showLacks() {
		const { problems } = this.#media;
		const lacking = ROLES.filter((role) => problems[role]);
		const lines = lacking.map((role) => this.#t(`p_${problems[role]}_${role}`));
		if (lacking.length)
			lines.push(this.#t(lacking.length === 2 ? 'p_watchOnly' : lacking[0] === 'camera' ? 'p_soundOnly' : 'p_pictureOnly'));
		this.#lacks.replaceChildren(...[...new Set(lines)].map((line) => h('li', {}, line)));
	}

	async #fill() {
		const devices = await this.#media.devices();
		for (const role of ROLES)
			fillDevices(this.#selects[role], devices[role], this.#media.deviceOf(role), this.#t);
	}
}
