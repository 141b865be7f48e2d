/** Type-checks the pages: vue-tsc needs TypeScript 6, which only this workspace has beside the repository's own. */
import { createRequire } from 'node:module';

const require = createRequire(import.meta.url);
// vue-tsc reads its words from the command line.
process.argv.push('--noEmit', '-p', require.resolve('../tsconfig.json'));
require('vue-tsc').run(require.resolve('typescript/lib/tsc'));
