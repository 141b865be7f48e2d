/**
 * Changes of drafts as lists of operations, numbered by the draft's revision. A client's own number makes sending one again
 * harmless; whoever was away catches up from the revision he has. What operations mean is the engine's.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import type { Draft } from './workflows.ts';
import { lockWorkflow, saveDraft } from './workflows.ts';

export interface DraftOps {
  /** The revision they made. */
  readonly rev: number;
  readonly principalId: string;
  readonly clientId: string;
  readonly clientSeq: number;
  readonly ops: Json;
  readonly at: Date;
}

export interface AppendDraftOps {
  readonly workflowId: string;
  /** The revision `definition` was made from. */
  readonly expectedRev: number;
  readonly clientId: string;
  /** Counts up within the client. */
  readonly clientSeq: number;
  readonly ops: Json;
  /** The draft with the operations applied. */
  readonly definition: WorkflowDefinition;
  readonly semanticHash: string;
}

export type AppendDraftOpsResult =
  | { readonly kind: 'appended'; readonly rev: number }
  /** They were taken in before, as this revision. */
  | { readonly kind: 'replayed'; readonly rev: number }
  /** Others came first: read the operations since, rebase, send again. */
  | { readonly kind: 'conflict'; readonly draft: Draft }
  | { readonly kind: 'name-taken'; readonly workflowId: string }
  | { readonly kind: 'not-found' };

export async function appendDraftOps(tx: WorkspaceTransaction, input: AppendDraftOps): Promise<AppendDraftOpsResult> {
  const { workspaceId, principalId } = tx.context;
  const { workflowId, clientId, clientSeq } = input;
  if (!(await lockWorkflow(tx, workflowId))) return { kind: 'not-found' };
  const rev = await findDraftOpRev(tx, input);
  if (rev !== undefined) return { kind: 'replayed', rev };
  const saved = await saveDraft(tx, {
    workflowId,
    definition: input.definition,
    semanticHash: input.semanticHash,
    expectedRev: input.expectedRev,
  });
  if (saved.kind !== 'saved') return saved;
  await tx.query(
    'insert into draft_op (workflow_id, rev, workspace_id, principal_id, client_id, client_seq, ops) values ($1, $2, $3, $4, $5, $6, $7)',
    [workflowId, saved.rev, workspaceId, principalId, clientId, clientSeq, JSON.stringify(input.ops)],
  );
  return { kind: 'appended', rev: saved.rev };
}

/** The revision a client's operations became, if they came in before. */
export async function findDraftOpRev(
  tx: WorkspaceTransaction,
  { workflowId, clientId, clientSeq }: Pick<AppendDraftOps, 'workflowId' | 'clientId' | 'clientSeq'>,
): Promise<number | undefined> {
  const [row] = await tx.query<{ rev: number }>(
    'select rev from draft_op where workspace_id = $1 and workflow_id = $2 and client_id = $3 and client_seq = $4',
    [tx.context.workspaceId, workflowId, clientId, clientSeq],
  );
  return row?.rev;
}

export interface DraftOpsSince {
  readonly ops: readonly DraftOps[];
  /** False when a change in between left no operations (an import did), or too many: fetch the draft instead. */
  readonly isComplete: boolean;
}

/** What happened after `rev`, in order, at most `limit` entries (1,000 by default). */
export async function draftOpsSince(tx: WorkspaceTransaction, workflowId: string, rev: number, limit = 1000): Promise<DraftOpsSince> {
  const { workspaceId } = tx.context;
  const [draft] = await tx.query<{ rev: number }>('select rev from draft where workspace_id = $1 and workflow_id = $2', [
    workspaceId,
    workflowId,
  ]);
  const ops = await tx.query<DraftOps>(
    `select rev, principal_id as "principalId", client_id as "clientId", client_seq as "clientSeq", ops, at
       from draft_op where workspace_id = $1 and workflow_id = $2 and rev > $3 and rev <= $4 order by rev limit $5`,
    [workspaceId, workflowId, rev, draft?.rev ?? 0, limit],
  );
  return { ops, isComplete: draft !== undefined && ops.length === draft.rev - rev };
}

export type HoldDraftResult =
  | { readonly kind: 'held'; readonly until: Date }
  | { readonly kind: 'held-by-other'; readonly principalId: string; readonly until: Date }
  | { readonly kind: 'not-found' };

/** Says who edits now, for `leaseMs`; call again to keep it. `isTakeover` takes it from somebody else. */
export async function holdDraft(
  tx: WorkspaceTransaction,
  { workflowId, leaseMs, isTakeover = false }: { readonly workflowId: string; readonly leaseMs: number; readonly isTakeover?: boolean },
): Promise<HoldDraftResult> {
  const { workspaceId, principalId } = tx.context;
  const [held] = await tx.query<{ until: Date }>(
    `update draft set holder_id = $3, holder_until = now() + $4::float8 * interval '1 ms'
      where workspace_id = $1 and workflow_id = $2 and ($5 or holder_id is null or holder_id = $3 or holder_until <= now()) returning holder_until as until`,
    [workspaceId, workflowId, principalId, leaseMs, isTakeover],
  );
  if (held) return { kind: 'held', until: held.until };
  const [other] = await tx.query<{ principalId: string; until: Date }>(
    `select holder_id as "principalId", holder_until as until from draft where workspace_id = $1 and workflow_id = $2 and holder_id is not null`,
    [workspaceId, workflowId],
  );
  return other ? { kind: 'held-by-other', ...other } : { kind: 'not-found' };
}

export async function releaseDraft(tx: WorkspaceTransaction, workflowId: string): Promise<void> {
  await tx.query('update draft set holder_id = null, holder_until = null where workspace_id = $1 and workflow_id = $2 and holder_id = $3', [
    tx.context.workspaceId,
    workflowId,
    tx.context.principalId,
  ]);
}

/** Who edits now, if anybody. */
export async function findDraftHolder(
  tx: WorkspaceTransaction,
  workflowId: string,
): Promise<{ principalId: string; until: Date } | undefined> {
  const [row] = await tx.query<{ principalId: string; until: Date }>(
    `select holder_id as "principalId", holder_until as until from draft where workspace_id = $1 and workflow_id = $2 and holder_until > now()`,
    [tx.context.workspaceId, workflowId],
  );
  return row;
}

/** Operations older than this go; gives how many. Call again while it gives `limit`. */
export async function deleteOldDraftOps(
  statements: InstanceStatements,
  { keepMs, limit = 1000 }: { readonly keepMs: number; readonly limit?: number },
): Promise<number> {
  const rows = await statements.query(
    `delete from draft_op where (workflow_id, rev) in (
       select workflow_id, rev from draft_op where at < now() - $1::float8 * interval '1 ms' limit $2 for update skip locked) returning 1`,
    [keepMs, limit],
  );
  return rows.length;
}
