/** The desk's devices and beauty, commanded at the agent; levels of microphone and speaker. */
import { fillDevices, row } from './call_view.js';
import { h } from './dom.js';

const BEAUTY = ['smooth', 'whiten', 'ruddy', 'sharpen'];
const STYLES = { smooth: 'styleSmooth', natural: 'styleNatural', blur: 'styleBlur' };
const ROLES = ['microphone', 'camera'];
const FLOOR_DB = -60;

export class DeskSettings {
	#t;
	#agent;
	#session;
	#onerror;
	#sources = [];
	#heard = new Map(); /* rms_db by source of the others; the speaker shows the loudest */
	#selects;
	#meters;
	#volume = h('input', { type: 'range', min: '0', max: '100', value: '100', data: { testid: 'volume' } });
	#style = h('select', { data: { testid: 'beauty-style' } }, ...Object.entries(STYLES).map(([value, key]) => h('option', { value, text: key })));
	#sliders = Object.fromEntries(BEAUTY.map((name) => [name,
		h('input', { type: 'range', min: '0', max: '9', value: '0', data: { testid: `beauty-${name}` } })]));

	/** @param {(key: string, values?: object) => string} t @param {{agent: object, session: string, onerror: (e: Error) => void}} how */
	constructor(t, { agent, session, onerror }) {
		this.#t = t;
		this.#agent = agent;
		this.#session = session;
		this.#onerror = onerror;
		const meter = (name) => h('meter', { min: String(FLOOR_DB), max: '0', low: '-50', high: '-6', optimum: '-20', label: 'level',
			value: FLOOR_DB, data: { testid: `level-${name}` } }); /* without a value it would show 0 dB: all of it */
		this.#meters = { microphone: meter('microphone'), speaker: meter('speaker') };
		const act = (fn) => () => Promise.resolve(fn()).catch(onerror);
		this.#selects = Object.fromEntries([...ROLES, 'speaker'].map((role) => [role, h('select', { data: { testid: `device-${role}` },
			on: { change: act(() => this.#choose(role)) } })]));
		this.#volume.addEventListener('input', act(() => agent.audio.set({ session, speaker_volume: Number(this.#volume.value) })));
		for (const control of [this.#style, ...Object.values(this.#sliders)])
			control.addEventListener('input', act(() => this.#beautify()));
		this.element = h('div', {}, row('microphone', this.#selects.microphone, this.#meters.microphone),
			row('speaker', this.#selects.speaker, this.#meters.speaker), row('volume', this.#volume), row('camera', this.#selects.camera),
			h('h3', { text: 'beauty' }), row('style', this.#style), ...BEAUTY.map((name) => {
				const line = row(name, this.#sliders[name], h('output', {}, '0'));
				line.classList.add('slider');
				return line;
			}));
	}

	/** What there is now; on opening, and when devices come and go. */
	async refresh() {
		const [{ sessions }, { devices }] = await Promise.all([this.#agent.session.list({}),
			this.#agent.devices.list({ kinds: ['camera', 'microphone', 'speaker'] })]);
		this.#sources = sessions.find((each) => each.session === this.#session)?.sources ?? [];
		for (const [role, select] of Object.entries(this.#selects)) {
			const chosen = role === 'speaker' ? select.value : this.#own(role)?.device;
			fillDevices(select, devices.filter((d) => d.kind === role), chosen, this.#t);
		}
	}

	/** An audio.levels event. @param {(source: number) => boolean} isRemote */
	level({ session, source, rms_db }, isRemote) {
		if (session !== this.#session)
			return;
		const value = Math.max(FLOOR_DB, rms_db);
		if (source === this.#own('microphone')?.source)
			this.#meters.microphone.value = value;
		else if (source)
			this.#heard.set(source, value);
		for (const each of this.#heard.keys())
			if (!isRemote(each))
				this.#heard.delete(each);
		this.#meters.speaker.value = Math.max(FLOOR_DB, ...this.#heard.values());
	}

	#own(role) {
		return this.#sources.find((source) => source.role === role);
	}

	async #choose(role) {
		const device = this.#selects[role].value;
		const source = this.#own(role)?.source;
		if (role === 'speaker')
			await this.#agent.audio.set({ session: this.#session, speaker: device });
		else if (source)
			await this.#agent.source.update({ session: this.#session, source, device });
		else
			await this.#agent.source.add({ session: this.#session, source: { role, ...(device && { device }) } });
		await this.refresh();
	}

	async #beautify() {
		const levels = Object.fromEntries(BEAUTY.map((name) => [name, Number(this.#sliders[name].value)]));
		for (const slider of Object.values(this.#sliders))
			slider.nextSibling.textContent = slider.value;
		await this.#agent.beauty.set({ session: this.#session, style: this.#style.value, ...levels });
	}
}
