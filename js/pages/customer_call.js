/** In the call: what the room and this browser's devices do, shown by a CallView. */
import { CallView, fillDevices, row } from '../components/parts/call_view.js';
import { h } from '../components/parts/dom.js';
import { countsOf, wordFor } from '../src/room/quality.js';

const ROLES = ['microphone', 'camera'];
const LOOK_MS = 3000;

export class Call {
	#t;
	#room;
	#media;
	#view;
	#streams = new Map();
	#qualities = new Map();
	#counts = new Map();
	#listening = new AbortController();
	#timer = 0;
	#buttons = {};
	#selects = {};
	#isIn = false;
	#wasLost = false;
	#ownStream = null;

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {{room: import('../src/room/room.js').Room, media: import('../src/room/media.js').Media, name: string, since_ms: number}} how
	 */
	constructor(t, { room, media, name, since_ms }) {
		this.#t = t;
		this.#room = room;
		this.#media = media;
		const view = (this.#view = new CallView(t, { send: (text) => room.chat(text), pages: { settings: this.#settings() },
			onpanel: (open) => open === 'settings' && this.#fill() }));
		this.element = view.element;
		this.#makeBar(view);
		view.setTitle(name);
		view.setState('connecting');
		view.startClock(since_ms);
		view.relabel();
		this.#listen();
		for (const role of [...ROLES, 'screen'])
			this.#showOwn(role);
		this.#timer = setInterval(() => this.#look().catch(() => {}), LOOK_MS); /* a connection that just closed has no numbers */
		void this.#keepAwake();
	}

	close() {
		this.#listening.abort();
		clearInterval(this.#timer);
		this.#view.stopClock();
		this.#view.stage.keepOnly([]);
	}

	#makeBar(view) {
		for (const role of ROLES)
			this.#buttons[role] = view.button(role, role === 'camera' ? 'camera' : 'mic', 'mute', () => this.#media.turn(role, !this.#media.isOn(role)));
		if (this.#media.canShare)
			this.#buttons.screen = view.button('share', 'screen', 'share', () => this.#share());
		view.panelButton('chat', 'chat');
		view.panelButton('people', 'people');
		view.panelButton('settings', 'settings');
		view.button('leave', 'leave', 'leave', () => this.#room.leave()).classList.add('leave');
	}

	#settings() {
		for (const role of [...ROLES, 'speaker'])
			this.#selects[role] = h('select', { data: { testid: `device-${role}` }, on: { change: ({ target }) => (role === 'speaker'
				? this.#view.stage.setSpeaker(target.value) : this.#media.choose(role, target.value)) } });
		return h('div', {}, ...Object.entries(this.#selects).map(([role, select]) => row(role, select)));
	}

	#listen() {
		const { signal } = this.#listening;
		const on = (target, name, fn) => target.addEventListener(name, ({ detail }) => fn(detail), { signal });
		on(this.#room, 'state', ({ state }) => this.#state(state));
		on(this.#room, 'joined', (answer) => this.#joined(answer));
		on(this.#room, 'members', (diff) => this.#members(diff));
		on(this.#room, 'streams', ({ member, streams }) => {
			this.#streams.set(member, streams);
			this.#show();
		});
		on(this.#room, 'connection', () => this.#show());
		on(this.#room, 'chat', (line) => this.#view.chat.add(line, line.user_id === this.#room.roster.me?.user_id));
		on(this.#room, 'muted', (detail) => this.#muted(detail));
		on(this.#media, 'change', ({ role }) => this.#showOwn(role));
		on(this.#media, 'devices', () => this.#fill());
		on(this.#media, 'problem', ({ role, problem }) => this.#view.notices.say(this.#t(`p_${problem}_${role}`), true));
		document.addEventListener('visibilitychange', () => this.#keepAwake(), { signal });
	}

	#state(state) {
		this.#view.setState(state);
		if (state === 'reconnecting')
			this.#wasLost = true;
		else if (state === 'online' && this.#wasLost) {
			this.#wasLost = false;
			this.#view.notices.say(this.#t('back'));
		}
	}

	#joined({ name, room }) {
		this.#view.setTitle(name || room);
		document.title = name || room;
		this.#show();
		if (!this.#isIn)
			setTimeout(() => this.#view.chat.markRead()); /* what was said before one came is no news */
		this.#isIn = true;
	}

	#members(diff) {
		const isFirst = diff.joined.some((m) => m.member === this.#room.roster.own);
		if (!isFirst)
			this.#view.tell(diff, this.#room.roster.own);
		diff.left.forEach((m) => this.#streams.delete(m.member));
		this.#show();
	}

	/** The host asked for it, and we obey. */
	#muted({ by, microphone, camera }) {
		const name = this.#room.roster.members.get(by)?.user_name ?? '';
		if (microphone && this.#media.isOn('microphone')) {
			void this.#media.turn('microphone', false);
			this.#view.notices.say(this.#t('mutedBy', { name }), true);
		}
		if (camera && this.#media.isOn('camera')) {
			void this.#media.turn('camera', false);
			this.#view.notices.say(this.#t('cameraOffBy', { name }), true);
		}
	}

	/** Our own track came, went, or is muted: for the others, and here. */
	#showOwn(role) {
		const track = this.#media.tracks[role];
		void this.#room.setTrack(role, track);
		if (role === 'camera')
			this.#ownStream = track && new MediaStream([track]);
		if (this.#buttons[role])
			this.#view.showSwitch(this.#buttons[role], role, this.#media.isOn(role));
		this.#show();
	}

	async #share() {
		try {
			if (this.#media.tracks.screen)
				this.#media.unshare();
			else
				await this.#media.share();
		} catch (e) {
			this.#view.notices.say(e.message, true);
		}
	}

	#show() {
		const { roster, peers } = this.#room;
		const { stage, people } = this.#view;
		const keys = ['own'];
		stage.set('own', { stream: this.#ownStream, name: this.#t('you'), face: roster.me?.user_name, isOwn: true,
			isMuted: !this.#media.isOn('microphone') });
		for (const m of roster.others) {
			const { camera: stream = null, screen } = this.#streams.get(m.member) ?? {};
			const isAway = m.away || peers.get(m.member)?.state === 'lost';
			const flags = { isAway, quality: this.#qualities.get(m.member) ?? '' };
			keys.push(`m${m.member}`);
			stage.set(`m${m.member}`, { stream, name: m.user_name, isOff: !m.camera, isMuted: !m.microphone, isRecording: m.recording, ...flags });
			if (screen && m.screen) {
				keys.push(`m${m.member}-screen`);
				stage.set(`m${m.member}-screen`, { stream: screen, name: this.#t('screenOf', { name: m.user_name }), kind: 'screen', isAway,
					isSilent: true });
			}
		}
		stage.keepOnly(keys);
		people.show([...roster.members.values()], roster.own, (m) => this.#qualities.get(m.member) ?? '');
		this.#view.showRecorders(roster.recorders, roster.own);
	}

	/** How well each connection does. */
	async #look() {
		for (const [member, peer] of this.#room.peers) {
			const counts = countsOf(await peer.stats());
			if (peer.state === 'connected')
				this.#qualities.set(member, wordFor(counts, this.#counts.get(member)));
			this.#counts.set(member, counts);
		}
		this.#show();
	}

	async #fill() {
		const devices = await this.#media.devices();
		for (const role of ROLES)
			fillDevices(this.#selects[role], devices[role], this.#media.deviceOf(role), this.#t);
		fillDevices(this.#selects.speaker, devices.speaker, this.#selects.speaker.value, this.#t);
		this.#selects.speaker.parentElement.hidden = !devices.speaker.length || !('setSinkId' in HTMLMediaElement.prototype);
	}

	/** A phone must not fall asleep in a call. */
	async #keepAwake() {
		if (document.visibilityState === 'visible')
			await navigator.wakeLock?.request('screen').catch(() => {}); /* low battery: the system's decision */
	}
}
