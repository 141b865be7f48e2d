/**
 * Turns evaluated values into their declared types, so that a parameter's TypeScript type is true at run time.
 * Runs for every evaluated parameter of every item: no allocation on the way, and a value that already fits comes back as the same object.
 *
 * What is converted, and nothing else: numbers and booleans to text; numeric text to numbers; `true`/`false`/`1`/`0` (text or number) to
 * booleans; milliseconds and ISO text to dates; questions to their answer; one option to a list of options. `null` counts as no value,
 * except for `json`.
 */
import { evaluate } from './conditions.ts';
import { choiceProblem, countProblem, isFileRef, isoDate, isRecord, kindOf, numberProblem, textProblem } from './constraints.ts';
import type { Json, JsonObject } from './json.ts';
import type { ParamIR, ParamsIR } from './param-ir.ts';
import type { ParamProblem, ParamProblemCode } from './param-problem.ts';
import { answer, isQuestion } from './question.ts';

export type Coerced = { readonly ok: true; readonly value: Json | undefined } | ({ readonly ok: false } & ParamProblem);

/** The value in the parameter's type. Absent values become the default; `value` is undefined for an optional one without. */
export function coerceParam(ir: ParamIR, value: Json | undefined): Coerced {
  const result = coerce(ir, value);
  return result instanceof Misfit ? result.problem() : { ok: true, value: result };
}

export type CoercedAll =
  | { readonly ok: true; readonly value: JsonObject }
  | { readonly ok: false; readonly problems: readonly ParamProblem[] };

/**
 * All parameters of a type: defaults, hidden ones left out, unknown ones dropped, each coerced. Reports every parameter that does not fit.
 * A `perItem` parameter stands for one item's value here.
 */
export function coerceParams(params: ParamsIR, values: JsonObject): CoercedAll {
  const problems: ParamProblem[] = [];
  const value = coerceFields(params, values, (misfit) => problems.push(misfit.problem()));
  return value instanceof Misfit || problems.length > 0 ? { ok: false, problems } : { ok: true, value };
}

/** Returned instead of a value; the path grows while it travels outwards. */
class Misfit {
  readonly code: ParamProblemCode;
  readonly message: string;
  readonly #path: (string | number)[] = [];

  constructor(code: ParamProblemCode, message: string) {
    this.code = code;
    this.message = message;
  }

  under(key: string | number): this {
    this.#path.push(key);
    return this;
  }

  problem(): { readonly ok: false } & ParamProblem {
    return { ok: false, code: this.code, message: this.message, path: this.#path.toReversed() };
  }
}

type Result = Json | undefined | Misfit;
type Kind<K extends ParamIR['kind']> = Extract<ParamIR, { kind: K }>;

function coerce(ir: ParamIR, value: Json | undefined): Result {
  if (value === undefined || (value === null && ir.kind !== 'json')) {
    if (ir.default !== undefined) return ir.default;
    return ir.required === true ? new Misfit('PARAM_REQUIRED', 'A value is required.') : undefined;
  }
  switch (ir.kind) {
    case 'text':
      return coerceText(ir, value);
    case 'number':
      return coerceNumber(ir, value);
    case 'boolean':
      return coerceBoolean(value);
    case 'choice':
      return ir.multiple === true ? coerceChoices(ir, value) : coerceChoice(ir, value);
    case 'json':
      return value;
    case 'code':
      if (typeof value !== 'string') return misfit('source text', value);
      return constrained(value, countText(ir.maxLength, value));
    case 'list':
      return coerceList(ir, value);
    case 'map':
      return coerceMap(ir, value);
    case 'object':
      return isRecord(value) ? coerceFields(ir.fields, value) : misfit('an object', value);
    case 'variant':
      return coerceVariant(ir, value);
    case 'conditions':
      return isQuestion(value) ? answer(value) : coerceBoolean(value);
    case 'credential':
      return typeof value === 'string' ? value : misfit("a credential's key", value);
    case 'file':
      return isFileRef(value) ? value : misfit('a file', value);
    case 'date':
      return coerceDate(ir, value);
  }
}

function coerceText(ir: Kind<'text'>, value: Json): Result {
  if (typeof value === 'string') return constrained(value, textProblem(ir, value));
  if (typeof value !== 'number' && typeof value !== 'boolean') return misfit('text', value, ' Turn it into text with toJsonString().');
  const text = String(value);
  return constrained(text, textProblem(ir, text));
}

/** Decimal notation only: no `0x`, no empty text, no `Infinity`. */
const DECIMAL = /^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\s*$/;

function coerceNumber(ir: Kind<'number'>, value: Json): Result {
  if (typeof value === 'number') return Number.isFinite(value) ? constrained(value, numberProblem(ir, value)) : misfit('a number', value);
  if (typeof value !== 'string' || value.length > 400 || !DECIMAL.test(value)) return misfit('a number', value);
  const number = Number(value);
  return Number.isFinite(number) ? constrained(number, numberProblem(ir, number)) : misfit('a number', value);
}

function coerceBoolean(value: Json): Result {
  if (typeof value === 'boolean') return value;
  if (value === 'true' || value === 1 || value === '1') return true;
  if (value === 'false' || value === 0 || value === '0') return false;
  return misfit('true or false', value);
}

function coerceChoice(ir: Kind<'choice'>, value: Json): string | Misfit {
  const text = typeof value === 'number' || typeof value === 'boolean' ? String(value) : value;
  if (typeof text !== 'string') return misfit('one of the options', value);
  const problem = choiceProblem(ir, text);
  return problem === undefined ? text : new Misfit('PARAM_CHOICE', problem);
}

function coerceChoices(ir: Kind<'choice'>, value: Json): Result {
  if (!Array.isArray(value)) {
    const one = coerceChoice(ir, value);
    return one instanceof Misfit ? one : [one];
  }
  return eachEntry(value, (entry) => coerceChoice(ir, entry));
}

function coerceList(ir: Kind<'list'>, value: Json): Result {
  if (!Array.isArray(value)) return misfit('a list', value);
  const problem = countProblem(ir, value.length);
  if (problem !== undefined) return new Misfit('PARAM_CONSTRAINT', problem);
  // Dropping an entry without a value would shift the others, and keeping it would make the type a lie.
  return eachEntry(value, (entry) => coerce(ir.of, entry) ?? missingEntry(ir.of, entry));
}

/** `null` is a value of `json` and of nothing else. */
function missingEntry(of: ParamIR, entry: Json): Result {
  return of.kind === 'json' ? entry : new Misfit('PARAM_REQUIRED', 'An entry of a list needs a value.');
}

function eachEntry(list: readonly Json[], turn: (entry: Json) => Result): Result {
  let copy: Json[] | undefined;
  for (let i = 0; i < list.length; i++) {
    const entry = list[i] as Json;
    const turned = turn(entry);
    if (turned instanceof Misfit) return turned.under(i);
    if (turned === entry) continue;
    copy ??= list.slice();
    copy[i] = turned ?? null;
  }
  return copy ?? list;
}

function coerceMap(ir: Kind<'map'>, value: Json): Result {
  if (!isRecord(value)) return misfit('an object', value);
  const problem = countProblem(ir, countKeys(value));
  if (problem !== undefined) return new Misfit('PARAM_CONSTRAINT', problem);
  let copy: { [key: string]: Json } | undefined;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (key === '__proto__') return new Misfit('PARAM_KEY', 'A key must not be named __proto__.');
    const entry = value[key];
    const turned = coerce(ir.of, entry);
    if (turned instanceof Misfit) return turned.under(key);
    if (turned === entry) continue;
    copy ??= { ...value };
    if (turned === undefined) delete copy[key];
    else copy[key] = turned;
  }
  return copy ?? value;
}

/** Known fields that show, coerced. `report` collects misfits instead of ending at the first. */
function coerceFields(fields: ParamsIR, value: JsonObject, report?: (misfit: Misfit) => void): JsonObject | Misfit {
  let copy: { [key: string]: Json } | undefined;
  let known = 0;
  for (const name in fields) {
    const ir = fields[name] as ParamIR;
    const given = Object.hasOwn(value, name);
    if (given) known++;
    const before = given ? value[name] : undefined;
    const hidden = ir.when !== undefined && evaluate(ir.when, (sibling) => valueOf(fields, value, sibling)) === false;
    const after = hidden ? undefined : coerce(ir, before);
    if (after instanceof Misfit) {
      after.under(name);
      if (report === undefined) return after;
      report(after);
    } else if (after !== before) {
      copy ??= { ...value };
      if (after === undefined) delete copy[name];
      else copy[name] = after;
    }
  }
  const result = copy ?? value;
  if (known === countKeys(value)) return result;
  // What the type does not know is dropped, so that spreading a parameter gives exactly its type.
  return Object.fromEntries(Object.entries(result).filter(([name]) => Object.hasOwn(fields, name)));
}

function countKeys(value: JsonObject): number {
  let count = 0;
  for (const name in value) if (Object.hasOwn(value, name)) count++;
  return count;
}

/** A sibling's value as conditions see it: its default when it is absent. */
function valueOf(fields: ParamsIR, value: JsonObject, name: string): Json | undefined {
  const given = Object.hasOwn(value, name) ? value[name] : undefined;
  return given ?? (Object.hasOwn(fields, name) ? fields[name]?.default : undefined);
}

function coerceVariant(ir: Kind<'variant'>, value: Json): Result {
  if (!isRecord(value)) return misfit('an object', value);
  const tag = Object.hasOwn(value, ir.tag) ? value[ir.tag] : undefined;
  const fields = typeof tag === 'string' && Object.hasOwn(ir.variants, tag) ? ir.variants[tag] : undefined;
  if (fields === undefined) {
    return new Misfit('PARAM_CHOICE', `Give one of ${Object.keys(ir.variants).join(', ')}; this is ${kindOf(tag)}.`).under(ir.tag);
  }
  return coerceFields(withTag(ir.tag, fields), value);
}

/** The tag as a field of the variant, so that it is known and conditions may read it. One object per variant keeps this off the hot path. */
const tagged = new WeakMap<ParamsIR, ParamsIR>();

function withTag(tag: string, fields: ParamsIR): ParamsIR {
  let all = tagged.get(fields);
  if (all === undefined) {
    all = { [tag]: { kind: 'text' }, ...fields };
    tagged.set(fields, all);
  }
  return all;
}

/** Instants ECMAScript can hold. */
const LAST_MS = 8.64e15;

function coerceDate(ir: Kind<'date'>, value: Json): Result {
  if (typeof value === 'number' && Math.abs(value) <= LAST_MS) {
    const iso = new Date(value).toISOString();
    return ir.withTime === true ? iso : iso.slice(0, 10);
  }
  const iso = typeof value === 'string' && value.length <= 40 ? isoDate(ir, value) : undefined;
  return iso ?? misfit(ir.withTime === true ? 'an instant such as 2026-01-31T09:00:00Z' : 'a day such as 2026-01-31', value);
}

function countText(maxLength: number | undefined, value: string): string | undefined {
  return maxLength !== undefined && value.length > maxLength
    ? `Give at most ${maxLength} characters; these are ${value.length}.`
    : undefined;
}

function constrained(value: Json, problem: string | undefined): Json | Misfit {
  return problem === undefined ? value : new Misfit('PARAM_CONSTRAINT', problem);
}

function misfit(wanted: string, value: Json | undefined, hint = ''): Misfit {
  return new Misfit('PARAM_TYPE', `Give ${wanted}; this is ${kindOf(value)}.${hint}`);
}
