/** The end of a run as its listener hears it. */
import { type RunError, type RunState, type RunStatusName, runOutput } from '@plugboard/engine';
import type { Item } from '@plugboard/sdk';
import type { EndedRun } from './active-run.ts';

/** A class, for an object literal with a getter of its own costs a hidden class for every run, which keeps the run in memory for long. */
export class ToldEnd implements EndedRun {
  readonly runId: string;
  readonly status: RunStatusName;
  readonly error: RunError | undefined;
  readonly #state: RunState;

  constructor(runId: string, state: RunState) {
    this.runId = runId;
    this.status = state.status;
    this.error = state.error;
    this.#state = state;
  }

  /** Gathered when it is asked for: few want it. */
  get output(): readonly Item[] {
    return runOutput(this.#state);
  }
}
