/**
 * Acts on many things, one after the other. The act, what became of it and how far the job is are one transaction, so that a process
 * that dies in the middle leaves each thing either done and written down, or neither; whoever claims the job next goes on from there.
 */
import { type Database, type WorkspaceTransaction, advanceJob, findDoneItems, inWorkspace, recordJobItem } from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { visibleTo } from '../access/access.ts';
import type { Execute } from '../operation/execute.ts';
import type { Caller } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { Registry } from '../operation/registry.ts';
import { APART, type BulkParams, countThings, inputFor, nextIds } from './bulk-acts.ts';
import { callerOf } from './job-caller.ts';
import { type CarryOut, type HeldJob, JobLostError } from './held-job.ts';

/** Things read ahead. */
const PAGE = 50;
/** A server that is busy is asked again this often, with this pause in milliseconds. */
const BUSY_TRIES = 30;
const BUSY_PAUSE_MS = 1000;

interface Progress {
  done: number;
  unchanged: number;
  failed: number;
  total?: number;
}

interface At {
  /** The last thing done. */
  readonly after?: string;
}

export interface BulkJobOptions {
  readonly database: Database;
  readonly registry: Registry;
  readonly execute: Execute;
}

export function bulkJob({ database, registry, execute }: BulkJobOptions): CarryOut {
  return async (held: HeldJob): Promise<void> => {
    const { job, workspaceId, by, leaseMs, signal, log, pause, tell } = held;
    const params = job.params as unknown as BulkParams;
    const scope = { workspaceId, principalId: job.actor };
    const inTransaction = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
      inWorkspace(database, scope, use);
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
    const end = (state: 'succeeded' | 'failed' | 'cancelled', code?: string): Promise<void> =>
      held.end(state, { ...progress, ...(code === undefined ? {} : { code }) });

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
          if (isBusy && attempt < BUSY_TRIES && !signal.aborted) {
            await pause(BUSY_PAUSE_MS);
            if ((await advanceJob(database, job.id, { by, leaseMs })) === 'lost') throw new JobLostError();
            continue;
          }
          if (isBusy && signal.aborted) return false;
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

    for (;;) {
      const who = await callerOf(database, job, params.by);
      if (!who) return end('failed', 'ACTOR_GONE');
      const visible = visibleTo(who.actor, who.access, params.kind === 'run' ? 'run.read' : 'workflow.read');
      if (progress.total === undefined) {
        const total = await inTransaction((tx) => countThings(tx, params, visible));
        if (total !== undefined) progress.total = total;
      }
      const ids = await inTransaction((tx) => nextIds(tx, params, { after, visible, limit: PAGE }));
      if (ids.length === 0) return end('succeeded');
      const isDone = await inTransaction((tx) => findDoneItems(tx, job.id, ids));
      for (const itemId of ids) {
        if (signal.aborted) return;
        after = itemId;
        if (isDone.has(itemId)) continue;
        const caller = await callerOf(database, job, params.by);
        if (!caller) return end('failed', 'ACTOR_GONE');
        if (await actOn(itemId, caller)) return end('cancelled');
      }
    }
  };
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
