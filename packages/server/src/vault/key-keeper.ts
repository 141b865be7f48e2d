/**
 * Replaces keys while the server runs. A new root key first wraps the secret of the instance, then one data key after the other; when none
 * is left it takes the old one's place. Every step is stored before the next, so a process that dies goes on at its next start. Renewed data
 * keys follow in the same way: secrets are sealed anew one by one, and meanwhile the old key opens them.
 */
import {
  type Database,
  type WorkspaceContext,
  addCredentialSecret,
  addInstanceKey,
  awaitRootKeyHolders,
  currentDataKey,
  findCredentialSecret,
  inInstance,
  inWorkspace,
  keepOnlyInstanceKey,
  listDataKeysToRewrap,
  listSecretsToReseal,
  listWorkspacesToReseal,
  rewrapDataKey,
} from '@plugboard/persistence';
import type { Keys, RootKey, RootKeys } from '../keys.ts';
import { SealBrokenError } from './sealed.ts';
import { type Vault, dataKeyPlace } from './vault.ts';

export interface KeyKeeperOptions {
  readonly database: Database;
  readonly roots: RootKeys;
  readonly keys: Keys;
  readonly vault: Vault;
  readonly systemPrincipalId: string;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
}

export interface RotationReport {
  /** Data keys that were wrapped anew. */
  readonly rewrapped: number;
  readonly rootKeyId: string;
}

export interface KeyKeeper {
  /** A new root key in the data folder. Callers at once share one replacement. */
  rotateRootKey(): Promise<RotationReport>;
  /** A new data key for every workspace, and every secret sealed with it. */
  renewDataKeys(): Promise<{ readonly workspaces: number; readonly secrets: number }>;
  /** Goes on with what an earlier process began, and with a key of the settings that is to be replaced. */
  resume(): Promise<void>;
}

const AT_ONCE = 100;

export function createKeyKeeper({ database, roots, keys, vault, systemPrincipalId, log }: KeyKeeperOptions): KeyKeeper {
  let replacing: Promise<RotationReport> | undefined;

  const replace = async (): Promise<RotationReport> => {
    const { current } = roots;
    await addInstanceKey(database, { rootKeyId: current.id, wrapped: keys.wrapFor(current) });
    // A key that is being made at this moment is wrapped with the old one, and must be there to be seen.
    await inInstance(database, awaitRootKeyHolders);
    const { rewrapped, lost } = await rewrapAll();
    roots.finish();
    if (lost > 0)
      log.warn({ lost }, 'data keys that no root key opens are left; what they sealed cannot be read, and has to be entered again');
    // What is left the old key does not open either.
    await keepOnlyInstanceKey(database, current.id, { lost });
    log.info({ rewrapped }, 'the root key was replaced');
    return { rewrapped, rootKeyId: current.id };
  };

  const rewrapAll = async (): Promise<{ readonly rewrapped: number; readonly lost: number }> => {
    const { current } = roots;
    const lost = new Set<string>();
    let rewrapped = 0;
    for (;;) {
      const left = (await listDataKeysToRewrap(database, current.id, AT_ONCE + lost.size)).filter((key) => !lost.has(key.id));
      if (left.length === 0) return { rewrapped, lost: lost.size };
      for (const { id, workspaceId, wrapped, rootKeyId } of left) {
        const bytes = opened(roots.find(rootKeyId), workspaceId, id, wrapped);
        if (!bytes) {
          lost.add(id);
          continue;
        }
        const anew = current.wrap(dataKeyPlace(workspaceId, id, current.id), bytes);
        if (await rewrapDataKey(database, { id, fromRootKeyId: rootKeyId, rootKeyId: current.id, wrapped: anew })) rewrapped += 1;
      }
    }
  };

  const rotate = (): Promise<RotationReport> =>
    (replacing ??= replace().finally(() => {
      replacing = undefined;
    }));

  const workspaces = async (): Promise<string[]> =>
    (await database.query<{ id: string }>('select id from workspace where data_key_id is not null order by id')).map((row) => row.id);

  const resealAll = async (workspaceId: string): Promise<number> => {
    const context: WorkspaceContext = { workspaceId, principalId: systemPrincipalId };
    const broken = new Set<string>();
    let count = 0;
    for (;;) {
      const left = await inWorkspace(database, context, async (tx) => {
        const current = await currentDataKey(tx);
        return current
          ? (await listSecretsToReseal(tx, current.id, AT_ONCE + broken.size)).filter((one) => !broken.has(one.credentialId))
          : [];
      });
      if (left.length === 0) return count;
      for (const { credentialId } of left) {
        try {
          await inWorkspace(database, context, async (tx) => {
            const secret = await findCredentialSecret(tx, credentialId);
            const sealer = await vault.sealer(tx);
            if (!secret || secret.keyId === sealer.keyId) return;
            const plain = await vault.open(tx, { credentialId, version: secret.version }, secret);
            const added = await addCredentialSecret(tx, credentialId, {
              ciphertext: (version) => sealer.seal({ credentialId, version }, plain),
              keyId: sealer.keyId,
              // Somebody stored another secret meanwhile: that one counts.
              follows: secret.version,
            });
            if (added !== undefined) count += 1;
          });
        } catch (error) {
          broken.add(credentialId);
          log.warn({ err: error, credentialId }, 'a secret cannot be sealed anew, because it does not open');
        }
      }
    }
  };

  return {
    rotateRootKey() {
      if (!replacing) roots.begin();
      return rotate();
    },

    async renewDataKeys() {
      let secrets = 0;
      const ids = await workspaces();
      for (const workspaceId of ids) {
        await inWorkspace(database, { workspaceId, principalId: systemPrincipalId }, (tx) => vault.renewDataKey(tx));
        secrets += await resealAll(workspaceId);
      }
      return { workspaces: ids.length, secrets };
    },

    async resume() {
      if (roots.isReplacing) await rotate();
      else await keepOnlyInstanceKey(database, roots.current.id);
      for (const workspaceId of await listWorkspacesToReseal(database)) await resealAll(workspaceId);
    },
  };
}

/** Undefined when the root key is gone, or the wrapped key was changed. */
function opened(root: RootKey | undefined, workspaceId: string, id: string, wrapped: Uint8Array): Buffer | undefined {
  try {
    return root?.unwrap(dataKeyPlace(workspaceId, id, root.id), wrapped);
  } catch (error) {
    if (error instanceof SealBrokenError) return undefined;
    throw error;
  }
}
