/**
 * Carries jobs out, one thing after the other. The act, what became of it and how far the job is are one transaction, so that a process
 * that dies in the middle leaves each thing either done and written down, or neither; whoever claims the job next goes on from there.
 */
import {
  type Database,
  type Job,
  type WorkspaceTransaction,
  advanceJob,
  claimJob,
  findDoneItems,
  finishJob,
  inWorkspace,
  loadAccess,
  livingApiKeys,
  recordJobItem,
  releaseJobs,
} from '@plugboard/persistence';
import type { Json, JsonObject } from '@plugboard/sdk';
import { type Actor, NO_ACCESS, accessSetOf, scopesOf, visibleTo } from '../access/access.ts';
import type { Change, Execute } from '../operation/execute.ts';
import type { Caller } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Registry } from '../operation/registry.ts';
import { APART, BULK_JOB, type BulkParams, inputFor, nextIds } from './bulk-acts.ts';

/** Without a sign of life for this long another process takes a job over, in milliseconds. */
const LEASE_MS = 30_000;
/** How often is looked for jobs that others left or asked for elsewhere, in milliseconds. */
const POLL_MS = 1000;
/** Jobs at work at once in this process, so that a long one does not hold up a short one. */
const SLOTS = 2;
/** Things read ahead. */
const PAGE = 50;
/** A server that is busy is asked again this often, with this pause in milliseconds. */
const BUSY_TRIES = 30;
const BUSY_PAUSE_MS = 1000;

export interface JobWorkerOptions {
  readonly database: Database;
  readonly registry: Registry;
  readonly execute: Execute;
  /** Hears of each step of a job. */
  readonly onChanged?: (change: Change) => void;
  readonly log: {
    info(fields: object, message: string): void;
    warn(fields: object, message: string): void;
    error(fields: object, message: string): void;
  };
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

/** Another process has the job: what was just done is taken back with its transaction. */
class JobLostError extends Error {
  override readonly name = 'JobLostError';
}

interface Progress {
  done: number;
  unchanged: number;
  failed: number;
  readonly total?: number;
}

interface At {
  /** The last thing done. */
  readonly after?: string;
}

export function startJobWorker(options: JobWorkerOptions): JobWorker {
  const { database, registry, execute, onChanged, log, pollMs = POLL_MS, leaseMs = LEASE_MS } = options;
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
      return await claimJob(database, { kinds: [BULK_JOB], by, leaseMs });
    } catch (error) {
      if (!stopping.signal.aborted) log.warn({ err: error }, 'jobs could not be looked for; trying again');
      return undefined;
    }
  };

  const carryOut = async (job: Job): Promise<void> => {
    const { workspaceId } = job;
    if (workspaceId === undefined)
      return void (await finishJob(database, job.id, { by, state: 'failed', report: { code: 'JOB_WITHOUT_WORKSPACE' } }));
    const params = job.params as unknown as BulkParams;
    const scope = { workspaceId, principalId: job.actor };
    const inTransaction = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
      inWorkspace(database, scope, use);
    const tell = (): void => onChanged?.({ workspaceId, kind: 'job', id: job.id });
    const progress: Progress = { done: 0, unchanged: 0, failed: 0, ...(job.progress as unknown as Partial<Progress> | undefined) };
    let after = (job.cursor as unknown as At | undefined)?.after;

    /** In the transaction of the act. */
    const writeDown = async (tx: WorkspaceTransaction, item: Parameters<typeof recordJobItem>[2]): Promise<boolean> => {
      await recordJobItem(tx, job.id, item);
      const next: Progress = { ...progress, [item.outcome]: progress[item.outcome] + 1 };
      const step = await advanceJob(tx, job.id, { by, leaseMs, cursor: { after: item.itemId }, progress: asJson(next) });
      if (step === 'lost') throw new JobLostError();
      return step === 'cancel-requested';
    };
    const count = (itemId: string, outcome: 'done' | 'unchanged' | 'failed'): void => {
      progress[outcome] += 1;
      after = itemId;
      tell();
    };
    const end = async (state: 'succeeded' | 'failed' | 'cancelled', more: JsonObject = {}): Promise<void> => {
      const { total, ...counted } = progress;
      await finishJob(database, job.id, { by, state, report: { ...counted, ...(total === undefined ? {} : { total }), ...more } });
      tell();
      log.info({ jobId: job.id, state, ...progress }, 'a job has ended');
    };

    /** Gives whether to stop. */
    const actOn = async (itemId: string, caller: Caller): Promise<boolean> => {
      const operation = registry.get(params.operation);
      for (let attempt = 1; ; attempt++) {
        let isCancelled = false;
        let outcome: 'done' | 'unchanged' = 'done';
        try {
          const input = await inTransaction((tx) => inputFor(tx, params, itemId));
          const isApart = APART.has(operation.name);
          const output = await execute(operation, input, {
            ...caller,
            ...(isApart ? { idempotencyKey: `job:${job.id}:${itemId}` } : {}),
            withinTransaction: async (tx, result) => {
              outcome = outcomeOf(result);
              isCancelled = await writeDown(tx, { itemId, outcome, ...resultOf(result) });
            },
          });
          if (isApart) {
            outcome = outcomeOf(output);
            isCancelled = await inTransaction((tx) => writeDown(tx, { itemId, outcome, ...resultOf(output) }));
          }
          count(itemId, outcome);
          return isCancelled;
        } catch (error) {
          if (error instanceof JobLostError) throw error;
          const isBusy = error instanceof OperationProblem && error.code === 'SERVER_BUSY';
          if (isBusy && attempt < BUSY_TRIES && !stopping.signal.aborted) {
            await pause(BUSY_PAUSE_MS);
            if ((await advanceJob(database, job.id, { by, leaseMs })) === 'lost') throw new JobLostError();
            continue;
          }
          if (isBusy && stopping.signal.aborted) return false;
          const failure = failureOf(error, caller.requestId);
          // The database itself fails: nothing can be written down either, and the job is tried again.
          if (!failure) throw error;
          if (failure.code === 'INTERNAL')
            log.error({ err: error, jobId: job.id, itemId, requestId: caller.requestId }, 'a job failed on one thing');
          isCancelled = await inTransaction((tx) => writeDown(tx, { itemId, outcome: 'failed', ...failure }));
          count(itemId, 'failed');
          return isCancelled;
        }
      }
    };

    try {
      for (;;) {
        const who = await callerOf(database, job, params);
        if (!who) return await end('failed', { code: 'ACTOR_GONE' });
        const visible = visibleTo(who.actor, who.access, params.kind === 'run' ? 'run.read' : 'workflow.read');
        const ids = await inTransaction((tx) => nextIds(tx, params, { after, visible, limit: PAGE }));
        if (ids.length === 0) return await end('succeeded');
        const isDone = await inTransaction((tx) => findDoneItems(tx, job.id, ids));
        for (const itemId of ids) {
          if (stopping.signal.aborted) return;
          after = itemId;
          if (isDone.has(itemId)) continue;
          const caller = await callerOf(database, job, params);
          if (!caller) return await end('failed', { code: 'ACTOR_GONE' });
          if (await actOn(itemId, caller)) return await end('cancelled');
        }
      }
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

/** Who asked for the job, with the rights they have now; undefined when they may do nothing any more. */
async function callerOf(database: Database, job: Job, { by }: BulkParams): Promise<Caller | undefined> {
  const { workspaceId = '', actor: principalId } = job;
  const base = { requestId: `job:${job.id}`, ip: by.ip };
  if (by.kind === 'system') return { ...base, actor: { kind: 'system', principalId }, access: { ...NO_ACCESS, workspaceId } };
  if (by.apiKeyId !== undefined && !(await livingApiKeys(database, [by.apiKeyId])).has(by.apiKeyId)) return undefined;
  const access = await loadAccess(database, { workspaceId, principalId });
  if (access?.workspaceRole === undefined) return undefined;
  const scopes = by.scopes === undefined ? undefined : scopesOf(by.scopes);
  const actor: Actor = { kind: by.kind, principalId, ...(scopes ? { scopes } : {}) };
  return { ...base, actor, access: accessSetOf(access), ...(by.apiKeyId === undefined ? {} : { apiKeyId: by.apiKeyId }) };
}

function outcomeOf(output: unknown): 'done' | 'unchanged' {
  if (typeof output !== 'object' || output === null) return 'done';
  const { unchanged, isChanged } = output as { readonly unchanged?: unknown; readonly isChanged?: unknown };
  return unchanged === true || isChanged === false ? 'unchanged' : 'done';
}

/** What is short enough to be kept with the report: the new version, the new run. */
function resultOf(output: unknown): { readonly result?: Json } {
  if (typeof output !== 'object' || output === null) return {};
  const { version, runId } = output as { readonly version?: unknown; readonly runId?: unknown };
  const kept: { [name: string]: Json } = {};
  if (typeof version === 'number') kept['version'] = version;
  if (typeof runId === 'string') kept['runId'] = runId;
  return Object.keys(kept).length === 0 ? {} : { result: kept };
}

/** What is written down of a failure; undefined where the database is the trouble. */
function failureOf(error: unknown, requestId: string): { readonly code: string; readonly message: string } | undefined {
  if (error instanceof OperationProblem) {
    const problems = error.details.problems ?? [];
    const listed = problems.slice(0, 5).map((one) => one.message);
    return { code: error.code, message: [error.message, ...listed].join(' ').slice(0, 2000) };
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : '';
  // Connection failures and shutdowns of PostgreSQL (classes 08, 53, 57), and our own errors about it.
  if (/^(08|53|57)|^DATABASE_|^ECONN|^EPIPE/.test(code) || /connection/i.test(error instanceof Error ? error.message : ''))
    return undefined;
  return { code: 'INTERNAL', message: `The server failed on this; its log has the details under ${requestId}.` };
}

function asJson(progress: Progress): Json {
  return { ...progress };
}
