/** Items: the records that travel along edges. */
import type { JsonObject } from './json.ts';

/** A stored file an item carries. The bytes stay in the store; this is the handle. */
export interface FileRef {
  readonly id: string;
  readonly name: string;
  /** Media type, such as `image/png`. */
  readonly mime: string;
  /** Size in bytes. */
  readonly size: number;
  /** Lower-case hex digest of the content. */
  readonly sha256: string;
}

/** One JSON record, optionally with files by name. */
export interface Item {
  readonly json: JsonObject;
  readonly files?: { readonly [name: string]: FileRef };
}
