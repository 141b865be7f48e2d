/** The audit log of a workspace: read, and checked against its chain. */
import { type Database, findDisplayNames, listAudit, sealAudit, verifyAudit } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { id, json, page, pageInput, pageOf, text } from '../operation/shapes.ts';

const WORKSPACE = { kind: 'workspace' } as const;

const auditRow = z
  .object({
    id,
    at: z.iso.datetime(),
    actor: z
      .object({ name: z.string(), kind: z.enum(['person', 'service', 'system', 'apiKey']).meta({ id: 'AuditActorKind' }) })
      .meta({ id: 'AuditActor' }),
    action: z.string(),
    resource: z.object({ kind: z.string(), id: z.string() }).meta({ id: 'AuditResource' }).optional(),
    ip: z.string().optional(),
    changes: json.optional(),
    seq: z.string().optional(),
    isErased: z.boolean(),
  })
  .meta({ id: 'AuditRow' });

/** @param key of the hashes of the chain */
export function auditOperations({ database, key }: { readonly database: Database; readonly key: Uint8Array }): readonly Operation[] {
  return [
    operation({
      name: 'audit.list',
      field: 'audit',
      kind: 'query',
      summary: 'Who did what, newest first.',
      permission: { action: 'audit.read', on: () => WORKSPACE },
      input: z.strictObject({ principalId: id.optional(), action: text(100).optional(), first: pageInput.first, after: id.optional() }),
      output: pageOf(auditRow).meta({ id: 'AuditRows' }),
      problems: [],
      rest: { method: 'GET', path: '/audit' },
      handler: (ctx, { principalId, action, first, after }) =>
        ctx.inTransaction(async (tx) => {
          const found = await listAudit(tx, {
            ...(principalId === undefined ? {} : { principalId }),
            ...(action === undefined ? {} : { action }),
            ...(after === undefined ? {} : { cursor: after }),
            ...(first === undefined ? {} : { limit: first }),
          });
          const names = await findDisplayNames(
            tx,
            found.entries.map((entry) => entry.principalId),
          );
          return page(
            found.entries.map((entry) => ({
              id: entry.id,
              at: entry.at.toISOString(),
              actor: {
                name: names.get(entry.principalId) ?? '',
                kind: entry.payload && Object.hasOwn(entry.payload, 'apiKeyId') ? ('apiKey' as const) : entry.actorKind,
              },
              action: entry.action,
              ...(entry.resourceId === undefined ? {} : { resource: { kind: entry.resourceKind, id: entry.resourceId } }),
              ...(entry.ip === undefined ? {} : { ip: entry.ip }),
              ...(entry.payload === undefined ? {} : { changes: entry.payload }),
              ...(entry.seq === undefined ? {} : { seq: entry.seq }),
              isErased: entry.isErased,
            })),
            found.nextCursor,
          );
        }),
    }),
    operation({
      name: 'audit.check',
      field: 'auditCheck',
      kind: 'query',
      summary: 'Walk the chain of the audit log: nothing may have been changed, taken out or put in between.',
      permission: { action: 'audit.read', on: () => WORKSPACE },
      input: z.strictObject({}),
      output: z
        .object({
          kind: z.enum(['intact', 'broken']).meta({ id: 'AuditState' }),
          entries: z.int().optional(),
          atSeq: z.string().optional(),
          checkedAt: z.iso.datetime(),
        })
        .meta({ id: 'AuditCheck' }),
      problems: [],
      rest: { method: 'GET', path: '/audit/check' },
      async handler({ workspaceId }) {
        const chain = { kind: 'workspace', workspaceId } as const;
        // What is committed and waits for its seal is taken in first, so that the answer covers it.
        await sealAudit(database, chain, { key });
        const result = await verifyAudit(database, chain, { key });
        const checkedAt = new Date().toISOString();
        return result.kind === 'intact'
          ? { kind: 'intact' as const, entries: result.entries, checkedAt }
          : { kind: 'broken' as const, atSeq: result.seq, checkedAt };
      },
    }),
  ];
}
