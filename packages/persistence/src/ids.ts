/**
 * Ids: uuid version 7, lower case, made by the server. Their first 48 bits are milliseconds, so id order is time order,
 * and the partitions of `run` are ranges of ids.
 *
 * Layout: 48 bits of time, version, a 12-bit counter within the millisecond, variant, 62 random bits. When a millisecond
 * has used its 4,096 ids the next one is borrowed, so ids of one process always ascend, also when the clock steps back.
 */
import { randomFillSync } from 'node:crypto';

export interface UuidSource {
  /** The next id; greater than every id this source made before. */
  next(): string;
  /** Added to this machine's clock, in milliseconds, so that ids follow the database's clock. @default 0 */
  setClockOffsetMs(offsetMs: number): void;
}

const COUNTER_LIMIT = 4096;
const RANDOM_BYTES = 8;
const POOL_BYTES = RANDOM_BYTES * 1024;
const HEX: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A source of ascending ids. `now` gives milliseconds since 1970. */
export function createUuidSource(now: () => number = Date.now): UuidSource {
  const pool = new Uint8Array(POOL_BYTES);
  let used = POOL_BYTES;
  let offsetMs = 0;
  let lastMs = -1;
  let counter = 0;
  let prefix = '';

  return {
    setClockOffsetMs(value) {
      offsetMs = Math.round(value);
    },
    next() {
      const ms = now() + offsetMs;
      if (ms > lastMs) {
        lastMs = ms;
        counter = 0;
        prefix = timePrefix(ms);
      } else if (++counter === COUNTER_LIMIT) {
        lastMs += 1;
        counter = 0;
        prefix = timePrefix(lastMs);
      }
      if (used === POOL_BYTES) {
        randomFillSync(pool);
        used = 0;
      }
      const at = used;
      used += RANDOM_BYTES;
      return (
        prefix +
        HEX[0x70 | (counter >> 8)] +
        HEX[counter & 0xff] +
        '-' +
        HEX[0x80 | (pool[at]! & 0x3f)] +
        HEX[pool[at + 1]!] +
        '-' +
        HEX[pool[at + 2]!] +
        HEX[pool[at + 3]!] +
        HEX[pool[at + 4]!] +
        HEX[pool[at + 5]!] +
        HEX[pool[at + 6]!] +
        HEX[pool[at + 7]!]
      );
    },
  };
}

// Ids must ascend across the whole process, so the process has one source; nothing else in this package is shared state.
const processSource = createUuidSource();

/** A new id, greater than every id this process made before. */
export function uuidv7(): string {
  return processSource.next();
}

/** Moves the clock of {@link uuidv7} by `offsetMs` milliseconds, so that processes on different machines agree with the database. */
export function setUuidClockOffsetMs(offsetMs: number): void {
  processSource.setClockOffsetMs(offsetMs);
}

/** The smallest uuid of a millisecond: the bound between partitions. */
export function uuidFloor(ms: number): string {
  return `${timePrefix(ms)}0000-0000-000000000000`;
}

/** When an id was made, in milliseconds since 1970. */
export function uuidTimeMs(uuid: string): number {
  return Number.parseInt(uuid.slice(0, 8) + uuid.slice(9, 13), 16);
}

/** Writes the 16 bytes of `uuid` (36 characters, lower or upper case) into `target` at `offset`; gives the offset after them. */
export function uuidToBytes(uuid: string, target: Uint8Array, offset = 0): number {
  let at = 0;
  for (let byte = 0; byte < 16; byte++) {
    if (byte === 4 || byte === 6 || byte === 8 || byte === 10) at++;
    target[offset + byte] = (nibble(uuid.charCodeAt(at)) << 4) | nibble(uuid.charCodeAt(at + 1));
    at += 2;
  }
  return offset + 16;
}

/** The uuid whose 16 bytes stand in `source` at `offset`. */
export function uuidFromBytes(source: Uint8Array, offset = 0): string {
  let text = '';
  for (let byte = 0; byte < 16; byte++) {
    if (byte === 4 || byte === 6 || byte === 8 || byte === 10) text += '-';
    text += HEX[source[offset + byte]!];
  }
  return text;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** True for any lower-case uuid, whatever its version. */
export function isUuid(text: string): boolean {
  return UUID.test(text);
}

/** `xxxxxxxx-xxxx-` of a time in milliseconds. */
function timePrefix(ms: number): string {
  const hex = ms.toString(16).padStart(12, '0');
  return `${hex.slice(0, 8)}-${hex.slice(8)}-`;
}

function nibble(charCode: number): number {
  return charCode < 58 ? charCode - 48 : (charCode | 32) - 87;
}
