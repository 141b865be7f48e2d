/**
 * Changes of drafts as lists of operations, numbered by the draft's revision. A client's own number makes sending one again
 * harmless; whoever was away catches up from the revision he has. What operations mean is the engine's.
 */
import type { WorkflowDefinition } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';
import type { InstanceStatements } from './in-instance.ts';
import type { WorkspaceTransaction } from './in-workspace.ts';
import type { Draft, DraftRanks } from './workflows.ts';
import { lockWorkflow, saveDraft } from './workflows.ts';

/** What a batch was: a change, one's own change taken back, or that taken back again. */
export type DraftAct = 'edit' | 'undo' | 'redo';

export interface DraftOps {
  /** The revision they made. */
  readonly rev: number;
  readonly principalId: string;
  readonly clientId: string;
  readonly clientSeq: number;
  readonly act: DraftAct;
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
  readonly ranks?: DraftRanks;
  /** @default 'edit' */
  readonly act?: DraftAct;
  /** Takes them back; absent where that cannot be done. */
  readonly inverse?: Json;
  /** Of what the client sent, to tell a repetition from another batch under the same number. */
  readonly requestHash?: Uint8Array;
}

export type AppendDraftOpsResult =
  | { readonly kind: 'appended'; readonly rev: number }
  /** They were taken in before, as this revision. */
  | ({ readonly kind: 'replayed' } & SentBatch)
  /** Others came first: read the operations since, rebase, send again. */
  | { readonly kind: 'conflict'; readonly draft: Draft }
  | { readonly kind: 'name-taken'; readonly workflowId: string }
  | { readonly kind: 'not-found' };

export async function appendDraftOps(tx: WorkspaceTransaction, input: AppendDraftOps): Promise<AppendDraftOpsResult> {
  const { workspaceId, principalId } = tx.context;
  const { workflowId, clientId, clientSeq } = input;
  if (!(await lockWorkflow(tx, workflowId))) return { kind: 'not-found' };
  const sent = await findSentBatch(tx, input);
  if (sent) return { kind: 'replayed', ...sent };
  const saved = await saveDraft(tx, {
    workflowId,
    definition: input.definition,
    semanticHash: input.semanticHash,
    expectedRev: input.expectedRev,
    ...(input.ranks ? { ranks: input.ranks } : {}),
  });
  if (saved.kind !== 'saved') return saved;
  await tx.query(
    `insert into draft_op (workflow_id, rev, workspace_id, principal_id, client_id, client_seq, ops, act, inverse, request_hash)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      workflowId,
      saved.rev,
      workspaceId,
      principalId,
      clientId,
      clientSeq,
      JSON.stringify(input.ops),
      input.act ?? 'edit',
      input.inverse === undefined ? null : JSON.stringify(input.inverse),
      input.requestHash ? Buffer.from(input.requestHash) : null,
    ],
  );
  return { kind: 'appended', rev: saved.rev };
}

/** A batch a client sent before. */
export interface SentBatch {
  readonly rev: number;
  readonly principalId: string;
  readonly requestHash?: Uint8Array;
}

/** What a client's batch became, if it came in before. */
export async function findSentBatch(
  tx: WorkspaceTransaction,
  { workflowId, clientId, clientSeq }: Pick<AppendDraftOps, 'workflowId' | 'clientId' | 'clientSeq'>,
): Promise<SentBatch | undefined> {
  const [row] = await tx.query<{ rev: number; principalId: string; requestHash: Uint8Array | null }>(
    `select rev, principal_id as "principalId", request_hash as "requestHash" from draft_op
      where workspace_id = $1 and workflow_id = $2 and client_id = $3 and client_seq = $4`,
    [tx.context.workspaceId, workflowId, clientId, clientSeq],
  );
  if (!row) return undefined;
  const { requestHash, ...sent } = row;
  return requestHash ? { ...sent, requestHash } : sent;
}

/** The last number a client used; undefined for a new client. */
export async function lastClientSeq(tx: WorkspaceTransaction, workflowId: string, clientId: string): Promise<number | undefined> {
  const [row] = await tx.query<{ last: number | null }>(
    'select max(client_seq) as last from draft_op where workspace_id = $1 and workflow_id = $2 and client_id = $3',
    [tx.context.workspaceId, workflowId, clientId],
  );
  return row?.last ?? undefined;
}

export interface OwnBatch {
  readonly rev: number;
  readonly act: DraftAct;
  /** Taking it back changes nothing. */
  readonly isEmpty: boolean;
}

/** What the person at hand did last and could take back, oldest first, at most `limit` entries. */
export async function ownBatches(tx: WorkspaceTransaction, workflowId: string, limit: number): Promise<OwnBatch[]> {
  const rows = await tx.query<OwnBatch>(
    `select rev, act, json_array_length(inverse) = 0 as "isEmpty" from draft_op
      where workspace_id = $1 and workflow_id = $2 and principal_id = $3 and inverse is not null order by rev desc limit $4`,
    [tx.context.workspaceId, workflowId, tx.context.principalId, limit],
  );
  return rows.toReversed();
}

/** What takes a batch back; undefined when it is not kept any more. */
export async function findInverse(tx: WorkspaceTransaction, workflowId: string, rev: number): Promise<Json | undefined> {
  const [row] = await tx.query<{ inverse: Json | null }>(
    'select inverse from draft_op where workspace_id = $1 and workflow_id = $2 and rev = $3',
    [tx.context.workspaceId, workflowId, rev],
  );
  return row?.inverse ?? undefined;
}

/** True when the person at hand has changed the draft within that time, in milliseconds. */
export async function hasEditedSince(tx: WorkspaceTransaction, workflowId: string, ms: number): Promise<boolean> {
  const rows = await tx.query(
    `select from draft_op where workspace_id = $1 and workflow_id = $2 and principal_id = $3 and at > now() - $4::float8 * interval '1 ms' limit 1`,
    [tx.context.workspaceId, workflowId, tx.context.principalId, ms],
  );
  return rows.length > 0;
}

export interface DraftOpsSince {
  readonly ops: readonly DraftOps[];
  /** False when a change in between left no operations (an import did), or too many: fetch the draft instead. */
  readonly isComplete: boolean;
}

/** Text of operations that is read at once, in characters: one batch may be as large as a draft. */
const MAX_READ = 16 * 1024 * 1024;

/** What happened after `rev`, in order, at most `limit` entries (1,000 by default) and 16 MB. */
export async function draftOpsSince(tx: WorkspaceTransaction, workflowId: string, rev: number, limit = 1000): Promise<DraftOpsSince> {
  const { workspaceId } = tx.context;
  const [draft] = await tx.query<{ rev: number }>('select rev from draft where workspace_id = $1 and workflow_id = $2', [
    workspaceId,
    workflowId,
  ]);
  const ops = await tx.query<DraftOps>(
    `select rev, principal_id as "principalId", client_id as "clientId", client_seq as "clientSeq", act, ops, at from (
       select *, sum(length(ops::text)) over (order by rev) as read, row_number() over (order by rev) as n from (
         select * from draft_op where workspace_id = $1 and workflow_id = $2 and rev > $3 and rev <= $4 order by rev limit $5) page) counted
      where read <= $6 or n = 1 order by rev`,
    [workspaceId, workflowId, rev, draft?.rev ?? 0, limit, MAX_READ],
  );
  return { ops, isComplete: draft !== undefined && ops.length === draft.rev - rev };
}

/** Who edits now, and who waits for it. */
export interface DraftHolder {
  readonly principalId: string;
  readonly until: Date;
  readonly asked?: { readonly principalId: string; readonly at: Date };
}

export type HoldDraftResult =
  | { readonly kind: 'held'; readonly until: Date }
  | ({ readonly kind: 'held-by-other' } & DraftHolder)
  | { readonly kind: 'not-found' };

/**
 * Says who edits now, for `leaseMs`; call again to keep it. Where somebody else does, `isAsking` notes that it is asked for, and
 * whoever asked `takeoverAfterMs` ago gets it; `isTakeover` takes it at once.
 */
export async function holdDraft(
  tx: WorkspaceTransaction,
  input: {
    readonly workflowId: string;
    readonly leaseMs: number;
    readonly isTakeover?: boolean;
    readonly isAsking?: boolean;
    readonly takeoverAfterMs?: number;
  },
): Promise<HoldDraftResult> {
  const { workspaceId, principalId } = tx.context;
  const { workflowId, leaseMs, isTakeover = false, isAsking = false, takeoverAfterMs = null } = input;
  const [held] = await tx.query<{ until: Date }>(
    // Who keeps the lease keeps the question too.
    `update draft set holder_id = $3, holder_until = now() + $4::float8 * interval '1 ms',
            asked_by = case when holder_id = $3 then asked_by end, asked_at = case when holder_id = $3 then asked_at end
      where workspace_id = $1 and workflow_id = $2
        and ($5 or holder_id is null or holder_id = $3 or holder_until <= now()
          or (asked_by = $3 and asked_at <= now() - $6::float8 * interval '1 ms'))
      returning holder_until as until`,
    [workspaceId, workflowId, principalId, leaseMs, isTakeover, takeoverAfterMs],
  );
  if (held) return { kind: 'held', until: held.until };
  if (isAsking)
    await tx.query(
      `update draft set asked_by = $3, asked_at = now() where workspace_id = $1 and workflow_id = $2 and holder_until > now()
          and (asked_by is null or (asked_by <> $3 and asked_at < now() - interval '5 minutes'))`,
      [workspaceId, workflowId, principalId],
    );
  const other = await findDraftHolder(tx, workflowId);
  if (other) return { kind: 'held-by-other', ...other };
  // Its time ran out between the two statements, or there is no such draft.
  const exists = await tx.query('select from draft where workspace_id = $1 and workflow_id = $2', [workspaceId, workflowId]);
  return exists.length > 0 ? holdDraft(tx, input) : { kind: 'not-found' };
}

/** False when somebody else has it. */
export async function releaseDraft(tx: WorkspaceTransaction, workflowId: string): Promise<boolean> {
  const rows = await tx.query(
    `update draft set holder_id = null, holder_until = null, asked_by = null, asked_at = null
      where workspace_id = $1 and workflow_id = $2 and holder_id = $3 returning 1`,
    [tx.context.workspaceId, workflowId, tx.context.principalId],
  );
  return rows.length > 0;
}

/** Who edits now, if anybody. */
export async function findDraftHolder(tx: WorkspaceTransaction, workflowId: string): Promise<DraftHolder | undefined> {
  const [row] = await tx.query<{ principalId: string; until: Date; askedBy: string | null; askedAt: Date | null }>(
    `select holder_id as "principalId", holder_until as until, asked_by as "askedBy", asked_at as "askedAt"
       from draft where workspace_id = $1 and workflow_id = $2 and holder_until > now()`,
    [tx.context.workspaceId, workflowId],
  );
  if (!row) return undefined;
  const { askedBy, askedAt, ...holder } = row;
  return askedBy !== null && askedAt ? { ...holder, asked: { principalId: askedBy, at: askedAt } } : holder;
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
