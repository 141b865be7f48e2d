/**
 * This process among others on the same database: says which root keys it has, and takes over what the database says everybody wraps with. So a
 * root key is replaced while several servers run, and none is left with keys it cannot open.
 */
import { type Database, currentGeneration, holdRootKeys, listInstanceKeys, releaseRootKeys } from '@plugboard/persistence';
import type { RootKeys } from '../keys.ts';

export interface RootKeyHolder {
  /** Looks at the database now and says what this process has. */
  look(): Promise<void>;
  close(): Promise<void>;
}

export interface RootKeyHolderOptions {
  readonly database: Database;
  readonly roots: RootKeys;
  /** No other process can be on this database: whoever is on the list has died. @default false */
  readonly isAlone?: boolean;
  readonly log: { warn(fields: object, message: string): void; error(fields: object, message: string): void };
  /** @default a second */
  readonly lookMs?: number;
}

const LOOK_MS = 1000;
/** Says that it is alive at least this often, in milliseconds. */
const BEAT_MS = 10_000;

/** To be opened before the keys of the instance are: whoever replaces a root key then sees this process, or this process sees the replacement. */
export async function openRootKeyHolder({
  database,
  roots,
  isAlone = false,
  log,
  lookMs = LOOK_MS,
}: RootKeyHolderOptions): Promise<RootKeyHolder> {
  const processId = crypto.randomUUID();
  let generation = -1;
  let toldAt = 0;
  let isTold = false;

  const tell = async (): Promise<void> => {
    await holdRootKeys(database, { processId, rootKeyIds: roots.ids, wrappingId: roots.wrapping.id });
    toldAt = performance.now();
  };

  const look = async (): Promise<void> => {
    const now = await currentGeneration(database, 'keys');
    roots.reload();
    const stored = await listInstanceKeys(database);
    const wrapping = stored.find((one) => one.isWrapping);
    if (wrapping) roots.wrapWith(wrapping.rootKeyId);
    const isMissing = wrapping !== undefined && !roots.find(wrapping.rootKeyId);
    if (isMissing && !isTold)
      log.error(
        {},
        'the root key was replaced and this process does not have the new one: start it again with that key, it opens no new secret',
      );
    isTold = isMissing;
    // Nothing is left that only the old one opens.
    if (roots.isReplacing && stored.length === 1 && wrapping?.rootKeyId === roots.current.id) roots.finish();
    await tell();
    generation = now;
  };

  if (isAlone) await releaseRootKeys(database);
  await tell();
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => {
    looking ??= currentGeneration(database, 'keys')
      .then((now) => (now !== generation || performance.now() - toldAt > BEAT_MS ? look() : undefined))
      // The database being away is told by those who need it.
      .catch(() => undefined)
      .finally(() => (looking = undefined));
  }, lookMs);
  timer.unref();

  return {
    look,
    async close() {
      clearInterval(timer);
      // What is under way would put this process back on the list.
      await looking;
      await releaseRootKeys(database, processId).catch((error: unknown) =>
        log.warn(
          { err: error },
          'this process could not be taken off the list of those that have the root key; it goes by itself in a minute',
        ),
      );
    },
  };
}
