/** How the command line on this machine finds the server and proves that it may speak to it: a file only its user can read. */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface LocalAccess {
  readonly isToken: (token: string) => boolean;
  /** Removes the file, if it is still ours. */
  remove(): void;
}

export interface ServerFile {
  readonly url: string;
  readonly token: string;
  readonly pid: number;
  readonly startedAt: string;
}

export const SERVER_FILE = 'server.json';

export function offerLocalAccess(dataDir: string, url: string): LocalAccess {
  const token = randomBytes(32).toString('base64url');
  const path = join(dataDir, SERVER_FILE);
  const content: ServerFile = { url, token, pid: process.pid, startedAt: new Date().toISOString() };
  // Written beside and moved: a reader sees a whole file, and one left by a killed server lends it neither its rights nor its links.
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  writeFileSync(beside, `${JSON.stringify(content, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
  renameSync(beside, path);
  const expected = Buffer.from(token);
  return {
    isToken(given) {
      const bytes = Buffer.from(given);
      return bytes.length === expected.length && timingSafeEqual(bytes, expected);
    },
    remove() {
      if (readServerFile(dataDir)?.token === token) rmSync(path, { force: true });
    },
  };
}

/** Undefined when there is none, or it is not one. @throws the system's error for a file that may not be read */
export function readServerFile(dataDir: string): ServerFile | undefined {
  let text: string;
  try {
    text = readFileSync(join(dataDir, SERVER_FILE), 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EACCES') throw error;
    return undefined;
  }
  try {
    const { url, token, pid, startedAt } = JSON.parse(text) as Partial<ServerFile>;
    if (typeof url !== 'string' || typeof token !== 'string' || typeof pid !== 'number') return undefined;
    return { url, token, pid, startedAt: String(startedAt) };
  } catch {
    return undefined;
  }
}
