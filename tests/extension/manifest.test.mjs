import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { EXTENSION_ID } from '../../js/src/extension.js';
import { HOST_NAME } from '../../web-extension/src/native.js';

const root = new URL('../../', import.meta.url);
const read = (path) => readFileSync(new URL(path, root), 'utf8');
const manifest = JSON.parse(read('web-extension/manifest.json'));
const messages = (lang) => JSON.parse(read(`web-extension/_locales/${lang}/messages.json`));

test('the ids in the key, in C and in the SDK are one', () => {
	const digest = createHash('sha256').update(Buffer.from(manifest.key, 'base64')).digest('hex').slice(0, 32);
	const id = digest.replace(/./g, (c) => String.fromCharCode(97 + parseInt(c, 16)));
	const header = read('agent/host/extension_ids.h');
	assert.equal(id, EXTENSION_ID);
	assert.match(header, new RegExp(`DH_EXTENSION_ID_CHROMIUM "${id}"`));
	assert.match(header, new RegExp(`DH_EXTENSION_ID_FIREFOX "${manifest.browser_specific_settings.gecko.id}"`));
	assert.match(header, new RegExp(`DH_HOST_NAME "${HOST_NAME}"`));
});

test('the manifest asks for no more than it needs (SR-39)', () => {
	const loopback = ['http://localhost/*', 'http://127.0.0.1/*'];
	assert.deepEqual(manifest.externally_connectable.matches, loopback);
	assert.deepEqual(manifest.content_scripts.map((s) => s.matches), [loopback]);
	assert.deepEqual(manifest.optional_host_permissions, ['https://*/*']);
	assert.equal(manifest.host_permissions, undefined);
	assert.equal(manifest.incognito, 'not_allowed');
	assert.doesNotMatch(JSON.stringify(manifest), /<all_urls>|unsafe-/);
	assert.deepEqual([...manifest.permissions].sort(), ['activeTab', 'alarms', 'idle', 'nativeMessaging', 'scripting', 'storage']);
});

test('every file the manifest names is there', () => {
	const files = [manifest.background.service_worker, ...manifest.background.scripts, manifest.action.default_popup,
		manifest.storage.managed_schema, ...Object.values(manifest.icons), ...manifest.content_scripts.flatMap((s) => s.js)];
	for (const file of files)
		assert.ok(existsSync(new URL(`web-extension/${file}`, root)), file);
});

test('both languages have every text, and the popup names none that is missing', () => {
	const en = messages('en');
	const zh = messages('zh_CN');
	assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
	for (const [key, { message }] of Object.entries(zh))
		assert.ok(/[\u4e00-\u9fff]/.test(message) || message === en[key].message && key === 'name', key);
	const popup = read('web-extension/popup/popup.html') + read('web-extension/popup/popup.js');
	for (const [, key] of popup.matchAll(/(?:data-text="|\bt\(')(\w+)['"]/g))
		assert.ok(key in en, key);
	for (const reason of ['host_missing', 'host_forbidden', 'host_disabled', 'host_exited', 'host_broken', 'sandboxed', 'version'])
		assert.ok(`reason_${reason}` in en && `help_${reason}` in en, reason);
});

test('no inline script, no remote code', () => {
	const html = read('web-extension/popup/popup.html');
	assert.doesNotMatch(html, /<script(?![^>]*src=)|\son\w+=|https?:/);
});
