/** Workflow files on disk: JSON or YAML. */
import { readFileSync, statSync } from 'node:fs';
import { CommandFailure, type ProblemLine } from './failure.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** @throws CommandFailure naming every place where the text is not JSON or YAML */
export async function readWorkflowFile(path: string): Promise<unknown> {
  let text: string;
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new CommandFailure(`${path} is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CommandFailure(`there is no file ${path}`);
    if (code === 'EISDIR') throw new CommandFailure(`${path} is a folder; name the workflow file in it`);
    throw new CommandFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
  if (!/\.ya?ml$/i.test(path)) {
    try {
      return JSON.parse(text) as unknown;
    } catch (error) {
      throw new CommandFailure(`${path} is not valid JSON`, {
        problems: [{ code: 'JSON_INVALID', path: position(text, error), message: withoutPosition(error) }],
      });
    }
  }
  // Only for those who write YAML: the parser is the slowest thing a command would load.
  const { parseDocument } = await import('yaml');
  const document = parseDocument(text, { prettyErrors: true });
  if (document.errors.length > 0) {
    const problems: ProblemLine[] = document.errors.map((error) => ({
      code: 'YAML_INVALID',
      path: error.linePos ? `line ${error.linePos[0].line}, column ${error.linePos[0].col}` : path,
      message: (error.message.split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
    }));
    throw new CommandFailure(`${path} is not valid YAML`, { problems });
  }
  try {
    return document.toJS({ maxAliasCount: 100 }) as unknown;
  } catch (error) {
    throw new CommandFailure(`${path} is not usable YAML: ${error instanceof Error ? error.message : String(error)}`);
  }
}

export function looksLikeFile(text: string): boolean {
  return /\.(json|ya?ml)$/i.test(text) || text.includes('/') || text.includes('\\');
}

function position(text: string, error: unknown): string {
  const at = /position (\d+)/.exec(error instanceof Error ? error.message : '');
  if (!at) return 'end of file';
  const before = text.slice(0, Number(at[1])).split('\n');
  return `line ${before.length}, column ${(before.at(-1)?.length ?? 0) + 1}`;
}

/** The parser's words without the place, which stands before them. */
function withoutPosition(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replace(/(?: in JSON)? at position \d+(?: \(line \d+ column \d+\))?$/, '');
}
