/** The files of an item: found by name, read whole under a limit, put beside the others. */
import type { FileRef, Item, JsonObject, Output, StepFiles } from '@plugboard/sdk';
import { fail, item } from '@plugboard/sdk';

/**
 * The file an item has under a name; its only one where none is named.
 * @throws StepFailure FILE_MISSING, saying which files there are
 */
export function fileOf(given: Item, name: string): FileRef {
  const files = given.files ?? {};
  const names = Object.keys(files);
  const wanted = name === '' && names.length === 1 ? (names[0] ?? '') : name;
  const file = Object.hasOwn(files, wanted) ? files[wanted] : undefined;
  if (file !== undefined) return file;
  const has = names.length === 0 ? 'It has none.' : `It has ${names.slice(0, 8).join(', ')}.`;
  if (wanted === '') fail('FILE_MISSING', `Say which file of the item is meant. ${has}`);
  return fail('FILE_MISSING', `The item has no file "${wanted}". ${has}`);
}

/** @throws StepFailure FILE_TOO_LARGE */
export async function readWhole(files: StepFiles, file: FileRef, maxBytes: number): Promise<Uint8Array<ArrayBuffer>> {
  if (file.size > maxBytes) tooLarge(file, maxBytes);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of files.open(file) as unknown as AsyncIterable<Uint8Array>) {
    size += chunk.byteLength;
    // What the handle says is not what counts.
    if (size > maxBytes) tooLarge(file, maxBytes);
    chunks.push(chunk);
  }
  return new Uint8Array(Buffer.concat(chunks));
}

function tooLarge(file: FileRef, maxBytes: number): never {
  fail('FILE_TOO_LARGE', `"${file.name}" has more than ${maxBytes} bytes, too many to be read at once.`);
}

/** @throws StepFailure FILE_NOT_TEXT when the bytes are none of the encoding */
export function textOfBytes(bytes: Uint8Array, encoding: string, name: string): string {
  try {
    return new TextDecoder(encoding, { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail('FILE_NOT_TEXT', `"${name}" is no text in ${encoding}. Choose another encoding, or read it as base64.`, { cause });
  }
}

/** An item with one more file; one of the same name gives way. */
export function withFile(json: JsonObject, given: Item, name: string, file: FileRef): Output {
  return item(json, { files: { ...given.files, [name]: file } });
}

/** A file as data, for expressions and answers. */
export function factsOf({ id, name, mime, size, sha256 }: FileRef): JsonObject {
  return { id, name, mime, size, sha256 };
}

/** Encodings a person can choose. */
export const ENCODINGS = ['utf-8', 'utf-16le', 'windows-1252', 'iso-8859-2', 'shift_jis', 'gb18030'] as const;
