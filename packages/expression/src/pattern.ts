/** Regular expressions with RE2's linear time. Literals only, compiled with the expression; a pattern is an argument, never a value. */
import { RE2JS } from 're2js';
import type { Evaluation } from './evaluation.ts';
import { ExpressionError } from './expression-error.ts';

/** Largest compiled pattern, in RE2 instructions: matching costs instructions times characters. */
const maxInstructions = 2000;

/** Characters after which RE2's cache of states is dropped, so that patterns kept for years stay small. */
const cacheLifeChars = 256 * 1024;

/** Instructions times characters that cost one step; classes such as `\p{L}` are searched in long tables. */
const PLAIN_WORK = 512;
const UNICODE_CLASS_WORK = 128;

/** One match: the whole first, then the groups; an unmatched group is undefined. */
export interface PatternMatch {
  readonly start: number;
  readonly end: number;
  readonly groups: readonly (string | undefined)[];
  readonly names: readonly (readonly [name: string, group: number])[];
}

export class Pattern {
  readonly isGlobal: boolean;
  readonly #expression: RE2JS;
  readonly #instructions: number;
  readonly #names: readonly (readonly [string, number])[];
  /** Instructions times characters one step of fuel pays for. */
  readonly #perStep: number;
  #seenChars = 0;

  constructor(source: string, flags: string, limit: number) {
    if (source.length > limit) throw new ExpressionError('EXPR_BAD_REGEX', `The pattern is longer than ${limit} characters.`);
    if (estimatedSize(source) > maxInstructions) throw tooLarge();
    let bits = 0;
    let isGlobal = false;
    for (const flag of flags) {
      if (flag === 'g') isGlobal = true;
      else if (flag === 'i') bits |= RE2JS.CASE_INSENSITIVE;
      else if (flag === 'm') bits |= RE2JS.MULTILINE;
      else if (flag === 's') bits |= RE2JS.DOTALL;
      else if (flag !== 'u') throw new ExpressionError('EXPR_BAD_REGEX', `The flag ${flag} is not supported; g, i, m, s and u are.`);
    }
    try {
      this.#expression = RE2JS.compile(RE2JS.translateRegExp(source), bits);
    } catch (thrown) {
      const reason = thrown instanceof Error ? thrown.message : 'unknown';
      throw new ExpressionError('EXPR_BAD_REGEX', `The pattern is not supported: ${reason}.`, {
        hint: 'Lookaround and back-references are left out, because matching must take linear time.',
        cause: thrown,
      });
    }
    this.isGlobal = isGlobal;
    this.#perStep = /\\[pP]/.test(source) ? UNICODE_CLASS_WORK : PLAIN_WORK;
    this.#instructions = this.#expression.programSize();
    if (this.#instructions > maxInstructions) throw tooLarge();
    this.#names = Object.entries(this.#expression.namedGroups());
  }

  /** RE2 instructions. */
  get size(): number {
    return this.#instructions;
  }

  test(evaluation: Evaluation, text: string): boolean {
    this.#pay(evaluation, text.length);
    return this.#expression.test(text);
  }

  /** Matches from left to right; a search stops when `visit` returns false. */
  each(evaluation: Evaluation, text: string, visit: (match: PatternMatch) => boolean): void {
    const matcher = this.#expression.matcher(text);
    let from = 0;
    for (;;) {
      this.#pay(evaluation, text.length - from);
      if (!matcher.find()) return;
      const groups: (string | undefined)[] = [];
      for (let group = 0; group <= matcher.groupCount(); group++) groups.push(matcher.group(group) ?? undefined);
      evaluation.charge(groups.length);
      from = matcher.end();
      if (!visit({ start: matcher.start(), end: from, groups, names: this.#names })) return;
    }
  }

  /** A search may read everything that is left, whatever it then matches. */
  #pay(evaluation: Evaluation, chars: number): void {
    evaluation.charge(1 + Math.floor((chars * this.#instructions) / this.#perStep));
    this.#seenChars += chars;
    if (this.#seenChars > cacheLifeChars) {
      this.#seenChars = chars;
      this.#expression.reset();
    }
  }
}

function tooLarge(): ExpressionError {
  return new ExpressionError('EXPR_BAD_REGEX', 'The pattern repeats too much.', { hint: 'Lower the numbers in {n,m}.' });
}

/** Size of a pattern once its counted repetitions are written out, known before the compiler writes them out. */
function estimatedSize(source: string): number {
  const open: number[] = [];
  let total = 0;
  let last = 0;
  let inClass = false;
  for (let index = 0; index < source.length; index++) {
    const char = source.charAt(index);
    if (inClass) {
      if (char === '\\') index++;
      else if (char === ']') inClass = false;
      continue;
    }
    if (char === '{') {
      const counted = /^\{(\d+)(?:,(\d*))?\}/.exec(source.slice(index, index + 16));
      if (counted !== null) {
        const times = Math.max(Number(counted[1]), Number(counted[2] ?? 0), 1);
        total += last * (times - 1);
        last *= times;
        index += counted[0].length - 1;
        continue;
      }
    }
    if (char === '(') {
      open.push(total);
      last = 0;
      continue;
    }
    if (char === ')') {
      last = total - (open.pop() ?? total);
      continue;
    }
    if (char === '\\') index++;
    else if (char === '[') inClass = true;
    last = 1;
    total++;
  }
  return total;
}
