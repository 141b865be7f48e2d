/**
 * Runs written into one file, a line of JSON for each: its head and its tags, and what its steps gave where whoever asked may read that. One run is
 * in memory at a time. A process that dies leaves nothing but a file aside; whoever claims the job next begins anew, because reading twice does
 * no harm.
 */
import { pipeline } from 'node:stream/promises';
import { Readable } from 'node:stream';
import { createGzip } from 'node:zlib';
import { isErased, isTerminal } from '@plugboard/engine';
import {
  type Database,
  type ListedRun,
  type WorkspaceTransaction,
  findDisplayNames,
  findRunRow,
  inWorkspace,
  listRunRows,
  listTagsOfRuns,
} from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { visibleTo } from '../access/access.ts';
import { FileRefusedError, type FileService } from '../files/file-service.ts';
import { may } from '../operation/demand.ts';
import type { Caller } from '../operation/operation.ts';
import { resourceOf } from '../runs/run-access.ts';
import { rowView } from '../runs/run-shapes.ts';
import { history, stepOutput, stepViews } from '../runs/run-view.ts';
import type { StoredRuns } from '../runs/stored-runs.ts';
import { type BulkParams, countThings, nextIds, runsOf } from './bulk-acts.ts';
import type { CarryOut, HeldJob } from './held-job.ts';
import { callerOf } from './job-caller.ts';

export const EXPORT_JOB = 'run-export';

/** An export as it is stored. */
export interface ExportParams extends BulkParams {
  readonly withData: boolean;
  readonly isCompressed: boolean;
}

export interface ExportedFile {
  readonly id: string;
  readonly name: string;
  readonly sizeBytes: number;
  readonly expiresAt: string;
}

export interface ExportJobOptions {
  readonly database: Database;
  readonly stored: StoredRuns;
  readonly files: FileService;
}

/** How long the file is there to be downloaded, in milliseconds. */
const KEPT_MS = 7 * 24 * 60 * 60_000;
/** Runs read ahead, heads only. */
const PAGE = 50;
/** The lease is kept, and it is looked whether to stop, this often in milliseconds. */
const TELL_MS = 500;

/** Why an export ended before its last run. */
class ExportStopped extends Error {
  override readonly name = 'ExportStopped';
  readonly why: 'cancelled' | 'stopping' | 'gone';
  constructor(why: ExportStopped['why']) {
    super(why);
    this.why = why;
  }
}

export function exportJob({ database, stored, files }: ExportJobOptions): CarryOut {
  return async (held) => {
    const { job, workspaceId } = held;
    const params = job.params as unknown as ExportParams;
    const progress: { done: number; total?: number } = { done: 0 };
    const name = `runs-${job.createdAt.toISOString().slice(0, 10)}.ndjson${params.isCompressed ? '.gz' : ''}`;
    const mime = params.isCompressed ? 'application/gzip' : 'application/x-ndjson';
    try {
      const lines = Readable.from(linesOf({ database, stored, held, params, progress }), { objectMode: false });
      const written = await receive(files, workspaceId, params.isCompressed ? { lines, through: createGzip() } : { lines }, { name, mime });
      const owner = { workspaceId, principalId: job.actor, validMs: KEPT_MS, isPrivate: true };
      const [ref] = await files.keep(owner, [written]);
      if (!ref) throw new Error('keeping one file gives one');
      const file: ExportedFile = { id: ref.id, name, sizeBytes: ref.size, expiresAt: new Date(Date.now() + KEPT_MS).toISOString() };
      await held.advance({ ...progress });
      await held.end('succeeded', { ...progress, file: { ...file } });
    } catch (error) {
      if (error instanceof ExportStopped) {
        if (error.why === 'stopping') return;
        return held.end(error.why === 'cancelled' ? 'cancelled' : 'failed', {
          ...progress,
          ...(error.why === 'gone' ? { code: 'ACTOR_GONE' } : {}),
        });
      }
      if (!(error instanceof FileRefusedError)) throw error;
      const hint = error.code === 'FILE_TOO_LARGE' ? ' Export fewer runs at once, or leave out their data.' : '';
      await held.end('failed', { ...progress, code: error.code, message: `${error.message}${hint}` });
    }
  };
}

/** What the source fails with is what counts, not that the file broke off. */
async function receive(
  files: FileService,
  workspaceId: string,
  { lines, through }: { readonly lines: Readable; readonly through?: ReturnType<typeof createGzip> },
  meta: { readonly name: string; readonly mime: string },
): ReturnType<FileService['receive']> {
  let failure: unknown;
  lines.once('error', (error) => (failure = error));
  if (through) pipeline(lines, through).catch((error: unknown) => (failure ??= error));
  try {
    return await files.receive(workspaceId, through ?? lines, meta);
  } catch (error) {
    lines.destroy();
    throw error instanceof FileRefusedError && error.code === 'FILE_BROKEN_OFF' && failure !== undefined ? failure : error;
  }
}

interface Exporting extends Pick<ExportJobOptions, 'database' | 'stored'> {
  readonly held: HeldJob;
  readonly params: ExportParams;
  readonly progress: { done: number; total?: number };
}

async function* linesOf({ database, stored, held, params, progress }: Exporting): AsyncGenerator<string> {
  const { job, workspaceId } = held;
  const inTransaction = <Result>(use: (tx: WorkspaceTransaction) => Promise<Result>): Promise<Result> =>
    inWorkspace(database, { workspaceId, principalId: job.actor }, use);
  let toldAt = 0;
  let after: string | undefined;
  for (;;) {
    const caller = await callerOf(database, job, params.by);
    if (!caller) throw new ExportStopped('gone');
    const visible = visibleTo(caller.actor, caller.access, 'run.read');
    if (progress.total === undefined) progress.total = (await inTransaction((tx) => countThings(tx, params, visible))) ?? 0;
    const page = await inTransaction(async (tx) => {
      const ids = params.ids ? await nextIds(tx, params, { after, visible, limit: PAGE }) : undefined;
      const rows = ids
        ? await namedRows(tx, ids, caller)
        : (await listRunRows(tx, { ...runsOf(params, visible), after: after ?? params.upTo, first: PAGE })).rows;
      const names = await findDisplayNames(
        tx,
        rows.flatMap((row) => row.initiator ?? []),
      );
      const runIds = rows.map((row) => row.id);
      return { rows, names, tags: await listTagsOfRuns(tx, runIds), last: (ids ?? runIds).at(-1) };
    });
    if (page.last === undefined) return;
    after = page.last;
    for (const row of page.rows) {
      if (held.signal.aborted) throw new ExportStopped('stopping');
      if (performance.now() - toldAt > TELL_MS) {
        if (await held.advance({ ...progress })) throw new ExportStopped('cancelled');
        toldAt = performance.now();
      }
      const tags = Object.fromEntries((page.tags.get(row.id) ?? []).map(({ key, value }) => [key, value]));
      const head = JSON.stringify({ ...rowView(row, page.names), environment: row.environment === 1 ? 'live' : 'draft', tags });
      if (!params.withData) yield `${head}\n`;
      else yield* withData(head, row, caller, () => stored.open(inTransaction, workspaceId, row.id));
      progress.done += 1;
    }
  }
}

/** Of those named, the ones that are there for the caller; in the order they were named. */
async function namedRows(tx: WorkspaceTransaction, ids: readonly string[], caller: Caller): Promise<ListedRun[]> {
  const rows: ListedRun[] = [];
  for (const id of ids) {
    const row = await findRunRow(tx, id);
    if (row && may(caller, 'run.read', resourceOf(row))) rows.push(row);
  }
  return rows;
}

/** The line of a run with what its steps gave, a step at a time; where that is not to be had, why. */
async function* withData(head: string, row: ListedRun, caller: Caller, open: () => ReturnType<StoredRuns['open']>): AsyncGenerator<string> {
  const begun = head.slice(0, -1);
  if (!may(caller, 'run.readData', resourceOf(row))) return yield `${begun},"data":"forbidden"}\n`;
  const opened = await open().catch((error: unknown) => (isGone(error) ? undefined : Promise.reject(error as Error)));
  // Deleted since its head was read, or its payloads are missing.
  if (!opened) return yield `${begun},"data":"gone"}\n`;
  if (isErased(opened.events)) return yield `${begun},"data":"erased"}\n`;
  yield `${begun},"data":"${isTerminal(row.status) ? 'whole' : 'so far'}","steps":[`;
  let separator = '';
  for (const view of stepViews(opened.state, await history(opened.loaded.plan, opened.events))) {
    const { node, name, ...step } = view;
    const outputs = stepOutput(opened.state, node);
    const told: JsonObject = { nodeId: node, name, ...(step as unknown as JsonObject) };
    yield `${separator}${JSON.stringify({ ...told, ...(outputs ? { outputs } : {}) })}`;
    separator = ',';
  }
  yield ']}\n';
}

function isGone(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  return code === 'NOT_FOUND' || code === 'BLOB_MISSING';
}
