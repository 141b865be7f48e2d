/**
 * Passwords of the embedded PostgreSQL's roles. Its socket is closed to other users by the rights of its folder; but the user
 * PostgreSQL runs as, and whatever else runs as that user, can enter the folder. Without the passwords that is all it can do.
 */
import { createHash, randomBytes } from 'node:crypto';
import { chown, link, open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, errorCodeOf, messageOf } from '../errors.ts';
import type { Layout } from './layout.ts';

export interface Passwords {
  readonly manager: string;
  readonly owner: string;
}

/**
 * Reads them, or makes them when there are none. Only the user who runs the server can read the file.
 * @throws EmbeddedPostgresError EMBEDDED_DB_FOLDER
 */
export async function readOrMakePasswords(layout: Layout): Promise<Passwords> {
  const path = join(layout.root, 'passwords.json');
  try {
    const known = await readPasswords(path);
    if (known) return known;
    const made: Passwords = { manager: randomBytes(32).toString('base64url'), owner: randomBytes(32).toString('base64url') };
    // Linked, so that of two starts at once one makes them and a killed one leaves no half of them.
    const beside = `${path}.${randomBytes(6).toString('hex')}`;
    try {
      await writeDurably(beside, `${JSON.stringify(made)}\n`);
      await link(beside, path);
      return made;
    } catch (error) {
      const theirs = errorCodeOf(error) === 'EEXIST' ? await readPasswords(path) : undefined;
      if (theirs) return theirs;
      throw error;
    } finally {
      await rm(beside, { force: true });
    }
  } catch (error) {
    throw new EmbeddedPostgresError(
      'EMBEDDED_DB_FOLDER',
      `${path} cannot be used: ${messageOf(error)}. Remove it and start again; the server then sets new passwords.`,
      { cause: error },
    );
  }
}

async function readPasswords(path: string): Promise<Passwords | undefined> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
  const { manager, owner } = JSON.parse(text) as Partial<Passwords>;
  if (!isPassword(manager) || !isPassword(owner)) throw new Error('it does not hold the two passwords');
  return { manager, owner };
}

/** Nothing in it has to be quoted in SQL. */
function isPassword(value: unknown): value is string {
  return typeof value === 'string' && /^[A-Za-z0-9_-]{43}$/.test(value);
}

/**
 * Who may connect, as PostgreSQL reads it: anybody with a password, over the socket only. The first line names the passwords the roles
 * have, so that a cluster that was restored from elsewhere, or whose passwords were lost, is seen to need them set again.
 */
function accessRules({ manager, owner }: Passwords): string {
  const name = createHash('sha256').update(`${manager} ${owner}`).digest('hex').slice(0, 32);
  return `# Written by Plugboard for passwords ${name}\nlocal all all scram-sha-256\n`;
}

export async function hasPasswords(data: string, passwords: Passwords): Promise<boolean> {
  return (await readFile(join(data, ACCESS_FILE), 'utf8').catch(() => '')) === accessRules(passwords);
}

/** The last step of setting them: from the next start on only they open the cluster. */
export async function requirePasswords(
  data: string,
  passwords: Passwords,
  owner: { readonly uid: number; readonly gid: number } | undefined,
): Promise<void> {
  const path = join(data, ACCESS_FILE);
  const beside = `${path}.${randomBytes(6).toString('hex')}`;
  try {
    await writeDurably(beside, accessRules(passwords));
    if (owner) await chown(beside, owner.uid, owner.gid);
    await rename(beside, path);
  } finally {
    await rm(beside, { force: true });
  }
}

const ACCESS_FILE = 'pg_hba.conf';

async function writeDurably(path: string, text: string): Promise<void> {
  const file = await open(path, 'wx', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
}
