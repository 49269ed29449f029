#!/usr/bin/env node
/**
 * Make one classic script of the SDK's modules, comments and indentation left out: for pages that cannot use modules,
 * and for packaging. Usage: bundle_js.mjs [OUTPUT]   (default: standard output)
 *
 * It knows only what js/ uses: named imports and exports of local files. Anything else is an error.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const IMPORT = /^import \{([^}]*)\} from '(\.[^']+)';$/gm;
const REEXPORT = /^export \{([^}]*)\} from '(\.[^']+)';$/gm;

/** Modules in the order in which they must run. */
function collect(file, seen = new Map()) {
	if (seen.has(file))
		return seen;
	const text = readFileSync(file, 'utf8');
	seen.set(file, null);
	for (const [, , from] of [...text.matchAll(IMPORT), ...text.matchAll(REEXPORT)])
		collect(path.resolve(path.dirname(file), from), seen);
	seen.delete(file);
	return seen.set(file, text);
}

const STRINGS = String.raw`'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|${'`'}(?:\\.|[^${'`'}\\])*${'`'}`;
const REGEXPS = String.raw`(?<=[=(,:[!&|?;{}\n]\s*)/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+/[a-z]*`;
const TOKEN = new RegExp(String.raw`/\*[^]*?\*/|//[^\n]*|${STRINGS}|${REGEXPS}`, 'g');

/** Leave out comments and indentation; strings, templates and regular expressions stay as they are. */
export function strip(text) {
	return text.replace(TOKEN, (m) => (m.startsWith('/*') || m.startsWith('//') ? '' : m))
		.split('\n').map((line) => line.trim()).filter(Boolean).join('\n');
}

/** One module as an expression: a function's scope that gives its exports. */
function wrap(file, text, numbers) {
	const numberOf = (from) => `m${numbers.get(path.resolve(path.dirname(file), from))}`;
	const names = [];
	const bare = strip(text)
		.replace(IMPORT, (_, list, from) => `const {${list}} = ${numberOf(from)};`)
		.replace(REEXPORT, (_, list, from) => {
			names.push(...split(list));
			return `const {${list}} = ${numberOf(from)};`;
		})
		.replace(/^export \{([^}]*)\};$/gm, (_, list) => (names.push(...split(list)), ''))
		.replace(/^export ((?:async )?(?:function|class|const|let) (\w+))/gm, (_, head, name) => (names.push(name), head));
	const unknown = bare.match(/^(import|export)\b.*/m);
	if (unknown)
		throw new Error(`${file}: a form that this tool does not know: ${unknown[0]}`);
	return `const m${numbers.get(file)} = (() => {\n${bare}\nreturn { ${names.join(', ')} };\n})();`;
}

const split = (list) => list.split(',').map((name) => name.trim()).filter(Boolean);

/** @param {string} entry path of the entry module @returns {string} a script that sets its exports as globals */
export function bundle(entry) {
	const modules = collect(entry);
	const numbers = new Map([...modules.keys()].map((file, i) => [file, i]));
	const body = [...modules].map(([file, text]) => wrap(file, text, numbers));
	return `(() => {\n'use strict';\n${body.join('\n')}\nObject.assign(globalThis, m${numbers.get(entry)});\n})();\n`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
	const script = bundle(fileURLToPath(new URL('../js/deskhand.js', import.meta.url)));
	if (process.argv[2])
		writeFileSync(process.argv[2], script);
	else
		process.stdout.write(script);
}
