/** The picture (snapshots, one after the other) and the sound levels of the open session. */
import { $, say, t } from './ui.js';

const PERIOD_MS = 500;

export class Picture {
	#agent = null;
	#session = null;
	#timer = null;

	start(agent, session) {
		this.stop();
		this.#agent = agent;
		this.#session = session;
		this.#next();
	}

	stop() {
		clearTimeout(this.#timer);
		this.#session = null;
		$('snapshot').hidden = true;
		$('no-picture').hidden = false;
		$('meters').replaceChildren();
	}

	async #next() {
		const session = this.#session;
		try {
			if (!document.hidden && this.#agent.state === 'connected') {
				const shot = await this.#agent.snapshot.take({ session, track: 'program' }, { timeout: 5000 });
				if (session !== this.#session)
					return;
				$('snapshot').src = `data:${shot.mime};base64,${shot.data}`;
				$('snapshot').alt = t('pictureAlt');
				$('snapshot').hidden = false;
				$('no-picture').hidden = true;
			}
		} catch {
			/* no picture this time; a lost connection is told elsewhere */
		}
		if (session === this.#session)
			this.#timer = setTimeout(() => this.#next(), PERIOD_MS);
	}

	/** An audio.levels event. */
	level({ session, source = 0, rms_db, peak_db }) {
		if (session !== this.#session)
			return;
		const id = `level-${source}`;
		const meter = $(id) ?? this.#addMeter(id, source);
		meter.value = Math.max(-60, rms_db);
		meter.title = `${rms_db} dB, ${peak_db} dB`;
	}

	#addMeter(id, source) {
		const meter = Object.assign(document.createElement('meter'), { id, min: -60, max: 0, low: -50, high: -6, optimum: -20, value: -60 });
		meter.dataset.testid = id;
		const label = document.createElement('label');
		const name = document.createElement('span');
		say(name, source ? 'levelSource' : 'levelMix');
		label.append(name, source ? String(source) : '', meter);
		$('meters').append(label);
		return meter;
	}
}
