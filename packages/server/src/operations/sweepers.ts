/**
 * Everything that is cleared away or put in order while the server runs: one timer each, at its own pace and never all at once, in steps so
 * small that nobody who works notices. What fails is logged once and tried again; what is under way when the server stops ends its step.
 */
import {
  type Database,
  deleteEndedSessions,
  deleteExpiredIdempotency,
  deleteExpiredHookReplies,
  deleteExpiredTestListeners,
  deleteOldDraftOps,
  deleteOldJobs,
  deleteStaleRunLinks,
  deleteStaleRunTags,
  listUnsealedChains,
  pruneLoginFailures,
  purgeTrash,
  sealAudit,
} from '@plugboard/persistence';
import { type Clock, type Timer, systemClock } from '@plugboard/runner';
import { FAILURE_WINDOW_MS } from '../auth/auth-service.ts';

/** One kind of clearing away. */
export interface Sweep {
  /** As it stands in metrics and logs. */
  readonly name: string;
  /** Between two passes, in milliseconds; each differs a little, so that processes and sweeps do not meet. */
  readonly everyMs: number;
  /** Before the first pass, in milliseconds. @default somewhere in `everyMs` */
  readonly firstMs?: number;
  /** Done by one step. A step that does as many is followed by another one soon. */
  readonly limit: number;
  /** One short step; gives how many things it dealt with. */
  readonly step: (now: number) => Promise<number>;
}

export interface SweepStats {
  readonly name: string;
  /** Passes that came to their end. */
  readonly passes: number;
  readonly failures: number;
  /** Things dealt with. */
  readonly swept: number;
  /** Length of the last pass, in milliseconds. */
  readonly lastMs: number;
}

export interface Sweepers {
  readonly stats: readonly SweepStats[];
  /** One whole pass now, for tests and commands; gives how many things it dealt with. @throws what its step throws */
  run(name: string): Promise<number>;
  /** Starts nothing new; resolves once the steps under way have ended. */
  close(): Promise<void>;
}

export interface SweepersOptions {
  readonly sweeps: readonly Sweep[];
  readonly log: { warn(fields: object, message: string): void; info(fields: object, message: string): void };
  /** @default the clock of this process */
  readonly clock?: Clock;
}

/** Pause between two steps, so that clearing never holds up the journal, in milliseconds. */
const PAUSE_MS = 50;
/** Steps in one pass; what is left waits for the next one. */
const MOST_STEPS = 200;
/** A pass comes up to this part of its pace earlier or later. */
const JITTER = 0.1;

interface Running {
  readonly sweep: Sweep;
  passes: number;
  failures: number;
  swept: number;
  lastMs: number;
  isTold: boolean;
  timer: Timer | undefined;
  pass: Promise<number> | undefined;
}

export function startSweepers({ sweeps, log, clock = systemClock }: SweepersOptions): Sweepers {
  let isClosed = false;
  const all = new Map<string, Running>(
    sweeps.map((sweep) => [
      sweep.name,
      { sweep, passes: 0, failures: 0, swept: 0, lastMs: 0, isTold: false, timer: undefined, pass: undefined },
    ]),
  );

  const pause = (): Promise<void> => new Promise((resolve) => void clock.after(PAUSE_MS, resolve));

  const passOf = async (one: Running): Promise<number> => {
    const startedAt = clock.monotonicMs();
    let swept = 0;
    for (let step = 0; step < MOST_STEPS && !isClosed; step += 1) {
      const count = await one.sweep.step(clock.now());
      swept += count;
      one.swept += count;
      if (count < one.sweep.limit || isClosed) break;
      await pause();
    }
    one.passes += 1;
    one.lastMs = clock.monotonicMs() - startedAt;
    return swept;
  };

  /** Of one sweep only one pass is under way. */
  const run = (one: Running): Promise<number> => {
    one.pass ??= passOf(one).finally(() => (one.pass = undefined));
    return one.pass;
  };

  const schedule = (one: Running, delayMs: number): void => {
    one.timer = clock.after(delayMs, () => {
      void run(one)
        .then(
          () => {
            if (one.isTold) log.info({ sweep: one.sweep.name }, 'clearing away works again');
            one.isTold = false;
          },
          (error: unknown) => {
            one.failures += 1;
            if (!one.isTold && !isClosed) log.warn({ err: error, sweep: one.sweep.name }, 'clearing away failed; it is tried again');
            one.isTold = true;
          },
        )
        .then(() => {
          if (!isClosed) schedule(one, one.sweep.everyMs * (1 - JITTER + 2 * JITTER * clock.random()));
        });
    });
  };
  for (const one of all.values()) schedule(one, one.sweep.firstMs ?? one.sweep.everyMs * clock.random());

  return {
    get stats() {
      return [...all.values()].map(({ sweep, passes, failures, swept, lastMs }) => ({ name: sweep.name, passes, failures, swept, lastMs }));
    },
    run(name) {
      const one = all.get(name);
      if (!one) throw new RangeError(`there is no sweep ${name}`);
      return run(one);
    },
    async close() {
      isClosed = true;
      for (const one of all.values()) one.timer?.cancel();
      await Promise.allSettled([...all.values()].flatMap((one) => one.pass ?? []));
    },
  };
}

const SECOND_MS = 1000;
const MINUTE_MS = 60 * SECOND_MS;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
const STEP = 1000;
/** How long things stay in the trash, in milliseconds. */
export const TRASH_MS = 30 * DAY_MS;
/** Workflows deleted for good in one step. */
const TRASH_STEP = 50;
/** Operations of drafts are kept for catching up and undo, in milliseconds. */
/** How long what became of a job is kept, in milliseconds. */
const JOBS_MS = 30 * 24 * 60 * 60_000;
const DRAFT_OPS_MS = 30 * DAY_MS;
/** Accounts and addresses whose failed sign-ins are remembered. */
const LOGIN_SUBJECTS = 100_000;
const SEAL_STEP = 500;

export interface TableSweepsOptions {
  readonly database: Database;
  /** Key of the hashes of the audit log. */
  readonly auditKey: Uint8Array;
}

/** Rows past their time, and the seal of the audit log. */
export function tableSweeps({ database, auditKey }: TableSweepsOptions): readonly Sweep[] {
  return [
    {
      name: 'audit-seal',
      everyMs: SECOND_MS,
      limit: SEAL_STEP,
      async step() {
        let most = 0;
        // Chains do not wait for each other's backlog.
        for (const chain of await listUnsealedChains(database))
          most = Math.max(most, await sealAudit(database, chain, { key: auditKey, limit: SEAL_STEP }));
        return most;
      },
    },
    { name: 'test-listeners', everyMs: MINUTE_MS, limit: Number.POSITIVE_INFINITY, step: () => deleteExpiredTestListeners(database) },
    { name: 'hook-replies', everyMs: 10 * MINUTE_MS, limit: STEP, step: () => deleteExpiredHookReplies(database, STEP) },
    { name: 'sessions', everyMs: 10 * MINUTE_MS, limit: STEP, step: () => deleteEndedSessions(database, STEP) },
    {
      name: 'login-failures',
      everyMs: 10 * MINUTE_MS,
      limit: Number.POSITIVE_INFINITY,
      step: () => pruneLoginFailures(database, { windowMs: FAILURE_WINDOW_MS, maxRows: LOGIN_SUBJECTS }),
    },
    { name: 'idempotency', everyMs: 10 * MINUTE_MS, limit: STEP, step: () => deleteExpiredIdempotency(database, STEP) },
    { name: 'jobs', everyMs: HOUR_MS, limit: 100, step: () => deleteOldJobs(database, { keepMs: JOBS_MS, limit: 100 }) },
    {
      name: 'draft-operations',
      everyMs: HOUR_MS,
      limit: STEP,
      step: () => deleteOldDraftOps(database, { keepMs: DRAFT_OPS_MS, limit: STEP }),
    },
    {
      name: 'trash',
      everyMs: HOUR_MS,
      limit: TRASH_STEP,
      step: async () => (await purgeTrash(database, { keepMs: TRASH_MS, limit: TRASH_STEP })).workflows,
    },
    {
      // Tags go with their run; these are what a process that died between the two left.
      name: 'run-tags',
      everyMs: DAY_MS,
      limit: STEP,
      step: (now) => deleteStaleRunTags(database, { olderThan: now - HOUR_MS, limit: STEP }),
    },
    {
      name: 'run-links',
      everyMs: DAY_MS,
      limit: STEP,
      step: (now) => deleteStaleRunLinks(database, { olderThan: now - HOUR_MS, limit: STEP }),
    },
  ];
}
