/** Workflow files on disk: JSON or YAML. */
import { readFileSync, statSync } from 'node:fs';
import { CommandFailure, type ProblemLine } from './failure.ts';

const MAX_BYTES = 4 * 1024 * 1024;

/** What a file with many workflows says it is. */
export const BUNDLE = 'plugboard/workflows';

/** The one workflow of a file. @throws CommandFailure naming every place where the text is not JSON or YAML */
export async function readWorkflowFile(path: string): Promise<unknown> {
  const found = await readWorkflowsFile(path);
  if (found.length !== 1) throw new CommandFailure(`${path} has ${found.length} workflows; this takes one`);
  return found[0];
}

/**
 * Every workflow of a file: one, a list, a bundle, or several YAML documents.
 * @throws CommandFailure naming every place where the text is not JSON or YAML
 */
export async function readWorkflowsFile(path: string): Promise<readonly unknown[]> {
  const text = readText(path);
  if (/\.ya?ml$/i.test(path)) return (await yamlDocuments(path, text)).flatMap(workflowsIn);
  try {
    return workflowsIn(JSON.parse(text) as unknown);
  } catch (error) {
    throw new CommandFailure(`${path} is not valid JSON`, {
      problems: [{ code: 'JSON_INVALID', path: position(text, error), message: withoutPosition(error) }],
    });
  }
}

function workflowsIn(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, 'format')) return [value];
  const { format, workflows } = value as { readonly format?: unknown; readonly workflows?: unknown };
  return format === BUNDLE && Array.isArray(workflows) ? workflows : [value];
}

function readText(path: string): string {
  try {
    const { size } = statSync(path);
    if (size > MAX_BYTES) throw new CommandFailure(`${path} is larger than ${MAX_BYTES / 1024 / 1024} MiB`);
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (error instanceof CommandFailure) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') throw new CommandFailure(`there is no file ${path}`);
    if (code === 'EISDIR') throw new CommandFailure(`${path} is a folder; name the workflow file in it`);
    throw new CommandFailure(`${path} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

async function yamlDocuments(path: string, text: string): Promise<readonly unknown[]> {
  // Only for those who write YAML: the parser is the slowest thing a command would load.
  const { parseAllDocuments } = await import('yaml');
  const documents = parseAllDocuments(text, { prettyErrors: true });
  const problems = documents.flatMap((document) =>
    document.errors.map((error): ProblemLine => ({
      code: 'YAML_INVALID',
      path: error.linePos ? `line ${error.linePos[0].line}, column ${error.linePos[0].col}` : path,
      message: (error.message.split('\n', 1)[0] ?? '').replace(/ at line \d+, column \d+:?$/, ''),
    })),
  );
  if (problems.length > 0) throw new CommandFailure(`${path} is not valid YAML`, { problems });
  try {
    const values = documents.map((document) => document.toJS({ maxAliasCount: 100 }) as unknown);
    // An empty file is one empty document.
    return values.length === 0 ? [null] : values;
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
