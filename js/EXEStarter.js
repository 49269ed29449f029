/**
 * The predecessor's globals on top of Deskhand, for pages that were written for it: LiveRoom, RtcRoom, PushPlay, EnumDef,
 * getSDKLoginInfo. Serve the folder js/ as it is and put this file where the old EXEStarter.js was: docs/exestarter.md.
 *
 * A classic script, so that the globals are there at once; the work is done by modules beside it, loaded meanwhile.
 */
(() => {
	'use strict';
	const { src, dataset } = document.currentScript;
	let exe = null;
	const loading = import(new URL('src/exe/rooms.js', src).href).then((modules) => (exe = modules));
	loading.catch(() => {}); /* told by each call */

	/** While the browser leaves the page, unload() leaves the call to the agent: the page may be coming back. */
	let isLeaving = false;
	const leaving = (type, is) => addEventListener(type, () => (isLeaving = is), { capture: true }); /* now: before the page's own */
	leaving('beforeunload', true);
	leaving('pagehide', true);
	leaving('pageshow', false);
	addEventListener('beforeunload', () => setTimeout(() => (isLeaving = false))); /* a page that stayed, or that is not gone yet */

	/** At once when it can be: a window opens only within the click. */
	const run = (object, work) => {
		if (exe)
			return work(exe);
		loading.then(work, ({ message }) => {
			console.error(`EXEStarter: ${message}`);
			object?.fail?.({ errCode: -1, errMsg: message });
		});
	};
	const group = (name, methods) => Object.fromEntries(methods.map((method) =>
		[method, (object) => void (method === 'unload' && isLeaving ||
			run(object, (modules) => modules[name][method](object)))]));

	Object.assign(globalThis, {
		LiveRoom: group('LiveRoom', ['startEXE', 'stopEXE', 'setListener', 'unload']),
		RtcRoom: group('RtcRoom', ['startEXE', 'stopEXE', 'setListener', 'unload']),
		PushPlay: group('PushPlay', ['startEXE', 'stopEXE', 'videoSnapshot', 'setListener', 'unload']),
		getSDKLoginInfo: (object) => void run(object, (modules) => modules.getSDKLoginInfo(object)),
		EnumDef: {
			RoomAction: { CreateRoom: 'createRoom', EnterRoom: 'enterRoom' },
			Template: { Template1V1: '1v1', Template1V2: '1v2', Template1V3: '1v3', Template1V4: '1v4' },
			ScreenRecordType: { RecordNone: 0, RecordScreenToServer: 1, RecordScreenToClient: 2, RecordScreenToBoth: 3 },
			EXEUrl: dataset.exeUrl ?? new URL('pages/exe-room.html#install', src).href,
		},
	});
})();
