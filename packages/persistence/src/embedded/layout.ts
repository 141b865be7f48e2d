/**
 * Where the embedded PostgreSQL keeps things, below the server's data folder:
 * `postgres/data` the cluster, `postgres/log` its log, `postgres/run` its socket. Each belongs to the user PostgreSQL runs as.
 */
import { createHash } from 'node:crypto';
import { chown, lstat, mkdir, readFile, readdir, realpath, stat, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { EmbeddedPostgresError, errorCodeOf, messageOf } from '../errors.ts';
import { EMBEDDED_MAJOR } from './binaries.ts';

/** The longest socket folder that every system takes; the limit counts bytes and includes the file name PostgreSQL adds. */
const SOCKET_PATH_LIMIT = 90;
/** A new cluster takes about 60 MB, and its log of changes needs room to work. */
const SPACE_FOR_NEW_CLUSTER = 256 * 1024 * 1024;

export interface Layout {
  readonly root: string;
  readonly data: string;
  readonly log: string;
  readonly socket: string;
  /** True when the socket is outside the data folder because its path would be too long. */
  readonly isSocketElsewhere: boolean;
}

/**
 * Makes the folder and settles every path in it.
 * @throws EmbeddedPostgresError EMBEDDED_DB_FOLDER
 */
export async function prepareRoot(dataDir: string): Promise<Layout> {
  const root = join(dataDir, 'postgres');
  try {
    await mkdir(root, { recursive: true, mode: 0o711 });
  } catch (error) {
    throw folderError(root, error);
  }
  const real = await realpath(root);
  const inside = join(real, 'run');
  const isSocketElsewhere = Buffer.byteLength(inside) > SOCKET_PATH_LIMIT;
  const hash = createHash('sha256').update(real).digest('hex').slice(0, 16);
  return {
    root: real,
    data: join(real, 'data'),
    log: join(real, 'log'),
    socket: isSocketElsewhere ? join(await realpath(tmpdir()), `plugboard-${hash}`) : inside,
    isSocketElsewhere,
  };
}

/** The state of the cluster folder: not there, or a cluster and the user who owns it. */
export async function inspectCluster(layout: Layout): Promise<{ exists: false } | { exists: true; uid: number; gid: number }> {
  let found;
  try {
    found = await stat(layout.data);
  } catch (error) {
    if (errorCodeOf(error) === 'ENOENT') return { exists: false };
    throw folderError(layout.data, error);
  }
  if (!found.isDirectory())
    throw new EmbeddedPostgresError('EMBEDDED_DB_FOLDER', `${layout.data} is not a folder. Move it away, or choose another data folder.`);
  const ownUid = process.getuid?.() ?? 0;
  if (ownUid !== 0 && found.uid !== ownUid) {
    throw new EmbeddedPostgresError(
      'EMBEDDED_DB_FOLDER',
      `${layout.data} belongs to user ${found.uid}, and this server runs as user ${ownUid}. Start it as that user, or give the folder to this one (chown -R ${ownUid} ${layout.root}).`,
    );
  }
  await checkVersion(layout);
  return { exists: true, uid: found.uid, gid: found.gid };
}

async function checkVersion(layout: Layout): Promise<void> {
  let version: string;
  try {
    version = (await readFile(join(layout.data, 'PG_VERSION'), 'utf8')).trim();
  } catch (error) {
    throw new EmbeddedPostgresError(
      'EMBEDDED_DB_FOLDER',
      `${layout.data} holds no PostgreSQL cluster (${messageOf(error)}). Restore it from a backup, or move it away to start with an empty database.`,
      { cause: error },
    );
  }
  if (version !== String(EMBEDDED_MAJOR)) {
    throw new EmbeddedPostgresError(
      'EMBEDDED_DB_VERSION',
      `${layout.data} was made by PostgreSQL ${version}; this release brings PostgreSQL ${EMBEDDED_MAJOR}. Back it up with the release that made it and restore it here, or point DATABASE_URL at a PostgreSQL ${version}.`,
    );
  }
}

/** Refuses to begin a cluster on a disk that is nearly full. */
export async function requireSpace(layout: Layout, bytes: number = SPACE_FOR_NEW_CLUSTER): Promise<void> {
  const { bavail, bsize } = await statfs(layout.root);
  if (bavail * bsize >= bytes) return;
  throw noSpace(layout, `${Math.floor((bavail * bsize) / 1024 / 1024)} MB are free, ${Math.ceil(bytes / 1024 / 1024)} MB are needed`);
}

export function noSpace(layout: Layout, why: string): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'EMBEDDED_DB_NO_SPACE',
    `The disk of ${layout.root} is too full for the database: ${why}. Free some space, or choose another data folder.`,
  );
}

/** Makes a folder that only `owner` may enter, or checks that it already is one. */
export async function privateFolder(path: string, owner: { readonly uid: number; readonly gid: number } | undefined): Promise<void> {
  try {
    await mkdir(path, { mode: 0o700 });
    if (owner) await chown(path, owner.uid, owner.gid);
    return;
  } catch (error) {
    if (errorCodeOf(error) !== 'EEXIST') throw folderError(path, error);
  }
  const found = await lstat(path);
  const uid = owner?.uid ?? process.getuid?.() ?? found.uid;
  const ownUid = process.getuid?.() ?? 0;
  if (!found.isDirectory()) throw new EmbeddedPostgresError('EMBEDDED_DB_FOLDER', `${path} is not a folder. Remove it and start again.`);
  if (found.uid === uid && (found.mode & 0o077) === 0) return;
  // Left by a start that was killed between making and giving it away; whoever else made it may not be trusted with our socket.
  const isLeftover = owner !== undefined && found.uid === ownUid && (await readdir(path)).length === 0;
  if (!isLeftover) {
    throw new EmbeddedPostgresError(
      'EMBEDDED_DB_FOLDER',
      `${path} must belong to user ${uid} alone (it belongs to ${found.uid}, mode ${(found.mode & 0o777).toString(8)}). Remove it and start again.`,
    );
  }
  await chown(path, owner.uid, owner.gid);
}

function folderError(path: string, error: unknown): EmbeddedPostgresError {
  const code = errorCodeOf(error);
  const why =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? 'this user may not write there'
      : code === 'ENOTDIR' || code === 'EEXIST'
        ? 'a part of the path is not a folder'
        : code === 'ENOSPC' || code === 'EDQUOT'
          ? 'the disk is full'
          : messageOf(error);
  return new EmbeddedPostgresError(
    code === 'ENOSPC' || code === 'EDQUOT' ? 'EMBEDDED_DB_NO_SPACE' : 'EMBEDDED_DB_FOLDER',
    `The database folder ${path} cannot be used: ${why}. Choose another one with PLUGBOARD_DATA, or put its rights in order.`,
    { cause: error },
  );
}
