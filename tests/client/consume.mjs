// Reads the OpenAPI document as its users do: lints it, generates clients from it, and compiles consumer.ts against them.
// The compiled consumer.js is left in OUT; it drives a running server.
//
// node consume.mjs FOLDER DOCUMENT OUT, where FOLDER has the generators and linters in its node_modules. Each check that
// fails is told with its reason; the last line is `N passed, M failed`.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

const [folder, document, out] = process.argv.slice(2).map((name) => path.resolve(name));
const packages = path.join(folder, 'node_modules');
const require = createRequire(path.join(folder, 'index.js'));
const source = path.join(import.meta.dirname, 'consumer.ts');

let passed = 0;
let failed = 0;

/** Runs one check; those after it go on whatever becomes of it. */
async function check(name, story) {
  try {
    await story();
    passed += 1;
  } catch (error) {
    failed += 1;
    console.log(`${name}: ${error.message}`);
  }
}

/** Runs a program of the packages to its end; fails with what it printed unless it is content. */
function run(program, ...args) {
  const env = { ...process.env, REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true', REDOCLY_TELEMETRY: 'off' };
  const options = { cwd: out, env, maxBuffer: 64 << 20 };
  return new Promise((resolve, reject) => {
    execFile(path.join(packages, '.bin', program), args, options, (error, stdout, stderr) =>
      error ? reject(new Error(`${stdout}${stderr}`.slice(0, 8000))) : resolve(stdout),
    );
  });
}

async function openapiTypescript() {
  const { default: openapiTS, astToString } = require('openapi-typescript');
  await fs.writeFile(path.join(out, 'tenon.d.ts'), astToString(await openapiTS(pathToFileURL(document))));
}

async function orval() {
  const { generate } = require('orval');
  await generate({ input: { target: document }, output: { target: path.join(out, 'orval.ts'), client: 'fetch', mode: 'single' } });
  assert.match(await fs.readFile(path.join(out, 'orval.ts'), 'utf8'), /export const listProducts = /);
}

/** `tsc --strict` of consumer.ts and whatever it imports. */
async function compile() {
  const ts = require('typescript');
  const options = {
    strict: true,
    skipLibCheck: true,
    module: ts.ModuleKind.NodeNext,
    target: ts.ScriptTarget.ES2022,
    lib: ['lib.es2022.d.ts', 'lib.dom.d.ts', 'lib.dom.iterable.d.ts'],
    types: [],
  };
  const program = ts.createProgram([path.join(out, 'consumer.ts')], options);
  const told = ts.getPreEmitDiagnostics(program);
  const host = { getCanonicalFileName: (name) => name, getCurrentDirectory: () => out, getNewLine: () => '\n' };
  assert.equal(told.length, 0, ts.formatDiagnostics(told.slice(0, 20), host));
  program.emit();
}

await fs.symlink(packages, path.join(out, 'node_modules'));
await fs.copyFile(source, path.join(out, 'consumer.ts'));
await fs.writeFile(path.join(out, 'package.json'), '{"type": "module"}');
await fs.writeFile(path.join(out, 'ruleset.json'), '{"extends": ["spectral:oas"]}');

const linters = [
  check('Spectral', () => run('spectral', 'lint', document, '--ruleset', 'ruleset.json', '--fail-severity', 'error')),
  check('Redocly', () => run('redocly', 'lint', document)),
];
await check('openapi-typescript', openapiTypescript);
await check('orval', orval);
await check('tsc --strict', compile);
await Promise.all(linters);

console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed ? 1 : 0;
