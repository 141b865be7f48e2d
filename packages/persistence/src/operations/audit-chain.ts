/**
 * The chain of the audit log: each sealed entry carries a keyed hash over itself and the hash before it, so that nothing can be
 * changed, taken out or put in between unseen. One chain per workspace and one for the instance. Taking entries off the end is
 * seen by comparing with an anchor that was kept elsewhere.
 */
import { createHmac } from 'node:crypto';
import type { Database } from '../database.ts';
import { inInstance } from '../in-instance.ts';
import type { InstanceStatements } from '../in-instance.ts';
import { payloadDigest } from './audit.ts';

/** A workspace's id, or the chain of the instance itself. */
export type AuditChain = { readonly kind: 'workspace'; readonly workspaceId: string } | { readonly kind: 'instance' };

/** How far a chain has come: worth keeping elsewhere. */
export interface AuditAnchor {
  readonly seq: string;
  readonly hash: Buffer;
}

export interface SealOptions {
  /** Key of the chain's hashes. */
  readonly key: Uint8Array;
  /** Entries per call. @default 1000 */
  readonly limit?: number;
}

/** Chains that have entries to seal. */
export async function listUnsealedChains(statements: InstanceStatements): Promise<AuditChain[]> {
  const rows = await statements.query<{ workspaceId: string | null }>(
    'select distinct workspace_id as "workspaceId" from audit where seq is null',
  );
  return rows.map(({ workspaceId }) => (workspaceId === null ? { kind: 'instance' } : { kind: 'workspace', workspaceId }));
}

/** Seals what is committed, in order of ids; gives how many. Of two sealers at once, one waits and finds nothing left to do. */
export function sealAudit(database: Database, chain: AuditChain, { key, limit = 1000 }: SealOptions): Promise<number> {
  return inInstance(database, async (tx) => {
    const { where, values } = chainFilter(chain);
    await tx.query(`select pg_advisory_xact_lock(hashtext('plugboard.audit'), hashtext($1::text))`, [
      chain.kind === 'instance' ? '' : chain.workspaceId,
    ]);
    const last = await readAnchor(tx, chain);
    const rows = await tx.query<SealedRow>(`${ROWS} where ${where} and seq is null order by id limit $2`, [...values, limit]);
    let hash = last?.hash ?? START;
    let seq = BigInt(last?.seq ?? 0);
    const sealed = rows.map((row) => {
      seq += 1n;
      hash = linkHash(key, hash, { ...row, seq: seq.toString() });
      return { id: row.id, seq: seq.toString(), hash };
    });
    if (sealed.length > 0) {
      await tx.query(
        'update audit set seq = s.seq, hash = s.hash from unnest($1::uuid[], $2::int8[], $3::bytea[]) as s (id, seq, hash) where audit.id = s.id',
        [sealed.map((row) => row.id), sealed.map((row) => row.seq), sealed.map((row) => row.hash)],
      );
    }
    return sealed.length;
  });
}

/** The newest sealed entry; undefined before the first. */
export async function readAnchor(statements: InstanceStatements, chain: AuditChain): Promise<AuditAnchor | undefined> {
  const { where, values } = chainFilter(chain);
  const [row] = await statements.query<AuditAnchor>(
    `select seq, hash from audit where ${where} and seq is not null order by seq desc limit 1`,
    values,
  );
  return row;
}

export type VerifyAuditResult =
  | { readonly kind: 'intact'; readonly entries: number; readonly erasedPayloads: number; readonly anchor?: AuditAnchor }
  /**
   * `missing`: an entry was taken out. `changed`: entry or chain is not what was sealed. `payload`: what is stored beside it is not.
   * `anchor`: the chain does not hold the anchor given.
   */
  | { readonly kind: 'broken'; readonly seq: string; readonly why: 'missing' | 'changed' | 'payload' | 'anchor' };

const BATCH = 1000;

/** Walks the chain from its start. Erased payloads are fine: their digests still count. */
export async function verifyAudit(
  statements: InstanceStatements,
  chain: AuditChain,
  { key, anchor }: { readonly key: Uint8Array; readonly anchor?: AuditAnchor },
): Promise<VerifyAuditResult> {
  const { where, values } = chainFilter(chain);
  let hash: Buffer = START;
  let seq = 0n;
  let erasedPayloads = 0;
  for (;;) {
    const rows = await statements.query<SealedRow>(`${ROWS} where ${where} and seq > $2 order by seq limit ${BATCH}`, [
      ...values,
      seq.toString(),
    ]);
    for (const row of rows) {
      seq += 1n;
      if (row.seq !== seq.toString()) return { kind: 'broken', seq: seq.toString(), why: 'missing' };
      hash = linkHash(key, hash, row);
      if (!row.hash?.equals(hash)) return { kind: 'broken', seq: row.seq, why: 'changed' };
      if (row.payload === null) erasedPayloads += row.digest === null ? 0 : 1;
      else if (row.digest !== payloadDigest(row.payload).toString('hex')) return { kind: 'broken', seq: row.seq, why: 'payload' };
      if (anchor?.seq === row.seq && !anchor.hash.equals(hash)) return { kind: 'broken', seq: row.seq, why: 'anchor' };
    }
    if (rows.length < BATCH) break;
  }
  if (anchor && BigInt(anchor.seq) > seq) return { kind: 'broken', seq: anchor.seq, why: 'anchor' };
  return { kind: 'intact', entries: Number(seq), erasedPayloads, ...(seq === 0n ? {} : { anchor: { seq: seq.toString(), hash } }) };
}

const START = Buffer.alloc(32);

interface SealedRow {
  readonly id: string;
  readonly workspaceId: string | null;
  readonly principalId: string;
  readonly actorKind: string;
  readonly action: string;
  readonly resourceKind: string;
  readonly resourceId: string | null;
  readonly ip: string | null;
  /** Microseconds since 1970: a Date would lose the last three digits. */
  readonly at: string;
  readonly payload: string | null;
  readonly digest: string | null;
  readonly seq: string;
  readonly hash: Buffer | null;
}

const ROWS = `
  select id, workspace_id as "workspaceId", principal_id as "principalId", actor_kind as "actorKind", action, resource_kind as "resourceKind",
         resource_id as "resourceId", ip, (extract(epoch from at) * 1000000)::int8 as at, payload::text as payload, encode(payload_digest, 'hex') as digest,
         seq, hash
    from audit`;

function linkHash(key: Uint8Array, before: Buffer, row: SealedRow): Buffer {
  const entry = [
    row.seq,
    row.id,
    row.workspaceId,
    row.principalId,
    row.actorKind,
    row.action,
    row.resourceKind,
    row.resourceId,
    row.ip,
    row.at,
    row.digest,
  ];
  return createHmac('sha256', key).update(before).update(JSON.stringify(entry)).digest();
}

function chainFilter(chain: AuditChain): { readonly where: string; readonly values: [string | null] } {
  return chain.kind === 'instance'
    ? { where: 'workspace_id is null and $1::uuid is null', values: [null] }
    : { where: 'workspace_id = $1', values: [chain.workspaceId] };
}
