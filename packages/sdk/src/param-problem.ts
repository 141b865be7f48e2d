/** What is wrong with a parameter's value. */

/**
 * - `PARAM_REQUIRED`: no value. `PARAM_TYPE`: the wrong type. `PARAM_CONSTRAINT`: the right type outside its bounds.
 * - `PARAM_CHOICE`: not one of the options. `PARAM_UNKNOWN`: a name the type does not have. `PARAM_KEY`: a key no data may have.
 * - `EXPR_DENIED`: an expression where none may stand. `EXPR_REQUIRED`: a literal where an expression must stand.
 */
export type ParamProblemCode =
  | 'PARAM_REQUIRED'
  | 'PARAM_TYPE'
  | 'PARAM_CONSTRAINT'
  | 'PARAM_CHOICE'
  | 'PARAM_UNKNOWN'
  | 'PARAM_KEY'
  | 'EXPR_DENIED'
  | 'EXPR_REQUIRED';

export interface ParamProblem {
  readonly code: ParamProblemCode;
  /** A sentence for people, without the parameter's name. */
  readonly message: string;
  /** Where inside the value: names and indexes from the outside in. */
  readonly path: readonly (string | number)[];
}
