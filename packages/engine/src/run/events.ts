/**
 * What the journal of a run holds: facts, in order. Run state is a fold of them and nothing else.
 * Times are milliseconds since 1970 by the owner's clock. `path` is the iteration path of a step inside loops; the root scope leaves it out.
 */
import type { Item, Json, JsonObject, StepError, WaitKind } from '@plugboard/sdk';
import type { MockedReply, WorkflowDefinition } from '../definition/types.ts';
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

/** What the items a step holds back go on with: at which port, and what is added to each of them. */
export interface WaitAnswer {
  readonly port: string;
  readonly json: JsonObject;
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
  /** Answers it takes to be over; absent: the first ends it. */
  readonly parts?: number;
  /** Each part answers for the item of the same number. */
  readonly each?: true;
}

/** How a run came from another one, or from work on a draft. History is never rewritten: what is done again is a run of its own. */
export interface RunOrigin {
  /** The run it was made from; absent for a draft run that takes nothing from one. */
  readonly run?: string;
  /**
   * `again`: from the start, with the same input · `retry`: what did not succeed · `rerun`: from a chosen step on ·
   * `skip`: a failed step is taken as done · `draft`: a part of a draft · `test`: a test of the workflow.
   */
  readonly how: 'again' | 'retry' | 'rerun' | 'skip' | 'draft' | 'test';
  /** The step it goes on from. */
  readonly node?: string;
  /** The run whose idempotency keys its writes have; absent: its own. */
  readonly keys?: string;
}

/** A write item whose parameters an earlier run has fixed. */
export interface KeptParams {
  readonly i: number;
  readonly params: Json;
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
      /** It waits for its turn: nothing begins before `run.admitted`. */
      readonly gated?: true;
      /** Of runs that wait for a place, those with a higher one go first. @default 0 */
      readonly priority?: number;
      /** The data of the run is forgotten: items are empty, in all its events. */
      readonly erased?: true;
      /** The definition itself, for runs of a draft: no version keeps it. */
      readonly definition?: WorkflowDefinition;
      readonly origin?: RunOrigin;
      /** So many events follow that say what is kept of an earlier run or given by a person; no step starts before the last of them. */
      readonly carries?: number;
      /** Requests of this run are answered from here and never leave; what fits none is refused. Nothing else outside is reached either. */
      readonly mocks?: readonly MockedReply[];
      /** Nodes without edges into them that get their items by such an event. */
      readonly given?: readonly string[];
    })
  /** Another start was gathered into this one, which waits for its turn: its items come after those there are. */
  | (At & { readonly type: 'run.joined'; readonly items: readonly Item[] })
  /** Its turn has come. */
  | (At & { readonly type: 'run.admitted' })
  /** The step is done with these outputs although it did not run here. `from`: a run by its id, `skip` (a person took it as done) or `pin`. */
  | (OfStep & { readonly type: 'step.carried'; readonly from: string; readonly outputs: Outputs })
  /** Items of the step that an earlier run is through with; unknown ones ask again. `kept`: parameters of items that are sent again. */
  | (OfStep & {
      readonly type: 'items.carried';
      readonly from: string;
      readonly outcomes: readonly ItemOutcome[];
      readonly kept?: readonly KeptParams[];
    })
  /** Rounds of a loop that an earlier run is through with: their items by number; or, of a loop that decides before each round, how far it was. */
  | (OfStep & {
      readonly type: 'rounds.carried';
      readonly from: string;
      readonly ended: readonly (readonly [round: number, items: Batch])[];
      /** Something ended the loop: only these rounds, which were under way, begin anew. */
      readonly last?: readonly number[];
      /** Rounds begun before the one that `entry` begins anew; without `entry` the loop decides about it with `input`. */
      readonly begun?: number;
      readonly entry?: Batch;
      readonly input?: Batch;
    })
  /** Answers that a step has waited for in an earlier run and had got: what they answer is not asked for again. */
  | (OfStep & {
      readonly type: 'parts.carried';
      readonly from: string;
      readonly wait: string;
      readonly came: readonly (readonly [part: number, items: readonly Item[]])[];
    })
  /** A person gave the step these items, by input port: it runs with them, whatever its edges bring. */
  | (OfStep & { readonly type: 'step.given'; readonly ports: Outputs })
  /** Once the node fires it is done with these outputs, in every round, and never runs. */
  | (OfStep & { readonly type: 'node.pinned'; readonly outputs: Outputs })
  /** These nodes are no part of this run. */
  | (At & { readonly type: 'nodes.left_out'; readonly nodes: readonly string[] })
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
  /**
   * The wait with this id is over: its instant has come, or what it waited for, which `outputs` has then. Of a wait with parts: one of them has
   * come, or has failed with `error`.
   */
  | (OfStep & {
      readonly type: 'wait.over';
      readonly wait: string;
      readonly outputs?: Outputs;
      readonly answer?: WaitAnswer;
      readonly part?: number;
      readonly error?: StepError;
    })
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
  /** The runner could not go on for a reason outside the steps (a poison record, a missing version), or what they gave is not what the workflow declares. */
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
  readonly called?: CalledFailure;
}

/** Of a step that failed with a run it called: what the innermost of the called runs failed with, and how many of them it came through. */
export interface CalledFailure {
  readonly reason: string;
  readonly runs: number;
}
