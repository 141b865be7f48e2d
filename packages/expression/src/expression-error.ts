/** The one error this package throws. The person editing the workflow can fix it; running the same data again cannot. */

export type ExpressionErrorCode =
  /** The text is not an expression. */
  | 'EXPR_SYNTAX'
  /** Valid JavaScript that the language leaves out on purpose. */
  | 'EXPR_NOT_ALLOWED'
  /** A member of undefined or null was read. */
  | 'EXPR_NO_VALUE'
  /** A name that is no built-in and no arrow parameter. */
  | 'EXPR_UNKNOWN_NAME'
  /** A method this kind of value does not have. */
  | 'EXPR_UNKNOWN_METHOD'
  /** A value of the wrong kind. */
  | 'EXPR_TYPE'
  /** Out of steps, or a text, list or result grew over its limit. */
  | 'EXPR_BUDGET'
  /** The source is longer than allowed. */
  | 'EXPR_TOO_LONG'
  /** The source or the data is nested deeper than allowed. */
  | 'EXPR_DEPTH'
  /** `$('…')` names a node the workflow does not have, or that has not run. */
  | 'EXPR_UNKNOWN_NODE'
  /** A regular expression that RE2 does not know, or that is too large. */
  | 'EXPR_BAD_REGEX'
  /** Data that cannot be read as what the expression takes it for: a date, JSON, Base64, a time zone. */
  | 'EXPR_BAD_DATA'
  /** A defect of this package or a broken scope (a getter that throws); `cause` holds it. */
  | 'EXPR_INTERNAL';

export interface ExpressionErrorOptions {
  readonly position?: number;
  readonly end?: number;
  readonly hint?: string;
  readonly cause?: unknown;
}

export class ExpressionError extends Error {
  override readonly name = 'ExpressionError';
  readonly code: ExpressionErrorCode;
  /** What to do about it, when that can be said. */
  readonly hint: string | undefined;
  /** 0-based offset in the template source (without its leading `=`) where the faulty part starts. */
  position: number;
  /** Offset just after the faulty part. */
  end: number | undefined;
  /** Which part of a parameter's value the template is: field names and list places; empty where the value is the template itself. */
  path: readonly (string | number)[] = [];

  constructor(code: ExpressionErrorCode, message: string, options: ExpressionErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.position = options.position ?? -1;
    this.end = options.end;
  }

  /** Says which part of a value the template is. */
  at(path: readonly (string | number)[]): this {
    this.path = path;
    return this;
  }

  /** Sets the place unless an inner part already did. The innermost place is the most useful one. */
  locate(position: number, end: number): this {
    if (this.position < 0) {
      this.position = position;
      this.end = end;
    }
    return this;
  }
}

/** Gives any thrown thing a place and the class above; a stack that ran out is a depth error. */
export function asExpressionError(thrown: unknown, position: number, end: number): ExpressionError {
  if (thrown instanceof ExpressionError) return thrown.locate(position, end);
  if (thrown instanceof RangeError && /call stack/i.test(thrown.message)) {
    return new ExpressionError('EXPR_DEPTH', 'The expression or its data is nested too deeply.', { position, end, cause: thrown });
  }
  return new ExpressionError('EXPR_INTERNAL', 'The expression could not be evaluated.', { position, end, cause: thrown });
}
