/** Failures people can do something about: said in plain lines, without a stack. */
import { EXIT, type ExitCode } from './exit-code.ts';

export interface ProblemLine {
  readonly code: string;
  readonly severity?: string;
  readonly path?: string;
  readonly message: string;
  readonly hint?: string;
}

export class CommandFailure extends Error {
  readonly exitCode: ExitCode;
  readonly hint: string | undefined;
  readonly problems: readonly ProblemLine[];
  constructor(message: string, more: { exitCode?: ExitCode; hint?: string; problems?: readonly ProblemLine[]; cause?: unknown } = {}) {
    super(message, more.cause === undefined ? undefined : { cause: more.cause });
    this.name = 'CommandFailure';
    this.exitCode = more.exitCode ?? EXIT.failed;
    this.hint = more.hint;
    this.problems = more.problems ?? [];
  }
}

/** Codes of errors whose message already says what to do. */
const SELF_EXPLAINING =
  /^(BACKUP|CONFIG|DATABASE|DATA_FOLDER|EMBEDDED|SCHEMA|MIGRATION|PORT|LISTEN|KEY_FILE|ROOT_KEY|EGRESS|PLUGIN|CODE)_[A-Z_]+$/;

export function reportFailure(error: Error): ExitCode {
  if (error instanceof CommandFailure) {
    line(`plugboard: ${error.message}`);
    for (const problem of error.problems) printProblem(problem);
    if (error.hint) line(`  ${error.hint}`);
    return error.exitCode;
  }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code && SELF_EXPLAINING.test(code)) {
    line(`plugboard: ${error.message}`);
    return EXIT.failed;
  }
  line(`plugboard: unexpected error: ${error.stack ?? error.message}`);
  return EXIT.failed;
}

export function printProblem(problem: ProblemLine): void {
  line(
    `  ${problem.severity === 'warning' ? 'warning' : 'error  '} ${problem.path ? `${problem.path}: ` : ''}${problem.message} [${problem.code}]`,
  );
  if (problem.hint) line(`          ${problem.hint}`);
}

function line(text: string): void {
  process.stderr.write(`${text}\n`);
}
