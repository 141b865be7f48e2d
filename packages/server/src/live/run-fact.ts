/**
 * A fact: one journal event without its data. What sockets carry and what the history of a run answers; everything a run view draws is
 * folded from facts. Event `n` of the journal, counted from 0, is fact `n + 1`, so facts are numbered from 1 without holes.
 */
import type { RunEvent, RunStatusName, StepPhase, WaitingFor } from '@plugboard/engine';

/** Longest JSON text of one fact, in bytes. */
export const MAX_FACT_BYTES = 1024;

/** What went wrong; the message is shortened to 300 characters. */
export interface FactError {
  readonly code: string;
  readonly message: string;
  /** Index of the item, from 0. */
  readonly item?: number;
}

/** Another step the event has decided about. `succeeded` without an event of its own is a step that is switched off and hands its items on. */
export interface StepChange {
  readonly node: string;
  readonly phase: Extract<StepPhase, 'succeeded' | 'skipped' | 'cancelled' | 'failed' | 'asking' | 'looping'>;
  readonly path?: readonly number[];
  /** Items a step that is switched off handed on. */
  readonly items?: number;
  /** Why it was skipped; `not_reached`: the run stopped before. */
  readonly because?: 'empty' | 'not_taken' | 'not_reached';
  /** Where the result comes from of a step that did not run here: a run by its id, `skip` or `pin`. */
  readonly carried?: string;
}

interface FactBase {
  /** From 1, without holes. */
  readonly seq: number;
  /** ISO 8601. */
  readonly at: string;
  /** Present when the event changed how the run stands. */
  readonly status?: RunStatusName;
  /** With `status: 'waiting'`. */
  readonly waitingFor?: WaitingFor;
  /** The step that the run begins to undo with this event. */
  readonly undoes?: string;
  /** Other steps this event has decided about. */
  readonly also?: readonly StepChange[];
  /** Something had to be left out to keep the fact short: read the run once more for the whole picture. */
  readonly isCut?: true;
}

interface OfStep {
  readonly node: string;
  readonly path?: readonly number[];
  /** How the step stands after the event, as the engine sees it. */
  readonly phase: StepPhase;
}

export type RunFact = FactBase &
  (
    | { readonly type: 'run.started'; readonly trigger: string; readonly items: number }
    | (OfStep & { readonly type: 'step.started'; readonly attempt: number; readonly items: number })
    | (OfStep & {
        readonly type: 'step.finished';
        readonly startedAt: string;
        /** Items by output port. */
        readonly out: { readonly [port: string]: number };
        /** Set where the step went on in spite of it. */
        readonly error?: FactError;
        /** Where the result comes from of a step that did not run here: a run by its id, `skip` or `pin`. */
        readonly carried?: string;
      })
    /** The attempt failed. `phase` says what follows: `failed`, `retry`, or `asking` when the write may have happened. */
    | (OfStep & { readonly type: 'step.failed'; readonly attempt: number; readonly error: FactError; readonly unknown?: true })
    | (OfStep & { readonly type: 'step.progress'; readonly done: number; readonly failed: number; readonly total: number })
    | (OfStep & { readonly type: 'retry.scheduled'; readonly attempt: number; readonly dueAt: string })
    /** The step waits, and goes on by itself or by what comes from outside. */
    | (OfStep & { readonly type: 'step.waiting'; readonly waitsFor: WaitingFor; readonly dueAt?: string })
    /** A person has decided about every write of the step that may have happened. */
    | (OfStep & { readonly type: 'wait.ended' })
    /** Another process took the run over. `fence` counts its owners, from 1. */
    | { readonly type: 'run.recovered'; readonly fence: number }
    | { readonly type: 'cancel.requested'; readonly by: string }
    | { readonly type: 'run.ended'; readonly status: RunStatusName; readonly error?: RunFactError; readonly activeMs: number }
    /** An event that changes nothing a run view draws by itself; it keeps the numbers without holes. */
    | { readonly type: 'other'; readonly event: RunEvent['type']; readonly node?: string; readonly phase?: StepPhase }
  );

export interface RunFactError extends FactError {
  readonly nodeId?: string;
  readonly nodeName?: string;
}
