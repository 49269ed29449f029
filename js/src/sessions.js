/** Sessions of this tab: their `resume` secrets are kept in sessionStorage, so that a reload finds them again. */

const STORE = 'deskhand.sessions';

export class Sessions {
	#held = read();

	/** Look at every command that passes. */
	saw(method, params, result) {
		if (result?.resume && (method === 'session.open' || method === 'room.join'))
			this.#held.set(result.session, result.resume);
		else if (method === 'session.close')
			this.#held.delete(params?.session);
		else
			return;
		this.#write();
	}

	/**
	 * Attach to what this tab held before a reload or an agent's restart.
	 * @param {(method: string, params: object) => Promise<object>} request
	 * @returns {Promise<{attached: object[], lost: string[]}>} the states of those that live; ids of those that do not
	 */
	async attach(request) {
		const attached = [];
		const lost = [];
		for (const [session, resume] of [...this.#held]) {
			try {
				attached.push({ session, ...(await request('session.attach', { session, resume })).state });
			} catch (e) {
				if (e.retriable)
					throw e;
				this.#held.delete(session);
				lost.push(session);
			}
		}
		this.#write();
		return { attached, lost };
	}

	#write() {
		try {
			sessionStorage.setItem(STORE, JSON.stringify([...this.#held]));
		} catch {
			/* storage is off: sessions end with the page */
		}
	}
}

function read() {
	try {
		return new Map(JSON.parse(sessionStorage.getItem(STORE) ?? '[]'));
	} catch {
		return new Map();
	}
}
