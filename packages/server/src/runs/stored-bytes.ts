/**
 * How much the runs of a workspace keep outside the database, against what it may. Counted in memory as runs store, and read from the database
 * now and then: what several processes store at once is known to each of them a minute later. A limit is never a reason to lose what a run has
 * done: the run that goes over it keeps its result and ends there.
 */
import { type Database, readStoredPayloads } from '@plugboard/persistence';
import type { StepError } from '@plugboard/sdk';

export interface StoredBytes {
  /** Counts what is about to be stored; an error where that is more than there is room for. */
  take(workspaceId: string, bytes: number): StepError | undefined;
  /** Reads anew what workspaces store that have stored something since the start. */
  refresh(): Promise<number>;
}

export interface StoredBytesOptions {
  readonly database: Database;
  /** In MiB; 0 is no limit. */
  readonly limitMegabytes: (workspaceId: string) => number;
  readonly log: { warn(fields: object, message: string): void };
  /** @default that of this process */
  readonly now?: () => number;
}

interface Known {
  usedBytes: number;
  /** What the plan says. */
  allowedBytes: number | undefined;
  /** When it was read; before the first time nothing is refused. */
  readAt: number;
  reading: Promise<void> | undefined;
}

const MIB = 1024 * 1024;
/** After this a figure from the database counts as old, in milliseconds. */
const FRESH_MS = 60_000;
/** Where there is no room any more it is looked this often whether some was made, in milliseconds. */
const LOOK_MS = 2000;

export function createStoredBytes({ database, limitMegabytes, log, now = Date.now }: StoredBytesOptions): StoredBytes {
  const known = new Map<string, Known>();

  const read = (workspaceId: string, one: Known): Promise<void> => {
    one.reading ??= readStoredPayloads(database, workspaceId)
      .then(
        ({ usedBytes, allowedBytes }) => {
          one.usedBytes = usedBytes;
          one.allowedBytes = allowedBytes;
          one.readAt = now();
        },
        (error: unknown) => log.warn({ err: error, workspaceId }, 'what a workspace stores could not be counted; it is tried again'),
      )
      .finally(() => (one.reading = undefined));
    return one.reading;
  };

  return {
    take(workspaceId, bytes) {
      let one = known.get(workspaceId);
      if (!one) known.set(workspaceId, (one = { usedBytes: 0, allowedBytes: undefined, readAt: 0, reading: undefined }));
      one.usedBytes += bytes;
      const limit = lowest(limitMegabytes(workspaceId) * MIB, one.allowedBytes ?? 0);
      const isOver = limit > 0 && one.readAt > 0 && one.usedBytes > limit;
      if (now() - one.readAt > (isOver ? LOOK_MS : FRESH_MS)) void read(workspaceId, one);
      return isOver ? quotaExceeded(one.usedBytes, limit) : undefined;
    },
    async refresh() {
      for (const [workspaceId, one] of known) await read(workspaceId, one);
      return known.size;
    },
  };
}

/** Of limits; 0 is none. */
function lowest(one: number, other: number): number {
  return one === 0 ? other : other === 0 ? one : Math.min(one, other);
}

function quotaExceeded(usedBytes: number, limit: number): StepError {
  return {
    code: 'QUOTA_EXCEEDED',
    kind: 'input',
    message:
      `The runs of the workspace store ${inMib(usedBytes)} MiB of large data, and have room for ${inMib(limit)} MiB. ` +
      'Delete runs or their data, keep less of it (settings under Runs), or have the limit raised; then retry the run.',
  };
}

function inMib(bytes: number): number {
  return Math.round((bytes / MIB) * 10) / 10;
}
