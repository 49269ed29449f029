/** Record, pause, stop, and how long it has been: of one session of the agent. */
import { clock, h, roundButton, say } from './dom.js';

const TICK_MS = 500;

export class Recorder {
	/** 'idle', 'recording', 'paused', 'stopping' */
	state = 'idle';
	#t;
	#how;
	#recording = '';
	#elapsed_ms = 0;
	#since_ms = 0;
	#timer = 0;
	#time = h('time', { role: 'timer', data: { testid: 'record-time' } });
	#record = roundButton('record', 'record', () => this.#act(() => this.start()), { testid: 'record' });
	#pause = roundButton('pause', 'pause', () => this.#act(() => this.#flip()), { testid: 'pause' });
	#stop = roundButton('stop', 'stop', () => this.#act(() => this.stop()), { testid: 'stop' });

	/**
	 * @param {(key: string, values?: object) => string} t
	 * @param {{agent: object, session: string, onchange: (detail: object) => void, onerror: (e: Error) => void, signal: AbortSignal}} how
	 */
	constructor(t, how) {
		this.#t = t;
		this.#how = how;
		this.element = h('span', { class: 'recorder', role: 'group', label: 'record' }, this.#record, this.#pause, this.#stop, this.#time);
		for (const name of ['progress', 'paused', 'resumed', 'stopped', 'failed'])
			how.agent.addEventListener(`recording.${name}`, ({ detail }) => detail.recording === this.#recording && this.#heard(name, detail),
				{ signal: how.signal });
		how.signal.addEventListener('abort', () => clearInterval(this.#timer));
		this.#set('idle');
	}

	async start() {
		const { agent, session } = this.#how;
		const { recording } = await agent.recording.start({ session, request_id: crypto.getRandomValues(new Uint32Array(4)).join('-') });
		this.#begin(recording, 0, 'recording');
	}

	/** One that goes on from before a reload. */
	async find() {
		const { agent, session } = this.#how;
		const { sessions } = await agent.session.list({});
		for (const id of sessions.find((each) => each.session === session)?.recordings ?? []) {
			const { state, duration_ms = 0 } = await agent.recording.get({ recording: id });
			if (state === 'recording' || state === 'paused')
				this.#begin(id, duration_ms, state);
		}
	}

	async stop() {
		this.#set('stopping');
		await this.#how.agent.recording.stop({ recording: this.#recording }, { timeout: 60000 });
	}

	async #flip() {
		const isPaused = this.state === 'paused';
		await this.#how.agent.recording[isPaused ? 'resume' : 'pause']({ recording: this.#recording });
		this.#set(isPaused ? 'recording' : 'paused');
	}

	async #act(fn) {
		const before = this.state;
		try {
			await fn();
		} catch (e) {
			this.#set(before);
			this.#how.onerror(e);
		}
	}

	#begin(recording, elapsed_ms, state) {
		this.#recording = recording;
		this.#elapsed_ms = elapsed_ms;
		this.#set(state);
	}

	#heard(name, detail) {
		if (name === 'progress') {
			this.#elapsed_ms = detail.duration_ms;
			this.#since_ms = Date.now();
		} else if (name === 'stopped' || name === 'failed') {
			this.#recording = '';
			this.#set('idle', { ...detail, state: name });
		} else {
			this.#set(name === 'paused' ? 'paused' : 'recording');
		}
	}

	#set(state, detail) {
		const isChange = state !== this.state;
		if (this.state === 'recording' && state !== 'recording')
			this.#elapsed_ms += Date.now() - this.#since_ms;
		if (isChange)
			this.#since_ms = Date.now();
		this.state = state;
		this.element.toggleAttribute('data-idle', state === 'idle');
		this.#record.hidden = state !== 'idle';
		this.#pause.hidden = this.#stop.hidden = this.#time.hidden = state === 'idle';
		this.#pause.disabled = this.#stop.disabled = state === 'stopping';
		say(this.#pause, this.#t, state === 'paused' ? 'resume' : 'pause', state === 'paused' ? 'resume' : 'pause');
		clearInterval(this.#timer);
		if (state !== 'idle')
			this.#timer = setInterval(() => this.#show(), TICK_MS);
		this.#show();
		if (isChange)
			this.#how.onchange(detail ?? { recording: this.#recording, state });
	}

	#show() {
		const running = this.state === 'recording' ? Date.now() - this.#since_ms : 0;
		this.#time.textContent = clock(this.#elapsed_ms + running);
	}
}
