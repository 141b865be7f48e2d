/**
 * Checks parameters as they stand on disk, where a string with a leading `=` is an expression and a leading `==` is literal text.
 * Stricter than coercion: a literal has its declared type already, because a person or a program wrote it for this parameter.
 */
import { evaluate, NOT_KNOWN } from './conditions.ts';
import { choiceProblem, countProblem, isFileRef, isoDate, isRecord, kindOf, numberProblem, textProblem } from './constraints.ts';
import type { Json, JsonObject } from './json.ts';
import type { ParamIR, ParamsIR } from './param-ir.ts';
import type { ParamProblem, ParamProblemCode } from './param-problem.ts';
import { isQuestion } from './question.ts';

type Path = readonly (string | number)[];
type Kind<K extends ParamIR['kind']> = Extract<ParamIR, { kind: K }>;

/** Every problem of one parameter's value. Nothing is wrong with an absent optional one. */
export function validateParam(ir: ParamIR, value: Json | undefined): readonly ParamProblem[] {
  const found: ParamProblem[] = [];
  check(ir, value, [], found, true);
  return found;
}

/**
 * Every problem of a type's parameters, names it does not have included (PARAM_UNKNOWN, which callers may show as a warning).
 * A required parameter counts as missing only while it surely shows.
 */
export function validateParams(params: ParamsIR, values: JsonObject): readonly ParamProblem[] {
  const found: ParamProblem[] = [];
  checkFields(params, values, [], found);
  return found;
}

/** Whether a string on disk is an expression. */
export function isExpression(value: Json | undefined): value is string {
  return typeof value === 'string' && value.startsWith('=') && !value.startsWith('==');
}

/** `requiredNow`: false where a condition leaves open whether the parameter shows. */
function check(ir: ParamIR, disk: Json | undefined, path: Path, found: ParamProblem[], requiredNow: boolean): void {
  if (disk === undefined || (disk === null && ir.kind !== 'json')) {
    if (ir.required === true && ir.default === undefined && requiredNow) add(found, 'PARAM_REQUIRED', 'A value is required.', path);
    return;
  }
  if (isExpression(disk) && ir.kind !== 'code') {
    if (ir.expr === 'deny') add(found, 'EXPR_DENIED', 'No expression may stand here. Give the value itself.', path);
    return;
  }
  if (ir.expr === 'only') {
    add(found, 'EXPR_REQUIRED', `An expression must stand here; this is ${kindOf(disk)}.`, path);
    return;
  }
  // What refuses expressions is handed over as it is written, so `==` has no meaning there.
  const isRaw = ir.expr === 'deny' || ir.kind === 'code';
  const value = typeof disk === 'string' && disk.startsWith('==') && !isRaw ? disk.slice(1) : disk;
  checkValue(ir, value, path, found);
}

function checkValue(ir: ParamIR, value: Json, path: Path, found: ParamProblem[]): void {
  switch (ir.kind) {
    case 'text':
      if (typeof value !== 'string') return wrongType(found, 'text', value, path);
      return constraint(found, textProblem(ir, value), path);
    case 'number':
      if (typeof value !== 'number' || !Number.isFinite(value)) return wrongType(found, 'a number', value, path);
      return constraint(found, numberProblem(ir, value), path);
    case 'boolean':
      if (typeof value !== 'boolean') wrongType(found, 'true or false', value, path);
      return;
    case 'choice':
      return checkChoice(ir, value, path, found);
    case 'json':
      return;
    case 'code':
      if (typeof value !== 'string') return wrongType(found, 'source text', value, path);
      return constraint(found, textProblem({ kind: 'text', maxLength: ir.maxLength }, value), path);
    case 'list':
      if (!Array.isArray(value)) return wrongType(found, 'a list', value, path);
      constraint(found, countProblem(ir, value.length), path);
      value.forEach((entry: Json, i) => {
        const isMissing = entry === null && ir.of.kind !== 'json' && ir.of.default === undefined;
        if (isMissing) add(found, 'PARAM_REQUIRED', 'An entry of a list needs a value.', [...path, i]);
        else check(ir.of, entry, [...path, i], found, true);
      });
      return;
    case 'map':
      if (!isRecord(value)) return wrongType(found, 'an object', value, path);
      constraint(found, countProblem(ir, Object.keys(value).length), path);
      for (const [key, entry] of Object.entries(value)) {
        if (key === '__proto__') add(found, 'PARAM_KEY', 'A key must not be named __proto__.', [...path, key]);
        else check(ir.of, entry, [...path, key], found, true);
      }
      return;
    case 'object':
      if (!isRecord(value)) return wrongType(found, 'an object', value, path);
      return checkFields(ir.fields, value, path, found);
    case 'variant':
      return checkVariant(ir, value, path, found);
    case 'conditions':
      if (typeof value !== 'boolean' && !isQuestion(value))
        wrongType(found, 'true, false, or { "all" | "any": [{ left, op, right }] }', value, path);
      return;
    case 'credential':
      if (typeof value !== 'string' || value === '') wrongType(found, "a credential's key", value, path);
      return;
    case 'file':
      if (!isFileRef(value)) wrongType(found, 'a file', value, path);
      return;
    case 'date':
      if (typeof value !== 'string' || isoDate(ir, value) === undefined) {
        wrongType(found, ir.withTime === true ? 'an instant such as 2026-01-31T09:00:00Z' : 'a day such as 2026-01-31', value, path);
      }
      return;
  }
}

function checkChoice(ir: Kind<'choice'>, value: Json, path: Path, found: ParamProblem[]): void {
  if (ir.multiple !== true) {
    if (typeof value !== 'string') return wrongType(found, 'one of the options', value, path);
    const problem = choiceProblem(ir, value);
    if (problem !== undefined) add(found, 'PARAM_CHOICE', problem, path);
    return;
  }
  if (!Array.isArray(value)) return wrongType(found, 'a list of options', value, path);
  value.forEach((entry: Json, i) => {
    if (isExpression(entry) && ir.expr !== 'deny') return;
    checkChoice({ ...ir, multiple: false }, entry, [...path, i], found);
  });
}

function checkVariant(ir: Kind<'variant'>, value: Json, path: Path, found: ParamProblem[]): void {
  if (!isRecord(value)) return wrongType(found, 'an object', value, path);
  const tag = Object.hasOwn(value, ir.tag) ? value[ir.tag] : undefined;
  const fields = typeof tag === 'string' && Object.hasOwn(ir.variants, tag) ? ir.variants[tag] : undefined;
  if (fields !== undefined) return checkFields({ [ir.tag]: { kind: 'text', expr: 'deny' }, ...fields }, value, path, found);
  const names = Object.keys(ir.variants).join(', ');
  // Which fields there are hangs on the tag, so it is a literal always.
  add(found, isExpression(tag) ? 'EXPR_DENIED' : 'PARAM_CHOICE', `Give one of ${names} itself; this is ${kindOf(tag)}.`, [...path, ir.tag]);
}

function checkFields(fields: ParamsIR, values: JsonObject, path: Path, found: ParamProblem[]): void {
  for (const [name, ir] of Object.entries(fields)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    const shows = ir.when === undefined ? true : evaluate(ir.when, (sibling) => onDisk(fields, values, sibling));
    // A hidden parameter is neither evaluated nor handed over, so whatever stands there does no harm.
    if (shows === false) continue;
    check(ir, value, [...path, name], found, shows === true);
  }
  for (const name of Object.keys(values)) {
    if (Object.hasOwn(fields, name)) continue;
    const known = Object.keys(fields);
    add(
      found,
      'PARAM_UNKNOWN',
      known.length === 0 ? 'There are no parameters here.' : `There is no parameter of this name. Known: ${known.join(', ')}.`,
      [...path, name],
    );
  }
}

function onDisk(fields: ParamsIR, values: JsonObject, name: string): Json | undefined | typeof NOT_KNOWN {
  const value = Object.hasOwn(values, name) ? values[name] : undefined;
  if (isExpression(value) && fields[name]?.kind !== 'code') return NOT_KNOWN;
  return value ?? (Object.hasOwn(fields, name) ? fields[name]?.default : undefined);
}

function constraint(found: ParamProblem[], message: string | undefined, path: Path): void {
  if (message !== undefined) add(found, 'PARAM_CONSTRAINT', message, path);
}

function wrongType(found: ParamProblem[], wanted: string, value: Json, path: Path): void {
  add(found, 'PARAM_TYPE', `Give ${wanted}; this is ${kindOf(value)}.`, path);
}

function add(found: ParamProblem[], code: ParamProblemCode, message: string, path: Path): void {
  found.push({ code, message, path });
}
