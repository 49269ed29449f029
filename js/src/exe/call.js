/**
 * One room, from connecting to its end, in the document that shows it (the page, or the room's window).
 *
 * What happens is told as tell(name, detail), values that can be cloned:
 *   started {}                      the agent is there
 *   failed  {errCode, errMsg, ..}   it never began: instead of started
 *   held    {session, resume}       whoever has it can end the room when this document is gone
 *   event   {event, ..}             for onRecvEvent
 *   members [{userID, ..}]          all of them, after each change
 *   chat    {userID, message, ..}
 *   ended   {code, msg, reason}     last, once, after started
 */
import { Deskhand } from '../../deskhand.js';
import * as codes from './codes.js';
import { takeTurn } from './turn.js';
import { isSaid, say } from './texts.js';

const SCOPES = ['devices.list', 'camera', 'microphone', 'screen', 'room', 'record.local', 'files.list'];
const PUSH_SCOPE = 'record.push';
/** Seconds the agent keeps the call while no page holds it: long enough for a reload and its login. */
const ORPHAN_S = 30;
const LEAVE_MS = 5000;
const SOURCES = [{ role: 'camera' }, { role: 'microphone' }];
const NOT_BEGUN = { EBUSY: codes.RUNNING, ECANCELED: codes.SYSTEM };
const ROLES = { host: 0, member: 1, guest: 1 }; /* MasterPusher, SlavePusher */

export class Call {
	#plan;
	#view;
	#tell;
	#connect;
	#agent = null;
	#session = '';
	#members = new Map();
	#cameras = new Set();
	#stop = new AbortController();
	#isStarted = false;
	#isOver = false;
	#recordings = new Set();
	#pushState = '';
	#isAway = false;
	#lostTimer = 0;
	#giveTurn = () => {};

	/**
	 * @param {object} plan of readStart() @param {HTMLElement} view a <deskhand-room>
	 * @param {(name: string, detail: any) => void} tell
	 */
	constructor(plan, view, tell, connect = (options) => Deskhand.connect(options)) {
		this.#plan = plan;
		this.#view = view;
		this.#tell = tell;
		this.#connect = connect;
	}

	/** Never rejects: what goes wrong is told. */
	async run() {
		try {
			await this.#begin();
		} catch (e) {
			this.#giveTurn(); /* stopped meanwhile: #end came before the turn did */
			this.#end(codes.UNREACHABLE, e);
			return;
		}
		try {
			await this.#enter();
		} catch (e) {
			this.#end(codes.joinCode(e.name, this.#plan.join.create === 'must'), e);
		}
	}

	/** Leave. @returns {Promise<void>} once the agent knows */
	async stop() {
		await this.#end(codes.CLOSED, { message: say(this.#isStarted ? 'asked' : 'stopped'), name: 'ECANCELED', reason: 'asked' });
	}

	async #begin() {
		const { singleton, record } = this.#plan;
		this.#giveTurn = singleton ? await takeTurn() : () => {};
		const { signal } = this.#stop;
		signal.throwIfAborted();
		this.#agent = await this.#connect({ request: record?.push_url ? [...SCOPES, PUSH_SCOPE] : SCOPES, client: 'EXEStarter.js', signal });
		signal.throwIfAborted();
		if (!customElements.get('deskhand-room'))
			await import('../../components/deskhand-room.js');
		this.#listen();
		this.#isStarted = true;
		this.#tell('started', {});
		for (const name of this.#plan.notYet)
			this.#event({ event: 'notYet', feature: name.split('_')[0], code: codes.NOT_YET, msg: say(`not_yet_${name}`) });
	}

	/** Into the call that the agent kept over a reload, else into a new one. */
	async #enter() {
		const { room, join } = this.#plan;
		const kept = await this.#kept(room);
		this.#view.agent = this.#agent;
		let joined;
		if (kept) {
			this.#session = kept.session;
			this.#recordings = new Set(kept.recordings);
			joined = await this.#view.attach(room);
		} else {
			const opened = await this.#agent.session.open(
				{ template: join.template, sources: SOURCES, orphan_policy: 'stop_after', orphan_s: ORPHAN_S });
			this.#session = opened.session;
			this.#tell('held', opened);
			joined = await this.#view.join({ ...join, session: opened.session });
		}
		if (this.#isOver)
			return;
		const isNew = !kept && join.create === 'must';
		this.#status(isNew ? codes.CREATED : codes.ENTERED, say(isNew ? 'created' : 'entered'));
		this.#takeMembers(joined);
		if (this.#plan.record && !kept?.recordings?.length)
			await this.#record();
	}

	/** The session of this tab that is in the room still. */
	async #kept(room) {
		const attached = await this.#agent.resumeSessions();
		if (!attached.length)
			return undefined;
		const { rooms } = await this.#agent.call('room.list');
		return attached.find(({ session }) => rooms.some((each) => each.room === room && each.session === session));
	}

	/** A recording that does not begin is told, and does not end the call; what a server refuses is recorded here. */
	async #record() {
		const { record, room } = this.#plan;
		const start = (targets) => this.#agent.recording.start(
			{ session: this.#session, case_id: room.slice(0, 64), request_id: this.#session, ...targets });
		const failed = (event) => (e) => this.#event({ event, state: 'failed', name: e.name, msg: e.message, hint: e.hint });
		if (record.targets.length === 1)
			return start(record).catch(failed('screenRecord'));
		return start(record).catch((e) => {
			failed('cloudRecord')(e);
			return start({ targets: ['local'] }).catch(failed('screenRecord'));
		});
	}

	#recording(state, { recording, duration_ms, bytes, name, reason }) {
		this.#recordings[state === 'started' ? 'add' : 'delete'](recording);
		this.#event({ event: 'screenRecord', state, recording, duration_ms, bytes, name, msg: reason });
	}

	/** Each change of the server's half, not each second of it. */
	#pushed({ state, recording, target, why, name, hint, bytes, dropped, attempt }) {
		if (state !== 'live' || this.#pushState !== state)
			this.#event({ event: 'cloudRecord', state, recording, target, bytes, dropped, attempt, name, msg: why, hint });
		this.#pushState = state;
	}

	#listen() {
		const on = (name, fn) => this.#agent.addEventListener(name, ({ detail }) => fn(detail), { signal: this.#stop.signal });
		const own = (name, fn) => on(name, (detail) => this.#isOwn(detail) && fn(detail));
		own('room.member_joined', (member) => this.#member(member));
		own('room.member_changed', (member) => this.#member(member));
		own('room.member_left', ({ member }) => this.#members.delete(member) && this.#tellMembers());
		own('room.chat', ({ user_id: userID, user_name: userName, text, id, ts_ms: time }) =>
			this.#tell('chat', { userID, userName, userAvatar: '', msg: text, message: text, id, time }));
		own('room.custom', ({ user_id: userID, data }) => this.#event({ event: 'roomCustomMsg', userID, data }));
		own('room.closed', ({ reason = 'ended', text }) => this.#roomClosed(reason, text));
		own('room.reconnecting', () => this.#roomAway());
		own('room.reconnected', (detail) => this.#roomBack(detail));
		own('source.lost', (detail) => detail.role === 'camera' && this.#cameraLost(detail));
		own('session.changed', (detail) => this.#sessionChanged(detail));
		own('push.state', (detail) => this.#pushed(detail));
		for (const state of ['started', 'stopped', 'failed'])
			own(`recording.${state}`, (detail) => this.#recording(state, detail));
		on('reconnecting', ({ attempt }) => this.#localLost(attempt));
		on('reconnected', ({ lost_sessions: lost }) => this.#localBack(lost));
		this.#view.addEventListener('closed', ({ detail }) => this.#roomClosed(detail?.reason ?? 'left'), { signal: this.#stop.signal });
		on('disconnected', (e) => this.#end(codes.LOCAL_LOST, { message: say('lost'), name: e.name, reason: e.message }));
	}

	/** Events of rooms name their room, those of sessions their session. */
	#isOwn({ room, session }) {
		return room === undefined ? session === this.#session : room === this.#plan.room;
	}

	#member(member) {
		this.#members.set(member.member, { ...this.#members.get(member.member), ...member });
		this.#tellMembers();
	}

	#tellMembers() {
		this.#tell('members', [...this.#members.values()].map(({ user_id: userID, user_name: userName, role }) =>
			({ userID, userName, userAvatar: '', role: ROLES[role] ?? 1 })));
	}

	#event(detail) {
		this.#tell('event', detail);
	}

	#status(code, msg) {
		this.#event({ event: 'roomStatus', code, msg });
	}

	#roomClosed(reason, text) {
		this.#end(codes.closeCode(reason), { message: isSaid(reason) ? say(reason) : text || say('ended'), reason });
	}

	/** Each try that failed says so. */
	#roomAway() {
		if (!this.#isAway)
			this.#event({ event: 'roomConnection', road: 'server', state: 'reconnecting' });
		this.#isAway = true;
	}

	async #roomBack({ resumed }) {
		this.#isAway = false;
		this.#event({ event: 'roomConnection', road: 'server', state: 'reconnected' });
		if (resumed)
			return;
		const { room } = this.#plan;
		const now = await this.#agent.call('room.get', { room }).catch(() => null); /* closed meanwhile: told by its event */
		if (now)
			this.#takeMembers(now);
	}

	#takeMembers({ members }) {
		this.#members = new Map(members.map((member) => [member.member, member]));
		this.#tellMembers();
	}

	#sessionChanged({ state, sources = [] }) {
		if (state === 'closed')
			this.#end(codes.CLOSED, { message: say('ended'), reason: 'session_closed' });
		for (const { source, role, state: its } of sources)
			if (role === 'camera' && its === 'live')
				this.#cameras.add(source);
	}

	#cameraLost({ source, name, hint }) {
		const { code, text } = codes.cameraCode(name, this.#cameras.has(source));
		this.#event({ event: 'roomStatus', code, msg: say(text), name, hint });
	}

	/** The SDK goes on trying; once the agent has given the call up, nothing is left to come back to. */
	#localLost(attempt) {
		if (attempt)
			return;
		this.#event({ event: 'roomConnection', road: 'local', state: 'reconnecting' });
		clearTimeout(this.#lostTimer);
		this.#lostTimer = setTimeout(() => this.#end(codes.LOCAL_LOST, { message: say('lost'), reason: 'lost' }), ORPHAN_S * 1000);
	}

	#localBack(lost) {
		clearTimeout(this.#lostTimer);
		if (lost.includes(this.#session))
			this.#end(codes.LOCAL_LOST, { message: say('lost'), reason: 'lost' });
		else
			this.#event({ event: 'roomConnection', road: 'local', state: 'reconnected' });
	}

	async #end(code, { message, name, hint, command, reason = name }) {
		if (this.#isOver)
			return;
		this.#isOver = true;
		clearTimeout(this.#lostTimer);
		if (!this.#isStarted)
			this.#stop.abort();
		await this.#leave();
		this.#stop.abort();
		this.#giveTurn();
		if (this.#isStarted)
			this.#tell('ended', { code, msg: message, reason, name, hint });
		else
			this.#tell('failed', { errCode: NOT_BEGUN[name] ?? code, errMsg: message, name, hint, command });
	}

	/** Recordings first, so that the page hears of their end. What is gone already needs no leaving. */
	async #leave() {
		if (this.#agent?.state === 'connected' && this.#session) {
			const ask = (method, params) => this.#agent.call(method, params, { timeout: LEAVE_MS }).catch(() => {});
			await Promise.all([...this.#recordings].map((recording) => ask('recording.stop', { recording })));
			await this.#view.leave().catch(() => {});
			await ask('session.close', { session: this.#session });
		}
		this.#agent?.close();
	}
}
