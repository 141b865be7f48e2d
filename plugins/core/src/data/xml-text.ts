/**
 * XML text to values. Reads what documents hold and nothing a document type could add: no entities beyond the five of XML, nothing loaded
 * from elsewhere. Time grows with the length of the text, depth is bounded, and errors name line and column.
 *
 * An element without attributes and elements inside is its text. Any other is an object of its attributes, its elements by name (several
 * of a name are a list) and its text.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { fail } from '@plugboard/sdk';
import { guessedCell } from './cell.ts';
import { type MutableObject, isList } from './field-path.ts';
import { shown } from './numbers.ts';

export interface XmlReadOptions {
  /** Put before the names of attributes. */
  readonly attributePrefix: string;
  /** Name for the text of elements that are objects. */
  readonly textName: string;
  /** Elements that are lists even when there is one. */
  readonly lists: readonly string[];
  /** Numbers, true and false where nothing of the text is lost by it. */
  readonly guess: boolean;
  readonly trim: boolean;
  /** Leaves out what stands before the colon of a name, and xmlns attributes. */
  readonly dropNamespaces: boolean;
}

/** Elements inside each other. */
export const XML_DEPTH_MAX = 200;

/** @throws StepFailure XML_INVALID, XML_DOCTYPE, XML_ENTITY, XML_NAME or XML_TOO_DEEP, with line and column. */
export function parseXml(text: string, options: XmlReadOptions): JsonObject {
  const plain = text.includes('\r') ? text.replaceAll(/\r\n?/g, '\n') : text;
  return new Reader(plain, options).document();
}

/** What may stand in a name; `:` parts the prefix of a namespace. */
const NAME = /[\p{L}_:][\p{L}\p{N}\p{M}_:.\u00B7-]*/uy;
const SPACE = /[ \t\n]*/y;
/** A document type without declarations of its own. */
const DOCTYPE = /<!DOCTYPE(?:[^["'>]|"[^"]*"|'[^']*')*>/y;
const DOCTYPE_LENGTH_MAX = 2_000;

interface Frame {
  readonly name: string;
  /** Where the element begins. */
  readonly at: number;
  text: string;
  /** Attributes and elements; undefined as long as there are none. */
  members: MutableObject | undefined;
}

class Reader {
  readonly #text: string;
  readonly #options: XmlReadOptions;
  readonly #lists: ReadonlySet<string>;
  readonly #open: Frame[] = [];
  readonly #result: MutableObject = {};
  #hasRoot = false;
  #at = 0;

  constructor(text: string, options: XmlReadOptions) {
    this.#text = text;
    this.#options = options;
    this.#lists = new Set(options.lists);
  }

  document(): JsonObject {
    const text = this.#text;
    if (text.charCodeAt(0) === 0xfeff) this.#at = 1;
    while (this.#at < text.length) {
      const start = text.indexOf('<', this.#at);
      const end = start === -1 ? text.length : start;
      if (end > this.#at) this.#characters(end);
      if (start !== -1) this.#markup();
    }
    const unclosed = this.#open.at(-1);
    if (unclosed !== undefined) this.#invalid(unclosed.at, `the element ${unclosed.name} is never closed`);
    if (!this.#hasRoot) this.#invalid(text.length, 'there is no element');
    return this.#result;
  }

  #characters(end: number): void {
    const inside = this.#open.at(-1);
    const chunk = this.#text.slice(this.#at, end);
    if (inside !== undefined) inside.text += this.#decoded(chunk, this.#at);
    else if (chunk.trim() !== '') this.#invalid(this.#at + chunk.search(/\S/), 'text stands outside of the root element');
    this.#at = end;
  }

  #markup(): void {
    const text = this.#text;
    const at = this.#at;
    switch (text[at + 1]) {
      case '/':
        return this.#close();
      case '?':
        return this.#skip('?>', 'an instruction');
      case '!':
        break;
      default:
        return this.#element();
    }
    if (text.startsWith('<!--', at)) return this.#skip('-->', 'a comment');
    const inside = this.#open.at(-1);
    if (inside !== undefined && text.startsWith('<![CDATA[', at)) {
      this.#skip(']]>', 'a CDATA section');
      inside.text += text.slice(at + '<![CDATA['.length, this.#at - ']]>'.length);
      return;
    }
    if (!this.#hasRoot && text.startsWith('<!DOCTYPE', at)) return this.#doctype();
    this.#invalid(at, 'a < begins nothing known here');
  }

  #skip(mark: string, what: string): void {
    const opened = mark === '-->' ? 4 : mark === ']]>' ? '<![CDATA['.length : 2;
    const end = this.#text.indexOf(mark, this.#at + opened);
    if (end === -1) this.#invalid(this.#at, `${what} is never closed`);
    this.#at = end + mark.length;
  }

  #doctype(): void {
    DOCTYPE.lastIndex = 0;
    const match = DOCTYPE.exec(this.#text.slice(this.#at, this.#at + DOCTYPE_LENGTH_MAX));
    if (match === null)
      this.#refuse(
        'XML_DOCTYPE',
        this.#at,
        'the document brings a type with declarations of its own, which are not read. Take the declarations out.',
      );
    this.#at += match[0].length;
  }

  #close(): void {
    const at = this.#at;
    this.#at += 2;
    const name = this.#name();
    this.#space();
    if (this.#text[this.#at] !== '>') this.#invalid(this.#at, `the end of ${name} lacks its >`);
    this.#at += 1;
    const frame = this.#open.pop();
    if (frame === undefined) this.#invalid(at, `${name} is closed and was never opened`);
    if (frame.name !== name) this.#invalid(at, `${name} is closed where ${frame.name} is open`);
    this.#finish(frame);
  }

  #element(): void {
    const at = this.#at;
    if (this.#open.length === 0 && this.#hasRoot) this.#invalid(at, 'there is a second root element');
    if (this.#open.length >= XML_DEPTH_MAX)
      this.#refuse('XML_TOO_DEEP', at, `more than ${XML_DEPTH_MAX} elements stand inside each other.`);
    this.#hasRoot = true;
    this.#at += 1;
    const frame: Frame = { name: this.#name(), at, text: '', members: undefined };
    const seen = new Set<string>();
    for (;;) {
      const isApart = this.#space();
      const char = this.#text[this.#at];
      if (char === '>') {
        this.#at += 1;
        this.#open.push(frame);
        return;
      }
      if (char === '/' && this.#text[this.#at + 1] === '>') {
        this.#at += 2;
        this.#finish(frame);
        return;
      }
      if (char === undefined) this.#invalid(at, `the tag ${frame.name} is never closed`);
      if (!isApart) this.#invalid(this.#at, `${shown(char)} cannot stand in a tag`);
      this.#attribute(frame, seen);
    }
  }

  #attribute(frame: Frame, seen: Set<string>): void {
    const at = this.#at;
    const name = this.#name();
    if (seen.has(name)) this.#invalid(at, `the attribute ${name} is there twice`);
    seen.add(name);
    this.#space();
    if (this.#text[this.#at] !== '=') this.#invalid(this.#at, `the attribute ${name} has no value`);
    this.#at += 1;
    this.#space();
    const quote = this.#text[this.#at];
    if (quote !== '"' && quote !== "'") this.#invalid(this.#at, `the value of ${name} is not quoted`);
    const start = this.#at + 1;
    const end = this.#text.indexOf(quote, start);
    if (end === -1) this.#invalid(this.#at, `the value of ${name} is never closed`);
    const raw = this.#text.slice(start, end);
    if (raw.includes('<')) this.#invalid(start + raw.indexOf('<'), `the value of ${name} holds a <; write &lt;`);
    this.#at = end + 1;
    const { attributePrefix, dropNamespaces, guess } = this.#options;
    if (dropNamespaces && (name === 'xmlns' || name.startsWith('xmlns:'))) return;
    const value = this.#decoded(raw.replaceAll(/[\t\n]/g, ' '), start);
    this.#add((frame.members ??= {}), attributePrefix + this.#local(name), guess ? guessedCell(value) : value, at);
  }

  #finish(frame: Frame): void {
    const { trim, guess, textName } = this.#options;
    const text = trim || (frame.members !== undefined && frame.text.trim() === '') ? frame.text.trim() : frame.text;
    const value = guess ? guessedCell(text) : text;
    if (frame.members !== undefined && text !== '') this.#add(frame.members, textName, value, frame.at);
    const parent = this.#open.at(-1);
    this.#add(parent === undefined ? this.#result : (parent.members ??= {}), this.#local(frame.name), frame.members ?? value, frame.at);
  }

  #add(members: MutableObject, name: string, value: Json, at: number): void {
    if (name === '__proto__') this.#refuse('XML_NAME', at, 'a name is __proto__, which no field can be.');
    const before = Object.hasOwn(members, name) ? members[name] : undefined;
    if (before === undefined) members[name] = this.#lists.has(name) ? [value] : value;
    // Lists are made here only, so they may grow.
    else if (isList(before)) (before as Json[]).push(value);
    else members[name] = [before, value];
  }

  #local(name: string): string {
    return this.#options.dropNamespaces ? name.slice(name.indexOf(':') + 1) : name;
  }

  #name(): string {
    NAME.lastIndex = this.#at;
    const name = NAME.exec(this.#text)?.[0];
    if (name === undefined) this.#invalid(this.#at, 'a name is missing');
    this.#at = NAME.lastIndex;
    return name;
  }

  /** Says whether there was any. */
  #space(): boolean {
    SPACE.lastIndex = this.#at;
    SPACE.test(this.#text);
    const isThere = SPACE.lastIndex > this.#at;
    this.#at = SPACE.lastIndex;
    return isThere;
  }

  #decoded(text: string, at: number): string {
    if (!text.includes('&')) return text;
    return text.replaceAll(/&(?:([a-z]+|#\d{1,7}|#x[0-9a-fA-F]{1,6});)?/g, (whole: string, name: string | undefined, offset: number) => {
      const char = name === undefined ? undefined : reference(name);
      if (char !== undefined) return char;
      return this.#refuse('XML_ENTITY', at + offset, `${shown(whole)} stands for nothing known. Write &amp; for a plain &.`);
    });
  }

  #invalid(at: number, problem: string): never {
    this.#refuse('XML_INVALID', at, `${problem}.`);
  }

  #refuse(code: string, at: number, problem: string): never {
    const before = this.#text.slice(0, at);
    const line = 1 + (before.match(/\n/g)?.length ?? 0);
    const column = at - before.lastIndexOf('\n');
    fail(code, `Line ${line}, column ${column}: ${problem}`, { data: { line, column } });
  }
}

const ENTITIES: ReadonlyMap<string, string> = new Map([
  ['lt', '<'],
  ['gt', '>'],
  ['amp', '&'],
  ['quot', '"'],
  ['apos', "'"],
]);

/** The character of `lt`, `#60` or `#x3C`; undefined when there is none that text may hold. */
function reference(name: string): string | undefined {
  if (!name.startsWith('#')) return ENTITIES.get(name);
  const code = name[1] === 'x' ? Number.parseInt(name.slice(2), 16) : Number(name.slice(1));
  const isText = code === 9 || code === 10 || code === 13 || (code >= 0x20 && code <= 0x10ffff && !(code >= 0xd800 && code <= 0xdfff));
  return isText ? String.fromCodePoint(code) : undefined;
}
