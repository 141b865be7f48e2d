/**
 * `npm test`: all checks, then all tests; the last lines name what could not run here and count the rest.
 * With words (`npm test -- packages/sdk -t 'a rule'`) it builds and runs only the tests they choose.
 */
import { spawnSync } from 'node:child_process';
import { connect } from 'node:net';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import fs from 'node:fs';
import { runChecks } from './checks.mjs';
import { readReport } from './test-report.mjs';

const root = resolve(dirname(fileURLToPath(import.meta.url)), '..');
const words = process.argv.slice(2);
const PROBE_TIMEOUT_MS = 2_000;

const failedChecks = words.length > 0 ? buildOnly() : runChecks(root);
const report = runTests();
report.failed += failedChecks;
const isGreen = report.failed === 0 && report.exitCode === 0;
// The runner failed outside a test (a crash, an unhandled error): that is a failure too.
if (!isGreen && report.failed === 0) report.failed = 1;
for (const line of await notRun()) process.stdout.write(`${line}\n`);
process.stdout.write(`${report.passed} passed, ${report.failed} failed, ${report.skipped.length} skipped\n`);
process.exitCode = isGreen ? 0 : 1;

function buildOnly() {
  return spawnSync(process.execPath, [join(root, 'scripts', 'bootstrap.mjs'), 'build'], { cwd: root, stdio: ['ignore', 2, 2] }).status === 0
    ? 0
    : 1;
}

function runTests() {
  const file = join(root, '.cache', `test-report-${process.pid}.json`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const result = spawnSync(
    process.execPath,
    [vitest, 'run', '--reporter=default', '--reporter=json', `--outputFile.json=${file}`, ...words],
    { cwd: root, stdio: 'inherit' },
  );
  const text = fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : '';
  fs.rmSync(file, { force: true });
  return { ...readReport(text), exitCode: result.status ?? 1 };
}

/** @returns {Promise<string[]>} what this machine lacks and what was skipped for it or otherwise */
async function notRun() {
  const lines = [];
  if (process.env.PLUGBOARD_TEST_DATABASE_URL === undefined && !(await answers(5432))) {
    lines.push('No PostgreSQL server at 127.0.0.1:5432: the suites that want one ran on the embedded PostgreSQL instead.');
  }
  if (!(await answers(6379))) lines.push('No Redis at 127.0.0.1:6379: suites over Redis do not run here.');
  if (findProgram(['chromium', 'chromium-browser', 'google-chrome']) === undefined)
    lines.push('No Chromium on PATH: browser suites do not run here.');
  for (const { file, title } of report.skipped) lines.push(`Not run: ${relative(root, file)}: ${title}`);
  return lines;
}

/** @param {number} port @returns {Promise<boolean>} */
function answers(port) {
  return new Promise((done) => {
    const socket = connect({ host: '127.0.0.1', port, timeout: PROBE_TIMEOUT_MS });
    const end = (/** @type {boolean} */ isThere) => {
      socket.destroy();
      done(isThere);
    };
    socket.once('connect', () => end(true));
    socket.once('timeout', () => end(false));
    socket.once('error', () => end(false));
  });
}

/** @param {string[]} names */
function findProgram(names) {
  const folders = (process.env.PATH ?? '').split(process.platform === 'win32' ? ';' : ':');
  return folders.flatMap((folder) => names.map((name) => join(folder, name))).find((file) => fs.existsSync(file));
}
