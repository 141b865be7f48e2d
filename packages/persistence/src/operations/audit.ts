/**
 * The audit log. An entry is written in the transaction of what it tells about, and read as soon as that is committed; the
 * sealer chains it a moment later. What may have to be forgotten is in the payload, which can be erased; its digest stays.
 */
import { createHash } from 'node:crypto';
import type { JsonObject } from '@plugboard/sdk';
import { uuidv7 } from '../ids.ts';
import type { InstanceStatements, InstanceTransaction } from '../in-instance.ts';
import type { WorkspaceTransaction } from '../in-workspace.ts';
import { pageLimit } from '../paging.ts';

export type AuditActorKind = 'person' | 'service' | 'system';

export interface AuditRecord {
  readonly principalId: string;
  readonly actorKind: AuditActorKind;
  /** Such as `workflow.publish`. */
  readonly action: string;
  readonly resourceKind: string;
  readonly resourceId?: string;
  readonly ip?: string;
  /** What changed, redacted by the caller. */
  readonly payload?: JsonObject;
}

/** Gives the entry's id. The workspace is the transaction's; in a transaction of the instance it is `workspaceId`, or none. */
export async function recordAudit(
  tx: WorkspaceTransaction | InstanceTransaction,
  record: AuditRecord,
  { workspaceId }: { readonly workspaceId?: string } = {},
): Promise<string> {
  const id = uuidv7();
  const payload = record.payload === undefined ? null : JSON.stringify(record.payload);
  await tx.query(
    `insert into audit (id, workspace_id, principal_id, actor_kind, action, resource_kind, resource_id, ip, payload, payload_digest)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
    [
      id,
      'context' in tx ? tx.context.workspaceId : (workspaceId ?? null),
      record.principalId,
      record.actorKind,
      record.action,
      record.resourceKind,
      record.resourceId ?? null,
      record.ip ?? null,
      payload,
      payload === null ? null : payloadDigest(payload),
    ],
  );
  return id;
}

export interface AuditEntry extends AuditRecord {
  readonly id: string;
  readonly at: Date;
  /** Whether there was a payload that is gone. */
  readonly isErased: boolean;
  /** Its place in the chain; absent until sealed. */
  readonly seq?: string;
}

export interface ListAudit {
  readonly principalId?: string;
  /** `workflow.publish`, or `workflow.*` for all of a kind. */
  readonly action?: string;
  readonly resource?: { readonly kind: string; readonly id: string };
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
  /** 1 to 100. @default 50 */
  readonly limit?: number;
}

export interface AuditPage {
  readonly entries: readonly AuditEntry[];
  /** Absent on the last page. */
  readonly nextCursor?: string;
}

/** Of the workspace, newest first. */
export function listAudit(tx: WorkspaceTransaction, options: ListAudit = {}): Promise<AuditPage> {
  return readPage(tx, tx.context.workspaceId, options);
}

/** Of the instance itself, newest first; for operators. */
export function listInstanceAudit(statements: InstanceStatements, options: ListAudit = {}): Promise<AuditPage> {
  return readPage(statements, null, options);
}

/** Forgets the payloads of what somebody did or what was done to a resource; the chain stays whole. Gives how many. */
export async function eraseAuditPayloads(
  statements: InstanceStatements,
  about: { readonly principalId: string } | { readonly workspaceId: string; readonly resourceKind: string; readonly resourceId: string },
): Promise<number> {
  const rows =
    'principalId' in about
      ? await statements.query('update audit set payload = null where payload is not null and principal_id = $1 returning 1', [
          about.principalId,
        ])
      : await statements.query(
          'update audit set payload = null where payload is not null and workspace_id = $1 and resource_kind = $2 and resource_id = $3 returning 1',
          [about.workspaceId, about.resourceKind, about.resourceId],
        );
  return rows.length;
}

/** Of the text that is stored, byte for byte. */
export function payloadDigest(payload: string): Buffer {
  return createHash('sha256').update(payload).digest();
}

async function readPage(
  statements: InstanceStatements | WorkspaceTransaction,
  workspaceId: string | null,
  options: ListAudit,
): Promise<AuditPage> {
  const limit = pageLimit(options.limit);
  const isKind = options.action?.endsWith('.*') === true;
  const rows = await statements.query<AuditRow>(
    `select id, principal_id as "principalId", actor_kind as "actorKind", action, resource_kind as "resourceKind", resource_id as "resourceId", ip, at, payload,
            payload is null and payload_digest is not null as "isErased", seq
       from audit where ${workspaceId === null ? 'workspace_id is null and $1::uuid is null' : 'workspace_id = $1'}
        and ($2::uuid is null or principal_id = $2) and ($3::text is null or action = $3) and ($4::text is null or starts_with(action, $4))
        and ($5::text is null or (resource_kind = $5 and resource_id = $6)) and ($7::uuid is null or id < $7)
      order by id desc limit $8`,
    [
      workspaceId,
      options.principalId ?? null,
      isKind ? null : (options.action ?? null),
      isKind ? options.action.slice(0, -1) : null,
      options.resource?.kind ?? null,
      options.resource?.id ?? null,
      options.cursor ?? null,
      limit + 1,
    ],
  );
  const entries = rows.slice(0, limit).map(toEntry);
  return rows.length > limit ? { entries, nextCursor: entries.at(-1)!.id } : { entries };
}

interface AuditRow {
  readonly id: string;
  readonly principalId: string;
  readonly actorKind: AuditActorKind;
  readonly action: string;
  readonly resourceKind: string;
  readonly resourceId: string | null;
  readonly ip: string | null;
  readonly at: Date;
  readonly payload: JsonObject | null;
  readonly isErased: boolean;
  readonly seq: string | null;
}

function toEntry({ resourceId, ip, payload, seq, ...entry }: AuditRow): AuditEntry {
  return {
    ...entry,
    ...(resourceId === null ? {} : { resourceId }),
    ...(ip === null ? {} : { ip }),
    ...(payload === null ? {} : { payload }),
    ...(seq === null ? {} : { seq }),
  };
}
