/**
 * What the live view reads of runs, for whoever has been let in already: where a run belongs, its events from a place on, how far it is.
 * Reads across workspaces, so the caller decides who may see what comes back.
 */
import type { RunHead } from '@plugboard/engine';
import type { InstanceStatements } from '../in-instance.ts';
import { isUuid } from '../ids.ts';
import { decodeChunks, readChunks } from './run-chunks.ts';
import { runSummary, SUMMARY_COLUMNS } from './run-rows.ts';
import type { SummaryRow } from './run-rows.ts';

/** Where permission to see a run is decided. */
export interface RunPlace {
  readonly workspaceId: string;
  readonly workflowId: string;
  /** Absent when the workflow is gone for good. */
  readonly projectId?: string;
}

export interface CommittedEvents {
  readonly head: RunHead;
  /** Index of the first event in `chunks`; not after the one asked for. */
  readonly from: number;
  /** JSON texts of event arrays, in order. */
  readonly chunks: readonly string[];
}

export async function findRunPlace(statements: InstanceStatements, runId: string): Promise<RunPlace | undefined> {
  if (!isUuid(runId)) return undefined;
  const [row] = await statements.query<{ workspaceId: string; workflowId: string; projectId: string | null }>(
    `select r.workspace_id as "workspaceId", r.workflow_id as "workflowId", w.project_id as "projectId"
       from run r left join workflow w on w.id = r.workflow_id and w.workspace_id = r.workspace_id where r.id = $1`,
    [runId],
  );
  return (
    row && { workspaceId: row.workspaceId, workflowId: row.workflowId, ...(row.projectId === null ? {} : { projectId: row.projectId }) }
  );
}

/** The run's events from index `from` on, as they stood at one moment; undefined when there is no such run. */
export async function readCommittedEvents(
  statements: InstanceStatements,
  runId: string,
  from: number,
): Promise<CommittedEvents | undefined> {
  // Chunks are numbered by their first event; the first record stands in the run itself and is left out where it is not wanted.
  const [row] = await statements.query<SummaryRow & { journal: Buffer | null; firstSeq: number | null; lastSeq: number | null }>(
    `select ${SUMMARY_COLUMNS}, k."firstSeq", k."lastSeq", case when k."firstSeq" is null then r.journal end as journal
       from run r left join run_live l on l.run_id = r.id
      cross join lateral (
        select (select max(seq) from run_chunk where run_id = r.id and seq <= $2 and $2 > 0) as "firstSeq",
               (select max(seq) from run_chunk where run_id = r.id) as "lastSeq"
      ) k where r.id = $1`,
    [runId, from],
  );
  if (!row) return undefined;
  const { journal, firstSeq, lastSeq } = row;
  const later = lastSeq === null ? [] : await readChunks(statements, runId, { from: firstSeq ?? 0, to: lastSeq });
  return { head: runSummary(row).head, from: firstSeq ?? 0, chunks: [...decodeChunks(journal, null), ...later] };
}

/** Events committed so far, by run; runs that are gone are left out. */
export async function readCommittedSeqs(statements: InstanceStatements, runIds: readonly string[]): Promise<Map<string, number>> {
  const rows = await statements.query<{ id: string; seq: number }>(
    'select r.id, coalesce(l.next_seq, r.events) as seq from run r left join run_live l on l.run_id = r.id where r.id = any($1::uuid[])',
    [runIds],
  );
  return new Map(rows.map((row) => [row.id, row.seq]));
}

/** Projects of the workflows and credentials of a workspace, those in the trash included, by id. */
export async function readProjectsOfContents(statements: InstanceStatements, workspaceId: string): Promise<Map<string, string>> {
  const rows = await statements.query<{ id: string; projectId: string }>(
    `select id, project_id as "projectId" from workflow where workspace_id = $1
     union all select id, project_id from credential where workspace_id = $1`,
    [workspaceId],
  );
  return new Map(rows.map((row) => [row.id, row.projectId]));
}
