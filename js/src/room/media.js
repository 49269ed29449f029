/**
 * This browser's own camera, microphone and screen: opening them, changing the device, and why one cannot be had. Errors
 * are values, since nobody is kept out of a call for want of a camera.
 */
import { DeskhandEvent } from '../event.js';

const CAMERA = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 30, max: 30 } };
const MICROPHONE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };
const SCREEN = { video: { frameRate: { max: 15 } }, audio: false };
const KIND = { camera: 'video', microphone: 'audio' };

/** @returns {'denied'|'busy'|'none'|'insecure'|'failed'} what a person can understand of a getUserMedia() error */
export function problemOf(e) {
	return { NotAllowedError: 'denied', SecurityError: 'denied', NotFoundError: 'none', OverconstrainedError: 'none',
		NotReadableError: 'busy', AbortError: 'busy', InsecureError: 'insecure' }[e.name] ?? 'failed';
}

/** Events: `change` {role} when a track came, went or is on or off; `problem` {role, problem}; `devices` came or went. */
export class Media extends EventTarget {
	/** @type {{camera: MediaStreamTrack|null, microphone: MediaStreamTrack|null, screen: MediaStreamTrack|null}} */
	tracks = { camera: null, microphone: null, screen: null };
	/** @type {{camera: string, microphone: string}} why there is none, or '' */
	problems = { camera: '', microphone: '' };
	/** device ids of the user's choice, '' for the browser's */
	chosen = { camera: '', microphone: '' };

	constructor() {
		super();
		globalThis.navigator?.mediaDevices?.addEventListener?.('devicechange', () => this.#emit('devices', {}));
	}

	get isPossible() {
		return Boolean(globalThis.navigator?.mediaDevices?.getUserMedia);
	}

	/** Both with one question; where that fails, each by itself, so that one missing device does not cost the other. */
	async open(roles = ['camera', 'microphone']) {
		try {
			await this.#open(roles);
		} catch (e) {
			if (roles.length === 1)
				await this.#fail(roles[0], e);
			else if (problemOf(e) === 'insecure')
				await Promise.all(roles.map((role) => this.#fail(role, e)));
			else
				for (const role of roles)
					await this.open([role]);
		}
	}

	/** Another device, while the call goes on. */
	async choose(role, id) {
		this.chosen[role] = id;
		if (this.tracks[role])
			await this.open([role]);
	}

	/** Off: a camera is let go, so that its light goes out; a microphone goes on and sends silence. */
	async turn(role, isOn) {
		const track = this.tracks[role];
		if (isOn && !track)
			await this.open([role]);
		else if (role === 'microphone' && track) {
			track.enabled = isOn;
			this.#emit('change', { role });
		} else if (!isOn)
			this.#take(role, null);
	}

	isOn(role) {
		return Boolean(this.tracks[role]?.enabled);
	}

	/** The browser asks which screen. @returns {Promise<boolean>} false: the user thought better of it */
	async share() {
		try {
			const stream = await navigator.mediaDevices.getDisplayMedia(SCREEN);
			const [track] = stream.getVideoTracks();
			track.contentHint = 'detail';
			this.#take('screen', track);
			return true;
		} catch (e) {
			if (problemOf(e) === 'denied')
				return false;
			throw e;
		}
	}

	unshare() {
		this.#take('screen', null);
	}

	get canShare() {
		return Boolean(globalThis.navigator?.mediaDevices?.getDisplayMedia);
	}

	/** @returns {Promise<{camera: object[], microphone: object[], speaker: object[]}>} of {id, name} */
	async devices() {
		const all = this.isPossible ? await navigator.mediaDevices.enumerateDevices() : [];
		const of = (kind) => all.filter((d) => d.kind === kind && d.deviceId).map((d) => ({ id: d.deviceId, name: d.label }));
		return { camera: of('videoinput'), microphone: of('audioinput'), speaker: of('audiooutput') };
	}

	/** @returns {string} id of the device in use, else of the chosen one */
	deviceOf(role) {
		return this.tracks[role]?.getSettings().deviceId ?? this.chosen[role];
	}

	close() {
		for (const role of ['camera', 'microphone', 'screen'])
			if (this.tracks[role])
				this.#take(role, null);
	}

	async #open(roles) {
		if (!this.isPossible)
			throw Object.assign(new Error('no mediaDevices'), { name: 'InsecureError' });
		const wish = (role, more) => ({ ...more, ...(this.chosen[role] && { deviceId: { exact: this.chosen[role] } }) });
		const wanted = { video: roles.includes('camera') && wish('camera', CAMERA),
			audio: roles.includes('microphone') && wish('microphone', MICROPHONE) };
		if (roles.includes('camera') && this.tracks.camera)
			this.tracks.camera.stop(); /* many cameras open once only */
		const stream = await navigator.mediaDevices.getUserMedia(wanted);
		for (const role of roles) {
			const [track] = stream.getTracks().filter((each) => each.kind === KIND[role]);
			track.enabled = this.tracks[role]?.enabled ?? true;
			this.problems[role] = '';
			this.#take(role, track);
		}
	}

	async #fail(role, e) {
		const problem = problemOf(e);
		if (problem === 'none' && this.chosen[role]) { /* the device of the last visit is not plugged in */
			this.chosen[role] = '';
			await this.open([role]);
			return;
		}
		this.problems[role] = problem;
		this.#take(role, null);
		this.#emit('problem', { role, problem });
	}

	#take(role, track) {
		const before = this.tracks[role];
		this.tracks[role] = track;
		if (before && before !== track) {
			before.onended = null;
			before.stop();
		}
		if (track)
			track.onended = () => this.#ended(role);
		this.#emit('change', { role });
	}

	/** Unplugged, taken by the system, or sharing stopped in the browser's own bar. */
	#ended(role) {
		if (role !== 'screen')
			this.problems[role] = 'gone';
		this.#take(role, null);
		if (role !== 'screen')
			this.#emit('problem', { role, problem: 'gone' });
	}

	#emit(name, detail) {
		this.dispatchEvent(new DeskhandEvent(name, detail));
	}
}
