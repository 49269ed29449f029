/** The predecessor's numbers for what our errors are called by name. */

/** fail() of startEXE, stopEXE, getSDKLoginInfo */
export const UNREACHABLE = -1;
export const RUNNING = -2;
export const NOT_YET = -3000;
export const NO_OBJECT = -9998;
export const MISSING = -9999;

/** roomStatus, and code of onRoomClose */
export const CREATED = 0;
export const ENTERED = 1;
export const CLOSED = 2;
export const SYSTEM = -1001;
export const CREATE_FAILED = -1005;
export const ENTER_FAILED = -1006;
export const PUSH_LOST = -1007;
export const CAMERA_BUSY = -1008;
export const CAMERA_GONE = -1009;
export const CAMERA_NONE = -1010;
export const LOCAL_LOST = -2000;

const OF_JOIN = { ETIMEDOUT: -1002, EPROTO: -1003, EVERSION: -1003, EPERM: -1004, ECLOSED: PUSH_LOST };
/** What the room itself answers: which number depends on what was asked of it. */
const OF_ROOM = ['EEXIST', 'ENOENT', 'ELIMIT', 'ESTATE'];

/** Why a room was not entered. @param {string} name of the error @param {boolean} isCreate */
export function joinCode(name, isCreate) {
	if (OF_ROOM.includes(name))
		return isCreate ? CREATE_FAILED : ENTER_FAILED;
	return OF_JOIN[name] ?? SYSTEM;
}

const OF_CLOSED = { refused: PUSH_LOST, revoked: OF_JOIN.EPERM, shutdown: LOCAL_LOST };

/** A room that ended. @param {string} reason of room.closed */
export function closeCode(reason) {
	return OF_CLOSED[reason] ?? CLOSED;
}

/** A camera that fails. @param {string} name of the error @param {boolean} wasLive it has given pictures before */
export function cameraCode(name, wasLive) {
	if (name === 'EBUSY')
		return { code: CAMERA_BUSY, text: 'camera_busy' };
	return wasLive ? { code: CAMERA_GONE, text: 'camera_gone' } : { code: CAMERA_NONE, text: 'camera_none' };
}
