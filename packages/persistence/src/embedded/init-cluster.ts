/**
 * Makes a cluster with everything in it, beside its final place, and renames it there: a start killed half-way leaves nothing
 * that looks like a cluster.
 */
import { readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EmbeddedPostgresError, errorCodeOf } from '../errors.ts';
import type { Binaries } from './binaries.ts';
import type { SpawnIdentity } from './identity.ts';
import type { Layout } from './layout.ts';
import { noSpace, privateFolder, requireSpace } from './layout.ts';
import type { Passwords } from './passwords.ts';
import { requirePasswords } from './passwords.ts';
import { isProcessAlive } from './processes.ts';
import { runToEnd } from './run-program.ts';

/** The superuser. Only this manager connects as it. */
export const MANAGER_ROLE = 'plugboard_manager';
/** Owns the database and everything in it; not a superuser. The server connects as it. */
export const OWNER_ROLE = 'plugboard_owner';
export const APP_ROLE = 'plugboard_app';
export const DATABASE_NAME = 'plugboard';

const INITDB_OPTIONS = [
  '-U',
  MANAGER_ROLE,
  // Nobody connects before the passwords are set.
  '-A',
  'reject',
  '-E',
  'UTF8',
  '--locale=C',
  '--locale-provider=builtin',
  '--builtin-locale=C.UTF-8',
];

// One statement per line: that is how a single-user server reads.
const PROVISION = [
  `create role ${OWNER_ROLE} login nosuperuser nocreatedb nocreaterole;`,
  `create role ${APP_ROLE} nologin;`,
  `grant ${APP_ROLE} to ${OWNER_ROLE};`,
  `create database ${DATABASE_NAME} owner ${OWNER_ROLE};`,
  `revoke all on database ${DATABASE_NAME} from public;`,
].join('\n');

/** Many rounds protect passwords that can be guessed; these are random, and each connection would pay. */
function setPasswords({ manager, owner }: Passwords): string {
  return [
    'set scram_iterations = 1;',
    `alter role ${MANAGER_ROLE} password '${manager}';`,
    `alter role ${OWNER_ROLE} password '${owner}';`,
  ].join('\n');
}

/** Does nothing when another process puts its cluster there first. */
export async function initCluster(layout: Layout, binaries: Binaries, identity: SpawnIdentity, passwords: Passwords): Promise<void> {
  await requireSpace(layout);
  await removeLeftovers(layout);
  const making = `${layout.data}.init-${process.pid}`;
  await rm(making, { recursive: true, force: true });
  await privateFolder(making, identity.owner);
  try {
    await must(layout, 'initdb', await runToEnd(identity, [binaries.initdb, '-D', making, ...INITDB_OPTIONS]));
    const statements = `${PROVISION}\n${setPasswords(passwords)}`;
    await must(layout, 'making the database', await runAlone(binaries, identity, making, statements));
    await requirePasswords(making, passwords, identity.owner);
    await rename(making, layout.data);
  } catch (error) {
    if (isTaken(error)) return;
    throw error;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

/** Sets the passwords of a cluster that has others or none. No server may run on it. */
export async function changePasswords(layout: Layout, binaries: Binaries, identity: SpawnIdentity, passwords: Passwords): Promise<void> {
  await must(layout, 'setting its passwords', await runAlone(binaries, identity, layout.data, setPasswords(passwords)));
  await requirePasswords(layout.data, passwords, identity.owner);
}

/** A server of one session that nobody can connect to. */
function runAlone(binaries: Binaries, identity: SpawnIdentity, data: string, statements: string): ReturnType<typeof runToEnd> {
  const settings = ['-c', 'log_checkpoints=off', '-c', 'log_min_messages=error', '-c', 'exit_on_error=on'];
  return runToEnd(identity, [binaries.postgres, '--single', '-D', data, ...settings, 'postgres'], `${statements}\n`);
}

/** What starts killed half-way left behind. */
async function removeLeftovers(layout: Layout): Promise<void> {
  for (const name of await readdir(layout.root)) {
    const pid = /^data\.init-(\d+)$/.exec(name)?.[1];
    if (pid === undefined || isProcessAlive(Number(pid))) continue;
    // A program of that start may still be writing: then the next start removes it. It costs disk, nothing else.
    await rm(join(layout.root, name), { recursive: true, force: true, maxRetries: 3 }).catch(() => {});
  }
}

async function must(layout: Layout, what: string, result: { code: number | null; output: string }): Promise<void> {
  if (result.code === 0 && !/^.*(ERROR|FATAL|PANIC): /m.test(result.output)) return;
  if (/No space left on device|Disk quota exceeded/.test(result.output)) throw noSpace(layout, `${what} ran out of it`);
  const hint = result.output.includes('could not look up effective user ID')
    ? ` User ${process.getuid?.() ?? ''} has no entry in /etc/passwd: add one, start the server as another user, or set DATABASE_URL.`
    : ' Put right what it says, or set DATABASE_URL.';
  throw new EmbeddedPostgresError(
    'EMBEDDED_DB_INIT_FAILED',
    `The database could not be made: ${what} ended with ${result.code ?? 'a signal'}: ${result.output.trim()}.${hint}`,
  );
}

function isTaken(error: unknown): boolean {
  const code = errorCodeOf(error);
  return code === 'ENOTEMPTY' || code === 'EEXIST';
}
