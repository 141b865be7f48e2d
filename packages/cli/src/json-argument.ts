/** JSON given on the command line: as it is, from a file (`@file`), or from standard input (`@-`). */
import { readFileSync } from 'node:fs';
import { EXIT } from './exit-code.ts';
import { CommandFailure } from './failure.ts';

/** @throws CommandFailure for what is no JSON, or a file that cannot be read */
export function readInput(text: string | undefined): unknown {
  if (text === undefined) return undefined;
  const source = text.startsWith('@') ? readInputFile(text.slice(1)) : text;
  try {
    return JSON.parse(source);
  } catch (error) {
    const what = text.startsWith('@') ? `the input file ${text.slice(1)}` : '--input';
    throw new CommandFailure(`${what} is not valid JSON: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: EXIT.usage,
      hint: `Quote it, for example: --input '{"name":"Ada"}'   or name a file: --input @order.json`,
    });
  }
}

/** `-` is standard input. */
function readInputFile(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8');
  } catch (error) {
    throw new CommandFailure(`the input file ${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`, {
      exitCode: EXIT.usage,
      cause: error,
    });
  }
}
