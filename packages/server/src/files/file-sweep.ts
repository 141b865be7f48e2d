/** What is cleared away of files: those past their time and of forgotten runs, contents nobody wants, what uploads left behind, and kept values of workflows that are gone. */
import {
  type ContentStore,
  type Database,
  deleteExpiredFiles,
  deleteExpiredPluginState,
  deleteFilesOfForgottenRuns,
  forgetBlob,
  markUnusedBlobs,
} from '@plugboard/persistence';
import type { Sweep } from '../operations/sweepers.ts';

export interface FileSweepOptions {
  readonly database: Database;
  readonly contents: ContentStore;
  /** How long what nobody names yet is left alone, in milliseconds. @default 86400000 */
  readonly graceMs?: number;
}

const TEN_MINUTES_MS = 10 * 60_000;
const HOUR_MS = 60 * 60_000;
const GRACE_MS = 24 * HOUR_MS;
const STEP = 500;

export function fileSweeps({ database, contents, graceMs = GRACE_MS }: FileSweepOptions): readonly Sweep[] {
  return [
    { name: 'expired-files', everyMs: TEN_MINUTES_MS, limit: STEP, step: () => deleteExpiredFiles(database, STEP) },
    { name: 'files-of-runs', everyMs: HOUR_MS, limit: STEP, step: () => deleteFilesOfForgottenRuns(database, { graceMs, limit: STEP }) },
    {
      name: 'file-contents',
      everyMs: HOUR_MS,
      limit: STEP,
      async step() {
        const unused = await markUnusedBlobs(database, { graceMs, limit: STEP });
        for (const { workspaceId, hash } of unused) {
          await contents.remove(workspaceId, hash);
          await forgetBlob(database, { workspaceId, hash });
        }
        return unused.length;
      },
    },
    { name: 'broken-uploads', everyMs: HOUR_MS, limit: Number.POSITIVE_INFINITY, step: () => contents.sweepStaged(graceMs) },
    { name: 'kept-values', everyMs: HOUR_MS, limit: STEP, step: () => deleteExpiredPluginState(database, STEP) },
  ];
}
