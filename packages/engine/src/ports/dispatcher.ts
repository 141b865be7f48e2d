/**
 * Which accepted runs may work now. Counts dispatched runs per workspace and keeps the rest in order of acceptance.
 * In-process here; the Redis implementation carries ids only.
 */
export interface DispatchJob {
  readonly runId: string;
  readonly workspaceId: string;
  /** Of those that wait, higher ones go first. @default 0 */
  readonly priority?: number;
}

export interface Dispatcher {
  /** `start` is called once a slot is free, at once if there is one. */
  enqueue(job: DispatchJob, start: () => void): void;
  /** The run ended or suspended: its slot goes to the next. */
  release(job: DispatchJob): void;
  /** Drops a run that has not started. True when it was still waiting. */
  forget(runId: string): boolean;
  readonly waiting: number;
  readonly running: number;
}
