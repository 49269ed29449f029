/** The SDK as one classic script: it works, it is small, it needs nothing a strict Content-Security-Policy forbids. */
import assert from 'node:assert/strict';
import { readFileSync, readdirSync } from 'node:fs';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import vm from 'node:vm';
import { gzipSync } from 'node:zlib';
import { bundle, strip } from '../../tools/bundle_js.mjs';
import { texts } from '../../js/deskhand.js';

const script = bundle(fileURLToPath(new URL('../../js/deskhand.js', import.meta.url)));

test('at most 12 kB gzip', (t) => {
	const size = gzipSync(script, { level: 9 }).length;
	t.diagnostic(`${size} bytes`);
	assert.ok(size <= 12 * 1024, `${size} bytes`);
});

test('the classic script gives the globals, and no module form is left', () => {
	const context = vm.createContext({ Event, EventTarget, AbortController, Error });
	vm.runInContext(script, context);
	assert.equal(vm.runInContext('typeof Deskhand.connect', context), 'function');
	assert.equal(vm.runInContext('new DeskhandError("x", { hint: "h" }).hint', context), 'h');
	assert.doesNotMatch(script, /\beval\b|new Function|innerHTML|\bimport\b|^export /m);
});

test('strip leaves strings, templates and patterns alone', () => {
	assert.equal(strip('const a = "x//y"; // gone\n\t/* gone */ const b = `/*${a}*/`;\nconst c = /[/*"]\\//g; // gone\n'),
		'const a = "x//y";\nconst b = `/*${a}*/`;\nconst c = /[/*"]\\//g;');
});

test('every way connect() can fail has both languages', () => {
	const names = ['not_installed', 'extension_missing', 'agent_down', 'blocked_by_browser', 'denied', 'version_mismatch', 'sandboxed_browser'];
	assert.deepEqual(Object.keys(texts.zh), Object.keys(texts.en));
	for (const name of names)
		for (const lang of ['en', 'zh'])
			assert.ok(texts[lang][name].every((text) => text.length > 5), `${lang} ${name}`);
	for (const [name, lines] of Object.entries(texts.zh))
		lines.forEach((text) => assert.match(text, /[\u4e00-\u9fff]/, name));
});

test('calls have every text in both languages, and no key that nobody wrote', async () => {
	const { callTexts: { en, zh } } = await import('../../js/src/room/texts.js');
	assert.deepEqual(Object.keys(zh).sort(), Object.keys(en).sort());
	for (const [key, text] of Object.entries(zh))
		assert.deepEqual(text.match(/\{\w+\}/g)?.sort(), en[key].match(/\{\w+\}/g)?.sort(), key);
	const js = new URL('../../js/', import.meta.url);
	const files = ['components/', 'components/parts/', 'pages/', 'src/room/'].flatMap((folder) => readdirSync(new URL(folder, js))
		.filter((name) => name.endsWith('.js') && !['strings.js', 'texts.js'].includes(name))
		.map((name) => readFileSync(new URL(folder + name, js), 'utf8')));
	const ours = files.filter((text) => /parts\/|\.\/dom\.js/.test(text)).join();
	const used = [...ours.matchAll(/(?:#t|\bt)\('(\w+)'|(?:text|label|hint): '(\w+)'/g)].map(([, said, shown]) => said ?? shown);
	assert.ok(used.length > 60, `${used.length} uses`);
	const { strings } = await import('../../js/pages/strings.js');
	assert.deepEqual([...new Set(used)].filter((key) => !(key in en) && !(key in strings.en)), []);
	const said = files.join();
	assert.deepEqual(Object.keys(en).filter((key) => !said.includes(key) && !/^[a-z]+_/.test(key) && !/Hint$/.test(key)), []);
});

test('each kind of quality.warning has its sentence', async () => {
	const { callTexts } = await import('../../js/src/room/texts.js');
	const protocol = readFileSync(new URL('../../docs/protocol.md', import.meta.url), 'utf8');
	const kinds = protocol.match(/black, covered[\w, ]+/)[0].trim().split(', ');
	assert.ok(kinds.length >= 10, kinds.join());
	for (const lang of ['en', 'zh'])
		assert.deepEqual(kinds.filter((kind) => !callTexts[lang][`q_${kind}`]), []);
});

for (const name of ['index', 'customer', 'double'])
	test(`${name}.html has every text in both languages, and no script of its own in the markup`, async () => {
		const { strings } = await import('../../js/pages/strings.js');
		assert.deepEqual(Object.keys(strings.zh).sort(), Object.keys(strings.en).sort());
		const html = readFileSync(new URL(`../../js/pages/${name}.html`, import.meta.url), 'utf8');
		const used = [...html.matchAll(/data-(?:text|label|placeholder)="(\w+)"/g)].map(([, key]) => key);
		assert.deepEqual(used.filter((key) => !(key in strings.en)), []);
		assert.doesNotMatch(html, /<script(?![^>]*src=)|\son\w+=|style="|https?:/);
		const ids = [...html.matchAll(/\sid="([^"]+)"/g)].map(([, id]) => id);
		assert.equal(new Set(ids).size, ids.length, 'ids are unique');
		for (const [, id] of html.matchAll(/(?:aria-labelledby|for)="([^"]+)"/g))
			assert.ok(ids.includes(id), id);
	});
