/** Steps from one value to the next: `.a`, `[b]`, `.c(d)`. */
import type { Compiled, Evaluation } from './evaluation.ts';
import type { Value } from './values.ts';

/** One member, index or call after another: `.a`, `[b]`, `.c(d)`. */
export interface Step {
  readonly isOptional: boolean;
  readonly run: (evaluation: Evaluation, value: Value) => Value;
}

export function joined(start: Compiled, steps: readonly Step[]): Compiled {
  const [first, second, third] = steps;
  if (first === undefined) return start;
  if (steps.some((step) => step.isOptional)) {
    return (e) => {
      if (--e.fuel < 0) e.outOfFuel();
      let value = start(e);
      for (const step of steps) {
        if (step.isOptional && (value === undefined || value === null)) return undefined;
        value = step.run(e, value);
      }
      return value;
    };
  }
  const one = first.run;
  if (second === undefined) {
    return (e) => {
      if (--e.fuel < 0) e.outOfFuel();
      return one(e, start(e));
    };
  }
  const two = second.run;
  if (third === undefined) {
    return (e) => {
      if (--e.fuel < 0) e.outOfFuel();
      return two(e, one(e, start(e)));
    };
  }
  const rest = steps.slice(2).map((step) => step.run);
  return (e) => {
    if (--e.fuel < 0) e.outOfFuel();
    let value = two(e, one(e, start(e)));
    for (const run of rest) value = run(e, value);
    return value;
  };
}
