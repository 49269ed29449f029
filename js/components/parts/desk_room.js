/** What <deskhand-room> shows while it is in a room: the agent's events become pictures, lists and sentences. */
import { ask } from './ask.js';
import { CallView } from './call_view.js';
import { Captures } from './captures.js';
import { DeskSettings } from './desk_settings.js';
import { h } from './dom.js';
import { Recorder } from './recorder.js';
import { Roster } from '../../src/room/roster.js';

/** rtc.stats, docs/rtc.md: where people begin to notice. */
const wordFor = ({ state, rtt_ms = 0, send = [] }) => {
	const lost = Math.max(0, ...send.map((s) => s.lost_percent ?? 0));
	return state !== 'connected' ? '' : rtt_ms > 600 || lost > 10 ? 'poor' : rtt_ms > 300 || lost > 3 ? 'fair' : 'good';
};

export class DeskRoom {
	#t;
	#agent;
	#tell;
	#onclosed;
	#roster = new Roster();
	#listening = new AbortController();
	#qualities = new Map();
	#buttons = {};
	#name;
	#words;
	#view;
	#captures;
	#settings;
	#recorder;

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {{agent: object, state: object, isAgain: boolean, tell: (name: string, detail: object) => void, onleave: () => void,
	 *   onclosed: (detail: object) => void}} how state: answer of room.join or room.get
	 */
	constructor(t, { agent, state, isAgain, tell, onleave, onclosed }) {
		Object.assign(this, { id: state.room, session: state.session });
		this.#t = (key, values) => this.#words(key, values);
		this.#words = t;
		this.#agent = agent;
		this.#tell = tell;
		this.#onclosed = onclosed;
		this.#name = state.name || state.room;
		this.#captures = new Captures(agent, state.session, () => this.#show());
		this.#settings = new DeskSettings(this.#t, { agent, session: state.session, onerror: (e) => this.#problem(e) });
		this.#recorder = new Recorder(this.#t, { agent, session: state.session, signal: this.#listening.signal,
			onchange: (detail) => this.#recorded(detail), onerror: (e) => this.#problem(e) });
		this.#view = new CallView(this.#t, { send: (text) => agent.room.chat({ room: this.id, text }), pages: { settings: this.#settings.element },
			act: { kick: (m) => this.#act(() => this.#kick(m)), mute: (m) => this.#act(() => this.#mute(m)) },
			onpanel: (open) => open === 'settings' && this.#act(() => this.#settings.refresh()) });
		this.element = this.#view.element;
		this.#makeBar(onleave);
		this.#view.relabel();
		this.#listen();
		this.#take(state);
		this.#view.chat.markRead();
		this.#view.startClock(state.started_ms ?? Date.now());
		this.#view.setState(state.is_away ? 'reconnecting' : 'online');
		this.#act(() => agent.alsoHear(['audio.levels', 'rtc.stats']));
		this.#act(() => this.#settings.refresh());
		if (isAgain)
			this.#act(() => this.#recorder.find());
	}

	/** Which parts there are. @param {{people: boolean, chat: boolean, share: boolean, record: boolean}} parts */
	show({ people, chat, share, record }) {
		this.#buttons.people.hidden = !people;
		this.#buttons.chat.hidden = !chat;
		this.#buttons.screen.hidden = !share;
		this.#recorder.element.hidden = !record;
	}

	setTitle(title, logo) {
		this.#view.setTitle(title || this.#name, logo);
	}

	/** Another language. */
	speak(t) {
		this.#words = t;
		this.#view.relabel();
		this.#show();
	}

	close() {
		this.#listening.abort();
		this.#captures.close();
		this.#view.stopClock();
		this.#view.stage.keepOnly([]);
	}

	#makeBar(onleave) {
		const view = this.#view;
		for (const role of ['microphone', 'camera'])
			this.#buttons[role] = view.button(role, role === 'camera' ? 'camera' : 'mic', 'mute',
				() => this.#act(() => this.#agent.room.mute({ room: this.id, [role]: this.#roster.me[role] })));
		this.#buttons.screen = view.button('share', 'screen', 'share', () => this.#act(() => this.#share()));
		view.bar.append(this.#recorder.element);
		for (const [name, iconName] of [['chat', 'chat'], ['people', 'people'], ['settings', 'settings']])
			this.#buttons[name] = view.panelButton(name, iconName);
		this.#buttons.link = view.button('copy-link', 'link', 'copyLink', () => this.#act(() => this.#link()));
		view.button('leave', 'leave', 'leave', onleave).classList.add('leave');
	}

	#listen() {
		const { signal } = this.#listening;
		const on = (name, fn) => this.#agent.addEventListener(name, ({ detail }) => fn(detail), { signal });
		const here = (name, fn) => on(`room.${name}`, (detail) => detail.room === this.id && fn(detail));
		for (const name of ['member_joined', 'member_changed', 'member_left'])
			here(name, ({ room: _, ts_us: __, ...m }) => this.#changed(this.#roster.apply(`room.${name}`, m)));
		here('chat', ({ room: _, ...line }) => this.#line(line, true));
		here('muted', ({ by, microphone, camera }) => {
			const name = this.#roster.members.get(by)?.user_name ?? '';
			for (const key of [microphone && 'mutedBy', camera && 'cameraOffBy'].filter(Boolean))
				this.#view.notices.say(this.#t(key, { name }), true);
		});
		here('reconnecting', () => this.#view.setState('reconnecting'));
		here('reconnected', () => this.#again());
		here('closed', (detail) => this.#onclosed(detail));
		on('session.changed', ({ session, state }) => session === this.session && state === 'closed' && this.#onclosed({ reason: 'session_closed' }));
		on('reconnecting', () => this.#view.setState('reconnecting'));
		on('reconnected', ({ lost_sessions }) => (lost_sessions.includes(this.session) ? this.#onclosed({ reason: 'agent_gone' }) : this.#again()));
		on('disconnected', (e) => this.#onclosed({ reason: 'agent_gone', text: e.message }));
		on('devices.changed', () => this.#act(() => this.#settings.refresh()));
		on('quality.warning', (detail) => detail.session === this.session && detail.state === 'start' && this.#warn(detail));
		on('audio.levels', (detail) => this.#settings.level(detail, (source) => this.#roster.others.some((m) => m.sources?.sound === source)));
		on('rtc.stats', ({ peers }) => this.#rate(peers));
	}

	/** Something is wrong with a picture or a sound, the desk's own or a member's. */
	#warn({ source, kind }) {
		const text = this.#t(`q_${kind}`);
		const member = this.#roster.others.find(({ sources = {} }) => Object.values(sources).includes(source));
		this.#view.notices.say(member ? this.#t('q_of', { name: member.user_name, text }) : text, true);
	}

	/** After an absence, of the agent or of the page: what is true now. */
	#again() {
		this.#act(async () => {
			this.#take(await this.#agent.room.get({ room: this.id }));
			this.#view.setState('online');
		});
	}

	#take({ members = [], member, history = [] }) {
		const isFirst = !this.#roster.own;
		const diff = this.#roster.reset(members, member);
		history.forEach((line) => this.#line(line, !isFirst));
		this.#changed(isFirst ? { joined: [], left: [], changed: [] } : diff);
	}

	#line(line, isNews) {
		this.#view.chat.add(line, line.user_id === this.#roster.me?.user_id);
		if (isNews)
			this.#tell('chat', line);
	}

	#changed(diff) {
		this.#view.tell(diff, this.#roster.own);
		this.#show();
		this.#tell('memberchange', { members: [...this.#roster.members.values()] });
	}

	#show() {
		const { others, me, own, members } = this.#roster;
		const { stage, people } = this.#view;
		const wanted = [me?.camera !== false && 'camera', ...others.flatMap(({ sources = {} }) => [sources.camera, sources.screen])
			.map((number) => number && `remote:${number}`)].filter(Boolean);
		this.#captures.want(wanted);
		const keys = ['own'];
		stage.set('own', { stream: this.#captures.stream('camera'), name: this.#t('you'), face: me?.user_name, isOwn: true,
			isOff: me?.camera === false, isMuted: me?.microphone === false });
		for (const m of others) {
			const isAway = m.away || m.connection === 'lost' || m.connection === 'failed';
			const common = { isAway, isSilent: true, quality: this.#qualities.get(m.member) ?? '' };
			keys.push(`m${m.member}`);
			stage.set(`m${m.member}`, { stream: this.#captures.stream(`remote:${m.sources?.camera}`), name: m.user_name, isOff: !m.camera,
				isMuted: !m.microphone, isRecording: m.recording, ...common });
			const screen = m.screen && m.sources?.screen && this.#captures.stream(`remote:${m.sources.screen}`);
			if (screen) {
				keys.push(`m${m.member}-screen`);
				stage.set(`m${m.member}-screen`, { stream: screen, name: this.#t('screenOf', { name: m.user_name }), kind: 'screen', ...common });
			}
		}
		stage.keepOnly(keys);
		people.show([...members.values()], own, (m) => this.#qualities.get(m.member) ?? '');
		this.#view.showRecorders(this.#roster.recorders, own);
		this.#showButtons(me);
	}

	#showButtons(me) {
		for (const role of ['microphone', 'camera', 'screen'])
			this.#view.showSwitch(this.#buttons[role], role, Boolean(me?.[role]));
		this.#buttons.link.hidden = me?.role !== 'host';
	}

	#rate(peers) {
		for (const peer of peers)
			if (peer.session === this.session && peer.member)
				this.#qualities.set(Number(peer.member), wordFor(peer));
		this.#show();
	}

	/** One screen: at once. Several: which? */
	async #share() {
		if (this.#roster.me.screen) {
			await this.#agent.room.share({ room: this.id, screen: false });
			return;
		}
		const { devices } = await this.#agent.devices.list({ kinds: ['screen'] });
		const answers = devices.map(({ id, name }) => ({ text: name, value: id }));
		const device = answers.length < 2 ? answers[0]?.value : await ask(this.element, [h('p', {}, this.#t('chooseScreen'))],
			[...answers, { text: this.#t('no'), value: '' }]);
		if (device === '')
			return;
		await this.#agent.room.share({ room: this.id, screen: true, ...(device && { device }) });
	}

	async #mute({ member }) {
		await this.#agent.room.mute({ room: this.id, member, microphone: true });
	}

	async #kick(m) {
		const answer = await ask(this.element, [h('p', {}, this.#t('kickSure', { name: m.user_name }))],
			[{ text: this.#t('no'), value: 'no' }, { text: this.#t('yes'), value: 'yes', class: 'bad' }]);
		if (answer === 'yes')
			await this.#agent.room.kick({ room: this.id, member: m.member });
	}

	/** The link with what the customer reads first: the room's name and who invites. */
	async #link() {
		const { link } = await this.#agent.room.ticket({ room: this.id });
		const whole = `${link}&n=${encodeURIComponent(this.#name)}&by=${encodeURIComponent(this.#roster.me.user_name)}`;
		const field = h('input', { value: whole, readonly: '', label: 'copyLink', data: { testid: 'link' } });
		field.setAttribute('aria-label', this.#t('copyLink'));
		const said = h('p', { role: 'status' });
		const copy = async () => {
			field.select();
			await navigator.clipboard.writeText(whole);
			said.textContent = this.#t('copied');
		};
		await copy().catch(() => {}); /* not allowed here: the field is selected, and there is the button */
		await ask(this.element, [h('label', { class: 'row' }, h('span', {}, this.#t('copyLink')), field), said],
			[{ text: this.#t('copyLink'), value: 'copy', action: () => copy().catch((e) => this.#problem(e)) },
				{ text: this.#t('close'), value: 'close', class: 'strong' }]);
	}

	#recorded(detail) {
		if (detail.state === 'failed')
			this.#view.notices.say([detail.reason, detail.hint].filter(Boolean).join('. '), true);
		this.#tell('recording', detail);
	}

	#act(fn) {
		Promise.resolve().then(fn).catch((e) => this.#listening.signal.aborted || this.#problem(e));
	}

	/** Said to the person and to the page. */
	#problem(e) {
		this.#view.notices.say([e.message, e.hint].filter(Boolean).join('. '), true);
		this.#tell('error', e);
	}
}
