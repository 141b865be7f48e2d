/** A job in the hands of this process, as its kind sees it. */
import type { Job } from '@plugboard/persistence';
import type { Json, JsonObject } from '@plugboard/sdk';

export interface JobLog {
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

/** A job in the hands of this process. */
export interface HeldJob {
  readonly job: Job;
  readonly workspaceId: string;
  readonly by: string;
  readonly leaseMs: number;
  /** Aborts when the server stops: what is under way ends, and the job is given back. */
  readonly signal: AbortSignal;
  readonly log: JobLog;
  /** Ends early when the server stops. */
  readonly pause: (ms: number) => Promise<void>;
  /** Keeps the lease and tells how far it is; true when it is to stop. @throws JobLostError */
  readonly advance: (progress: Json) => Promise<boolean>;
  readonly end: (state: 'succeeded' | 'failed' | 'cancelled', report: JsonObject) => Promise<void>;
  /** Whoever watches is told that something changed. */
  readonly tell: () => void;
}

/** What a kind of job does, up to its end, or until the signal aborts. */
export type CarryOut = (held: HeldJob) => Promise<void>;

/** Another process has the job: what was just done is taken back with its transaction. */
export class JobLostError extends Error {
  override readonly name = 'JobLostError';
}
