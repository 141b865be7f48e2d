/** An arrow function given to a method. It exists only for the length of that call: no value ever holds one. */
import type { Compiled, Evaluation } from './evaluation.ts';
import type { Value } from './values.ts';

/** Stores one argument in the slots its parameter names. */
export type Binder = (evaluation: Evaluation, argument: Value) => void;

export class Lambda {
  readonly #binders: readonly Binder[];
  readonly #body: Compiled;

  constructor(binders: readonly Binder[], body: Compiled) {
    this.#binders = binders;
    this.#body = body;
  }

  call(evaluation: Evaluation, first: Value, second?: Value, third?: Value): Value {
    if (--evaluation.fuel < 0) evaluation.outOfFuel();
    const binders = this.#binders;
    binders[0]?.(evaluation, first);
    binders[1]?.(evaluation, second);
    binders[2]?.(evaluation, third);
    return this.#body(evaluation);
  }
}
