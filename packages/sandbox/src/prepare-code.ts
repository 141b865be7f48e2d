/** Reads a code step when its workflow is saved or published: strips types, finds syntax errors, runs nothing. */
import { stripTypeScriptTypes } from 'node:module';

import { parse, type Node } from 'acorn';

export interface CodeProblem {
  readonly code: 'CODE_SYNTAX';
  readonly message: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
}

export type PreparedCode = { readonly ok: true; readonly code: string } | { readonly ok: false; readonly problem: CodeProblem };

/**
 * Checks `source` as the body of a function in which `return` and `await` are allowed.
 * The returned code has the lines and columns of the source, so positions of run-time errors fit both.
 */
export function prepareCode(source: string, language: 'javascript' | 'typescript'): PreparedCode {
  const stripped = language === 'typescript' ? stripTypes(source) : { ok: true as const, code: source };
  if (!stripped.ok) return stripped;
  try {
    const forbidden = moduleStatement(parseBody(stripped.code));
    if (forbidden !== undefined) return problem('import and export are not available in a code step', forbidden.line, forbidden.column);
  } catch (error) {
    const { loc, message } = error as { loc?: { line: number; column: number }; message: string };
    if (!(error instanceof SyntaxError) || loc === undefined) throw error;
    return problem(message.replace(/ \(\d+:\d+\)$/, ''), loc.line, loc.column + 1);
  }
  return stripped;
}

/** The syntax tree of a code step. @throws SyntaxError with `loc` when it cannot be read. */
export function parseBody(code: string): Node {
  // A module is strict, knows `await` and no HTML comments; import and export are refused afterwards.
  return parse(code, {
    ecmaVersion: 2025,
    sourceType: 'module',
    allowReturnOutsideFunction: true,
    allowAwaitOutsideFunction: true,
    locations: true,
  });
}

function moduleStatement(program: Node): { line: number; column: number } | undefined {
  const { body } = program as unknown as { body: Node[] };
  const found = body.find((statement) => statement.type.startsWith('Import') || statement.type.startsWith('Export'));
  return found?.loc == null ? undefined : { line: found.loc.start.line, column: found.loc.start.column + 1 };
}

const wrapHead = 'async()=>{';
const wrapTail = '\n}';

function stripTypes(source: string): PreparedCode {
  try {
    // Inside a function, so that `return` is legal. Stripping leaves blanks, so the wrapper can be cut off again.
    return { ok: true, code: stripTypeScriptTypes(`${wrapHead}${source}${wrapTail}`).slice(wrapHead.length, -wrapTail.length) };
  } catch (error) {
    const { code, message, stack } = error as { code?: unknown; message: string; stack?: string };
    if (code !== 'ERR_INVALID_TYPESCRIPT_SYNTAX' && code !== 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') throw error;
    // The stack starts with ":<line>", some lines of the source, and a line of carets under the last of them.
    const place = /^[^\n]*:(\d+)\n(?:[^\n]*\n)*?( *)\^+\n/.exec(stack ?? '');
    const line = place === null ? 1 : Number(place[1]);
    const column = place === null ? 1 : (place[2] as string).length + 1 - (line === 1 ? wrapHead.length : 0);
    return problem(message, line, Math.max(1, column));
  }
}

function problem(message: string, line: number, column: number): PreparedCode {
  return { ok: false, problem: { code: 'CODE_SYNTAX', message, line, column } };
}
