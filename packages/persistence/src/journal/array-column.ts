/**
 * Columns of a flush in PostgreSQL's binary array format. Each column has one buffer, reused from flush to flush: a fresh
 * large buffer per flush costs more than filling it. `pg` copies a buffer when it sends, and one flush is in flight at a
 * time, so reuse is safe.
 */

/** Element types, by PostgreSQL's own numbers. */
export const ELEMENT = { bytea: 17, int2: 21, int4: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;
export type ElementType = keyof typeof ELEMENT;

/** Thrown for a value its column cannot hold; the record that carries it is refused. */
export class UnstorableValueError extends Error {
  override readonly name = 'UnstorableValueError';
  readonly code = 'UNSTORABLE_VALUE';
}

/** ndim, has-null flag, element type, length, lower bound: four bytes each. */
const HEADER_BYTES = 20;
/** Milliseconds from 1970 to 2000, where PostgreSQL counts from. */
const EPOCH_2000_MS = 946_684_800_000;
const TWO_TO_32 = 4_294_967_296;
/** Past this a buffer is given back after its flush, so that one large batch does not hold its memory for ever. */
const KEEP_BYTES = 8 * 1024 * 1024;

const NIBBLE = new Int8Array(256).fill(-1);
for (let digit = 0; digit < 16; digit++) {
  const character = digit.toString(16);
  NIBBLE[character.charCodeAt(0)] = digit;
  NIBBLE[character.toUpperCase().charCodeAt(0)] = digit;
}

export class ArrayColumn {
  #bytes: Buffer;
  #end = HEADER_BYTES;
  #count = 0;
  #hasNull = 0;
  readonly #element: number;

  constructor(element: ElementType, capacityBytes = 4096) {
    this.#element = ELEMENT[element];
    this.#bytes = Buffer.allocUnsafeSlow(capacityBytes);
  }

  /** Forgets the previous flush. */
  clear(): void {
    if (this.#bytes.length > KEEP_BYTES) this.#bytes = Buffer.allocUnsafeSlow(KEEP_BYTES >> 3);
    this.#end = HEADER_BYTES;
    this.#count = 0;
    this.#hasNull = 0;
  }

  get count(): number {
    return this.#count;
  }

  /** The parameter to send; valid until the next `clear`. */
  finish(): Buffer {
    const bytes = this.#bytes;
    bytes.writeInt32BE(this.#count === 0 ? 0 : 1, 0);
    bytes.writeInt32BE(this.#hasNull, 4);
    bytes.writeInt32BE(this.#element, 8);
    if (this.#count === 0) return bytes.subarray(0, 12);
    bytes.writeInt32BE(this.#count, 12);
    bytes.writeInt32BE(1, 16);
    return bytes.subarray(0, this.#end);
  }

  addNull(): void {
    const at = this.#reserve(4);
    this.#put32(at, -1);
    this.#end = at + 4;
    this.#hasNull = 1;
    this.#count++;
  }

  addInt2(value: number): void {
    if ((value << 16) >> 16 !== value) throw new UnstorableValueError(`${value} does not fit a 16-bit column`);
    const at = this.#reserve(6);
    this.#put32(at, 2);
    this.#bytes[at + 4] = value >> 8;
    this.#bytes[at + 5] = value;
    this.#end = at + 6;
    this.#count++;
  }

  addInt4(value: number): void {
    if ((value | 0) !== value) throw new UnstorableValueError(`${value} does not fit a 32-bit column`);
    const at = this.#reserve(8);
    this.#put32(at, 4);
    this.#put32(at + 4, value);
    this.#end = at + 8;
    this.#count++;
  }

  /** @param ms milliseconds since 1970 */
  addTime(ms: number): void {
    const micros = Math.round((ms - EPOCH_2000_MS) * 1000);
    if (!Number.isSafeInteger(micros)) throw new UnstorableValueError(`${ms} is not a time`);
    const at = this.#reserve(12);
    this.#put32(at, 8);
    this.#put32(at + 4, Math.floor(micros / TWO_TO_32));
    this.#put32(at + 8, micros >>> 0);
    this.#end = at + 12;
    this.#count++;
  }

  addUuid(text: string): void {
    const at = this.#reserve(20);
    this.#put32(at, 16);
    writeUuid(this.#bytes, at + 4, text);
    this.#end = at + 20;
    this.#count++;
  }

  /** For `text` and `bytea` columns. What UTF-8 cannot hold becomes U+FFFD. */
  addUtf8(text: string): void {
    const at = this.#reserve(4 + text.length * 3);
    const length = this.#bytes.write(text, at + 4, 'utf8');
    this.#put32(at, length);
    this.#end = at + 4 + length;
    this.#count++;
  }

  #put32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value >> 24;
    bytes[at + 1] = value >> 16;
    bytes[at + 2] = value >> 8;
    bytes[at + 3] = value;
  }

  #reserve(size: number): number {
    const at = this.#end;
    if (at + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(this.#bytes.length * 2, at + size));
      this.#bytes.copy(grown, 0, 0, at);
      this.#bytes = grown;
    }
    return at;
  }
}

/** The 16 bytes of a uuid, as a parameter of its own. */
export function uuidParameter(text: string): Buffer {
  const bytes = Buffer.alloc(16);
  writeUuid(bytes, 0, text);
  return bytes;
}

function writeUuid(bytes: Buffer, at: number, text: string): void {
  // Or of all digits: negative as soon as one is none. Or of all codes: over 255 as soon as one is outside the table.
  let bad = text.length === 36 ? 0 : -1;
  let codes = 0;
  let from = 0;
  for (let to = at; to < at + 16; to++) {
    if (from === 8 || from === 13 || from === 18 || from === 23) from++;
    const high = text.charCodeAt(from);
    const low = text.charCodeAt(from + 1);
    codes |= high | low;
    const value = (NIBBLE[high & 255]! << 4) | NIBBLE[low & 255]!;
    bad |= value;
    bytes[to] = value;
    from += 2;
  }
  if (bad < 0 || codes > 255) throw new UnstorableValueError(`"${text.slice(0, 40)}" is not a uuid`);
}
