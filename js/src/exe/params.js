/** Reads what a page gives to startEXE; everything that passes is checked here, once. */
import { language } from '../texts.js';
import { MISSING, NO_OBJECT } from './codes.js';
import { say } from './texts.js';

const NEEDED = { userdata: ['userID', 'userSig', 'sdkAppID', 'accType'], roomdata: ['roomID', 'roomAction'] };
/** roomAction -> `create` of room.join */
const ACTIONS = { createRoom: 'must', enterRoom: 'never' };
const TEMPLATES = ['1v1', '1v2', '1v3', '1v4'];
const SOCKS_PORT = 1080;

/** What a page did wrong, with the number it knows. */
export class ParamError extends Error {
	constructor(code, key, values) {
		super(say(key, values));
		this.name = 'EINVAL';
		this.code = code;
	}
}

/**
 * @param {string} call its name, for messages
 * @param {object} object as the predecessor documented it
 * @returns {object} a plan: values that can be cloned, so that they can go to the room's window
 */
export function readStart(call, object) {
	const { userdata, roomdata: given, custom = {} } = object ?? {};
	if (!userdata || !given?.serverDomain)
		throw new ParamError(NO_OBJECT, 'no_object', { call });
	const roomdata = { ...given, roomID: given.roomID ?? given.roomId };
	for (const [part, names] of Object.entries(NEEDED))
		for (const name of names)
			if (!(part === 'userdata' ? userdata : roomdata)[name])
				throw new ParamError(MISSING, 'missing', { call, field: `${part}.${name}` });
	const invalid = (field, value) => new ParamError(MISSING, 'invalid', { call, field, value: String(value) });
	const template = String(roomdata.template || '1v1').toLowerCase();
	if (!TEMPLATES.includes(template))
		throw invalid('roomdata.template', roomdata.template);
	if (!Object.hasOwn(ACTIONS, roomdata.roomAction))
		throw invalid('roomdata.roomAction', roomdata.roomAction);
	const id = Number(userdata.sdkAppID);
	if (!Number.isSafeInteger(id))
		throw invalid('userdata.sdkAppID', userdata.sdkAppID);
	const server = roomService(roomdata.serverDomain);
	if (!server)
		throw invalid('roomdata.serverDomain', roomdata.serverDomain);
	const room = String(roomdata.roomID);
	return {
		room, name: String(roomdata.roomName ?? ''),
		title: String(roomdata.roomTitle || 'Demo'), logo: String(roomdata.roomLogo ?? ''),
		join: {
			server, room, user_id: String(userdata.userID),
			user_name: cut(userdata.userName || userdata.userID, 59), user_sig: String(userdata.userSig),
			sdk_app_id: id, template, kind: 'rtc', create: ACTIONS[roomdata.roomAction],
			...(roomdata.roomName && { room_name: cut(roomdata.roomName, 128) }), ...readProxy(custom, invalid),
		},
		lang: language(), singleton: custom.singleton ?? true,
		userList: custom.userList ?? true, IMList: custom.IMList ?? true, screenShare: custom.screenShare ?? true,
		...readRecord(custom, invalid),
	};
}

/** Both spellings, and the launch JSON's own; no address, no proxy. */
function readProxy(custom, invalid) {
	const host = custom.proxy_ip || custom.ip || custom.proxy?.ip;
	if (!host)
		return {};
	const port = Number(custom.proxy_port || custom.port || custom.proxy?.port || SOCKS_PORT);
	if (!Number.isInteger(port) || port < 1 || port > 65535)
		throw invalid('custom.proxy_port', custom.proxy_port ?? custom.port ?? custom.proxy?.port);
	return { proxy: { kind: 'socks5', host: String(host), port } };
}

/**
 * 0 none, 1 to a server, 2 on this computer, 3 both: targets and push_url of recording.start. An address holds a key, so no
 * message repeats it. notYet: names of texts about what was asked for and is not there.
 */
function readRecord(custom, invalid) {
	const kind = Number(custom.screenRecord ?? 0);
	if (![0, 1, 2, 3].includes(kind))
		throw invalid('custom.screenRecord', custom.screenRecord);
	const push_url = String(custom.cloudRecordUrl ?? '');
	const isPushed = kind === 1 || kind === 3;
	if (isPushed && !/^rtmps?:\/\//i.test(push_url))
		throw invalid('custom.cloudRecordUrl', push_url ? '...' : '');
	const record = { 1: { targets: ['push'], push_url }, 2: { targets: ['local'] }, 3: { targets: ['local', 'push'], push_url } }[kind];
	return { record, notYet: ['mixRecord', 'whiteboard'].filter((name) => custom[name] === true) };
}

/** The room service's origin, as room.join takes it, without a path (the predecessor's `/weapp/…`); '' for what is no address. */
export function roomService(domain) {
	const schemes = { 'https:': 'https:', 'http:': 'http:', 'wss:': 'https:', 'ws:': 'http:' };
	try {
		const { protocol, host } = new URL(/^[a-z]+:\/\//i.test(domain) ? domain : `https://${domain}`);
		return schemes[protocol] ? `${schemes[protocol]}//${host}` : '';
	} catch {
		return '';
	}
}

/** What people call themselves may be longer than the room takes. @param {number} bytes at most, of UTF-8 */
function cut(text, bytes) {
	const { read } = new TextEncoder().encodeInto(String(text), new Uint8Array(bytes));
	return String(text).slice(0, read);
}
