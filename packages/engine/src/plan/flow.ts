/**
 * Which runs of a workflow begin when. Limits count runs with the same key together: a text, or an expression on the first item of the trigger,
 * settled once when the run starts. A key that comes to nothing is the key of all runs without one.
 */
import { type CompiledValue, compileValue } from '@plugboard/expression';
import type { Item, Json } from '@plugboard/sdk';
import type { FlowControl } from '../definition/types.ts';
import { type StartFacts, settleAtStart } from './start-scope.ts';

/** Flow control with its keys compiled. */
export interface FlowPlan {
  readonly control: FlowControl;
  readonly keys: { readonly [Part in KeyedPart]?: CompiledValue };
  readonly priority: CompiledValue | undefined;
}

/** What the start of one run is subject to. */
export interface FlowTurn {
  /** Higher goes first. */
  readonly priority: number;
  readonly concurrency?: { readonly limit: number; readonly key: string };
  readonly throttle?: { readonly limit: number; readonly periodMs: number; readonly key: string };
  readonly hold?: FlowHold;
  /** Its workflow is paused: it begins when that goes on. */
  readonly isHeld?: true;
}

/** What happens to a start while another one with the same key waits or is at work. */
export type FlowHold =
  | { readonly kind: 'debounce'; readonly key: string; readonly delayMs: number; readonly longestMs: number }
  | { readonly kind: 'batch'; readonly key: string; readonly size: number; readonly waitMs: number }
  | { readonly kind: 'skip' | 'replace'; readonly key: string };

type KeyedPart = 'concurrency' | 'throttle' | 'debounce' | 'batch' | 'singleton';
const KEYED: readonly KeyedPart[] = ['concurrency', 'throttle', 'debounce', 'batch', 'singleton'];

const HIGHEST_PRIORITY = 1000;

export function compileFlow(control: FlowControl | undefined): FlowPlan | undefined {
  if (!control || Object.keys(control).length === 0) return undefined;
  const keys: { [Part in KeyedPart]?: CompiledValue } = {};
  for (const part of KEYED) {
    const key = control[part]?.key;
    if (key !== undefined) keys[part] = compileValue(key);
  }
  const { priority } = control;
  return { control, keys, priority: priority === undefined ? undefined : compileValue(priority) };
}

export function settleFlow({ control, keys, priority }: FlowPlan, items: readonly Item[], facts: StartFacts): FlowTurn {
  const settle = settleAtStart(items, facts);
  const keyOf = (part: KeyedPart): string => keyText(keys[part] && settle(keys[part]));
  const { concurrency, throttle } = control;
  const hold = holdOf(control, keyOf);
  return {
    priority: priorityOf(priority && settle(priority)),
    ...(concurrency && { concurrency: { limit: concurrency.limit, key: keyOf('concurrency') } }),
    ...(throttle && { throttle: { limit: throttle.limit, periodMs: throttle.periodMs, key: keyOf('throttle') } }),
    ...(hold && { hold }),
  };
}

function holdOf({ debounce, batch, singleton }: FlowControl, keyOf: (part: KeyedPart) => string): FlowHold | undefined {
  if (debounce) {
    const { delayMs, longestMs = delayMs * 10 } = debounce;
    return { kind: 'debounce', key: keyOf('debounce'), delayMs, longestMs };
  }
  if (batch) return { kind: 'batch', key: keyOf('batch'), size: batch.size, waitMs: batch.waitMs };
  return singleton && { kind: singleton.whenBusy ?? 'skip', key: keyOf('singleton') };
}

function keyText(value: Json | undefined): string {
  if (value === undefined || value === null) return '';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function priorityOf(value: Json | undefined): number {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  if (typeof number !== 'number' || !Number.isFinite(number)) return 0;
  return Math.max(-HIGHEST_PRIORITY, Math.min(HIGHEST_PRIORITY, Math.round(number)));
}
