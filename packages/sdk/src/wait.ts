/** A step that has to wait says so with its result: no process holds anything for it meanwhile, and it survives restarts. */
import type { Item } from './item.ts';
import type { Output } from './output.ts';

export const WAIT_MARK: unique symbol = Symbol.for('plugboard.wait');

/** An instant: a Date, milliseconds since 1970, or ISO text with an offset. */
export type Instant = Date | number | string;

/** What a type waits for: the clock, or a call to the address that `$run.resume` has for the step. */
export type WaitKind = 'timer' | 'signal';

/** What a step that waits returns. Made by {@link waitUntil} and {@link waitForSignal}. */
export interface WaitRequest {
  readonly [WAIT_MARK]: true;
  readonly kind: WaitKind;
  readonly until?: Instant;
  readonly items: Iterable<Output | Item>;
}

/**
 * Ends the call, and the step when its instant comes: `items` go on then. The type says `waits: 'timer'`.
 * @param until An instant that has passed ends the step at once.
 * @param items Outputs, as a per-batch `run` returns them.
 * @example return waitUntil(Date.parse(ctx.now) + 60_000, items)
 */
export function waitUntil(until: Instant, items: Iterable<Output | Item>): WaitRequest {
  return { [WAIT_MARK]: true, kind: 'timer', until, items };
}

/**
 * Ends the call, and the step when somebody calls its address: one item with what was sent goes on, on the port `main`. The type says
 * `waits: 'signal'`. Without `until` it waits for ever; with it `items` go on if nobody has called by then.
 * @example return waitForSignal({ until: deadline, items: items.map(({ json }) => item(json, { port: 'late' })) })
 */
export function waitForSignal(late?: { readonly until: Instant; readonly items: Iterable<Output | Item> }): WaitRequest {
  return { [WAIT_MARK]: true, kind: 'signal', items: [], ...late };
}
