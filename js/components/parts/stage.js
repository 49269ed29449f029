/** The pictures of a call: one tile per camera, screens large, the own picture small in the corner. */
import { h, icon } from './dom.js';

/** A picture whose shape differs this much from its tile's is shown whole, with bars. */
const CROP_MAX = 1.45;

/**
 * @typedef {object} Tile
 * @property {MediaStream|null} stream @property {string} name @property {string} [face] whose initials, when not the name's
 * @property {'camera'|'screen'} [kind] @property {boolean} [isOwn]
 * @property {boolean} [isOff] no picture comes @property {boolean} [isMuted] its microphone @property {boolean} [isAway]
 * @property {boolean} [isRecording] @property {boolean} [isSilent] the sound is played elsewhere, or it is one's own
 * @property {'good'|'fair'|'poor'|''} [quality]
 */

export class Stage {
	element = h('div', { class: 'stage', role: 'group', label: 'pictures' });
	#tiles = new Map();
	#empty = h('p', { class: 'nobody', text: 'alone' });
	#sound = h('button', { type: 'button', class: 'sound', text: 'soundOn', hidden: true, on: { click: () => this.play() } });
	#sinkId = '';
	#t;

	constructor(t) {
		this.#t = t;
		this.element.append(this.#empty, this.#sound);
		this.#arrange();
	}

	/** Show or change a tile. @param {string} key @param {Tile} what */
	set(key, what) {
		const tile = this.#tiles.get(key) ?? this.#add(key);
		const { stream, name, kind = 'camera', isOwn = false, isOff = false, isMuted, isAway, isRecording, isSilent = isOwn, quality = '' } = what;
		const { figure, video } = tile;
		Object.assign(figure.dataset, { kind, quality });
		for (const [flag, is] of Object.entries({ own: isOwn, off: isOff || !stream, away: isAway, muted: isMuted, recording: isRecording }))
			figure.toggleAttribute(`data-${flag}`, Boolean(is));
		figure.setAttribute('aria-label', [name, (isOff || !stream) && this.#t('cameraIsOff'), isMuted && this.#t('isMuted'),
			isAway && this.#t('isAway'), isRecording && this.#t('isRecording')].filter(Boolean).join(', '));
		tile.name.textContent = name;
		tile.initials.textContent = initials(what.face ?? name);
		video.muted = isSilent;
		if (video.srcObject !== stream) {
			video.srcObject = stream;
			if (stream)
				this.#play(video);
		}
		this.#arrange();
	}

	remove(key) {
		const tile = this.#tiles.get(key);
		if (!tile)
			return;
		tile.video.srcObject = null;
		tile.figure.remove();
		this.#tiles.delete(key);
		this.#arrange();
	}

	/** Tiles other than these go. @param {string[]} keys */
	keepOnly(keys) {
		[...this.#tiles.keys()].filter((key) => !keys.includes(key)).forEach((key) => this.remove(key));
	}

	/** The browser wants a click before it plays sound. */
	play() {
		this.#sound.hidden = true;
		for (const { video } of this.#tiles.values())
			if (video.srcObject)
				this.#play(video);
	}

	/** Another loudspeaker, where the browser can. */
	async setSpeaker(id) {
		this.#sinkId = id;
		await Promise.all([...this.#tiles.values()].map(({ video }) => video.setSinkId?.(id)));
	}

	#add(key) {
		const video = h('video', { autoplay: true, playsinline: '', on: { resize: () => this.#fit(tile) } });
		video.playsInline = true;
		const name = h('span', { class: 'who' });
		const initials = h('span', { class: 'initials', 'aria-hidden': 'true' });
		const figure = h('figure', { class: 'tile', role: 'group', data: { key, testid: `tile-${key}` } }, video, initials,
			h('figcaption', {}, icon('micOff'), icon('away'), icon('record'), name, icon('signal')));
		const tile = { figure, video, name, initials };
		this.#tiles.set(key, tile);
		this.element.append(figure);
		if (this.#sinkId)
			video.setSinkId?.(this.#sinkId).catch(() => {}); /* unplugged meanwhile: the default plays */
		return tile;
	}

	#play(video) {
		video.play().catch((e) => {
			if (e.name === 'NotAllowedError')
				this.#sound.hidden = false;
		});
	}

	#arrange() {
		const tiles = [...this.#tiles.values()].map(({ figure }) => figure);
		const others = tiles.filter((f) => !f.hasAttribute('data-own'));
		this.element.dataset.count = String(others.filter((f) => f.dataset.kind === 'camera').length);
		this.element.toggleAttribute('data-screen', others.some((f) => f.dataset.kind === 'screen'));
		this.element.toggleAttribute('data-alone', !others.length);
		this.#empty.hidden = others.length > 0;
		this.#tiles.forEach((tile) => this.#fit(tile));
	}

	#fit({ figure, video }) {
		const shape = video.videoWidth / video.videoHeight;
		const room = figure.clientWidth / figure.clientHeight;
		figure.toggleAttribute('data-whole', figure.dataset.kind === 'screen' || Math.max(shape / room, room / shape) > CROP_MAX);
	}
}

/** "Lin Mei" -> "LM", "林梅" -> "林梅" */
function initials(name) {
	const words = name.replace(/[(（].*/, '').trim().split(/\s+/).filter(Boolean);
	const letters = words.length > 1 ? [[...words[0]][0], [...words.at(-1)][0]] : [...(words[0] ?? '')].slice(0, 2);
	return letters.join('').toUpperCase();
}
