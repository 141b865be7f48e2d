/** What a call is made of, for the generated part and for what carries it out. */

/** Where an operation is reached. */
export interface Call {
  readonly method: string;
  readonly path: string;
  readonly kind: 'query' | 'mutation';
  /** May be sent again when its answer did not come: it only reads, or the server knows the repeat by its key. */
  readonly isRepeatable: boolean;
  /** Fields that stand in the query; the others stand in the path or the body. */
  readonly query?: readonly string[];
  /** The field that the whole body is. */
  readonly bodyField?: string;
  readonly stream?: 'upload' | 'download';
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Of a change: the same key makes it happen once, however often it is sent. @default a new one for each call */
  readonly idempotencyKey?: string;
  /** Longest wait for the answer of one try, in milliseconds. @default the client's */
  readonly timeoutMs?: number;
}

export type UploadBody = Uint8Array | Blob | FormData | ReadableStream<Uint8Array> | AsyncIterable<Uint8Array>;

/** A file as it comes. Read or cancel its body: until then its connection is held. */
export interface Download {
  readonly body: ReadableStream<Uint8Array>;
  readonly type: string;
  readonly sizeBytes: number | undefined;
  readonly name: string | undefined;
}
