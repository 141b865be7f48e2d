/** One evaluation: the scope it reads, the fuel it has left and the arrow parameters in force. */
import { ExpressionError } from './expression-error.ts';
import { momentOfScope } from './moment.ts';
import type { Limits } from './limits.ts';
import type { Scope } from './scope.ts';
import type { DateValue } from './values.ts';
import { type Value } from './values.ts';

/** A compiled part of an expression. */
export type Compiled = (evaluation: Evaluation) => Value;

export class Evaluation {
  readonly limits: Limits;
  /** Arrow parameters by slot. Arrows are no values and never recurse, so a slot has one owner at a time. */
  readonly locals: Value[] = [];
  /** Steps left. Hot code decrements it directly and calls `outOfFuel` below zero. */
  fuel: number;
  #scope: Scope | undefined;
  #now: DateValue | undefined;

  constructor(limits: Limits) {
    this.limits = limits;
    this.fuel = limits.fuel;
  }

  get scope(): Scope {
    return this.#scope as Scope;
  }

  open(scope: Scope, fuel: number): void {
    this.#scope = scope;
    this.fuel = fuel;
  }

  /** Forgets the scope, so that a compiled template kept for years keeps no run's data alive. */
  close(): void {
    this.#scope = undefined;
    this.#now = undefined;
    if (this.locals.length > 0) this.locals.length = 0;
  }

  /** Pays for `steps` of work. Call it before doing the work. */
  charge(steps: number): void {
    this.fuel -= steps;
    // Written so that a step count that is not a number also ends the evaluation.
    if (!(this.fuel >= 0)) this.outOfFuel();
  }

  /** Pays for making a text of `length` code units and checks its size. */
  chargeText(length: number): void {
    if (length > this.limits.text) {
      throw new ExpressionError('EXPR_BUDGET', `The text would be longer than ${this.limits.text} characters.`);
    }
    this.charge(1 + (length >>> 10));
  }

  /** Pays for making a list or an object of `count` elements and checks its size. */
  chargeElements(count: number): void {
    if (count > this.limits.elements) {
      throw new ExpressionError('EXPR_BUDGET', `The list would have more than ${this.limits.elements} elements.`);
    }
    this.charge(1 + count);
  }

  outOfFuel(): never {
    this.fuel = 0;
    throw new ExpressionError('EXPR_BUDGET', 'The expression needs more steps than one evaluation may take.', {
      hint: 'Work on fewer items at a time, or use a code step.',
    });
  }

  /** `$now`: the step's start in the scope's zone. */
  now(): DateValue {
    this.#now ??= momentOfScope(this.scope.now, this.scope.zone);
    return this.#now;
  }
}
