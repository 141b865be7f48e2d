/**
 * Replaces keys while the server runs. A new root key first wraps the secret of the instance, then one data key after the other; when none
 * is left it takes the old one's place. Every step is stored before the next, so a process that dies goes on at its next start. Renewed data
 * keys follow in the same way: secrets are sealed anew one by one, and meanwhile the old key opens them.
 */
import {
  type Database,
  type WorkspaceContext,
  type RootKeyHolding,
  addCredentialSecret,
  addInstanceKey,
  awaitRootKeyHolders,
  currentDataKey,
  findCredentialSecret,
  inInstance,
  inWorkspace,
  keepOnlyInstanceKey,
  listDataKeysToRewrap,
  listInstanceKeys,
  listRootKeyHolders,
  listSecretsToReseal,
  listWorkspacesToReseal,
  raiseGeneration,
  rewrapDataKey,
  wrapWithInstanceKey,
} from '@plugboard/persistence';
import type { Keys, RootKey, RootKeys } from '../keys.ts';
import type { RootKeyHolder } from './root-key-holder.ts';
import { SealBrokenError } from './sealed.ts';
import { type Vault, dataKeyPlace } from './vault.ts';

export interface KeyKeeperOptions {
  readonly database: Database;
  readonly roots: RootKeys;
  readonly keys: Keys;
  readonly vault: Vault;
  readonly systemPrincipalId: string;
  /** This process among others; absent where there can be no other. */
  readonly holder?: RootKeyHolder;
  /** How long others may take to get a new root key before a replacement that was asked for gives up, in milliseconds. @default 15000 */
  readonly patienceMs?: number;
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
  /** Waits for nobody any more. */
  close(): void;
}

const AT_ONCE = 100;

/** Thrown when another process does not get the new root key. Nothing is wrapped with it, and everything goes on with the old one. */
export class RootKeyNotSharedError extends Error {
  readonly code = 'ROOT_KEY_NOT_SHARED';
  constructor(processes: number) {
    super(
      `${processes} other server processes on this database do not have the new root key. Give all of them the same PLUGBOARD_ROOT_KEY and PLUGBOARD_ROOT_KEY_NEXT, or the same data folder; the replacement then goes on.`,
    );
    this.name = 'RootKeyNotSharedError';
  }
}

const PATIENCE_MS = 15_000;
const LOOK_MS = 100;

export function createKeyKeeper(options: KeyKeeperOptions): KeyKeeper {
  const { database, roots, keys, vault, systemPrincipalId, holder, patienceMs = PATIENCE_MS, log } = options;
  let isClosed = false;

  let replacing: Promise<RotationReport> | undefined;

  /** Ends when every process that is alive is as asked. @throws RootKeyNotSharedError */
  const allHolders = async (is: (holding: RootKeyHolding) => boolean, untilMs: number): Promise<void> => {
    for (;;) {
      await holder?.look();
      const others = (await listRootKeyHolders(database)).filter((one) => !is(one));
      if (others.length === 0) return;
      if (isClosed || performance.now() > untilMs) throw new RootKeyNotSharedError(others.length);
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  };

  /** Every process wraps new keys with the new root key from then on, and all can open them. */
  const switchOver = async ({ current }: RootKeys, untilMs: number): Promise<void> => {
    const old = roots.wrapping.id;
    const has = ({ rootKeyIds }: RootKeyHolding): boolean => rootKeyIds.includes(current.id);
    await allHolders(has, untilMs);
    await inInstance(database, async (tx) => {
      await addInstanceKey(tx, { rootKeyId: current.id, wrapped: keys.wrapFor(current) });
      await wrapWithInstanceKey(tx, current.id);
    });
    // Who came meanwhile has seen the switch and not started, or is seen here.
    if (!(await listRootKeyHolders(database)).every(has)) {
      await inInstance(database, (tx) => wrapWithInstanceKey(tx, old));
      return switchOver(roots, untilMs);
    }
    roots.wrapWith(current.id);
    await allHolders(({ wrappingId }) => wrappingId === current.id, untilMs);
  };

  const replace = async (untilMs: number): Promise<RotationReport> => {
    const { current } = roots;
    await addInstanceKey(database, { rootKeyId: current.id, wrapped: keys.wrapFor(current) });
    await inInstance(database, (tx) => raiseGeneration(tx, 'keys'));
    await switchOver(roots, untilMs);
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

  /** What an earlier process left undone; a replacement that another process is at is left alone. */
  const forgetOthers = async (): Promise<void> => {
    const held = new Set((await listRootKeyHolders(database)).flatMap((one) => one.rootKeyIds));
    const others = (await listInstanceKeys(database)).filter((one) => one.rootKeyId !== roots.current.id);
    if (others.length > 0 && others.every((one) => !held.has(one.rootKeyId))) await keepOnlyInstanceKey(database, roots.current.id);
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

  const rotate = (untilMs: number): Promise<RotationReport> =>
    (replacing ??= replace(untilMs).finally(() => {
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
      return rotate(performance.now() + patienceMs);
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
      // The others may be started one after the other.
      if (roots.isReplacing) await rotate(Number.POSITIVE_INFINITY);
      else await forgetOthers();
      for (const workspaceId of await listWorkspacesToReseal(database)) await resealAll(workspaceId);
    },

    close() {
      isClosed = true;
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
