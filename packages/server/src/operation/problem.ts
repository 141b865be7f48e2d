/** Thrown by whatever serves a caller when the caller can do something about it; each adapter turns it into its own kind of answer. */
import type { Problem as DefinitionProblem } from '@plugboard/engine';
import { PROBLEMS, type ProblemCode } from './problems.ts';

export interface ProblemDetails {
  /** What to do about it. */
  readonly hint?: string;
  /** Where in the input. */
  readonly path?: string;
  /** Everything that is wrong with a definition. */
  readonly problems?: readonly DefinitionProblem[];
  /** Further values a client shows or acts on. */
  readonly params?: Readonly<Record<string, unknown>>;
}

export class OperationProblem extends Error {
  readonly code: ProblemCode;
  readonly status: number;
  readonly details: ProblemDetails;

  constructor(code: ProblemCode, message: string, details: ProblemDetails = {}) {
    super(message);
    this.name = 'OperationProblem';
    this.code = code;
    this.status = PROBLEMS[code].status;
    this.details = details;
  }

  /** The answer of the REST API. Params stand beside the code too. */
  toBody(): { readonly error: object } {
    const { hint, path, problems, params } = this.details;
    return {
      error: {
        ...params,
        code: this.code,
        message: this.message,
        ...(hint === undefined ? {} : { hint }),
        ...(path === undefined ? {} : { path }),
        ...(problems === undefined || problems.length === 0 ? {} : { problems }),
        ...(params === undefined ? {} : { params }),
      },
    };
  }
}

export function notFound(message = 'There is no such thing here, or you may not see it', hint?: string): OperationProblem {
  return new OperationProblem('NOT_FOUND', message, hint === undefined ? {} : { hint });
}
