/**
 * The root key, and the keys of the instance. The root key wraps: the secret of the instance, from which a key for each purpose is derived,
 * so that whoever learns one cannot forge another; and the data keys of workspaces. What is wrapped stays when the root key is replaced.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Database, addFirstInstanceKey, inInstance, listInstanceKeys } from '@plugboard/persistence';
import { RootKeyMismatchError } from './root-key-check.ts';
import { seal, unseal } from './vault/sealed.ts';

/** Thrown when the key file is not one. Put the right one back: keys made from another would not open what this one closed. */
export class RootKeyError extends Error {
  readonly code = 'KEY_FILE_UNUSABLE';
  constructor(path: string, why: string, cause?: unknown) {
    super(
      `${path} ${why}. Put the file back from a backup; move it away only if its loss is accepted.`,
      cause === undefined ? undefined : { cause },
    );
    this.name = 'RootKeyError';
  }
}

/** One root key. Its bytes stay inside. */
export interface RootKey {
  /** Tells it from others and says nothing else about it. */
  readonly id: string;
  /** Closes a key, bound to its place. */
  wrap(place: readonly string[], key: Uint8Array): Buffer;
  /** @throws SealBrokenError */
  unwrap(place: readonly string[], wrapped: Uint8Array): Buffer;
}

/** The root keys this process has: more than one only while one is being replaced. */
export interface RootKeys {
  /** The newest: the one that stays. */
  readonly current: RootKey;
  /** Wraps new keys: the old one for as long as there may be a process that does not have the newest. */
  readonly wrapping: RootKey;
  /** What the database says every process wraps with; nothing changes for one that is not here. */
  wrapWith(id: string): void;
  /** Ids of all that are here. */
  readonly ids: readonly string[];
  find(id: string): RootKey | undefined;
  /** A replacement was begun and is not finished. */
  readonly isReplacing: boolean;
  /** False when the key comes from the settings, and so cannot be replaced by the server itself. */
  readonly isOwn: boolean;
  /** Makes a new key beside the present one and stores it; the old one still opens. Nothing changes when one is there already. */
  begin(): void;
  /** Looks for a key that another process on the same folder has made. */
  reload(): void;
  /** The new key takes the place of the old one, which is forgotten. */
  finish(): void;
}

export type KeyPurpose =
  | 'idempotency'
  | 'local-token'
  | 'totp'
  | 'token'
  | 'sign-in'
  | 'audit'
  | 'oauth'
  | 'resume'
  | 'setting'
  | 'mail'
  | 'asked';

/** Keys of the instance. */
export interface Keys {
  /** 32 bytes for this purpose only. */
  derive(purpose: KeyPurpose): Uint8Array;
  /** The secret of the instance, wrapped by another root key too. */
  wrapFor(root: RootKey): Buffer;
}

export interface RootKeyOptions {
  readonly dataDir: string;
  /** The root key of the settings; the one in the data folder when absent. */
  readonly given?: string | undefined;
  /** The one of the settings that takes its place. */
  readonly next?: string | undefined;
}

const FILE = 'root.key';
const NEXT_FILE = 'root.key.next';
const KEY_BYTES = 32;

/**
 * Uses the given root key, else the one in the data folder, which is made at the first start with access for its owner only.
 * @throws RootKeyError
 */
export function openRootKeys({ dataDir, given, next }: RootKeyOptions): RootKeys {
  const folder = join(dataDir, 'keys');
  const path = join(folder, FILE);
  const nextPath = join(folder, NEXT_FILE);
  const isOwn = given === undefined;
  let old = rootKey(isOwn ? keyFile(folder) : Buffer.from(given, 'utf8'));
  const waiting = isOwn ? readKey(nextPath) : next === undefined ? undefined : Buffer.from(next, 'utf8');
  let successor = waiting && rootKey(waiting);
  if (successor?.id === old.id) successor = undefined;
  let isSwitched = false;
  return {
    get current() {
      return successor ?? old;
    },
    get wrapping() {
      return isSwitched && successor ? successor : old;
    },
    wrapWith(id) {
      if (id === successor?.id) isSwitched = true;
      else if (id === old.id) isSwitched = false;
    },
    get ids() {
      return successor ? [old.id, successor.id] : [old.id];
    },
    reload() {
      if (!isOwn || successor) return;
      const made = readKey(nextPath);
      const found = made && rootKey(made);
      if (found && found.id !== old.id) successor = found;
    },
    find: (id) => [successor, old].find((one) => one?.id === id),
    get isReplacing() {
      return successor !== undefined;
    },
    isOwn,
    begin() {
      if (!isOwn || successor) return;
      const made = randomBytes(KEY_BYTES);
      writeNew(nextPath, made);
      successor = rootKey(made);
    },
    finish() {
      if (!successor) return;
      // Of several processes on one folder one renames it.
      if (isOwn && readKey(nextPath)) renameSync(nextPath, path);
      old = successor;
      successor = undefined;
      isSwitched = false;
    },
  };
}

const INSTANCE_PLACE = 'instance';

/**
 * The keys of the instance this database belongs to; the first start makes them.
 * @throws RootKeyMismatchError when none of the root keys opens them
 */
export async function openKeys(database: Database, roots: RootKeys): Promise<Keys> {
  if ((await listInstanceKeys(database)).length === 0) {
    const first = roots.current;
    const wrapped = first.wrap([INSTANCE_PLACE, first.id], randomBytes(KEY_BYTES));
    await inInstance(database, (tx) => addFirstInstanceKey(tx, { rootKeyId: first.id, wrapped }));
  }
  const stored = await listInstanceKeys(database);
  const wrapping = stored.find((one) => one.isWrapping);
  // The secret of the instance would open, and new keys of workspaces would not.
  if (wrapping && !roots.find(wrapping.rootKeyId)) throw new RootKeyMismatchError();
  if (wrapping) roots.wrapWith(wrapping.rootKeyId);
  for (const { rootKeyId, wrapped } of stored) {
    const root = roots.find(rootKeyId);
    if (root) return keysOf(root.unwrap([INSTANCE_PLACE, root.id], wrapped));
  }
  throw new RootKeyMismatchError();
}

function keysOf(secret: Buffer): Keys {
  return {
    derive: (purpose) => new Uint8Array(hkdfSync('sha256', secret, 'plugboard', purpose, KEY_BYTES)),
    wrapFor: (root) => root.wrap([INSTANCE_PLACE, root.id], secret),
  };
}

function rootKey(bytes: Buffer): RootKey {
  const derive = (purpose: string): Buffer => Buffer.from(hkdfSync('sha256', bytes, 'plugboard', purpose, KEY_BYTES));
  const wrapping = derive('wrap');
  return {
    id: createHmac('sha256', derive('check')).update('plugboard root key').digest('base64url'),
    wrap: (place, key) => seal(wrapping, place, key),
    unwrap: (place, wrapped) => unseal(wrapping, place, wrapped),
  };
}

function keyFile(folder: string): Buffer {
  const path = join(folder, FILE);
  const found = readKey(path);
  if (found) return found;
  const made = randomBytes(KEY_BYTES);
  return writeNew(path, made) ? made : (readKey(path) ?? made);
}

/** False when there is such a file already. @throws RootKeyError */
function writeNew(path: string, key: Buffer): boolean {
  // Written beside and linked: of two that make one at once one does, and a process that is killed leaves no half of one.
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    mkdirSync(join(path, '..'), { recursive: true, mode: 0o700 });
    writeFileSync(beside, `${key.toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(beside, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw new RootKeyError(path, 'cannot be made', error);
  } finally {
    rmSync(beside, { force: true });
  }
}

function readKey(path: string): Buffer | undefined {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new RootKeyError(path, 'cannot be read by this user', error);
  }
  const key = Buffer.from(text.trim(), 'base64url');
  if (key.length !== KEY_BYTES) throw new RootKeyError(path, 'does not hold a key');
  return key;
}
