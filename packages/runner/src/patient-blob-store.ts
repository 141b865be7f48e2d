/**
 * A blob store that waits for its disk. What the world does to it (a full or read-only disk, too many open files, a folder that is away) fails no
 * run: the payload is kept and tried again for as long as it takes, new runs are refused meanwhile, and the run's record waits with everything
 * that waits for its commit. Only an error of another kind is the payload's own and fails its run.
 */
import type { BlobRef, BlobStore, PayloadText } from '@plugboard/engine';
import type { Clock } from './clock.ts';

const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 5000;

/** Codes of what waiting, or an operator, can mend. */
const OF_THE_WORLD: ReadonlySet<string> = new Set([
  'ENOSPC',
  'EDQUOT',
  'EIO',
  'EROFS',
  'EMFILE',
  'ENFILE',
  'ENOENT',
  'EACCES',
  'EPERM',
  'ENOTDIR',
  'EBUSY',
  'EAGAIN',
  'ENOMEM',
  'ETIMEDOUT',
  'ESTALE',
  'ENODEV',
  'ENXIO',
]);

export interface PatientOptions {
  readonly clock: Clock;
  /** Told once when payloads begin to fail, and again only after one was stored. */
  readonly onFailure: (error: unknown) => void;
  readonly onMended: () => void;
}

export class PatientBlobStore implements BlobStore {
  readonly #blobs: BlobStore;
  readonly #options: PatientOptions;
  /** Payloads that failed and wait for their next try. */
  #failing = 0;

  constructor(blobs: BlobStore, options: PatientOptions) {
    this.#blobs = blobs;
    this.#options = options;
  }

  /** True while a payload could not be stored. */
  get isFailing(): boolean {
    return this.#failing > 0;
  }

  get(workspaceId: string, ref: BlobRef): Promise<string> {
    return this.#blobs.get(workspaceId, ref);
  }

  /** @throws what is not the world's fault */
  async put(workspaceId: string, text: PayloadText, runId?: string): Promise<BlobRef> {
    try {
      return await this.#blobs.put(workspaceId, text, runId);
    } catch (error) {
      if (!isOfTheWorld(error)) throw error;
      if (this.#failing === 0) this.#options.onFailure(error);
      this.#failing += 1;
    }
    try {
      return await this.#keepTrying(workspaceId, text, runId);
    } finally {
      this.#failing -= 1;
      if (this.#failing === 0) this.#options.onMended();
    }
  }

  async #keepTrying(workspaceId: string, text: PayloadText, runId: string | undefined): Promise<BlobRef> {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      await new Promise<void>((resolve) => this.#options.clock.after(pauseMs, resolve));
      try {
        return await this.#blobs.put(workspaceId, text, runId);
      } catch (error) {
        if (!isOfTheWorld(error)) throw error;
      }
    }
  }
}

function isOfTheWorld(error: unknown): boolean {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' && OF_THE_WORLD.has(error.code);
}
