/**
 * Which user PostgreSQL runs as. It refuses to run as root, so a server started by root runs it as an unprivileged user; when
 * that user cannot reach the folders (they lie below somebody's 0700 home), it runs with one capability more, or in a user
 * namespace of its own.
 */
import { execFile } from 'node:child_process';
import { readFile, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EmbeddedPostgresError, messageOf } from '../errors.ts';

export interface SpawnIdentity {
  /** How it came about, for the log. */
  readonly kind: 'self' | 'user' | 'user-with-access' | 'namespace';
  /** Put before the program. Empty when it is started directly. */
  readonly wrapper: readonly string[];
  /** Passed to spawn; absent when the wrapper or nobody changes the user. */
  readonly spawnAs?: { readonly uid: number; readonly gid: number };
  /** Who must own the folders on disk; absent when that is ourselves. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

interface User {
  readonly uid: number;
  readonly gid: number;
}

/** Dedicated users first: other services may run as `nobody` too. */
const PREFERRED_USERS = ['plugboard', 'postgres', 'nobody'];
const NOBODY: User = { uid: 65534, gid: 65534 };

export interface IdentityOptions {
  /** The server program; executing it is the test of an identity. */
  readonly program: string;
  /** The folder that holds the cluster. */
  readonly folder: string;
  /** Owner of an existing cluster: it stays with its user. */
  readonly clusterOwner: User | undefined;
}

/** @throws EmbeddedPostgresError EMBEDDED_DB_IDENTITY when no way is open. */
export async function chooseIdentity(options: IdentityOptions): Promise<SpawnIdentity> {
  if (process.getuid?.() !== 0) return { kind: 'self', wrapper: [] };

  const { clusterOwner } = options;
  const tried: string[] = [];
  if (clusterOwner?.uid !== 0) {
    const user = clusterOwner ?? (await preferredUser());
    const direct: SpawnIdentity = { kind: 'user', wrapper: [], spawnAs: user, owner: user };
    // The walk costs nothing; a trial run costs a process and is kept for the ways that need it.
    if (await canReach(user, [options.program, options.folder])) return direct;
    tried.push(`user ${user.uid} cannot enter ${options.folder} or ${dirname(options.program)}`);

    const withAccess: SpawnIdentity = { kind: 'user-with-access', wrapper: setprivTo(user), owner: user };
    const failure = await trial(withAccess, options);
    if (failure === undefined) return withAccess;
    tried.push(`setpriv: ${failure}`);
  }
  if (clusterOwner === undefined || clusterOwner.uid === 0) {
    const namespace: SpawnIdentity = { kind: 'namespace', wrapper: ['unshare', '--user', '--map-user=1000', '--map-group=1000'] };
    const failure = await trial(namespace, options);
    if (failure === undefined) return namespace;
    tried.push(`unshare: ${failure}`);
  }
  throw new EmbeddedPostgresError(
    'EMBEDDED_DB_IDENTITY',
    `PostgreSQL does not run as root, and no other user works here (${tried.join('; ')}). Choose a data folder and an installation that other users may enter (such as below /var/lib and /opt), start the server as an ordinary user, or set DATABASE_URL.`,
  );
}

async function preferredUser(): Promise<User> {
  const passwd = await readFile('/etc/passwd', 'utf8').catch(() => '');
  const users = new Map(
    passwd.split('\n').map((line) => {
      const [name = '', , uid, gid] = line.split(':');
      return [name, { uid: Number(uid), gid: Number(gid) }] as const;
    }),
  );
  for (const name of PREFERRED_USERS) {
    const user = users.get(name);
    if (user && user.uid > 0 && Number.isInteger(user.gid)) return user;
  }
  return NOBODY;
}

/** Whether the mode bits let a user pass every folder on the way. Access lists are not looked at. */
async function canReach(user: User, paths: readonly string[]): Promise<boolean> {
  const folders = new Set<string>();
  for (const path of paths) for (let at = path; !folders.has(at); at = dirname(at)) folders.add(at);
  const allowed = await Promise.all(
    [...folders].map(async (path) => {
      const { mode, uid, gid } = await stat(path);
      return (mode & (uid === user.uid ? 0o100 : gid === user.gid ? 0o010 : 0o001)) !== 0;
    }),
  );
  return allowed.every(Boolean);
}

/** Keeps, besides the change of user, only the right to pass folders that are closed to it. */
function setprivTo(user: User): string[] {
  return [
    'setpriv',
    `--reuid=${user.uid}`,
    `--regid=${user.gid}`,
    '--clear-groups',
    '--securebits=+no_setuid_fixup',
    '--inh-caps=+dac_override',
    '--ambient-caps=+dac_override',
  ];
}

/** Runs the program once with `-V` inside the folder; gives what went wrong. */
function trial(identity: SpawnIdentity, options: IdentityOptions): Promise<string | undefined> {
  const [command, ...args] = [...identity.wrapper, '/bin/sh', '-c', 'cd "$1" && "$2" -V', 'sh', options.folder, options.program];
  return new Promise((resolve) => {
    execFile(command, args, { cwd: '/', timeout: 10_000, env: { LC_ALL: 'C', PATH: process.env['PATH'] } }, (error, _stdout, stderr) => {
      resolve(error ? stderr.trim().split('\n')[0] || messageOf(error) : undefined);
    });
  });
}
