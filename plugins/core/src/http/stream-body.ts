/** A request body made of texts and files, read one after the other while it is sent. */
import type { FileRef, HttpRequest, StepFiles } from '@plugboard/sdk';

export function streamBody(files: StepFiles, parts: readonly (string | FileRef)[], sizeBytes: number): NonNullable<HttpRequest['stream']> {
  async function* bytes(): AsyncGenerator<Uint8Array> {
    for (const part of parts) {
      if (typeof part !== 'string') yield* files.open(part) as unknown as AsyncIterable<Uint8Array>;
      else if (part !== '') yield new TextEncoder().encode(part);
    }
  }
  return { content: ReadableStream.from<Uint8Array>(bytes()), sizeBytes };
}
