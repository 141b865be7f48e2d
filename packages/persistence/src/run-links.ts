/** Which runs were made from which: found from both sides. */
import { RUN_STATUS, type RunStatus, type RunStatusName, runStatusName } from '@plugboard/engine';
import { uuidFloor } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface RunLink {
  readonly runId: string;
  /** The run it was made from. */
  readonly from: string;
  /** As the origin of a run says it. */
  readonly how: string;
  /** The step it goes on from. */
  readonly node?: string;
}

/** A run made from another one, as it stands. */
export interface LinkedRun extends RunLink {
  readonly status: RunStatusName;
  readonly startedAt: Date;
}

/** The newest run that goes on from this one; undefined when there is none. Until the transaction ends nobody else finds out the same. */
export async function findGoneOn(tx: WorkspaceTransaction, from: string): Promise<LinkedRun | undefined> {
  await tx.query(`select pg_advisory_xact_lock(hashtextextended('run_link/' || $1::text, 0))`, [from]);
  const [found] = await tx.query<LinkRow>(
    `${SELECT} where l.workspace_id = $1 and l.from_run_id = $2 and l.how in ('retry', 'skip')
        and (r.id is not null or l.created_at > now() - interval '${BEGINNING_SECONDS} seconds') order by l.run_id desc limit 1`,
    [tx.context.workspaceId, from],
  );
  return found && linkedRun(found);
}

/** The run did not come about. */
export async function removeRunLink(tx: WorkspaceTransaction, runId: string): Promise<void> {
  await tx.query('delete from run_link where workspace_id = $1 and run_id = $2', [tx.context.workspaceId, runId]);
}

/** Of a run that is about to begin; without the run it says nothing. */
export async function addRunLink(tx: WorkspaceTransaction, { runId, from, how, node }: RunLink): Promise<void> {
  await tx.query('insert into run_link (run_id, workspace_id, from_run_id, how, node_id) values ($1, $2, $3, $4, $5)', [
    runId,
    tx.context.workspaceId,
    from,
    how,
    node ?? null,
  ]);
}

/** Runs made from this one, newest first, at most `limit`. */
export async function listRunsMadeFrom(tx: WorkspaceTransaction, runId: string, limit = 100): Promise<LinkedRun[]> {
  const rows = await tx.query<LinkRow>(
    `${SELECT} where l.workspace_id = $1 and l.from_run_id = $2 and r.id is not null order by l.run_id desc limit $3`,
    [tx.context.workspaceId, runId, limit],
  );
  return rows.map(linkedRun);
}

/** Links of runs that are gone, or never began, among those older than this time (milliseconds since 1970). Call again while it gives `limit`. */
export async function deleteStaleRunLinks(
  statements: InstanceStatements,
  { olderThan, limit = 1000 }: { readonly olderThan: number; readonly limit?: number },
): Promise<number> {
  const rows = await statements.query(
    `delete from run_link where run_id in (
       select run_id from run_link l where run_id < $1::uuid and not exists (select from run r where r.id = l.run_id) limit $2) returning 1`,
    [uuidFloor(olderThan), limit],
  );
  return rows.length;
}

/** A run takes at most so long from its link to its row. */
const BEGINNING_SECONDS = 30;

const SELECT = `select l.run_id as "runId", l.from_run_id as "from", l.how, l.node_id as node, coalesce(v.status, r.status) as status,
    coalesce(r.started_at, l.created_at) as "startedAt"
  from run_link l left join run r on r.id = l.run_id left join run_live v on v.run_id = l.run_id`;

interface LinkRow {
  readonly runId: string;
  readonly from: string;
  readonly how: string;
  readonly node: string | null;
  readonly status: RunStatus | null;
  readonly startedAt: Date;
}

function linkedRun({ node, status, ...row }: LinkRow): LinkedRun {
  return { ...row, status: runStatusName(status ?? RUN_STATUS.pending), ...(node === null ? {} : { node }) };
}
