/**
 * Notices that the data folder was removed or another one was put in its place while the server runs. The database may go on for a while
 * on files that have no name any more; what it takes then is gone with it.
 */
import { statSync } from 'node:fs';

export interface DataFolderWatch {
  readonly isThere: boolean;
  close(): void;
}

export interface DataFolderWatchOptions {
  readonly path: string;
  readonly log: { error(fields: object, message: string): void; info(fields: object, message: string): void };
}

/** How often the folder is looked at, in milliseconds. */
const LOOK_MS = 1000;

export function watchDataFolder({ path, log }: DataFolderWatchOptions): DataFolderWatch {
  const first = idOf(path);
  let isThere = true;
  const timer = setInterval(() => {
    const wasThere = isThere;
    isThere = idOf(path) === first;
    if (wasThere && !isThere)
      log.error(
        { dataDir: path },
        'the data folder is gone: new runs are refused, because they could not be kept. Stop the server, put the folder back from a backup, and start again',
      );
    if (!wasThere && isThere) log.info({ dataDir: path }, 'the data folder is there again');
  }, LOOK_MS);
  timer.unref();
  return {
    get isThere() {
      return isThere;
    },
    close: () => clearInterval(timer),
  };
}

/** Undefined when there is none. */
function idOf(path: string): string | undefined {
  const found = statSync(path, { throwIfNoEntry: false, bigint: true });
  return found && `${found.dev}:${found.ino}`;
}
