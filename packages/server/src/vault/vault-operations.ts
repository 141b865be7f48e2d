/** Keys of the instance, for its operators. */
import { z } from 'zod';
import type { RootKeys } from '../keys.ts';
import { type Operation, operation } from '../operation/operation.ts';
import { OperationProblem } from '../operation/problem.ts';
import { type KeyKeeper, RootKeyNotSharedError } from './key-keeper.ts';

const INSTANCE = { kind: 'instance' } as const;

export function vaultOperations({ keeper, roots }: { readonly keeper: KeyKeeper; readonly roots: RootKeys }): readonly Operation[] {
  return [
    operation({
      name: 'instance.rotateRootKey',
      field: 'rotateRootKey',
      kind: 'mutation',
      summary:
        'Replace the root key in the data folder and wrap every data key with the new one, while the server runs. The old key opens nothing afterwards.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({}),
      output: z.object({ rootKeyId: z.string(), rewrapped: z.int() }).meta({ id: 'RotatedRootKey' }),
      problems: [],
      rest: { method: 'POST', path: '/instance/root-key' },
      transactional: false,
      async handler(ctx) {
        if (!roots.isOwn) {
          throw new OperationProblem('CONFLICT', 'The root key comes from the settings, so the server cannot replace it', {
            hint: 'Start with PLUGBOARD_ROOT_KEY_NEXT as well; once the log says that the root key was replaced, start with that one as PLUGBOARD_ROOT_KEY alone.',
          });
        }
        const report = await keeper.rotateRootKey().catch((error: unknown) => {
          if (!(error instanceof RootKeyNotSharedError)) throw error;
          throw new OperationProblem('CONFLICT', error.message, { hint: 'Everything goes on with the old key until then.' });
        });
        ctx.audit({ kind: 'instance', payload: { ...report } });
        return report;
      },
    }),
    operation({
      name: 'instance.renewDataKeys',
      field: 'renewDataKeys',
      kind: 'mutation',
      summary: 'A new data key for each workspace, and every secret sealed anew with it, while workflows go on using them.',
      permission: { action: 'instance.operate', on: () => INSTANCE },
      input: z.strictObject({}),
      output: z.object({ workspaces: z.int(), secrets: z.int() }).meta({ id: 'RenewedDataKeys' }),
      problems: [],
      rest: { method: 'POST', path: '/instance/data-keys' },
      transactional: false,
      async handler(ctx) {
        const report = await keeper.renewDataKeys();
        ctx.audit({ kind: 'instance', payload: { ...report } });
        return report;
      },
    }),
  ];
}
