/** Outputs that keep an item's files. An item that stays as it is and leaves by the only port is returned itself. */
import type { Item, Output } from '@plugboard/sdk';
import { item } from '@plugboard/sdk';

/** The item as it is, by a port. */
export function sendTo(input: Item, port: string): Output {
  return item(input.json, { files: input.files, port });
}

/** New JSON for an item whose files stay. */
export function withFiles(json: Item['json'], input: Item): Output {
  return input.files === undefined ? json : item(json, { files: input.files });
}
