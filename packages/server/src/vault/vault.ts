/**
 * Where secrets are closed and opened: root key -> data key of a workspace -> secret. Data keys are unwrapped once and kept in memory;
 * a secret is opened each time it is used and not kept.
 */
import { randomBytes } from 'node:crypto';
import {
  type DataKey,
  type WorkspaceTransaction,
  addDataKey,
  currentDataKey,
  findDataKey,
  holdRootKey,
  uuidv7,
} from '@plugboard/persistence';
import type { RootKeys } from '../keys.ts';
import { SealBrokenError, seal, unseal } from './sealed.ts';

/** Where a secret belongs; it opens nowhere else. */
export interface SecretPlace {
  readonly credentialId: string;
  readonly version: number;
}

export interface Vault {
  /** What new secrets of the workspace are sealed with. Makes the first key of a workspace, and one in place of a lost one. */
  sealer(tx: WorkspaceTransaction): Promise<Sealer>;
  /** @throws SealBrokenError */
  open(tx: WorkspaceTransaction, place: SecretPlace, secret: { readonly ciphertext: Uint8Array; readonly keyId: string }): Promise<Buffer>;
  /** A new data key for what is sealed from now on; the old one still opens. Gives the new one's id. */
  renewDataKey(tx: WorkspaceTransaction): Promise<string>;
}

export interface Sealer {
  readonly keyId: string;
  seal(place: SecretPlace, plain: Uint8Array): Buffer;
}

const KEY_BYTES = 32;
/** Data keys in memory. */
const KEPT = 1000;

export function createVault(roots: RootKeys): Vault {
  const opened = new Map<string, Buffer>();

  const keep = (id: string, bytes: Buffer): Buffer => {
    if (opened.size >= KEPT) opened.delete(opened.keys().next().value ?? '');
    opened.set(id, bytes);
    return bytes;
  };

  /** Undefined when no root key of this process opens it. */
  const bytesOf = (workspaceId: string, key: DataKey): Buffer | undefined => {
    const known = opened.get(key.id);
    if (known) return known;
    const root = roots.find(key.rootKeyId);
    return root && keep(key.id, root.unwrap(dataKeyPlace(workspaceId, key.id, root.id), key.wrapped));
  };

  const make = async (tx: WorkspaceTransaction, replacesId: string | undefined): Promise<DataKey> => {
    const { workspaceId } = tx.context;
    const id = uuidv7();
    await holdRootKey(tx);
    const root = roots.wrapping;
    const wrapped = root.wrap(dataKeyPlace(workspaceId, id, root.id), randomBytes(KEY_BYTES));
    return addDataKey(tx, { id, wrapped, rootKeyId: root.id, ...(replacesId === undefined ? {} : { replacesId }) });
  };

  return {
    async sealer(tx) {
      const { workspaceId } = tx.context;
      const found = await currentDataKey(tx);
      const current = found && bytesOf(workspaceId, found) ? found : await make(tx, found?.id);
      const key = bytesOf(workspaceId, current);
      if (!key) throw new SealBrokenError();
      return { keyId: current.id, seal: (place, plain) => seal(key, secretPlace(workspaceId, place, current.id), plain) };
    },

    async open(tx, place, { ciphertext, keyId }) {
      const { workspaceId } = tx.context;
      const stored = opened.has(keyId) ? undefined : await findDataKey(tx, keyId);
      const key = opened.get(keyId) ?? (stored && bytesOf(workspaceId, stored));
      if (!key) throw new SealBrokenError();
      return unseal(key, secretPlace(workspaceId, place, keyId), ciphertext);
    },

    async renewDataKey(tx) {
      return (await make(tx, (await currentDataKey(tx))?.id)).id;
    },
  };
}

/** What a wrapped data key is bound to. */
export function dataKeyPlace(workspaceId: string, keyId: string, rootKeyId: string): readonly string[] {
  return ['data-key', workspaceId, keyId, rootKeyId];
}

function secretPlace(workspaceId: string, { credentialId, version }: SecretPlace, keyId: string): readonly string[] {
  return ['credential', workspaceId, credentialId, String(version), keyId];
}
