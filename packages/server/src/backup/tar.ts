/**
 * Files one after another in one stream, as `tar` reads and writes them, so that a backup can be looked into without this program. Only
 * plain files with plain names: a name that leads elsewhere, a link or a device is refused.
 */

export interface TarEntry {
  readonly name: string;
  readonly sizeBytes: number;
  /** To be read to its end before the next entry is asked for. */
  readonly body: AsyncIterable<Buffer>;
}

/** Thrown for a file that is no such stream, or that ends too early. The file is damaged: use another backup. */
export class TarError extends Error {
  readonly code = 'BACKUP_DAMAGED';
  constructor(message: string) {
    super(`The backup is damaged: ${message}. Use another one.`);
    this.name = 'TarError';
  }
}

const BLOCK = 512;
const PLAIN_NAME = /^(?!\/)(?!.*(?:^|\/)\.\.?(?:\/|$))[A-Za-z0-9._/-]+$/;
const LONGEST_NAME = 100;
const LONGEST_PREFIX = 155;
/** What eleven octal digits can say. */
const LARGEST = 8 * 1024 ** 3 - 1;

/** The block in front of a file. @throws RangeError for a name or size that has no place in it */
export function tarHeader(name: string, sizeBytes: number): Buffer {
  const { prefix, rest } = split(name);
  if (!PLAIN_NAME.test(name) || sizeBytes > LARGEST) throw new RangeError(`${name} (${sizeBytes} bytes) cannot be put into a backup`);
  const block = Buffer.alloc(BLOCK);
  block.write(rest, 0, 'latin1');
  block.write('0000600\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  block.write(`${sizeBytes.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write('0', 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write(prefix, 345, 'latin1');
  block.write(`${checksum(block).toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}

/** What fills the last block of a file. */
export function tarPadding(sizeBytes: number): Buffer {
  return Buffer.alloc((BLOCK - (sizeBytes % BLOCK)) % BLOCK);
}

export const TAR_END = Buffer.alloc(2 * BLOCK);

/** @throws TarError */
export async function* readTar(source: AsyncIterable<Buffer>): AsyncGenerator<TarEntry> {
  const reader = new ByteReader(source);
  for (;;) {
    const block = await reader.take(BLOCK);
    if (block.every((byte) => byte === 0)) return;
    const stated = Number.parseInt(textAt(block, 148, 8), 8);
    const blank = Buffer.from(block);
    blank.write('        ', 148, 'latin1');
    if (stated !== checksum(blank)) throw new TarError('a header does not match its checksum');
    const prefix = textAt(block, 345, LONGEST_PREFIX);
    const rest = textAt(block, 0, LONGEST_NAME);
    const name = prefix === '' ? rest : `${prefix}/${rest}`;
    const kind = block[156];
    const sizeBytes = Number.parseInt(textAt(block, 124, 12), 8);
    if ((kind !== 0x30 && kind !== 0) || !PLAIN_NAME.test(name) || !Number.isSafeInteger(sizeBytes))
      throw new TarError(`it holds "${name}", which is no plain file`);
    let left = sizeBytes;
    async function* body(): AsyncGenerator<Buffer> {
      while (left > 0) {
        const part = await reader.some(left);
        left -= part.length;
        yield part;
      }
    }
    yield { name, sizeBytes, body: body() };
    while (left > 0) left -= (await reader.some(left)).length;
    await reader.take(tarPadding(sizeBytes).length);
  }
}

function split(name: string): { prefix: string; rest: string } {
  if (name.length <= LONGEST_NAME) return { prefix: '', rest: name };
  const slash = name.indexOf('/', name.length - LONGEST_NAME - 1);
  if (slash < 0 || slash > LONGEST_PREFIX) throw new RangeError(`${name} is too long a name for a backup`);
  return { prefix: name.slice(0, slash), rest: name.slice(slash + 1) };
}

function checksum(block: Buffer): number {
  let sum = 0;
  for (const byte of block) sum += byte;
  return sum;
}

function textAt(block: Buffer, at: number, length: number): string {
  const text = block.toString('latin1', at, at + length);
  const end = text.indexOf('\0');
  return (end < 0 ? text : text.slice(0, end)).trim();
}

class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #rest: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** Up to `most` bytes, at least one. */
  async some(most: number): Promise<Buffer> {
    while (this.#rest.length === 0) {
      const next = await this.#source.next();
      if (next.done === true) throw new TarError('it ends in the middle');
      this.#rest = next.value;
    }
    const part = this.#rest.subarray(0, most);
    this.#rest = this.#rest.subarray(part.length);
    return part;
  }

  async take(count: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    for (let left = count; left > 0;) {
      const part = await this.some(left);
      parts.push(part);
      left -= part.length;
    }
    return Buffer.concat(parts);
  }
}
