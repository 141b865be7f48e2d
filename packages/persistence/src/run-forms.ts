/** Forms that steps of runs wait for. Whoever fills one in holds its row, so that it counts once. */
import type { JsonObject } from '@plugboard/sdk';
import { uuidv7 } from './ids.ts';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';

export interface OpenRunForm {
  readonly runId: string;
  readonly place: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly request: JsonObject;
  readonly dueAt?: Date;
}

export interface RunForm {
  readonly id: string;
  readonly workspaceId: string;
  readonly runId: string;
  readonly place: string;
  readonly workflowId: string;
  readonly nodeId: string;
  readonly request: JsonObject;
  /** As it stands now. */
  readonly state: 'open' | 'filled' | 'late' | 'closed';
  readonly dueAt: Date | null;
}

/** Gives the row there is when the step asked before. */
export async function openRunForm(tx: WorkspaceTransaction, input: OpenRunForm): Promise<{ readonly id: string }> {
  const { workspaceId } = tx.context;
  const values = [workspaceId, input.runId, input.place];
  const [made] = await tx.query<{ id: string }>(
    `insert into run_form (workspace_id, run_id, place, id, workflow_id, node_id, request, due_at) values ($1, $2, $3, $4, $5, $6, $7, $8)
     on conflict (run_id, place) do nothing returning id`,
    [...values, uuidv7(), input.workflowId, input.nodeId, JSON.stringify(input.request), input.dueAt ?? null],
  );
  if (made) return made;
  const [there] = await tx.query<{ id: string }>('select id from run_form where workspace_id = $1 and run_id = $2 and place = $3', values);
  if (!there) throw new Error('a form is neither made nor there');
  return there;
}

const STATE = `case when f.state <> 'open' then f.state when f.due_at <= clock_timestamp() then 'late'
  when not exists (select from run_live l where l.run_id = f.run_id) then 'closed' else 'open' end`;

/** By its place, before it is known whose it is: who asks has shown the address. */
export async function findRunForm(
  statements: InstanceStatements,
  { runId, place }: { readonly runId: string; readonly place: string },
): Promise<RunForm | undefined> {
  const [row] = await statements.query<RunForm>(
    `select f.id, f.workspace_id as "workspaceId", f.run_id as "runId", f.place, f.workflow_id as "workflowId", f.node_id as "nodeId", f.request,
            ${STATE} as state, f.due_at as "dueAt"
       from run_form f where f.run_id = $1 and f.place = $2`,
    [runId, place],
  );
  return row;
}

/** Its state, with the row held until the transaction is over. */
export async function lockRunForm(tx: WorkspaceTransaction, id: string): Promise<RunForm['state'] | undefined> {
  const [row] = await tx.query<{ state: RunForm['state'] }>(
    `select ${STATE} as state from run_form f where f.workspace_id = $1 and f.id = $2 for update of f`,
    [tx.context.workspaceId, id],
  );
  return row?.state;
}

export async function endRunForm(tx: WorkspaceTransaction, id: string): Promise<void> {
  await tx.query(`update run_form set state = 'filled', ended_at = clock_timestamp() where workspace_id = $1 and id = $2`, [
    tx.context.workspaceId,
    id,
  ]);
}

/** Of runs that were forgotten; gives how many. */
export async function deleteForgottenRunForms(statements: InstanceStatements, limit: number): Promise<number> {
  const rows = await statements.query(
    `with gone as (
       select f.id from run_form f
        where f.created_at < now() - interval '1 hour' and not exists (select from run r where r.id = f.run_id) limit $1
     ) delete from run_form f using gone where gone.id = f.id returning 1`,
    [limit],
  );
  return rows.length;
}
