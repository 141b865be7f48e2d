/** Checks of a value that already has its declared type. Coercion and the check of literals on disk share them. */
import type { Json } from './json.ts';
import type { ParamIR } from './param-ir.ts';

type Kind<K extends ParamIR['kind']> = Extract<ParamIR, { kind: K }>;

/** Longer texts are not matched against patterns or formats. */
const PATTERN_TEXT_MAX = 10_000;

export function textProblem(ir: Kind<'text'>, value: string): string | undefined {
  if (ir.minLength !== undefined && value.length < ir.minLength)
    return `Give at least ${ir.minLength} characters; these are ${value.length}.`;
  if (ir.maxLength !== undefined && value.length > ir.maxLength)
    return `Give at most ${ir.maxLength} characters; these are ${value.length}.`;
  if (ir.pattern !== undefined) {
    if (value.length > PATTERN_TEXT_MAX) return `Give at most ${PATTERN_TEXT_MAX} characters.`;
    if (!compiled(ir.pattern).test(value)) return `The text does not have the form ${ir.pattern}.`;
  }
  return ir.format === undefined ? undefined : formatProblem(ir.format, value);
}

export function numberProblem(ir: Kind<'number'>, value: number): string | undefined {
  if (ir.integer === true && !Number.isInteger(value)) return `Give a whole number; this is ${value}.`;
  if (ir.min !== undefined && value < ir.min) return `Give a number of at least ${ir.min}; this is ${value}.`;
  if (ir.max !== undefined && value > ir.max) return `Give a number of at most ${ir.max}; this is ${value}.`;
  return undefined;
}

export function choiceProblem(ir: Kind<'choice'>, value: string): string | undefined {
  for (const option of ir.options) if (option.value === value) return undefined;
  const known = ir.options.slice(0, 12).map((option) => option.value);
  return `${quoted(value)} is not one of ${known.join(', ')}${ir.options.length > known.length ? ', …' : ''}.`;
}

export function countProblem(ir: { readonly minItems?: number; readonly maxItems?: number }, count: number): string | undefined {
  if (ir.minItems !== undefined && count < ir.minItems) return `Give at least ${ir.minItems} entries; these are ${count}.`;
  if (ir.maxItems !== undefined && count > ir.maxItems) return `Give at most ${ir.maxItems} entries; these are ${count}.`;
  return undefined;
}

const DAY = /^\d{4}-\d{2}-\d{2}$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:?\d{2})?$/;

/** The text of a day or an instant in the parameter's form; undefined when it is none. Text without a zone is UTC. */
export function isoDate(ir: Kind<'date'>, value: string): string | undefined {
  if (DAY.test(value)) {
    const time = Date.parse(value);
    // A day that does not exist (February 30) parses in some engines as a later one.
    if (Number.isNaN(time) || new Date(time).toISOString().slice(0, 10) !== value) return undefined;
    return ir.withTime === true ? new Date(time).toISOString() : value;
  }
  if (!INSTANT.test(value)) return undefined;
  const zoned = /(Z|[+-]\d{2}:?\d{2})$/.test(value) ? value : `${value}Z`;
  const time = Date.parse(zoned.replace(' ', 'T').replace(/([+-]\d{2})(\d{2})$/, '$1:$2'));
  if (Number.isNaN(time)) return undefined;
  // Hours that do not exist roll over too, so the day of the text itself is checked again.
  if (isoDate({ kind: 'date' }, value.slice(0, 10)) === undefined) return undefined;
  const iso = new Date(time).toISOString();
  return ir.withTime === true ? iso : iso.slice(0, 10);
}

/** A stored file's handle. */
export function isFileRef(value: Json): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const ref = value as { readonly [key: string]: Json | undefined };
  return (
    typeof ref['id'] === 'string' &&
    typeof ref['name'] === 'string' &&
    typeof ref['mime'] === 'string' &&
    typeof ref['size'] === 'number' &&
    typeof ref['sha256'] === 'string'
  );
}

/** Text for messages: quoted and cut. */
export function quoted(value: string): string {
  return JSON.stringify(value.length > 60 ? `${value.slice(0, 59)}…` : value);
}

/** What a value is, in words. */
export function kindOf(value: Json | undefined): string {
  if (value === undefined) return 'nothing';
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  switch (typeof value) {
    case 'string':
      return `the text ${quoted(value)}`;
    case 'object':
      return 'an object';
    default:
      return `the ${typeof value} ${String(value)}`;
  }
}

export function isRecord(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Patterns by source. Bounded by the number of parameters that types declare. */
const patterns = new Map<string, RegExp>();

function compiled(source: string): RegExp {
  let pattern = patterns.get(source);
  if (pattern === undefined) {
    pattern = new RegExp(`^(?:${source})$`, 'u');
    patterns.set(source, pattern);
  }
  return pattern;
}

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function formatProblem(format: 'url' | 'email' | 'uuid', value: string): string | undefined {
  if (value.length > PATTERN_TEXT_MAX) return `Give at most ${PATTERN_TEXT_MAX} characters.`;
  switch (format) {
    case 'url':
      return /^https?:\/\//i.test(value) && URL.canParse(value)
        ? undefined
        : `${quoted(value)} is not an address that starts with http:// or https://.`;
    case 'email': {
      const at = value.indexOf('@');
      const isAddress = at > 0 && at === value.lastIndexOf('@') && at < value.length - 1 && !/\s/.test(value);
      return isAddress ? undefined : `${quoted(value)} is not an e-mail address.`;
    }
    case 'uuid':
      return UUID.test(value) ? undefined : `${quoted(value)} is not a UUID.`;
  }
}
