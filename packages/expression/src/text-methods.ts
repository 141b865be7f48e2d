/** Methods of text. What can grow pays for its result first; what searches pays for text times needle. */
import { decodeBase64, encodeBase64 } from './base64.ts';
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';
import { parseJson } from './json-text.ts';
import { Lambda } from './lambda.ts';
import { numberArg, numberOr, textArg, textOr, type Arguments, type MethodTable } from './method.ts';
import { dateFuel, defaultLocale, localeNamed, momentOfFormat, momentOfText, zoneNamed } from './moment.ts';
import { Pattern, type PatternMatch } from './pattern.ts';
import { putField, show, textOf } from './plain.ts';
import type { Value } from './values.ts';

export const textMethods: MethodTable<string> = {
  trim: { signature: '() => string', doc: 'Without blanks at both ends.', run: (self) => self.trim() },
  trimStart: { signature: '() => string', doc: 'Without blanks at the start.', run: (self) => self.trimStart() },
  trimEnd: { signature: '() => string', doc: 'Without blanks at the end.', run: (self) => self.trimEnd() },
  toUpperCase: {
    signature: '() => string',
    doc: 'In upper case.',
    run(self, _args, e) {
      // Beyond ASCII each letter is looked up.
      e.charge(self.length >>> 6);
      return self.toUpperCase();
    },
  },
  toLowerCase: { signature: '() => string', doc: 'In lower case.', run: (self) => self.toLowerCase() },
  toString: { signature: '() => string', doc: 'The text itself.', run: (self: string) => self },
  capitalize: {
    signature: '() => string',
    doc: 'With its first letter in upper case.',
    run: (self) => self.charAt(0).toUpperCase() + self.slice(1),
  },
  toTitleCase: {
    signature: '() => string',
    doc: 'Every word with a capital letter, the rest in lower case.',
    run(self, _args, e) {
      payForPieces(self, e);
      return self.toLowerCase().replace(/(^|[\s\-(/])(\p{L})/gu, (_all, before: string, letter: string) => before + letter.toUpperCase());
    },
  },
  toCamelCase: {
    signature: '() => string',
    doc: 'Words joined asCamelCase.',
    run: (self, _args, e) =>
      wordsOf(self, e)
        .map((word, index) => (index === 0 ? word : word.charAt(0).toUpperCase() + word.slice(1)))
        .join(''),
  },
  toSnakeCase: { signature: '() => string', doc: 'Words joined as_snake_case.', run: (self, _args, e) => wordsOf(self, e).join('_') },
  toKebabCase: { signature: '() => string', doc: 'Words joined as-kebab-case.', run: (self, _args, e) => wordsOf(self, e).join('-') },
  slug: {
    signature: '() => string',
    doc: 'For addresses and file names: lower case, without accents, other characters as one dash.',
    run: (self, _args, e) => slugOf(self, e),
  },
  includes: {
    signature: '(part: string, from?: number) => boolean',
    doc: 'True when the text holds the part.',
    run: (self, args, e) => self.includes(needle(self, args, e), numberOr(args, 1, 0)),
  },
  startsWith: {
    signature: '(part: string, at?: number) => boolean',
    doc: 'True when the text starts with the part.',
    run: (self, args) => self.startsWith(textArg(args, 0), numberOr(args, 1, 0)),
  },
  endsWith: {
    signature: '(part: string) => boolean',
    doc: 'True when the text ends with the part.',
    run: (self, args) => self.endsWith(textArg(args, 0), numberOr(args, 1, self.length)),
  },
  indexOf: {
    signature: '(part: string, from?: number) => number',
    doc: 'Where the part first stands, or -1.',
    run: (self, args, e) => self.indexOf(needle(self, args, e), numberOr(args, 1, 0)),
  },
  lastIndexOf: {
    signature: '(part: string) => number',
    doc: 'Where the part last stands, or -1.',
    run: (self, args, e) => self.lastIndexOf(needle(self, args, e), numberOr(args, 1, self.length)),
  },
  charAt: {
    signature: '(index: number) => string',
    doc: 'One character, or empty text.',
    run: (self, args) => self.charAt(numberOr(args, 0, 0)),
  },
  at: {
    signature: '(index: number) => string | undefined',
    doc: 'One character, from the end when negative.',
    run: (self, args) => self.at(numberOr(args, 0, 0)),
  },
  charCodeAt: {
    signature: '(index: number) => number | undefined',
    doc: 'The UTF-16 code of one character.',
    run: (self, args) => (self.charAt(numberOr(args, 0, 0)) === '' ? undefined : self.charCodeAt(numberOr(args, 0, 0))),
  },
  slice: {
    signature: '(start: number, end?: number) => string',
    doc: 'A part of the text; negative places count from the end.',
    run: (self, args) => self.slice(numberOr(args, 0, 0), numberOr(args, 1, self.length)),
  },
  substring: {
    signature: '(start: number, end?: number) => string',
    doc: 'A part of the text.',
    run: (self, args) => self.substring(numberOr(args, 0, 0), numberOr(args, 1, self.length)),
  },
  truncate: {
    signature: "(length: number, ending = '…') => string",
    doc: 'At most that many characters, the ending included.',
    run(self, args) {
      const length = Math.max(0, numberArg(args, 0));
      const ending = textOr(args, 1, '…');
      return self.length <= length ? self : self.slice(0, Math.max(0, length - ending.length)) + ending.slice(0, length);
    },
  },
  padStart: {
    signature: "(length: number, filler = ' ') => string",
    doc: 'Filled up at the start.',
    run(self, args, e) {
      e.chargeText(numberArg(args, 0));
      return self.padStart(numberArg(args, 0), textOr(args, 1, ' '));
    },
  },
  padEnd: {
    signature: "(length: number, filler = ' ') => string",
    doc: 'Filled up at the end.',
    run(self, args, e) {
      e.chargeText(numberArg(args, 0));
      return self.padEnd(numberArg(args, 0), textOr(args, 1, ' '));
    },
  },
  repeat: {
    signature: '(times: number) => string',
    doc: 'The text that many times.',
    run(self, args, e) {
      const times = Math.trunc(numberArg(args, 0));
      if (times < 0) throw new ExpressionError('EXPR_TYPE', 'A text cannot be repeated fewer than 0 times.');
      e.chargeText(self.length * times);
      // Repeating nothing is free of text but not of turns.
      return self === '' ? '' : self.repeat(times);
    },
  },
  concat: {
    signature: '(...parts: any[]) => string',
    doc: 'With the parts added.',
    run(self, args, e) {
      let text = self;
      for (const part of args) {
        const added = textOf(e, part as Value);
        e.chargeText(text.length + added.length);
        text += added;
      }
      return text;
    },
  },
  split: {
    signature: '(separator: string | RegExp, limit?: number) => string[]',
    doc: 'The parts between the separators.',
    patternAt: [0],
    run: split,
  },
  lines: {
    signature: '() => string[]',
    doc: 'The lines, whatever their endings.',
    run: (self, _args, e) => split(self.replaceAll('\r\n', '\n'), ['\n'], e),
  },
  replace: {
    signature: '(what: string | RegExp, by: string | ((match, ...groups) => string)) => string',
    doc: 'With the first match replaced (all with the flag g).',
    patternAt: [0],
    arrowAt: [1],
    run: (self, args, e) => replace(self, args, e, args[0] instanceof Pattern && args[0].isGlobal),
  },
  replaceAll: {
    signature: '(what: string | RegExp, by: string | ((match, ...groups) => string)) => string',
    doc: 'With every match replaced.',
    patternAt: [0],
    arrowAt: [1],
    run: (self, args, e) => replace(self, args, e, true),
  },
  matches: {
    signature: '(pattern: RegExp) => boolean',
    doc: 'True when the pattern is found in the text.',
    patternAt: [0],
    run: (self, args, e) => patternArg(args, 0).test(e, self),
  },
  match: {
    signature: '(pattern: RegExp) => string[] | null',
    doc: 'The first match and its groups; with the flag g, every match.',
    patternAt: [0],
    run(self, args, e) {
      const pattern = patternArg(args, 0);
      const found: Value[] = [];
      let groups: Value | undefined;
      pattern.each(e, self, (match) => {
        if (pattern.isGlobal) found.push(match.groups[0]);
        else groups = match.groups;
        return pattern.isGlobal;
      });
      return pattern.isGlobal ? (found.length === 0 ? null : found) : (groups ?? null);
    },
  },
  matchAll: {
    signature: '(pattern: RegExp) => { match, index, groups, named }[]',
    doc: 'Every match with its place and groups.',
    patternAt: [0],
    run(self, args, e) {
      const found: Value[] = [];
      patternArg(args, 0).each(e, self, (match) => {
        const named: { [name: string]: Value } = {};
        for (const [name, group] of match.names) putField(named, name, match.groups[group]);
        found.push({ match: match.groups[0], index: match.start, groups: match.groups.slice(1), named });
        return true;
      });
      return found;
    },
  },
  search: {
    signature: '(pattern: RegExp) => number',
    doc: 'Where the pattern is first found, or -1.',
    patternAt: [0],
    run(self, args, e) {
      let at = -1;
      patternArg(args, 0).each(e, self, (match) => {
        at = match.start;
        return false;
      });
      return at;
    },
  },
  localeCompare: {
    signature: "(other: string, language = 'en-US') => number",
    doc: 'Negative, 0 or positive: the order a dictionary of the language has.',
    run(self, args, e) {
      const other = textArg(args, 0);
      e.charge(dateFuel + ((self.length + other.length) >>> 5));
      return Math.sign(self.localeCompare(other, localeNamed(textOr(args, 1, 'en-US'))));
    },
  },
  normalize: {
    signature: "(form: 'NFC' | 'NFD' | 'NFKC' | 'NFKD') => string",
    doc: 'In a Unicode normal form.',
    run(self, args, e) {
      const form = textOr(args, 0, 'NFC');
      if (!/^NFK?[CD]$/.test(form)) throw new ExpressionError('EXPR_TYPE', 'The form must be NFC, NFD, NFKC or NFKD.');
      e.charge(self.length >>> 5);
      return self.normalize(form);
    },
  },
  reverse: { signature: '() => string', doc: 'Back to front.', run: (self, _args, e) => charsOf(self, e).toReversed().join('') },
  count: {
    signature: '(part: string) => number',
    doc: 'How often the part stands in the text.',
    run(self, args, e) {
      const part = needle(self, args, e);
      let count = 0;
      for (let at = part === '' ? -1 : self.indexOf(part); at >= 0; at = self.indexOf(part, at + part.length)) {
        e.charge(1);
        count++;
      }
      return count;
    },
  },
  before: {
    signature: '(part: string) => string',
    doc: 'What stands before the part; all of it when the part is not there.',
    run(self, args, e) {
      const at = self.indexOf(needle(self, args, e));
      return at < 0 ? self : self.slice(0, at);
    },
  },
  after: {
    signature: '(part: string) => string',
    doc: 'What stands after the part; nothing when the part is not there.',
    run(self, args, e) {
      const part = needle(self, args, e);
      const at = self.indexOf(part);
      return at < 0 ? '' : self.slice(at + part.length);
    },
  },
  removeTags: { signature: '() => string', doc: 'Without HTML or XML tags.', run: (self, _args, e) => withoutTags(self, e) },
  extractEmail: {
    signature: '() => string | undefined',
    doc: 'The first e-mail address in the text.',
    run: (self, _args, e) => wordsWith(self, e, '@').find((word) => isEmail(word)),
  },
  extractUrl: {
    signature: '() => string | undefined',
    doc: 'The first http or https address in the text.',
    run: (self, _args, e) => wordsWith(self, e, '://').find((word) => isUrl(word)),
  },
  extractDomain: {
    signature: '() => string | undefined',
    doc: 'The host of an e-mail or web address.',
    run: (self) => domainOf(self.trim()),
  },
  isEmail: { signature: '() => boolean', doc: 'True for an e-mail address.', run: (self) => isEmail(self) },
  isUrl: { signature: '() => boolean', doc: 'True for an http or https address.', run: (self) => isUrl(self) },
  isNumeric: {
    signature: '() => boolean',
    doc: 'True when all of it is a number.',
    run: (self) => self.length <= 400 && self.trim() !== '' && Number.isFinite(Number(self)),
  },
  isEmpty: { signature: '() => boolean', doc: 'True for no characters.', run: (self) => self === '' },
  isNotEmpty: { signature: '() => boolean', doc: 'True for at least one character.', run: (self) => self !== '' },
  toNumber: {
    signature: '() => number',
    doc: 'The number the text spells; an error when it spells none.',
    run(self) {
      const number = self.length > 400 || self.trim() === '' ? Number.NaN : Number(self);
      if (Number.isFinite(number)) return number;
      throw new ExpressionError('EXPR_BAD_DATA', `${show(self)} is not a number.`);
    },
  },
  toBoolean: {
    signature: '() => boolean',
    doc: "False for '', '0', 'false', 'no' and 'off', true for anything else.",
    run: (self) => !['', '0', 'false', 'no', 'off'].includes(self.slice(0, 32).trim().toLowerCase()),
  },
  toDate: {
    signature: '(format?: string, zone?: string) => date',
    doc: 'The date the text spells: ISO 8601, or the given format.',
    run: toDate,
  },
  toDateTime: { signature: '(format?: string, zone?: string) => date', doc: 'The same as toDate.', run: toDate },
  parseJson: { signature: '() => any', doc: 'The value the JSON text spells.', run: (self, _args, e) => parseJson(e, self) },
  toJsonString: { signature: '() => string', doc: 'As a JSON string, in quotes.', run: (self) => JSON.stringify(self) },
  base64Encode: {
    signature: '() => string',
    doc: 'Base64 of its UTF-8.',
    run(self, _args, e) {
      e.chargeText(self.length + (self.length >>> 1));
      payForPieces(self, e);
      return encodeBase64(self);
    },
  },
  base64Decode: {
    signature: '() => string',
    doc: 'The text Base64 stands for.',
    run(self, _args, e) {
      payForPieces(self, e);
      const text = decodeBase64(self);
      if (text === undefined) throw new ExpressionError('EXPR_BAD_DATA', 'The text is not Base64 of UTF-8 text.');
      return text;
    },
  },
  urlEncode: { signature: '() => string', doc: 'Escaped for a part of an address.', run: (self) => uriCoded(self, encodeURIComponent) },
  urlDecode: { signature: '() => string', doc: 'Without the escapes of an address.', run: (self) => uriCoded(self, decodeURIComponent) },
};

/** `encodeURIComponent` and its kin, whose errors say nothing about the place. */
export function uriCoded(text: string, code: (text: string) => string): string {
  try {
    return code(text);
  } catch (cause) {
    throw new ExpressionError('EXPR_BAD_DATA', 'The text cannot be escaped or unescaped for an address.', { cause });
  }
}

function toDate(self: string, args: Arguments, evaluation: Evaluation): Value {
  evaluation.charge(dateFuel * 2);
  const zone = args[1] === undefined ? evaluation.scope.zone : zoneNamed(textArg(args, 1));
  return args[0] === undefined ? momentOfText(self, zone) : momentOfFormat(self, textArg(args, 0), zone, defaultLocale);
}

/** The text to look for. Searching can cost text times needle, so that is what it pays. */
function needle(self: string, args: Arguments, evaluation: Evaluation): string {
  const part = textArg(args, 0);
  evaluation.charge((1 + (self.length >>> 10)) * (1 + (part.length >>> 2)));
  return part;
}

function patternArg(args: Arguments, index: number): Pattern {
  const pattern = args[index];
  if (pattern instanceof Pattern) return pattern;
  throw new ExpressionError('EXPR_TYPE', `Argument ${index + 1} must be a regular expression such as /[0-9]+/.`);
}

function split(self: string, args: Arguments, evaluation: Evaluation): Value {
  const parts: string[] = [];
  const limit = numberOr(args, 1, evaluation.limits.elements + 1);
  const add = (part: string): boolean => {
    if (parts.length >= limit) return false;
    parts.push(part);
    evaluation.charge(1);
    if (parts.length > evaluation.limits.elements) evaluation.chargeElements(parts.length);
    return true;
  };
  const separator = args[0];
  if (separator === undefined) return [self];
  if (separator instanceof Pattern) {
    let from = 0;
    separator.each(evaluation, self, (match) => {
      if (match.end === match.start && (match.start === 0 || match.start >= self.length)) return true;
      const goesOn = add(self.slice(from, match.start));
      from = match.end;
      return goesOn;
    });
    add(self.slice(from));
    return parts;
  }
  const text = needle(self, args, evaluation);
  if (text === '') {
    for (const char of self) if (!add(char)) break;
    return parts;
  }
  let from = 0;
  for (let at = self.indexOf(text); at >= 0; at = self.indexOf(text, from)) {
    if (!add(self.slice(from, at))) return parts;
    from = at + text.length;
  }
  add(self.slice(from));
  return parts;
}

function replace(self: string, args: Arguments, evaluation: Evaluation, all: boolean): Value {
  const by = args[1];
  const make = by instanceof Lambda ? byLambda(by, self) : byTemplate(textArg(args, 1), args[0] instanceof Pattern);
  let out = '';
  let from = 0;
  const visit = (match: PatternMatch): boolean => {
    const added = make(evaluation, match);
    const before = self.slice(from, match.start);
    evaluation.charge(1);
    if (out.length + before.length + added.length > evaluation.limits.text) {
      evaluation.chargeText(out.length + before.length + added.length);
    }
    evaluation.charge(added.length >>> 10);
    out += before + added;
    from = match.end;
    return all;
  };
  const what = args[0];
  if (what instanceof Pattern) what.each(evaluation, self, visit);
  else eachText(self, needle(self, args, evaluation), visit);
  return out + self.slice(from);
}

function eachText(self: string, part: string, visit: (match: PatternMatch) => boolean): void {
  for (let at = self.indexOf(part); at >= 0;) {
    const end = at + part.length;
    if (!visit({ start: at, end, groups: [part], names: [] })) return;
    // Empty text is found between all characters, and once at the end.
    if (part === '' && at >= self.length) return;
    at = self.indexOf(part, part === '' ? at + 1 : end);
  }
}

type Replacement = (evaluation: Evaluation, match: PatternMatch) => string;

function byLambda(lambda: Lambda, self: string): Replacement {
  return (evaluation, match) => {
    const [whole, first, second] = match.groups;
    return match.groups.length === 1
      ? textOf(evaluation, lambda.call(evaluation, whole, match.start, self))
      : textOf(evaluation, lambda.call(evaluation, whole, first, second));
  };
}

/** `$1`, `$<name>`, `$&` and `$$` of a replacement, for patterns; plain text is taken as it is, except `$$` and `$&`. */
function byTemplate(template: string, isPattern: boolean): Replacement {
  if (!template.includes('$')) return () => template;
  return (evaluation, match) => {
    evaluation.charge(1 + (template.length >>> 6));
    let made = 0;
    return template.replace(/\$(?:\$|&|(\d{1,2})|<([^>]*)>)/g, (all: string, digits?: string, name?: string) => {
      const part = replacementPart(all, digits, name, match, isPattern);
      made += part.length;
      if (made > evaluation.limits.text) evaluation.chargeText(made);
      evaluation.charge(1 + (part.length >>> 10));
      return part;
    });
  };
}

function replacementPart(
  all: string,
  digits: string | undefined,
  name: string | undefined,
  match: PatternMatch,
  isPattern: boolean,
): string {
  if (all === '$$') return '$';
  if (all === '$&') return match.groups[0] ?? '';
  if (!isPattern) return all;
  if (digits !== undefined) return Number(digits) > 0 && Number(digits) < match.groups.length ? (match.groups[Number(digits)] ?? '') : all;
  const group = match.names.find(([known]) => known === name)?.[1];
  return group === undefined ? all : (match.groups[group] ?? '');
}

/** Taking a text to pieces costs far more than copying it. */
function payForPieces(text: string, evaluation: Evaluation): void {
  evaluation.charge(text.length >>> 5);
}

function charsOf(text: string, evaluation: Evaluation): string[] {
  payForPieces(text, evaluation);
  return Array.from(text);
}

function wordsOf(text: string, evaluation: Evaluation): string[] {
  evaluation.charge(text.length >>> 3);
  return text
    .replace(/(\p{Ll}|\d)(\p{Lu})/gu, '$1 $2')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .map((word) => word.toLowerCase());
}

function slugOf(text: string, evaluation: Evaluation): string {
  const normal = text.normalize('NFKD');
  // One character can stand for eighteen.
  evaluation.chargeText(normal.length);
  // Three passes with classes of Unicode.
  evaluation.charge(normal.length >>> 2);
  return normal
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '')
    .join('-');
}

/** Cuts from every `<` that opens a tag to its `>`. One pass, so an unclosed tag costs nothing extra. */
function withoutTags(text: string, evaluation: Evaluation): string {
  payForPieces(text, evaluation);
  let out = '';
  let from = 0;
  for (;;) {
    const open = text.indexOf('<', from);
    const close = open < 0 ? -1 : text.indexOf('>', open);
    if (close < 0) return out + text.slice(from);
    if (/[A-Za-z/!?]/.test(text.charAt(open + 1))) {
      out += text.slice(from, open);
      from = close + 1;
    } else {
      out += text.slice(from, open + 1);
      from = open + 1;
    }
  }
}

/** Words of running text that hold a mark, without the punctuation around them. */
function wordsWith(text: string, evaluation: Evaluation, mark: string): string[] {
  payForPieces(text, evaluation);
  return text
    .split(/[\s<>()[\]{}"',;]+/)
    .filter((word) => word.includes(mark) && word.length <= 2048)
    .map((word) => word.replace(/[.:!?]$/, ''));
}

function isEmail(text: string): boolean {
  if (text.length > 254) return false;
  const at = text.lastIndexOf('@');
  return at > 0 && at <= 64 && /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]+$/.test(text.slice(0, at)) && isHost(text.slice(at + 1), true);
}

function isUrl(text: string): boolean {
  if (text.length > 2048 || /\s/.test(text)) return false;
  const parts = /^https?:\/\/(?:[^@/?#]*@)?([^/?#:]+)(?::\d{1,5})?(?:[/?#]|$)/i.exec(text);
  return parts !== null && isHost(parts[1] ?? '', false);
}

function isHost(host: string, needsDot: boolean): boolean {
  if (host.length > 253 || (needsDot && !host.includes('.'))) return false;
  return host.split('.').every((label) => label.length <= 63 && /^[\p{L}\p{N}]([\p{L}\p{N}-]*[\p{L}\p{N}])?$/u.test(label));
}

function domainOf(text: string): string | undefined {
  if (isEmail(text)) return text.slice(text.lastIndexOf('@') + 1);
  const parts = /^(?:https?:\/\/)?(?:[^@/?#]*@)?([^/?#:]+)/i.exec(text.slice(0, 2048));
  const host = parts?.[1];
  return host !== undefined && isHost(host, true) ? host : undefined;
}
