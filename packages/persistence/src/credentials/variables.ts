/** Variables: values that expressions read by key, one set per project and environment. */
import type { Json } from '@plugboard/sdk';
import type { SelectQueryBuilder } from 'typeorm';
import type { Database } from '../database.ts';
import type { VariableRow } from '../entities/rows.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';

export interface Variable {
  readonly key: string;
  readonly value: Json;
  readonly rev: number;
  readonly updatedAt: Date;
}

export interface VariablePlace {
  readonly projectId: string;
  readonly environment: number;
}

export type SetVariableResult =
  | { readonly kind: 'saved'; readonly rev: number }
  /** `expectedRev` 0 means that there is none yet. */
  | { readonly kind: 'conflict'; readonly variable?: Variable }
  | { readonly kind: 'project-not-found' };

/** `expectedRev` 0 only makes a new one; absent, whatever is there is replaced. */
export async function setVariable(
  tx: WorkspaceTransaction,
  input: VariablePlace & { readonly key: string; readonly value: Json; readonly expectedRev?: number },
): Promise<SetVariableResult> {
  const { workspaceId, principalId } = tx.context;
  const { projectId, environment, key } = input;
  const [project] = await tx.query('select from project where workspace_id = $1 and id = $2 and deleted_at is null for key share', [
    workspaceId,
    projectId,
  ]);
  if (!project) return { kind: 'project-not-found' };
  const expected = input.expectedRev ?? null;
  const [row] = await tx.query<{ rev: number }>(
    expected !== null && expected > 0
      ? `update variable set value = $5, rev = rev + 1, updated_at = now()
          where workspace_id = $1 and project_id = $2 and environment = $3 and key = $4 and rev = $6 and $7::uuid is not null returning rev`
      : `insert into variable (workspace_id, project_id, environment, key, value, created_by) values ($1, $2, $3, $4, $5, $7)
           on conflict (project_id, environment, key) do update set value = excluded.value, rev = variable.rev + 1, updated_at = now()
             where $6::int4 is null returning rev`,
    [workspaceId, projectId, environment, key, JSON.stringify(input.value), expected, principalId],
  );
  if (row) return { kind: 'saved', rev: row.rev };
  const variable = await findVariable(tx, input);
  return variable ? { kind: 'conflict', variable } : { kind: 'conflict' };
}

export async function findVariable(
  tx: WorkspaceTransaction,
  place: VariablePlace & { readonly key: string },
): Promise<Variable | undefined> {
  const row = await variables(tx, place).andWhere('v.key = :key', { key: place.key }).getOne();
  return row ? toVariable(row) : undefined;
}

/** By key, at most 1,000. */
export async function listVariables(tx: WorkspaceTransaction, place: VariablePlace): Promise<Variable[]> {
  return (await variables(tx, place).orderBy('v.key').limit(1000).getMany()).map(toVariable);
}

export async function deleteVariable(
  tx: WorkspaceTransaction,
  { projectId, environment, key }: VariablePlace & { readonly key: string },
): Promise<boolean> {
  const rows = await tx.query(
    'delete from variable where workspace_id = $1 and project_id = $2 and environment = $3 and key = $4 returning 1',
    [tx.context.workspaceId, projectId, environment, key],
  );
  return rows.length > 0;
}

/** What a run sees, for the process that runs it; outside any workspace. */
export async function loadVariables(database: Database, { projectId, environment }: VariablePlace): Promise<{ [key: string]: Json }> {
  const rows = await database.query<{ key: string; value: Json }>(
    'select key, value from variable where project_id = $1 and environment = $2 order by key',
    [projectId, environment],
  );
  return Object.fromEntries(rows.map(({ key, value }) => [key, value]));
}

/** The project whose variables runs of a workflow see. */
export async function findProjectOfWorkflow(database: Database, workflowId: string): Promise<string | undefined> {
  const [row] = await database.query<{ id: string }>('select project_id as id from workflow where id = $1', [workflowId]);
  return row?.id;
}

function variables(tx: WorkspaceTransaction, { projectId, environment }: VariablePlace): SelectQueryBuilder<VariableRow> {
  return tx.manager
    .createQueryBuilder<VariableRow>('variable', 'v')
    .where('v.workspaceId = :workspaceId and v.projectId = :projectId and v.environment = :environment', {
      workspaceId: tx.context.workspaceId,
      projectId,
      environment,
    });
}

function toVariable({ key, value, rev, updatedAt }: VariableRow): Variable {
  return { key, value, rev, updatedAt };
}
