/** Where the data folder is, before anything in it is read. */
import { mkdirSync } from 'node:fs';
import { resolve } from 'node:path';

export type Environment = Readonly<Record<string, string | undefined>>;

/** `PLUGBOARD_DATA`, resolved against the folder of the command. @default './data' */
export function dataDirOf(env: Environment, cwd: string): string {
  return resolve(cwd, env['PLUGBOARD_DATA'] || './data');
}

/**
 * Makes the data folder, closed to other users. Where root runs the embedded PostgreSQL as somebody else, that user has to pass through
 * it: then others may enter it, and still not list it. A folder that is there keeps the rights its owner gave it.
 */
export function makeDataFolder(path: string, hasEmbeddedDatabase: boolean): void {
  const isPassedThrough = hasEmbeddedDatabase && process.getuid?.() === 0;
  mkdirSync(path, { recursive: true, mode: isPassedThrough ? 0o711 : 0o700 });
}
