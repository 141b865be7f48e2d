/** Whether the data folder can be used, and by this server alone. */
import { accessSync, constants } from 'node:fs';
import type { Config } from '../config.ts';
import { makeDataFolder } from '../data-dir.ts';
import { type ServerFile, readServerFile } from '../local-token.ts';

/** Thrown when the data folder cannot be used. Choose another one with PLUGBOARD_DATA, or give this user access. */
export class DataFolderError extends Error {
  readonly code: 'DATA_FOLDER_UNUSABLE' | 'DATA_FOLDER_IN_USE';
  constructor(code: DataFolderError['code'], message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'DataFolderError';
    this.code = code;
  }
}

/** How long a server that may already use the folder gets to answer, in milliseconds. */
const NEIGHBOUR_MS = 2000;

/** The embedded database guards its folder itself, also against a server that is still starting; this one can be named. @throws DataFolderError */
export async function refuseNeighbour(config: Config): Promise<void> {
  let neighbour: ServerFile | undefined;
  try {
    neighbour = readServerFile(config.dataDir);
  } catch (error) {
    throw unusable(config, error);
  }
  if (!neighbour || !isProcessAlive(neighbour.pid)) return;
  // Only the server that wrote the file knows its token; whoever else has the address by now does not.
  const answers = await fetch(`${neighbour.url}/api/catalog`, {
    headers: { authorization: `Bearer ${neighbour.token}` },
    signal: AbortSignal.timeout(NEIGHBOUR_MS),
  }).then(
    (answer) => answer.ok,
    () => false,
  );
  if (answers) {
    throw new DataFolderError(
      'DATA_FOLDER_IN_USE',
      `Another server (process ${neighbour.pid}, ${neighbour.url}) runs on ${config.dataDir}. Stop it first, or give this one a data folder of its own with PLUGBOARD_DATA.`,
    );
  }
}

/** Also true for a process of another user. */
function isProcessAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** @throws DataFolderError */
export function takeDataFolder(config: Config): void {
  try {
    makeDataFolder(config.dataDir, config.databaseUrl === undefined);
    accessSync(config.dataDir, constants.R_OK | constants.W_OK | constants.X_OK);
  } catch (error) {
    throw unusable(config, error);
  }
}

function unusable(config: Config, error: unknown): DataFolderError {
  return new DataFolderError(
    'DATA_FOLDER_UNUSABLE',
    `The data folder ${config.dataDir} cannot be used: ${error instanceof Error ? error.message : String(error)}. Choose another one with PLUGBOARD_DATA.`,
    error,
  );
}
