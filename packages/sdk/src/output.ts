/** What `run` may return. Several items are an array; files, a port or ancestors need `item(...)`. Nothing is guessed from shape. */
import type { FileRef } from './item.ts';

export const ITEM_MARK: unique symbol = Symbol.for('plugboard.item');

/**
 * Values an output may hold. The runtime turns them into JSON: a Date becomes ISO text, an undefined member is dropped, NaN becomes null.
 * Anything else (BigInt, Map, bytes, a cycle) is the item's error OUTPUT_NOT_JSON.
 */
export type OutputValue = null | undefined | boolean | number | string | Date | readonly OutputValue[] | OutputObject;
export type OutputObject = { readonly [key: string]: OutputValue };

export interface ItemOptions {
  readonly files?: { readonly [name: string]: FileRef };
  /** Output port. @default 'main' */
  readonly port?: string;
  /**
   * Where the item came from. Per-batch types: positions in `items`; absent means that output `n` came from item `n` as long as
   * there are as many outputs as items. Per-item types: the item itself is always an ancestor, these are further ones.
   */
  readonly from?: number | readonly number[];
}

/** An output with files, a port or ancestors. Made by {@link item}. */
export interface OutputItem extends ItemOptions {
  readonly [ITEM_MARK]: true;
  readonly json: OutputObject;
}

/** One output: a plain object is an item on the port `main`. */
export type Output = OutputObject | OutputItem;

/**
 * An output item that says more than its JSON.
 * @example return item(order, { port: 'large' })
 */
export function item(json: OutputObject, options: ItemOptions = {}): OutputItem {
  return { [ITEM_MARK]: true, json, files: options.files, port: options.port, from: options.from };
}

export const FAILED_MARK: unique symbol = Symbol.for('plugboard.failed');

/** One item of a per-batch step that failed while others did not. Made by {@link failed}. */
export interface FailedItem {
  readonly [FAILED_MARK]: true;
  /** Position in `items`. */
  readonly i: number;
  readonly error: unknown;
}

/**
 * Says that one item failed, in a per-batch type that is not `atomic`. An item with neither an output nor a failure counts as dropped.
 * @param i Position in `items`.
 * @param error A StepFailure, a StepError, or whatever was thrown.
 */
export function failed(i: number, error: unknown): FailedItem {
  return { [FAILED_MARK]: true, i, error };
}

/**
 * Yielded by the generator of a per-batch type between its outputs: what waits for the same thread may go first. The runtime looks at the clock
 * there and comes back later when the step has had its share, so that work over many items holds up nobody. Worth it about every tenth of a
 * millisecond; it costs next to nothing.
 * @example for (const [i, one] of items.entries()) { index.add(one, i); if (i % 16 === 0) yield GIVE_WAY; }
 */
export const GIVE_WAY: unique symbol = Symbol.for('plugboard.give-way');
export type GiveWay = typeof GIVE_WAY;
