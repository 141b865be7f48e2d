/** Syntax of code parameters that the sandbox runs, for validation: its own parser, without running anything. */
import type { CodeProblem } from '@plugboard/engine';
import { prepareCode } from '@plugboard/sandbox';

export function checkCode(code: string, language: string): CodeProblem | undefined {
  // What runs elsewhere, such as a statement of a database, is judged there.
  if (language !== 'javascript' && language !== 'typescript') return undefined;
  const result = prepareCode(code, language);
  if (result.ok) return undefined;
  const { message, line, column } = result.problem;
  return { message: `line ${line}, column ${column}: ${message}` };
}
