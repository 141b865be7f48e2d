/** Who asked for a job, with the rights of the moment. */
import { type Database, type Job, livingApiKeys, loadAccess } from '@plugboard/persistence';
import { type Actor, NO_ACCESS, accessSetOf, scopesOf } from '../access/access.ts';
import type { Caller, OperationContext } from '../operation/operation.ts';

/** What is kept of whoever asks for a job, so that it can act for them later. */
export interface JobOwner {
  readonly kind: 'person' | 'service' | 'system';
  readonly apiKeyId?: string;
  readonly scopes?: readonly string[];
  readonly ip: string;
}

export function jobOwner({ actor, ip, apiKeyId }: OperationContext): JobOwner {
  return {
    kind: actor.kind === 'anonymous' ? 'system' : actor.kind,
    ip,
    ...(apiKeyId === undefined ? {} : { apiKeyId }),
    ...(actor.scopes ? { scopes: [...actor.scopes] } : {}),
  };
}

/** Undefined when they may do nothing any more. */
export async function callerOf(database: Database, job: Job, by: JobOwner): Promise<Caller | undefined> {
  const { workspaceId = '', actor: principalId } = job;
  const base = { requestId: `job:${job.id}`, ip: by.ip };
  if (by.kind === 'system') return { ...base, actor: { kind: 'system', principalId }, access: { ...NO_ACCESS, workspaceId } };
  if (by.apiKeyId !== undefined && !(await livingApiKeys(database, [by.apiKeyId])).has(by.apiKeyId)) return undefined;
  const access = await loadAccess(database, { workspaceId, principalId });
  if (access?.workspaceRole === undefined) return undefined;
  const scopes = by.scopes === undefined ? undefined : scopesOf(by.scopes);
  const actor: Actor = { kind: by.kind, principalId, ...(scopes ? { scopes } : {}) };
  return { ...base, actor, access: accessSetOf(access), ...(by.apiKeyId === undefined ? {} : { apiKeyId: by.apiKeyId }) };
}
