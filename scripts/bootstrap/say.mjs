/**
 * What the bootstrap tells a person: one plain line per step, and one short text for a failure they can mend.
 * Everything goes to standard error, so that `plugboard run … > output.json` stays JSON.
 */

/** An expected failure. `hint` says what to do about it. It is printed without a stack. */
export class BootstrapError extends Error {
  /** @param {string} message @param {string} hint @param {number} exitCode */
  constructor(message, hint, exitCode = 1) {
    super(message);
    this.name = 'BootstrapError';
    this.code = 'BOOTSTRAP_FAILED';
    this.hint = hint;
    this.exitCode = exitCode;
  }
}

/** @param {string} line */
export function say(line) {
  process.stderr.write(`plugboard: ${line}\n`);
}

/**
 * Prints a failure and gives the exit code for it. Only a surprise shows its stack.
 * @param {unknown} error
 */
export function sayFailure(error) {
  if (error instanceof BootstrapError) {
    process.stderr.write(`plugboard: ${error.message}\n${error.hint.replace(/^/gm, '  ')}\n`);
    return error.exitCode;
  }
  if (isSystemError(error)) {
    process.stderr.write(
      `plugboard: ${error.message}\n  Check that the folder exists, that you may write to it, and that the disk is not full.\n`,
    );
    return 1;
  }
  process.stderr.write(`plugboard: unexpected failure\n${error instanceof Error ? error.stack : String(error)}\n`);
  return 1;
}

/** @param {unknown} error @returns {error is NodeJS.ErrnoException} */
function isSystemError(error) {
  return error instanceof Error && 'syscall' in error && 'errno' in error;
}
