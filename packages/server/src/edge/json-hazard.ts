/**
 * What about a JSON text would hurt the server before anybody has looked at its meaning: measured in one pass over the characters,
 * because parsing it is the expensive part.
 */

const MAX_DEPTH = 64;
/** Values and keys of one body. Parsing this many takes some ten milliseconds, during which nothing else is answered. */
const MAX_VALUES = 100_000;
/** Shorter numbers without an exponent are always finite. */
const ALWAYS_FINITE = 300;

export interface JsonHazard {
  readonly code: 'JSON_TOO_DEEP' | 'JSON_TOO_MANY_VALUES' | 'JSON_NUMBER_TOO_LARGE';
  readonly message: string;
}

const QUOTE = 34;
const COMMA = 44;
const COLON = 58;
const OPEN_LIST = 91;
const BACKSLASH = 92;
const CLOSE_LIST = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;

/** The text need not be valid JSON: whatever else is wrong is for the parser to say. */
export function jsonHazard(text: string): JsonHazard | undefined {
  let depth = 0;
  let values = 0;
  for (let i = 0; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === COMMA || code === COLON) continue;
    if (code === CLOSE_LIST || code === CLOSE_OBJECT) {
      depth -= 1;
      continue;
    }
    values += 1;
    if (values > MAX_VALUES)
      return {
        code: 'JSON_TOO_MANY_VALUES',
        message: `The body has more than ${MAX_VALUES} values and keys. Send it in parts, or as text (CSV, JSON lines) that a step reads`,
      };
    if (code === OPEN_LIST || code === OPEN_OBJECT) {
      depth += 1;
      if (depth > MAX_DEPTH) return { code: 'JSON_TOO_DEEP', message: `The body is nested more than ${MAX_DEPTH} levels deep` };
    } else if (code === QUOTE) {
      i = endOfText(text, i);
    } else {
      const end = endOfWord(text, i);
      if (isEndless(text, i, end)) {
        return { code: 'JSON_NUMBER_TOO_LARGE', message: 'A number in the body is larger than any number here can be. Send it as text' };
      }
      i = end - 1;
    }
  }
  return undefined;
}

/** Position of the closing quote. */
function endOfText(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code === BACKSLASH) i += 1;
    else if (code === QUOTE) break;
  }
  return i;
}

/** Position after a number, true, false, null, or something that is none of them. */
function endOfWord(text: string, start: number): number {
  let i = start + 1;
  for (; i < text.length; i += 1) {
    const code = text.charCodeAt(i);
    if (code <= 32 || code === COMMA || code === COLON || code === QUOTE) break;
    if (code === OPEN_LIST || code === OPEN_OBJECT || code === CLOSE_LIST || code === CLOSE_OBJECT) break;
  }
  return i;
}

/** A number such as 1e400, which would silently become none. */
function isEndless(text: string, start: number, end: number): boolean {
  const first = text.charCodeAt(start);
  if (first !== 45 && (first < 48 || first > 57)) return false;
  let mayBe = end - start > ALWAYS_FINITE;
  for (let i = start; i < end && !mayBe; i += 1) mayBe = (text.charCodeAt(i) | 32) === 101;
  const value = mayBe ? Number(text.slice(start, end)) : 0;
  return value === Infinity || value === -Infinity;
}

/** What keeps a text out of the database: PostgreSQL takes neither NUL nor half a surrogate pair. */
export function unstorableText(text: string): string | undefined {
  if (text.includes('\0')) return 'a NUL character';
  return text.isWellFormed() ? undefined : 'half of a surrogate pair';
}
