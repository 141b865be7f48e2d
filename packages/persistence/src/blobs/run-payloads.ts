/**
 * Large payloads of runs: kept in the store by their content, named by the runs they are of, deleted when the last of those is gone. Two runs
 * with the same answer of a service share one payload, so what a run leaves behind is looked at once more before it goes.
 *
 * Naming comes first and under a lock that the sweeper takes too: whoever wants a payload while it is being deleted writes it anew.
 */
import type { BlobRef, BlobStore } from '@plugboard/engine';
import type { Database } from '../database.ts';
import { inInstance } from '../in-instance.ts';
import type { InstanceStatements } from '../in-instance.ts';
import { uuidFloor } from '../ids.ts';
import type { Statements } from '../statements.ts';
import { type FileBlobStore, contentOf } from './file-blob-store.ts';

export interface RunPayloads extends BlobStore {
  /** Deletes payloads that no run names any more; gives how many it looked at. Call again while it gives `limit`. */
  sweep(limit?: number): Promise<number>;
  /** Names of runs that were never stored, or were deleted by another way, among those older than this (milliseconds since 1970). */
  forgetGoneRuns(options: { readonly olderThan: number; readonly limit?: number }): Promise<number>;
}

/**
 * Thrown when the database could not take down whose a payload is. It carries the code of what waiting mends, so that a run waits for it as
 * for a disk.
 */
class PayloadNotNamedError extends Error {
  override readonly name = 'PayloadNotNamedError';
  readonly code = 'EAGAIN';
}

/** Key of the limit of a plan on the bytes of payloads of runs. */
export const PAYLOAD_BYTES_LIMIT = 'payloadBytes';

/** First part of the advisory lock of a payload; the second is of its hash. */
const LOCK = 0x706c6270;

export function createRunPayloads({ database, files }: { readonly database: Database; readonly files: FileBlobStore }): RunPayloads {
  const name = async (workspaceId: string, sha256: string, runId: string, sizeBytes: number): Promise<void> => {
    try {
      await database.query(
        `with held as materialized (select pg_advisory_xact_lock_shared($4, hashtext($2)))
         insert into run_payload (workspace_id, sha256, run_id, size_bytes) select $1, $2, $3, $5 from held on conflict do nothing`,
        [workspaceId, sha256, runId, LOCK, sizeBytes],
      );
    } catch (error) {
      throw new PayloadNotNamedError(
        `The database could not take down a payload: ${error instanceof Error ? error.message : String(error)}`,
        {
          cause: error,
        },
      );
    }
  };

  const removeUnlessNamed = (workspaceId: string, sha256: string): Promise<void> =>
    inInstance(database, async (tx) => {
      await tx.query('select pg_advisory_xact_lock($1, hashtext($2))', [LOCK, sha256]);
      const named = await tx.query('select from run_payload where workspace_id = $1 and sha256 = $2 limit 1', [workspaceId, sha256]);
      if (named.length === 0) await files.remove(workspaceId, sha256);
      await tx.query('delete from run_payload_left where workspace_id = $1 and sha256 = $2', [workspaceId, sha256]);
    });

  return {
    async put(workspaceId, text, runId) {
      if (runId === undefined) return files.put(workspaceId, text);
      const content = await contentOf(text);
      await name(workspaceId, content.sha256, runId, content.bytes.length);
      let ref: BlobRef;
      // Remembered as stored and deleted by another process since: it is written again.
      do ref = await files.putContent(workspaceId, content);
      while (!(await files.isThere(workspaceId, ref.sha256)));
      return ref;
    },

    get: (workspaceId, ref) => files.get(workspaceId, ref),

    async sweep(limit = 100) {
      const left = await database.query<{ workspaceId: string; sha256: string }>(
        'select workspace_id as "workspaceId", sha256 from run_payload_left order by left_at limit $1',
        [limit],
      );
      for (const { workspaceId, sha256 } of left) await removeUnlessNamed(workspaceId, sha256);
      return left.length;
    },

    forgetGoneRuns: ({ olderThan, limit = 1000 }) => forgetGoneRuns(database, uuidFloor(olderThan), limit),
  };
}

async function forgetGoneRuns(statements: InstanceStatements, before: string, limit: number): Promise<number> {
  const rows = await statements.query(
    `with gone as (
       delete from run_payload where (run_id, sha256) in (
         select run_id, sha256 from run_payload p where run_id < $1::uuid and not exists (select from run r where r.id = p.run_id) limit $2)
       returning workspace_id, sha256
     ), noted as (
       insert into run_payload_left (workspace_id, sha256) select distinct workspace_id, sha256 from gone on conflict do nothing
     ) select 1 from gone`,
    [before, limit],
  );
  return rows.length;
}

/** Bytes of all payloads of a workspace, each counted once however many runs name it; and what its plan allows. */
export async function readStoredPayloads(
  statements: Statements,
  workspaceId: string,
): Promise<{ readonly usedBytes: number; readonly allowedBytes?: number }> {
  const [row] = await statements.query<{ used: number; allowed: unknown }>(
    `select (select coalesce(sum(size), 0)::float8
               from (select max(size_bytes) as size from run_payload where workspace_id = $1 group by sha256) each) as used,
            (select p.limits -> '${PAYLOAD_BYTES_LIMIT}' from workspace w join plan p on p.key = w.plan_key where w.id = $1) as allowed`,
    [workspaceId],
  );
  return { usedBytes: row?.used ?? 0, ...(typeof row?.allowed === 'number' ? { allowedBytes: row.allowed } : {}) };
}
