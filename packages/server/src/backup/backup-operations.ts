/** Backups over the API, and what is to become of the runs that a restored backup holds. For operators of the instance. */
import { type Database, countHeldRuns, releaseHeldRuns } from '@plugboard/persistence';
import { z } from 'zod';
import { type Operation, operation } from '../operation/operation.ts';
import { text } from '../operation/shapes.ts';
import type { Backups } from './backups.ts';
import { SHORTEST_PASSPHRASE } from './sealed-keys.ts';

const INSTANCE = { kind: 'instance' } as const;

const madeBackup = z
  .object({
    name: z.string(),
    /** On the machine of the server. */
    file: z.string(),
    sizeBytes: z.number(),
    schema: z.int(),
    rows: z.number(),
    files: z.number(),
    hasKeys: z.boolean(),
  })
  .meta({ id: 'MadeBackup' });

const backupView = z
  .object({
    name: z.string(),
    kind: z.enum(['manual', 'scheduled']).meta({ id: 'BackupKind' }),
    createdAt: z.iso.datetime(),
    sizeBytes: z.number(),
  })
  .meta({ id: 'BackupView' });

const heldRuns = z.object({ count: z.int() }).meta({ id: 'HeldRuns' });

export function backupOperations({ database, backups }: { readonly database: Database; readonly backups: Backups }): readonly Operation[] {
  return [
    operation({
      name: 'backup.create',
      field: 'createBackup',
      kind: 'mutation',
      summary:
        'Make a backup in the data folder while the server goes on; answered when it is complete. A passphrase closes the key files into it.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({ passphrase: text(1024, SHORTEST_PASSPHRASE).optional() }),
      output: madeBackup,
      problems: ['BACKUP_FAILED'],
      rest: { method: 'POST', path: '/backups', status: 201 },
      transactional: false,
      async handler(ctx, { passphrase }) {
        const made = await backups.create('manual', passphrase);
        ctx.audit({ kind: 'backup', payload: { name: made.name, hasKeys: made.hasKeys } });
        return made;
      },
    }),
    operation({
      name: 'backup.list',
      field: 'backups',
      kind: 'query',
      summary: 'Backups in the data folder, newest first.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({}),
      output: z.array(backupView),
      problems: [],
      rest: { method: 'GET', path: '/backups' },
      handler: async () =>
        (await backups.list()).map(({ name, kind, createdAt, sizeBytes }) => ({
          name,
          kind,
          createdAt: createdAt.toISOString(),
          sizeBytes,
        })),
    }),
    operation({
      name: 'instance.heldRuns',
      field: 'heldRuns',
      kind: 'query',
      summary: 'How many runs of a restored backup wait for a decision.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({}),
      output: heldRuns,
      problems: [],
      rest: { method: 'GET', path: '/held-runs' },
      handler: async () => ({ count: await countHeldRuns(database) }),
    }),
    operation({
      name: 'instance.releaseHeldRuns',
      field: 'releaseHeldRuns',
      kind: 'mutation',
      summary: 'Let the runs of a restored backup go on, or cancel them. What they did after the backup was made may be done again.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({ decision: z.enum(['resume', 'cancel']).meta({ id: 'HeldRunsDecision' }) }),
      output: heldRuns,
      problems: [],
      rest: { method: 'POST', path: '/held-runs/release' },
      transactional: false,
      async handler(ctx, { decision }) {
        const count = await releaseHeldRuns(database, decision, ctx.actor.principalId);
        ctx.audit({ kind: 'run', payload: { decision, count } });
        return { count };
      },
    }),
  ];
}
