/**
 * Carries jobs out: claims one after the other by lease, and gives them back when the server stops. What a job does is its kind's; whoever
 * claims one again goes on where it was.
 */
import { type Database, type Job, advanceJob, claimJob, finishJob, inInstance, releaseJobs } from '@plugboard/persistence';
import type { Change, Execute } from '../operation/execute.ts';
import type { Registry } from '../operation/registry.ts';
import { bulkJob } from './bulk-job.ts';
import { BULK_JOB } from './bulk-acts.ts';
import { tellOfEnd } from './job-notice.ts';
import { type CarryOut, type HeldJob, JobLostError, type JobLog } from './held-job.ts';

/** Without a sign of life for this long another process takes a job over, in milliseconds. */
const LEASE_MS = 30_000;
/** How often is looked for jobs that others left or asked for elsewhere, in milliseconds. */
const POLL_MS = 1000;
/** Jobs at work at once in this process, so that a long one does not hold up a short one. */
const SLOTS = 2;

export interface JobWorkerOptions {
  readonly database: Database;
  readonly registry: Registry;
  readonly execute: Execute;
  /** Kinds of jobs besides bulk acts. */
  readonly kinds?: Readonly<Record<string, CarryOut>>;
  /** Hears of each step of a job. */
  readonly onChanged?: (change: Change) => void;
  readonly log: JobLog;
  /** @default a second */
  readonly pollMs?: number;
  /** @default 30 seconds */
  readonly leaseMs?: number;
}

export interface JobWorker {
  /** There may be something to do. */
  wake(): void;
  /** Lets the thing at hand end and gives the jobs back, for others to go on with. */
  close(): Promise<void>;
}

export function startJobWorker(options: JobWorkerOptions): JobWorker {
  const { database, registry, execute, onChanged, log, pollMs = POLL_MS, leaseMs = LEASE_MS } = options;
  const kinds: Readonly<Record<string, CarryOut>> = { ...options.kinds, [BULK_JOB]: bulkJob({ database, registry, execute }) };
  const by = crypto.randomUUID();
  const stopping = new AbortController();
  const wakers = new Set<() => void>();
  let isWoken = false;

  const pause = (ms: number): Promise<void> =>
    new Promise((resolve) => {
      if (stopping.signal.aborted) return resolve();
      const done = (): void => {
        clearTimeout(timer);
        wakers.delete(done);
        resolve();
      };
      const timer = setTimeout(done, ms);
      wakers.add(done);
    });

  const wake = (): void => {
    isWoken = true;
    for (const waker of wakers) waker();
  };

  const atWork = new Set<Promise<void>>();
  const loop = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      isWoken = false;
      const job = atWork.size < SLOTS ? await claim() : undefined;
      if (job) {
        const work: Promise<void> = carryOut(job)
          .catch((error: unknown) => log.warn({ err: error, jobId: job.id }, 'a job was broken off; it goes on when its lease is over'))
          .finally(() => {
            atWork.delete(work);
            wake();
          });
        atWork.add(work);
      } else if (!isWoken) await pause(pollMs);
    }
    await Promise.all(atWork);
  };

  const claim = async (): Promise<Job | undefined> => {
    try {
      return await claimJob(database, { kinds: Object.keys(kinds), by, leaseMs });
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ err: error }, 'jobs could not be looked for; trying again');
      return undefined;
    }
  };

  const carryOut = async (job: Job): Promise<void> => {
    const { workspaceId } = job;
    if (workspaceId === undefined)
      return void (await finishJob(database, job.id, { by, state: 'failed', report: { code: 'JOB_WITHOUT_WORKSPACE' } }));
    const tell = (): void => onChanged?.({ workspaceId, kind: 'job', id: job.id });
    const held: HeldJob = {
      job,
      workspaceId,
      by,
      leaseMs,
      signal: stopping.signal,
      log,
      pause,
      tell,
      async advance(progress) {
        const step = await advanceJob(database, job.id, { by, leaseMs, progress });
        if (step === 'lost') throw new JobLostError();
        tell();
        return step === 'cancel-requested';
      },
      async end(state, report) {
        await inInstance(database, async (tx) => {
          if (await finishJob(tx, job.id, { by, state, report })) await tellOfEnd(tx, job, state, report);
        });
        tell();
        log.info({ jobId: job.id, state, ...report }, 'a job has ended');
      },
    };
    try {
      await kinds[job.kind]?.(held);
    } catch (error) {
      if (!(error instanceof JobLostError)) throw error;
      log.warn({ jobId: job.id }, 'another process has taken a job over');
    }
  };

  const looping = loop();
  return {
    wake,
    async close() {
      stopping.abort();
      for (const waker of wakers) waker();
      await looping;
      await releaseJobs(database, by).catch((error: unknown) =>
        log.warn({ err: error }, 'jobs could not be given back; they are taken over when their time is up'),
      );
    },
  };
}
