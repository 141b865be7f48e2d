/**
 * What the journal of a run holds: facts, in order. Run state is a fold of them and nothing else.
 * Times are milliseconds since 1970 by the owner's clock. `path` is the iteration path of a step inside loops; the root scope leaves it out.
 */
import type { Item, Json, StepError, WaitKind } from '@plugboard/sdk';
import type { WorkflowDefinition } from '../definition/types.ts';
import type { RunStatusName } from './status.ts';

/** A stored payload, by content. */
export interface BlobRef {
  readonly sha256: string;
  /** Bytes of the stored JSON text. */
  readonly size: number;
}

/**
 * Ancestors of each output item: an index into the step's input, or several. Absent as a whole, output `i` came from input `i`;
 * an empty or missing entry means the whole input.
 */
export type Lineage = readonly (number | readonly number[])[];

/** Items on one port. In the journal a large batch is a reference with a short preview; in memory it always has its items. */
export interface Batch {
  readonly items: readonly Item[];
  readonly from?: Lineage;
}

export type Outputs = { readonly [port: string]: Batch };

/** One output of one item. */
export interface ItemOutput {
  /** @default 'main' */
  readonly port?: string;
  readonly item: Item;
  /** Further ancestors than the item itself. */
  readonly from?: readonly number[];
}

/** How one input item of a step ended. `unknown` marks a write that may or may not have happened. */
export type ItemOutcome =
  | { readonly i: number; readonly ok: readonly ItemOutput[] }
  | { readonly i: number; readonly error: StepError; readonly unknown?: true };

/** A write item about to start: its parameters are fixed here and reused by every attempt. */
export interface StartedItem {
  readonly i: number;
  readonly attempt: number;
  /** Evaluated parameters; present on the first attempt only. */
  readonly params?: Json;
}

export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly at: number;
  readonly i?: number;
}

/** What a step waits for. */
export interface StepWait {
  /** Unique in the run: `<node>.<attempt>`, and `<node>.signal` for what comes from outside, which may come before the step waits. */
  readonly id: string;
  readonly kind: WaitKind;
  /** When it ends by itself; absent: never. */
  readonly dueAt?: number;
  /** So short that the run stays in memory for it. */
  readonly short?: true;
}

interface At {
  readonly at: number;
}
interface OfStep extends At {
  readonly node: string;
  readonly path?: readonly number[];
}

export type RunEvent =
  | (At & {
      readonly type: 'run.started';
      /** Engine semantics the run keeps for its life. */
      readonly semantics: number;
      /** The trigger node whose items these are. */
      readonly trigger: string;
      readonly outputs: Outputs;
      readonly initiator?: string;
      /** The definition itself, for runs of a draft: no version keeps it. */
      readonly definition?: WorkflowDefinition;
    })
  /** An attempt that takes time has begun. Pure steps that end at once leave it out. */
  | (OfStep & { readonly type: 'step.started'; readonly attempt: number })
  /** The whole step ended in success at once; `startedAt` where no `step.started` came before. */
  | (OfStep & { readonly type: 'step.finished'; readonly startedAt: number; readonly outputs: Outputs; readonly logs?: readonly LogLine[] })
  /** The whole step (a per-batch type, or a failure outside any item) failed in this attempt. */
  | (OfStep & {
      readonly type: 'step.failed';
      readonly attempt: number;
      readonly error: StepError;
      readonly unknown?: true;
      readonly logs?: readonly LogLine[];
    })
  /** Write items that start now; durable before any of them acts. */
  | (OfStep & { readonly type: 'items.started'; readonly items: readonly StartedItem[] })
  /** Items that ended in this attempt, in any order. The step ends by itself when every item has. */
  | (OfStep & { readonly type: 'items.settled'; readonly outcomes: readonly ItemOutcome[]; readonly logs?: readonly LogLine[] })
  /** A retry was set for this instant (jitter and the service's wish included). */
  | (OfStep & { readonly type: 'retry.scheduled'; readonly attempt: number; readonly dueAt: number })
  | (OfStep & { readonly type: 'retry.due'; readonly attempt: number })
  /** The step waits, and nothing of it is under way until `wait.over`; `outputs` go on if its instant comes first. */
  | (OfStep & {
      readonly type: 'step.waiting';
      readonly attempt: number;
      readonly startedAt: number;
      readonly wait: StepWait;
      readonly outputs: Outputs;
      readonly logs?: readonly LogLine[];
    })
  /** The wait with this id is over: its instant has come, or what it waited for, which `outputs` has then. */
  | (OfStep & { readonly type: 'wait.over'; readonly wait: string; readonly outputs?: Outputs })
  /** A person decided what an unknown write was: apply again with the same key, take it as done with this output, or fail it. */
  | (OfStep & {
      readonly type: 'unknown.resolved';
      readonly i: number;
      readonly decision: 'retry' | 'done' | 'fail';
      readonly output?: Item;
      readonly by: string;
    })
  /** Another process took the run over; what was in flight there is lost. `trial`: it may be what ended the server. */
  | (At & { readonly type: 'run.recovered'; readonly fence: number; readonly trial?: Trial })
  /** The run ended its server each time it went on alone: it is held back until a person resumes or cancels it. */
  | (At & { readonly type: 'run.quarantined'; readonly deaths: number })
  /** A person holds the run: what is under way ends, and no further step starts. */
  | (At & { readonly type: 'pause.requested'; readonly by: string })
  /** A person lets a run go on that was paused or in quarantine. */
  | (At & { readonly type: 'run.resumed'; readonly by: string })
  | (At & { readonly type: 'cancel.requested'; readonly by: string; readonly reason?: string })
  | (At & { readonly type: 'run.timed_out'; readonly activeMs: number })
  /** The runner could not go on for a reason outside the workflow (a poison record, a missing version). */
  | (At & { readonly type: 'run.broken'; readonly error: StepError })
  | (At & { readonly type: 'run.ended'; readonly status: RunStatusName; readonly error?: RunError; readonly activeMs: number });

/** A run under suspicion that is tried again. */
export interface Trial {
  /** Servers that ended while it was alone, without progress of the run in between. */
  readonly deaths: number;
  /** Crashes counted for it so far; one more the next time means that this server ended too. */
  readonly crashes: number;
  /** No other run under suspicion goes on beside it. */
  readonly isAlone: boolean;
}

export interface RunError {
  readonly code: string;
  readonly message: string;
  readonly node?: string;
  readonly item?: number;
}
