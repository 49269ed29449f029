/** What EXEStarter.js says to pages and people, in both languages; what connect() can fail with is in ../texts.js. */
import { language } from '../texts.js';

export const exeTexts = {
	en: {
		no_object: '{call} needs userdata and roomdata.serverDomain.',
		missing: '{call}: {field} is missing.',
		invalid: '{call}: {field} is not usable: {value}',
		running: 'A room is open already, and only one may be (custom.singleton): close it first.',
		stopped: 'The room was closed before it was entered.',
		no_room: 'No such room is open in this page.',
		window_silent: 'The room’s window does not answer. It needs the same Cross-Origin-Opener-Policy as the page.',
		created: 'The room is created.', entered: 'The room is entered.',
		asked: 'The room was left.', window: 'The room’s window was closed.',
		left: 'The room was left.', closed: 'The host closed the room.', kicked: 'The host removed this user from the room.',
		replaced: 'This user entered from another place.', expired: 'The time of this user in the room is over.',
		ended: 'The room has ended.', lost: 'The connection to Deskhand on this computer was lost.',
		camera_busy: 'The camera is used by another program.', camera_gone: 'The camera was unplugged.', camera_none: 'There is no camera.',
		not_yet_LiveRoom: 'LiveRoom is not there yet: use RtcRoom.',
		not_yet_PushPlay: 'PushPlay is not there yet: use RtcRoom.',
		not_yet_mixRecord: 'mixRecord (recording by the room’s server) is not there yet; screenRecord records the call, to a server too.',
		not_yet_whiteboard: 'The whiteboard is not there yet.',
		login_failed: 'The login server did not give a userSig: {reason}',
		panel: 'Video room', panel_close: 'Close the room', panel_move: 'Move with the arrow keys',
		wait: 'Waiting for the page that opened this window …',
		no_opener: 'This window shows a room of the page that opened it. Go back to that page and open the room there.',
	},
	zh: {
		no_object: '{call} 缺少 userdata 或 roomdata.serverDomain。',
		missing: '{call}：缺少 {field}。',
		invalid: '{call}：{field} 无法使用：{value}',
		running: '已有打开的房间，且只允许一个（custom.singleton）：请先关闭。',
		stopped: '房间在进入之前已被关闭。',
		no_room: '此页面没有打开该房间。',
		window_silent: '房间窗口没有响应。它需要与页面相同的 Cross-Origin-Opener-Policy。',
		created: '房间已创建。', entered: '已进入房间。',
		asked: '已离开房间。', window: '房间窗口已关闭。',
		left: '已离开房间。', closed: '房主关闭了房间。', kicked: '房主已将此用户移出房间。',
		replaced: '此用户在其他地方进入了房间。', expired: '此用户在房间中的时间已到。',
		ended: '房间已结束。', lost: '与本机 Deskhand 的连接已断开。',
		camera_busy: '摄像头被其他程序占用。', camera_gone: '摄像头已被拔出。', camera_none: '没有摄像头。',
		not_yet_LiveRoom: 'LiveRoom 尚未提供：请使用 RtcRoom。',
		not_yet_PushPlay: 'PushPlay 尚未提供：请使用 RtcRoom。',
		not_yet_mixRecord: 'mixRecord（服务器混流录制）尚未提供；screenRecord 可录制通话画面，也可录制到服务器。',
		not_yet_whiteboard: '白板尚未提供。',
		login_failed: '登录服务器没有给出 userSig：{reason}',
		panel: '视频房间', panel_close: '关闭房间', panel_move: '用方向键移动',
		wait: '正在等待打开此窗口的页面……',
		no_opener: '此窗口显示打开它的页面中的房间。请回到该页面打开房间。',
	},
};

/** A sentence in the page's language; {name} is replaced from values. */
export function say(key, values = {}) {
	return exeTexts[language()][key].replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

/** Whether there is a sentence of ours for it. */
export function isSaid(key) {
	return Object.hasOwn(exeTexts.en, key);
}
