/** `npm run check`: all checks, without running a test. Exit code 1 when one fails. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runChecks } from './checks.mjs';

const failed = runChecks(resolve(dirname(fileURLToPath(import.meta.url)), '..'));
process.stdout.write(failed === 0 ? 'all checks passed\n' : `${failed} checks failed\n`);
process.exitCode = failed === 0 ? 0 : 1;
