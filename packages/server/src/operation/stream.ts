/** Bytes that come or go beside the fields of an operation. Only REST carries them; permission, audit and idempotency are those of every operation. */
import type { IncomingMessage } from 'node:http';
import type { Readable } from 'node:stream';
import { z } from 'zod';

/** The body of an upload, not read yet. */
export interface Upload {
  readonly request: IncomingMessage;
}

/** What an operation with `stream: 'download'` gives. */
export interface Download {
  readonly name: string;
  readonly mime: string;
  readonly sizeBytes: number;
  /** Names the content: equal for equal bytes. */
  readonly contentHash: string;
  readonly modifiedAt: Date;
  readonly open: (range?: { readonly start: number; readonly end: number }) => Promise<Readable>;
}

export const download = z.custom<Download>((value) => typeof value === 'object' && value !== null && 'open' in value);
