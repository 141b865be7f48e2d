/** `npm run format`: writes every source the way the format check wants it. Words are passed on to oxfmt. */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';

const words = process.argv.slice(2);
const formatter = join('node_modules', 'oxfmt', 'bin', 'oxfmt');
process.exitCode = spawnSync(process.execPath, [formatter, ...(words.length > 0 ? words : ['.'])], { stdio: 'inherit' }).status ?? 1;
