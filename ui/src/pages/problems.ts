/** Problems of the server at the fields of a form, the rest above it. */
import type { ServerProblem } from '../api/types.ts';

export interface PlacedProblems {
  /** By the last part of the path, such as `email`. */
  readonly byField: { readonly [field: string]: string };
  readonly others: readonly ServerProblem[];
}

export function placeProblems(problems: readonly ServerProblem[], fields: readonly string[]): PlacedProblems {
  const byField: { [field: string]: string } = {};
  const others: ServerProblem[] = [];
  for (const problem of problems) {
    const field = problem.path?.split('.').at(-1);
    if (field !== undefined && fields.includes(field))
      byField[field] ??= problem.hint === undefined ? problem.message : `${problem.message} ${problem.hint}`;
    else others.push(problem);
  }
  return { byField, others };
}
