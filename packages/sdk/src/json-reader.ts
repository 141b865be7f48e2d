/**
 * Reads JSON text from outside in pieces, so that a large or hostile one never holds up the event loop: whoever reads decides when to
 * pause. Pure: it counts characters and knows no clock. Pieces go to the engine's own parser, so what is accepted is exactly JSON.
 */
import type { Json } from './json.ts';

export interface JsonReaderOptions {
  /** Arrays and objects may nest this deep. @default 64 */
  readonly maxDepth?: number;
  /** Values the text may hold, the inner ones included. @default 1000000 */
  readonly maxValues?: number;
  /** Members one object may have; engines become slow with more. @default 100000 */
  readonly maxMembers?: number;
  /** Leaves members named `__proto__` out instead of making them plain data. @default false */
  readonly dropProto?: boolean;
}

export type JsonLimit = 'depth' | 'values' | 'members';

/** Thrown when the text nests too deep or holds too much. Reading it again changes nothing. */
export class JsonLimitError extends Error {
  override readonly name = 'JsonLimitError';
  readonly code = 'JSON_TOO_COMPLEX';
  readonly limit: JsonLimit;
  readonly max: number;

  constructor(limit: JsonLimit, max: number) {
    super(LIMIT_TEXTS[limit](max));
    this.limit = limit;
    this.max = max;
  }
}

const LIMIT_TEXTS: { readonly [L in JsonLimit]: (max: number) => string } = {
  depth: (max) => `The JSON nests deeper than ${max} levels.`,
  values: (max) => `The JSON holds more than ${max} values.`,
  members: (max) => `An object in the JSON has more than ${max} members.`,
};

/** Text of one piece in characters; containers longer than that are put together from pieces. */
const PIECE = 32 * 1024;

type Container = Json[] | { [key: string]: Json };

/** An array or object whose end is not reached yet. */
interface Open {
  readonly isArray: boolean;
  /** Position of its bracket. */
  readonly start: number;
  /** Where the text begins that is not in `value` yet. */
  pending: number;
  /** Where its present member begins. */
  member: number;
  /** Commas so far. */
  commas: number;
  /** What was read of it; undefined while it is short enough to be read as a part of the one around it. */
  value: Container | undefined;
  /** Position after a member that was put together from pieces; undefined once its comma came. */
  afterMember: number | undefined;
}

const QUOTE = 0x22;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_ARRAY = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_ARRAY = 0x5d;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

export class JsonReader {
  readonly #text: string;
  readonly #maxDepth: number;
  readonly #maxValues: number;
  readonly #maxMembers: number;
  readonly #dropProto: boolean;
  readonly #open: Open[] = [];
  #at = 0;
  /** Inside a text value: where its beginning is. */
  #textStart: number | undefined;
  #values = 0;
  /** The whole value, when it was put together from pieces, and where its text ends. */
  #root: { readonly value: Container; readonly end: number } | undefined;

  constructor(text: string, { maxDepth = 64, maxValues = 1_000_000, maxMembers = 100_000, dropProto = false }: JsonReaderOptions = {}) {
    this.#text = text;
    this.#maxDepth = maxDepth;
    this.#maxValues = maxValues;
    this.#maxMembers = maxMembers;
    this.#dropProto = dropProto;
  }

  /**
   * Looks at about as many characters as named; true when it has seen all.
   * @throws SyntaxError when the text is no JSON
   * @throws JsonLimitError
   */
  advance(characters: number): boolean {
    const text = this.#text;
    const stop = this.#at + characters;
    while (this.#at < text.length && this.#at < stop) {
      if (this.#textStart !== undefined) {
        this.#passText(this.#textStart, stop);
        continue;
      }
      const at = this.#at;
      const code = text.charCodeAt(at);
      switch (code) {
        case QUOTE:
          this.#at++;
          this.#textStart = at;
          this.#count();
          break;
        case OPEN_ARRAY:
        case OPEN_OBJECT:
          this.#at++;
          this.#count();
          this.#begin(code === OPEN_ARRAY, at);
          break;
        case CLOSE_ARRAY:
        case CLOSE_OBJECT:
          this.#at++;
          this.#end(code === CLOSE_ARRAY, at);
          break;
        case COMMA:
          this.#at++;
          this.#separate(at);
          break;
        case COLON:
          this.#at++;
          // The text before it was a key.
          this.#values--;
          break;
        default:
          if (code > 0x20) {
            this.#at = this.#afterWord(at);
            this.#count();
          } else {
            this.#at++;
          }
      }
    }
    if (this.#at < text.length) return false;
    if (this.#textStart !== undefined) throw new SyntaxError(`The text that begins at position ${this.#textStart} has no end.`);
    if (this.#values > this.#maxValues) throw new JsonLimitError('values', this.#maxValues);
    return true;
  }

  /**
   * The value, once {@link advance} has seen all of the text.
   * @throws SyntaxError when the text is no JSON
   */
  value(): Json {
    if (this.#root !== undefined) {
      this.#blank(this.#root.end, this.#text.length);
      return this.#root.value;
    }
    return this.#parse(this.#text);
  }

  #count(): void {
    // One more than the limit, as a key counts until its colon comes.
    if (++this.#values > this.#maxValues + 1) throw new JsonLimitError('values', this.#maxValues);
  }

  /** Goes to the end of a text value, or to a quote inside it near `stop`. */
  #passText(start: number, stop: number): void {
    const text = this.#text;
    for (let quote = text.indexOf('"', this.#at); quote >= 0; quote = text.indexOf('"', quote + 1)) {
      this.#at = quote + 1;
      let before = quote - 1;
      while (text.charCodeAt(before) === BACKSLASH) before--;
      if ((quote - before) % 2 === 1) {
        this.#textStart = undefined;
        return;
      }
      if (quote >= stop) return;
    }
    throw new SyntaxError(`The text that begins at position ${start} has no end.`);
  }

  /** After a number, `true`, `false`, `null`, or what is none of them and fails later. */
  #afterWord(at: number): number {
    const text = this.#text;
    let end = at + 1;
    while (end < text.length) {
      const code = text.charCodeAt(end);
      if (code <= 0x20 || code === COMMA || code === CLOSE_ARRAY || code === CLOSE_OBJECT || code === COLON || code === QUOTE) break;
      if (code === OPEN_ARRAY || code === OPEN_OBJECT) break;
      end++;
    }
    return end;
  }

  #begin(isArray: boolean, at: number): void {
    if (this.#open.length >= this.#maxDepth) throw new JsonLimitError('depth', this.#maxDepth);
    if (this.#root !== undefined) throw unexpected(at);
    this.#open.push({ isArray, start: at, pending: at + 1, member: at + 1, commas: 0, value: undefined, afterMember: undefined });
  }

  #separate(at: number): void {
    const open = this.#open.at(-1);
    if (open === undefined) throw unexpected(at);
    open.member = at + 1;
    if (++open.commas >= this.#maxMembers && !open.isArray) throw new JsonLimitError('members', this.#maxMembers);
    if (open.afterMember !== undefined) {
      this.#blank(open.afterMember, at);
      open.afterMember = undefined;
      open.pending = at + 1;
    } else if (at - open.pending > PIECE) {
      this.#take(open, open.pending, at);
      open.pending = at + 1;
    }
  }

  #end(isArray: boolean, at: number): void {
    const open = this.#open.pop();
    if (open === undefined || open.isArray !== isArray) throw unexpected(at);
    if (open.value === undefined && (at - open.start <= 2 * PIECE || this.#text.slice(open.pending, at).trim() === '')) return;
    if (open.afterMember === undefined) this.#take(open, open.pending, at);
    else this.#blank(open.afterMember, at);
    this.#hand(open.value as Container, open.start, at + 1);
  }

  /** Gives a value put together from pieces to the container around it. */
  #hand(value: Container, start: number, end: number): void {
    const around = this.#open.at(-1);
    if (around === undefined) {
      this.#blank(0, start);
      this.#root = { value, end };
      return;
    }
    if (around.afterMember !== undefined) throw unexpected(start);
    if (around.member > around.pending) this.#take(around, around.pending, around.member - 1);
    const target = (around.value ??= around.isArray ? [] : {});
    if (Array.isArray(target)) {
      this.#blank(around.member, start);
      target.push(value);
    } else {
      this.#set(target, this.#key(around.member, start), value);
    }
    around.afterMember = end;
  }

  /** Reads members from the text between two positions. */
  #take(open: Open, from: number, to: number): void {
    const piece = this.#text.slice(from, to);
    if (piece.trim() === '') throw unexpected(to);
    const read = this.#parse(open.isArray ? `[${piece}]` : `{${piece}}`) as Container;
    const target = (open.value ??= open.isArray ? [] : {});
    if (Array.isArray(read)) {
      for (const one of read) (target as Json[]).push(one);
      return;
    }
    for (const key of Object.keys(read)) this.#set(target as { [key: string]: Json }, key, read[key] as Json);
  }

  #set(target: { [key: string]: Json }, key: string, value: Json): void {
    if (key !== '__proto__') target[key] = value;
    else if (!this.#dropProto) Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  }

  /** The key in front of a member. */
  #key(from: number, to: number): string {
    const [key] = Object.keys(JSON.parse(`{${this.#text.slice(from, to)}null}`) as object);
    if (key === undefined) throw unexpected(from);
    return key;
  }

  #parse(text: string): Json {
    const value = JSON.parse(text) as Json;
    if (this.#dropProto && MAY_HOLD_PROTO.test(text)) dropProto(value);
    return value;
  }

  #blank(from: number, to: number): void {
    const text = this.#text;
    for (let at = from; at < to; at++) {
      const code = text.charCodeAt(at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) throw unexpected(at);
    }
  }
}

/** The key in plain letters, or escapes that could spell it. */
const MAY_HOLD_PROTO = /__proto__|\\u00/;

function dropProto(value: Json): void {
  if (typeof value !== 'object' || value === null) return;
  if (!Array.isArray(value) && Object.hasOwn(value, '__proto__')) delete (value as { ['__proto__']?: Json })['__proto__'];
  for (const member of Object.values(value)) dropProto(member as Json);
}

function unexpected(at: number): SyntaxError {
  return new SyntaxError(`Unexpected text at position ${at}.`);
}
