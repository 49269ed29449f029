/** The predecessor's objects: what a page calls on LiveRoom, RtcRoom and PushPlay, and what it hears. Loaded by ../../EXEStarter.js. */
import * as codes from './codes.js';
import { Here } from './here.js';
import { openPanel } from './panel.js';
import { ParamError, readStart } from './params.js';
import { say } from './texts.js';
import { openWindow } from './there.js';

export { getSDKLoginInfo } from './login.js';

/** Room -> where it runs, of this page. @type {Map<string, {stop: () => Promise<void>}>} */
const running = new Map();
let starts = 0;

/** A page's callback; what it throws is the page's matter. */
function call(fn, ...args) {
	try {
		fn?.(...args);
	} catch (e) {
		reportError(e);
	}
}

/** success and fail of one call: exactly one of them, once, never before the call has returned. */
function answerer(object) {
	let isOpen = true;
	const answer = (name) => (detail) => {
		if (isOpen)
			queueMicrotask(() => call(object?.[name], detail));
		isOpen = false;
	};
	return { success: answer('success'), fail: answer('fail'), isOpen: () => isOpen };
}

function refuse(answer, errCode, errMsg, name = 'EINVAL') {
	console.error(`EXEStarter: ${errMsg}`);
	answer.fail({ errCode, errMsg, name });
}

class Rooms {
	#listener = {};

	setListener(listener) {
		this.#listener = { ...this.#listener, ...listener };
	}

	startEXE(object) {
		const answer = answerer(object);
		let plan, place;
		try {
			plan = readStart('RtcRoom.startEXE', object);
			if (running.has(plan.room) || (plan.singleton && running.size))
				return refuse(answer, codes.RUNNING, say('running'), 'EBUSY');
			place = placeOf(object.custom?.container, plan);
		} catch (e) {
			return refuse(answer, e instanceof ParamError ? e.code : codes.SYSTEM, e.message, e.name);
		}
		running.set(plan.room, place);
		const names = { roomID: plan.room, roomId: plan.room, roomName: plan.name };
		const data = { httpPort: ++starts };
		place.run(plan, (name, detail) => this.#told(answer, names, data, name, detail));
	}

	stopEXE(object) {
		const answer = answerer(object);
		const room = object?.data?.roomID ?? object?.data?.roomId ?? [...running.keys()].at(-1);
		const place = running.get(String(room));
		if (!place)
			return refuse(answer, codes.MISSING, say('no_room'), 'ENOENT');
		place.stop().then(() => answer.success({ data: { roomID: String(room), roomId: String(room) } }));
	}

	unload() {
		running.forEach((place) => place.stop());
	}

	#told(answer, names, data, name, detail) {
		if (name === 'started')
			answer.success({ data });
		else if (name === 'event')
			this.#heard('onRecvEvent', names, detail, detail);
		else if (name === 'members')
			this.#heard('onMemberChange', names, detail, Object.assign([...detail], { event: 'memberChange', list: detail }));
		else if (name === 'chat')
			this.#heard('onRecvRoomIMMsg', names, { event: 'roomTextMsg', ...names, ...detail });
		else if (name === 'ended' || name === 'failed')
			this.#over(answer, names, name, detail);
	}

	/** It ended, or never began; a reloaded window may also fail to begin again. */
	#over(answer, names, name, detail) {
		running.delete(names.roomID);
		if (answer.isOpen())
			return answer.fail(name === 'failed' ? detail : { errCode: codes.SYSTEM, errMsg: detail.msg, name: detail.name });
		const { code, msg, ...more } = name === 'ended' ? detail : { code: codes.LOCAL_LOST, msg: detail.errMsg };
		this.#heard('onRecvEvent', names, { event: 'roomStatus', code, msg, ...more });
		call(this.#listener.onRoomClose, { data: { ...names, code, msg, ...more } });
	}

	/**
	 * The predecessor's pages gave these listeners one object, as documented, or two parameters, room and payload, as its
	 * code called them: each gets what it was declared for. The object has its fields at the top and in `data`.
	 */
	#heard(name, names, payload, object = payload) {
		const listener = this.#listener[name];
		if (listener?.length >= 2)
			call(listener, names.roomID, payload);
		else
			call(listener, Object.assign(object === payload ? { ...payload } : object, names, { data: payload }));
	}
}

/** Where the page wants the room: in its own element, else in a window; where none opens, in a panel. */
function placeOf(container, { room, title }) {
	if (container) {
		const element = typeof container === 'string' ? document.querySelector(container) : container;
		if (!element?.append)
			throw new ParamError(codes.MISSING, 'invalid', { call: 'RtcRoom.startEXE', field: 'custom.container', value: container });
		return new Here(element);
	}
	const place = openWindow(room);
	if (place)
		return place;
	const panel = openPanel(title, () => running.get(room)?.stop());
	return new Here(panel, () => panel.remove());
}

/** What is not there yet says so to each call. */
function notYet(name) {
	const answer = (object) => refuse(answerer(object), codes.NOT_YET, say(`not_yet_${name}`), 'ENOTSUP');
	return { startEXE: answer, stopEXE: answer, videoSnapshot: answer, setListener() {}, unload() {} };
}

const rtc = new Rooms();
export const RtcRoom = {
	startEXE: (object) => rtc.startEXE(object), stopEXE: (object) => rtc.stopEXE(object),
	setListener: (listener) => rtc.setListener(listener), unload: () => rtc.unload(),
};
export const LiveRoom = notYet('LiveRoom');
export const PushPlay = notYet('PushPlay');
