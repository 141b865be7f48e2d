/** Large payloads by content hash, kept apart per workspace. Written before the event that names them. */
import type { BlobRef } from '../run/events.ts';

export interface BlobStore {
  /** Stores JSON text durably. Storing the same text again is cheap. */
  put(workspaceId: string, text: string): Promise<BlobRef>;
  /** @throws BlobMissingError when the store has no such payload. */
  get(workspaceId: string, ref: BlobRef): Promise<string>;
}
