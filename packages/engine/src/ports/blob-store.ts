/** Large payloads by content hash, kept apart per workspace. Written before the event that names them. */
import type { BlobRef } from '../run/events.ts';

/** JSON text, whole or in parts that follow each other: what is large is not put together first. */
export type PayloadText = string | readonly string[];

export interface BlobStore {
  /** Stores JSON text durably. Storing the same text again is cheap. With the run it is of, it is kept as long as such a run is. */
  put(workspaceId: string, text: PayloadText, runId?: string): Promise<BlobRef>;
  /** @throws BlobMissingError when the store has no such payload. */
  get(workspaceId: string, ref: BlobRef): Promise<string>;
}
