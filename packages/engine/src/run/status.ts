/** How runs stand. */
import type { WaitKind } from '@plugboard/sdk';

/** Run states, numbered for ever. */
export const RUN_STATUS = { pending: 0, running: 1, paused: 2, waiting: 3, succeeded: 4, failed: 5, cancelled: 6, timed_out: 7 } as const;

export type RunStatusName = keyof typeof RUN_STATUS;
export type RunStatus = (typeof RUN_STATUS)[RunStatusName];

/** What a waiting run waits for, numbered for ever. */
export const WAITING_FOR = { timer: 1, signal: 2, approval: 3, child: 4, unknown_effect: 5, blocked: 6, quarantine: 7, turn: 8 } as const;
export type WaitingFor = keyof typeof WAITING_FOR;

/** What a run waits for whose step waits so. A form is something that comes from outside. */
export function waitingForOf(kind: WaitKind): WaitingFor {
  return kind === 'form' ? 'signal' : kind;
}

const NAMES = Object.keys(RUN_STATUS) as RunStatusName[];

/** @throws RangeError for a number that is no run status. */
export function runStatusName(status: number): RunStatusName {
  const name = NAMES[status];
  if (!name) throw new RangeError(`${status} is not a run status`);
  return name;
}

export function isTerminal(status: RunStatusName): boolean {
  return RUN_STATUS[status] >= RUN_STATUS.succeeded;
}

/** Nothing of the run is under way, and it is not over: it holds no memory. */
export function isAtRest(status: RunStatusName): boolean {
  return status === 'waiting' || status === 'paused';
}

/** How a run came to be, numbered for ever. */
export const TRIGGER_KIND = { manual: 0, webhook: 1, schedule: 2, poll: 3, stream: 4, parent: 5, rerun: 6, error: 7 } as const;
export type TriggerKindName = keyof typeof TRIGGER_KIND;
