/** Record, pause, marker, stop; the elapsed time; and what became of the file. */
import { $, clock, log, say, showTable } from './ui.js';

/** What people see of a finished recording, and how. */
const SHOWN = {
	name: String, duration_ms: (v) => `${(v / 1000).toFixed(2)} s`, bytes: (v) => `${(v / 1e6).toFixed(2)} MB`, video_frames: String,
	dropped: String, started_ms: (v) => new Date(v).toLocaleString(), stopped_ms: (v) => new Date(v).toLocaleString(),
	markers: (v) => v.map(({ t_ms, text }) => `${clock(t_ms)} ${text}`).join(', '), reason: String, recording: String,
};

export class Recorder {
	#agent = null;
	#session = null;
	#recording = null;
	#state = 'idle';
	#elapsed_ms = 0;
	#since = 0;

	constructor(onError) {
		const act = (fn) => () => fn().catch((e) => {
			this.#set(this.#recording ? this.#state : 'failed');
			onError(e);
		});
		$('record').addEventListener('click', act(() => this.start()));
		$('pause').addEventListener('click', act(() => this.pauseOrResume()));
		$('stop').addEventListener('click', act(() => this.stop()));
		$('marker').addEventListener('click', act(() => this.mark()));
		$('marker-text').addEventListener('keydown', (e) => e.key === 'Enter' && $('marker').click());
		setInterval(() => this.#showTime(), 200);
		this.#set('idle');
	}

	/** The session to record, or null. */
	use(agent, session) {
		this.#agent = agent;
		this.#session = session;
		$('recorder').disabled = !session;
	}

	async start() {
		const request_id = crypto.randomUUID?.() ?? String(Math.random());
		const { recording } = await this.#agent.recording.start({
			session: this.#session, targets: ['local'], case_id: $('case-id').textContent, request_id,
		});
		this.#begin(recording, 0);
	}

	/** A recording that goes on from before a reload. */
	async find() {
		const { recordings = [] } = await this.#agent.recording.list({});
		const running = recordings.find((r) => r.session === this.#session && ['recording', 'paused'].includes(r.state));
		if (running)
			this.#begin(running.recording, running.duration_ms ?? 0, running.state);
	}

	async pauseOrResume() {
		const isPaused = this.#state === 'paused';
		await this.#agent.recording[isPaused ? 'resume' : 'pause']({ recording: this.#recording });
		this.#set(isPaused ? 'recording' : 'paused');
	}

	async mark() {
		const text = $('marker-text').value.trim() || new Date().toLocaleTimeString();
		await this.#agent.recording.marker({ recording: this.#recording, text });
		$('marker-text').value = '';
	}

	/** @returns {Promise<object>} facts of the finished file */
	async stop() {
		const recording = this.#recording;
		this.#set('stopping');
		const facts = await this.#agent.recording.stop({ recording }, { timeout: 60000 });
		this.#finish('stopped', facts);
		return facts;
	}

	/** Events of this recording. */
	event(name, detail) {
		if (detail.recording !== this.#recording || !this.#recording)
			return;
		if (name === 'recording.progress') {
			this.#elapsed_ms = detail.duration_ms;
			this.#since = performance.now();
		} else if (name === 'recording.failed') {
			log(name, [detail.reason, detail.hint].filter(Boolean).join(' '));
			this.#finish('failed', detail);
		} else if (name === 'recording.stopped' && this.#state !== 'stopping') {
			this.#finish('stopped', detail);
		} else if (name === 'recording.paused' || name === 'recording.resumed') {
			this.#set(name === 'recording.paused' ? 'paused' : 'recording');
		}
	}

	#begin(recording, elapsed_ms, state = 'recording') {
		this.#recording = recording;
		this.#elapsed_ms = elapsed_ms;
		$('fact-table').hidden = $('facts-details').hidden = true;
		$('facts').textContent = '';
		this.#set(state);
	}

	#finish(state, facts) {
		this.#recording = null;
		this.#set(state);
		showTable(Object.fromEntries(Object.entries(SHOWN).filter(([name]) => facts[name] !== undefined)
			.map(([name, form]) => [name, form(facts[name])])));
		$('facts').textContent = JSON.stringify(facts);
		$('facts-details').hidden = false;
	}

	#set(state) {
		if (this.#state === 'recording' && state !== 'recording')
			this.#elapsed_ms += performance.now() - this.#since;
		this.#since = performance.now();
		this.#state = state;
		const isRunning = state === 'recording' || state === 'paused';
		say($('record-state'), `record_${state}`);
		say($('pause'), state === 'paused' ? 'resume' : 'pause');
		$('record').disabled = isRunning || state === 'stopping';
		for (const id of ['pause', 'stop', 'marker', 'marker-text'])
			$(id).disabled = !isRunning;
		document.querySelector('.picture').toggleAttribute('data-recording', state === 'recording');
		this.#showTime();
	}

	#showTime() {
		const running = this.#state === 'recording' ? performance.now() - this.#since : 0;
		$('elapsed').textContent = clock(this.#elapsed_ms + running);
	}
}
