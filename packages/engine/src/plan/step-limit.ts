/** Limits of the requests that steps make. */
import { type CompiledValue, type Scope, compileValue, createBudget } from '@plugboard/expression';
import type { StepLimit } from '../definition/types.ts';

/** How often requests of a step may be made. */
export interface PlanLimit {
  /** Absent: it counts for this node alone. */
  readonly name: string | undefined;
  readonly key: CompiledValue | undefined;
  readonly concurrency: number | undefined;
  readonly rate: { readonly requests: number; readonly periodMs: number } | undefined;
}

const FUEL = 20_000;
const LONGEST_KEY = 500;

export function limitOf({ name, key, concurrency, requests, periodMs = 1000 }: StepLimit): PlanLimit {
  const rate = requests === undefined ? undefined : { requests, periodMs };
  return { name, key: key === undefined ? undefined : compileValue(key), concurrency, rate };
}

/** What the requests of a step are counted apart by. A key that cannot be settled counts as none. */
export function settleLimitKey({ key }: PlanLimit, scope: Scope): string {
  if (key === undefined) return '';
  try {
    const value = key.constant ? key.value : key.evaluate(scope, createBudget(FUEL));
    return (typeof value === 'string' ? value : (JSON.stringify(value) ?? '')).slice(0, LONGEST_KEY);
  } catch {
    // An expression of somebody's on data of somebody's.
    return '';
  }
}
