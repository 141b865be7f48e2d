/** A step that has to wait says so with its result: no process holds anything for it meanwhile, and it survives restarts. */
import type { Item } from './item.ts';
import type { Output } from './output.ts';

export const WAIT_MARK: unique symbol = Symbol.for('plugboard.wait');

/** An instant: a Date, milliseconds since 1970, or ISO text with an offset. */
export type Instant = Date | number | string;

/**
 * What a type waits for: the clock, a call to the address that `$run.resume` has for the step, the decision about an approval, a form that
 * somebody fills in, or the runs it started.
 */
export type WaitKind = 'timer' | 'signal' | 'approval' | 'form' | 'child';

/** What a step that waits returns. Made by {@link waitUntil}, {@link waitForSignal}, {@link waitForApproval} and {@link waitForForm}. */
export interface WaitRequest {
  readonly [WAIT_MARK]: true;
  readonly kind: WaitKind;
  readonly until?: Instant;
  readonly items: Iterable<Output | Item>;
  /** Of runs: how many there are, and whether each is for one item. */
  readonly runs?: { readonly count: number; readonly each: boolean };
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

/**
 * Ends the call, and the step when the approval it opened with `ctx.approvals.open` is decided: `items` go on at the port the decision names,
 * with what was decided. With `until` they go on as they are if nobody has decided by then. The type says `waits: 'approval'`.
 * @example return waitForApproval({ until: deadline, items: items.map(({ json }) => item(json, { port: 'late' })) })
 */
export function waitForApproval(late: { readonly until?: Instant; readonly items: Iterable<Output | Item> }): WaitRequest {
  return { [WAIT_MARK]: true, kind: 'approval', ...late };
}

/**
 * Ends the call, and the step when the form it opened with `ctx.forms.open` is filled in: one item with the values goes on, on the port `main`.
 * With `until` `items` go on if nobody has by then. The type says `waits: 'form'`.
 */
export function waitForForm(late?: { readonly until: Instant; readonly items: Iterable<Output | Item> }): WaitRequest {
  return { [WAIT_MARK]: true, kind: 'form', items: [], ...late };
}

/**
 * Ends the call, and the step when the runs it started with `ctx.workflows.start` have ended: what they give goes on, on the port `main`, in the
 * order in which they were started. The type says `waits: 'child'`.
 * @param each Each of the runs is for one item of the step: what it gives descends from it, and a run that fails is the failure of its item.
 */
export function waitForRuns(count: number, each: boolean): WaitRequest {
  return { [WAIT_MARK]: true, kind: 'child', items: [], runs: { count, each } };
}
