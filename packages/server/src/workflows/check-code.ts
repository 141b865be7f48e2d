/** Syntax of code parameters, for validation: the sandbox's own parser, without running anything. */
import type { CodeProblem } from '@plugboard/engine';
import { prepareCode } from '@plugboard/sandbox';

export function checkCode(code: string, language: string): CodeProblem | undefined {
  const result = prepareCode(code, language === 'typescript' ? 'typescript' : 'javascript');
  if (result.ok) return undefined;
  const { message, line, column } = result.problem;
  return { message: `line ${line}, column ${column}: ${message}` };
}
