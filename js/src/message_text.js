/**
 * A message as text. Half an emoji (cut by somebody's limit) or a NUL becomes a replacement character: as JSON it would be refused
 * as malformed, without the id of its request, which would wait in vain.
 */
const HALVES = /\0|[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
const well = (text) => text.replace(HALVES, '\ufffd');
const isPlain = (v) => v !== null && typeof v === 'object' && !Array.isArray(v);

const wellFormed = (_, v) => {
	if (typeof v === 'string')
		return well(v);
	return isPlain(v) ? Object.fromEntries(Object.entries(v).map(([name, value]) => [well(name), value])) : v;
};

/** @param {object} message @returns {string} */
export const messageText = (message) => JSON.stringify({ jsonrpc: '2.0', ...message }, wellFormed);
