/** getSDKLoginInfo: fetches {sdkAppID, accType, userSig} from the page's own login server. */
import { MISSING, SYSTEM } from './codes.js';
import { say } from './texts.js';

const TIMEOUT_MS = 15000;

/** @param {{data: {userID?: string, loginServerDoMain: string, method?: 'GET'|'POST'}, success?: Function, fail?: Function}} object */
export async function getSDKLoginInfo(object) {
	const { data, success, fail } = object ?? {};
	let answer;
	try {
		answer = await fetchLogin(data ?? {});
	} catch (e) {
		const errMsg = e.errCode === MISSING ? e.message : say('login_failed', { reason: e.message });
		fail?.({ errCode: e.errCode ?? SYSTEM, errMsg, status: e.status ?? 0 });
		return;
	}
	success?.(answer);
}

async function fetchLogin({ userID = '', loginServerDoMain, method = 'GET' }) {
	if (!loginServerDoMain)
		throw Object.assign(new Error(say('missing', { call: 'getSDKLoginInfo', field: 'data.loginServerDoMain' })), { errCode: MISSING });
	const url = new URL(loginServerDoMain, document.baseURI);
	const options = { method: method.toUpperCase(), signal: AbortSignal.timeout(TIMEOUT_MS) };
	if (options.method === 'GET')
		url.searchParams.set('userID', userID);
	else
		Object.assign(options, { body: JSON.stringify({ userID }), headers: { 'content-type': 'application/json' } });
	const response = await fetch(url, options);
	const { status } = response;
	const told = (message, code) => Object.assign(new Error(message), { status, errCode: code });
	if (!response.ok)
		throw told(`HTTP ${status}`);
	const data = await response.json().catch(() => {
		throw told('JSON');
	});
	if (data.code)
		throw told(`${data.message ?? ''} (${data.code})`, data.code);
	const accType = data.accType ?? data.accountType; /* servers say the one, startEXE the other */
	return { status, data: { ...data, accType, accountType: accType } };
}
