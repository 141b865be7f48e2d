/**
 * The root key and the keys derived from it, one per purpose: whoever learns one cannot forge another.
 */
import { createHmac, hkdfSync, randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

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

export type KeyPurpose = 'idempotency' | 'local-token' | 'check' | 'totp' | 'audit';

export interface Keys {
  /** 32 bytes for this purpose only. */
  derive(purpose: KeyPurpose): Uint8Array;
  /** Tells two root keys apart and nothing else about them. */
  readonly checkValue: string;
}

/**
 * Uses the given root key, else the one in the data folder, which is made at the first start with access for its owner only.
 * @throws RootKeyError
 */
export function openKeys(dataDir: string, given: string | undefined): Keys {
  const root = given === undefined ? keyFile(join(dataDir, 'keys')) : Buffer.from(given, 'utf8');
  const derive = (purpose: KeyPurpose): Uint8Array => new Uint8Array(hkdfSync('sha256', root, 'plugboard', purpose, 32));
  return { derive, checkValue: createHmac('sha256', derive('check')).update('plugboard root key').digest('base64url') };
}

const KEY_BYTES = 32;

function keyFile(folder: string): Buffer {
  const path = join(folder, 'root.key');
  const found = readKey(path);
  if (found) return found;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const made = randomBytes(KEY_BYTES);
  // Written beside and linked: of two first starts one makes the key, and a start that is killed leaves no half of one.
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    writeFileSync(beside, `${made.toString('base64url')}\n`, { mode: 0o600, flag: 'wx', flush: true });
    linkSync(beside, path);
    return made;
  } catch (error) {
    const theirs = (error as NodeJS.ErrnoException).code === 'EEXIST' ? readKey(path) : undefined;
    if (theirs) return theirs;
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
