/**
 * Archives as spreadsheets use them: read by their directory, one entry at a time and under a limit whatever the archive says of itself; written
 * whole. What inflates or deflates does so off the event loop.
 */
import { fail } from '@plugboard/sdk';
import { promisify } from 'node:util';
import { crc32, deflateRaw, inflateRaw } from 'node:zlib';

const inflate = promisify<Uint8Array, { readonly maxOutputLength: number }, Buffer>(inflateRaw);
const deflate = promisify<Uint8Array, Buffer>(deflateRaw);

export interface ZipLimits {
  readonly entries: number;
  /** Bytes of all entries that are read, together. */
  readonly bytes: number;
}

export interface ZipReader {
  readonly names: readonly string[];
  /** Undefined when there is none. @throws StepFailure ARCHIVE_INVALID, ARCHIVE_TOO_LARGE */
  read(name: string): Promise<Uint8Array | undefined>;
}

interface Entry {
  readonly at: number;
  readonly packed: number;
  readonly method: number;
}

const END = 0x06054b50;
const DIRECTORY = 0x02014b50;
const LOCAL = 0x04034b50;
const END_SIZE = 22;
const COMMENT_MAX = 0xffff;

/** @throws StepFailure ARCHIVE_INVALID, ARCHIVE_TOO_LARGE */
export function openZip(bytes: Uint8Array, limits: ZipLimits): ZipReader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const entries = directoryOf(bytes, view, limits);
  let left = limits.bytes;
  return {
    names: [...entries.keys()],
    async read(name) {
      const entry = entries.get(name);
      if (entry === undefined) return undefined;
      const { at, packed, method } = entry;
      if (at + 30 > bytes.byteLength || view.getUint32(at, true) !== LOCAL) invalid('an entry is not where it should be');
      const start = at + 30 + view.getUint16(at + 26, true) + view.getUint16(at + 28, true);
      if (start + packed > bytes.byteLength) invalid('an entry is cut off');
      const content = bytes.subarray(start, start + packed);
      const plain = method === 0 ? content : await inflated(content, left, limits);
      left -= plain.byteLength;
      if (left < 0) tooLarge(limits);
      return plain;
    },
  };
}

function directoryOf(bytes: Uint8Array, view: DataView, limits: ZipLimits): Map<string, Entry> {
  const last = Math.max(0, bytes.byteLength - END_SIZE - COMMENT_MAX);
  let end = bytes.byteLength - END_SIZE;
  while (end >= last && view.getUint32(end, true) !== END) end -= 1;
  if (end < last || end < 0) return invalid('it has no directory');
  const count = view.getUint16(end + 10, true);
  let at = view.getUint32(end + 16, true);
  if (count > limits.entries) fail('ARCHIVE_TOO_LARGE', `The archive has ${count} entries; at most ${limits.entries} are read.`);
  const entries = new Map<string, Entry>();
  for (let n = 0; n < count; n++) {
    if (at + 46 > end || view.getUint32(at, true) !== DIRECTORY) return invalid('its directory is damaged');
    const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
    const packed = view.getUint32(at + 20, true);
    const [nameSize, extraSize, commentSize] = [
      view.getUint16(at + 28, true),
      view.getUint16(at + 30, true),
      view.getUint16(at + 32, true),
    ];
    const name = new TextDecoder().decode(bytes.subarray(at + 46, at + 46 + nameSize));
    if ((flags & 1) !== 0) fail('ARCHIVE_ENCRYPTED', 'The file is protected with a password. Save it without one.');
    if (method !== 0 && method !== 8) return invalid(`"${name.slice(0, 80)}" is packed in a way that is not read`);
    entries.set(name, { at: view.getUint32(at + 42, true), packed, method });
    at += 46 + nameSize + extraSize + commentSize;
  }
  return entries;
}

async function inflated(content: Uint8Array, left: number, limits: ZipLimits): Promise<Uint8Array> {
  try {
    return await inflate(content, { maxOutputLength: Math.max(1, left) });
  } catch (error) {
    if ((error as { readonly code?: string }).code === 'ERR_BUFFER_TOO_LARGE') return tooLarge(limits);
    return invalid('an entry does not unpack');
  }
}

function tooLarge(limits: ZipLimits): never {
  return fail('ARCHIVE_TOO_LARGE', `The file unpacks to more than ${limits.bytes} bytes.`);
}

function invalid(why: string): never {
  return fail('ARCHIVE_INVALID', `The file is not what it should be: ${why}.`);
}

/** An archive of these entries, without times, so that equal contents are equal bytes. */
export async function writeZip(entries: readonly (readonly [name: string, content: Uint8Array])[]): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  const directory: Uint8Array[] = [];
  let offset = 0;
  for (const [name, content] of entries) {
    const packed = await deflate(content);
    const nameBytes = Buffer.from(name);
    const head = Buffer.alloc(30);
    head.writeUInt32LE(LOCAL, 0);
    writeFacts(head, 4, { sum: crc32(content), packed: packed.byteLength, size: content.byteLength, nameSize: nameBytes.byteLength });
    const entry = Buffer.alloc(46);
    entry.writeUInt32LE(DIRECTORY, 0);
    entry.writeUInt16LE(20, 4);
    writeFacts(entry, 6, { sum: crc32(content), packed: packed.byteLength, size: content.byteLength, nameSize: nameBytes.byteLength });
    entry.writeUInt32LE(offset, 42);
    directory.push(entry, nameBytes);
    parts.push(head, nameBytes, packed);
    offset += head.byteLength + nameBytes.byteLength + packed.byteLength;
  }
  const directorySize = directory.reduce((sum, one) => sum + one.byteLength, 0);
  const end = Buffer.alloc(END_SIZE);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(entries.length, 8);
  end.writeUInt16LE(entries.length, 10);
  end.writeUInt32LE(directorySize, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([...parts, ...directory, end]);
}

interface Facts {
  readonly sum: number;
  readonly packed: number;
  readonly size: number;
  readonly nameSize: number;
}

/** What the head of an entry and its line in the directory have in common. */
function writeFacts(into: Buffer, at: number, { sum, packed, size, nameSize }: Facts): void {
  into.writeUInt16LE(20, at);
  into.writeUInt16LE(0x0800, at + 2);
  into.writeUInt16LE(8, at + 4);
  into.writeUInt16LE(0, at + 6);
  // The first day there is.
  into.writeUInt16LE(0x21, at + 8);
  into.writeUInt32LE(sum, at + 10);
  into.writeUInt32LE(packed, at + 14);
  into.writeUInt32LE(size, at + 18);
  into.writeUInt16LE(nameSize, at + 22);
}
