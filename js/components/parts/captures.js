/** Live pictures of a session by name: each asked for when it is wanted, let go when it is not. The agent plays the sound. */

export class Captures {
	#agent;
	#session;
	#onchange;
	#held = new Map();

	/** @param {object} agent a connected Deskhand @param {string} session @param {() => void} onchange a picture came or went */
	constructor(agent, session, onchange) {
		this.#agent = agent;
		this.#session = session;
		this.#onchange = onchange;
		agent.addEventListener('capture.ended', this.#ended);
	}

	/** From now on these, and no others. @param {string[]} tracks camera, screen, remote:NUMBER */
	want(tracks) {
		for (const [track, { abort }] of this.#held)
			if (!tracks.includes(track)) {
				this.#held.delete(track);
				abort.abort();
			}
		tracks.filter((track) => !this.#held.has(track)).forEach((track) => void this.#open(track));
	}

	/** @returns {MediaStream|null} */
	stream(track) {
		return this.#held.get(track)?.stream ?? null;
	}

	close() {
		this.want([]);
		this.#agent.removeEventListener('capture.ended', this.#ended);
	}

	async #open(track) {
		const held = { stream: null, abort: new AbortController() };
		this.#held.set(track, held);
		try {
			held.stream = await this.#agent.captureStream({ session: this.#session, tracks: [track], sound: 'none', signal: held.abort.signal });
		} catch {
			if (this.#held.get(track) === held) /* no picture yet: asked for again when something changes */
				this.#held.delete(track);
			return;
		}
		this.#onchange();
	}

	#ended = ({ detail }) => {
		for (const [track, { stream }] of this.#held)
			if (stream === detail.stream)
				this.#held.delete(track);
		this.#onchange();
	};
}
