/**
 * A node's parameters against its type. Values are checked by the sdk, as it checks them anywhere else; here are the expressions and the
 * code in them: whether they parse, and whether the nodes they refer to exist and run before this one.
 */
import { compileValue } from '@plugboard/expression';
import type { CompiledValue } from '@plugboard/expression';
import { coerceParam, holds, isExpression, validateParams } from '@plugboard/sdk';
import type { Condition, Json, JsonObject, ParamIR, ParamProblem, ParamsIR, TypeIR } from '@plugboard/sdk';
import { FORMAT } from './limits.ts';
import { problem } from './problems.ts';
import type { Place } from './problems.ts';
import { joinPath } from './reading.ts';
import { placeOf, severityFor } from './subject.ts';
import type { Subject } from './subject.ts';
import { suggest } from './suggest.ts';
import { isJsonObject, isLiteralText, literalParam } from './type-facts.ts';
import type { Problem } from './types.ts';

/** What the expressions of one definition have cost so far. */
export interface ExpressionWork {
  readonly compiled: Map<string, CompiledValue>;
  patterns: number;
  isOver: boolean;
}

export interface ParamsContext {
  readonly work: ExpressionWork;
  readonly byName: ReadonlyMap<string, Subject>;
  readonly leadsTo: (from: number, to: number) => boolean;
  readonly checkCode: ((code: string, language: string) => { readonly message: string; readonly offset?: number } | undefined) | undefined;
}

export function checkParams(subject: Subject, type: TypeIR, context: ParamsContext): Problem[] {
  const { params } = subject.node.data;
  const found = validateParams(type.params, params);
  // One more than is listed, so that the cut is seen.
  const problems = found.slice(0, FORMAT.maxProblems + 1).map((each) => valueProblem(each, subject, type));
  checkFields(type.params, params, '', { subject, context, problems, withoutItem: withoutItem(type) });
  return problems;
}

/** Parameters that are evaluated once for a whole batch. */
function withoutItem(type: TypeIR): ReadonlySet<string> {
  if (type.kind !== 'node' || type.per !== 'batch') return NONE;
  return new Set(Object.keys(type.params).filter((name) => type.params[name]?.perItem !== true));
}
const NONE: ReadonlySet<string> = new Set();

/** The same path in another spelling: `body[0].name` for people, inside `nodes[2].data.params` for programs. */
function valueProblem(found: ParamProblem, subject: Subject, type: TypeIR): Problem {
  const param = found.path.reduce<string>((path, key) => joinPath(path, key), '');
  const place = placeOf(subject, joinAfter('data.params', found.path));
  const severity = severityFor(subject, found.code === 'PARAM_UNKNOWN' ? 'warning' : 'error');
  const near =
    found.code === 'PARAM_UNKNOWN' && found.path.length === 1 ? suggest(String(found.path[0]), Object.keys(type.params)) : undefined;
  const more = near === undefined ? { severity } : { severity, hint: `Did you mean "${near}"?` };
  return problem(found.code, place, { node: subject.name, param, reason: found.message }, more);
}

/** A path that begins with a bracket follows without a dot. */
function inParams(path: string): string {
  return path.startsWith('[') ? `data.params${path}` : `data.params.${path}`;
}

function joinAfter(path: string, keys: readonly (string | number)[]): string {
  return keys.reduce<string>((joined, key) => joinPath(joined, key), path);
}

interface Walk {
  /** Names of the parameters beside which there is no item. */
  readonly withoutItem: ReadonlySet<string>;
  readonly subject: Subject;
  readonly context: ParamsContext;
  readonly problems: Problem[];
}

function checkFields(fields: ParamsIR, values: JsonObject, path: string, walk: Walk): void {
  for (const [name, ir] of Object.entries(fields)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined || value === null) continue;
    // A hidden parameter is not evaluated, so what stands there does no harm.
    if (ir.when !== undefined && isHidden(ir.when, fields, values)) continue;
    checkOne(ir, value, joinPath(path, name), walk);
  }
}

/** Surely hidden: a condition on a sibling that is an expression is open until the run. */
export function isHidden(when: Condition, fields: ParamsIR, values: JsonObject): boolean {
  const given: { [name: string]: Json | undefined } = {};
  for (const name of readBy(when)) {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (isExpression(value)) return false;
    given[name] = value ?? (Object.hasOwn(fields, name) ? fields[name]?.default : undefined);
  }
  return !holds(when, given);
}

function readBy(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(readBy);
  if ('any' in condition) return condition.any.flatMap(readBy);
  if ('not' in condition) return readBy(condition.not);
  return [condition.param];
}

/** Enough was found, most of it blocking: what else there is would not be listed. Warnings alone, as of a disabled step, are all counted. */
function isEnough({ subject, problems }: Walk): boolean {
  return subject.node.data.disabled !== true && problems.length > FORMAT.maxProblems * 3;
}

/** Unknown names told of one piece of code. */
const MAX_NAMES_IN_CODE = 20;

/** A name like the unknown one; not looked for once there are more problems than are listed. */
function nearest(name: string, { context, problems }: Walk): string | undefined {
  return problems.length > FORMAT.maxProblems ? undefined : suggest(name, context.byName.keys());
}

function checkOne(ir: ParamIR, value: Json, path: string, walk: Walk): void {
  if (ir.kind === 'code') return checkSource(ir, value, path, walk);
  // Such a value is handed over raw: whether it may look like an expression is checked with its type.
  if (ir.expr === 'deny') return;
  if (isExpression(value)) return checkExpression(value, path, walk, ir);
  if (ir.kind === 'list' && Array.isArray(value)) {
    value.forEach((entry: Json, index) => checkOne(ir.of, entry, joinPath(path, index), walk));
  } else if (ir.kind === 'map' && isJsonObject(value)) {
    for (const [key, entry] of Object.entries(value)) checkOne(ir.of, entry, joinPath(path, key), walk);
  } else if (ir.kind === 'object' && isJsonObject(value)) {
    checkFields(ir.fields, value, path, walk);
  } else if (ir.kind === 'variant' && isJsonObject(value)) {
    const tag = value[ir.tag];
    const fields = typeof tag === 'string' && Object.hasOwn(ir.variants, tag) ? ir.variants[tag] : undefined;
    if (fields !== undefined) checkFields(fields, value, path, walk);
  } else checkAnywhere(value, path, walk);
}

/** Expressions at any depth of free JSON. */
function checkAnywhere(value: Json, path: string, walk: Walk): void {
  if (isExpression(value)) checkExpression(value, path, walk);
  else if (typeof value === 'string') checkPlainText(value, path, walk);
  else if (Array.isArray(value)) value.forEach((entry: Json, index) => checkAnywhere(entry, joinPath(path, index), walk));
  else if (isJsonObject(value)) for (const [key, entry] of Object.entries(value)) checkAnywhere(entry, joinPath(path, key), walk);
}

/** What only an expression of ours would hold: other programs have braces of their own. */
const MEANT_AS_EXPRESSION = /\{\{[^{}]{0,200}\$(?:json|input|run|workflow|vars|now|files|\()/;

function checkPlainText(value: string, path: string, walk: Walk): void {
  if (isEnough(walk) || !MEANT_AS_EXPRESSION.test(value)) return;
  const { subject, problems } = walk;
  problems.push(problem('EXPR_NOT_MARKED', placeOf(subject, inParams(path)), { node: subject.name, param: path }));
}

function checkSource(ir: Extract<ParamIR, { kind: 'code' }>, value: Json, path: string, walk: Walk): void {
  const { subject, context, problems } = walk;
  if (typeof value !== 'string') return;
  const place = placeOf(subject, inParams(path));
  const found = context.checkCode?.(value, languageOf(ir, subject));
  if (found !== undefined) {
    const values = { node: subject.name, param: path, reason: found.message };
    problems.push(problem('CODE_INVALID', place, values, { severity: severityFor(subject, 'error'), offset: found.offset }));
  }
  // Only a warning: without parsing the code, a comment looks like a reference too.
  const seen = new Set<string>();
  for (const match of value.matchAll(NODE_IN_CODE)) {
    const name = match[2] ?? '';
    if (context.byName.has(name) || seen.has(name)) continue;
    if (seen.size >= MAX_NAMES_IN_CODE) break;
    seen.add(name);
    const near = nearest(name, walk);
    const hint = near === undefined ? {} : { hint: `Did you mean "${near}"?` };
    problems.push(problem('CODE_NODE_UNKNOWN', place, { node: subject.name, param: path, name }, { offset: match.index, ...hint }));
  }
}

function languageOf(ir: Extract<ParamIR, { kind: 'code' }>, subject: Subject): string {
  const named =
    ir.languageFrom === undefined || subject.type === undefined ? undefined : literalParam(subject.type, subject.node, ir.languageFrom);
  return isLiteralText(named) ? named : ir.language;
}

/** `$('Name')` as code refers to a node; names with escapes are left alone. */
const NODE_IN_CODE = /\$\((['"`])([^'"`\\\n$]{1,100})\1\)/g;

/** `(/` and `, /` begin a pattern: patterns are arguments, never values. */
const PATTERN_START = /[(,]\s*\//g;

/** Undefined when the definition has more expressions than are checked; that is reported once. */
function compiledOnce(value: string, place: Place, { context: { work }, problems }: Walk): CompiledValue | undefined {
  const known = work.compiled.get(value);
  if (known || work.isOver) return known;
  work.patterns += [...value.matchAll(PATTERN_START)].length;
  const isOver = work.patterns > FORMAT.maxPatterns || work.compiled.size >= FORMAT.maxExpressions;
  if (isOver) {
    work.isOver = true;
    const values =
      work.patterns > FORMAT.maxPatterns
        ? { max: FORMAT.maxPatterns, what: 'patterns (/…/) in its expressions' }
        : { max: FORMAT.maxExpressions, what: 'expressions' };
    problems.push(problem('EXPRESSIONS_TOO_MANY', place, values));
    return undefined;
  }
  const compiled = compileValue(value);
  work.compiled.set(value, compiled);
  return compiled;
}

function checkExpression(value: string, path: string, walk: Walk, ir?: ParamIR): void {
  if (isEnough(walk)) return;
  const { subject, context, problems } = walk;
  const place = placeOf(subject, inParams(path));
  const severity = severityFor(subject, 'error');
  const compiled = compiledOnce(value, place, walk);
  if (compiled === undefined) return;
  for (const { error } of compiled.problems) {
    const values = { node: subject.name, param: path, position: error.position + 1, reason: error.message };
    const code = isExpressionCode(error.code) ? error.code : 'EXPR_INVALID';
    // The stored text begins with the equals sign, which is no part of the expression.
    problems.push(
      problem(code, place, values, { severity, offset: error.position + 1, ...(error.hint === undefined ? {} : { hint: error.hint }) }),
    );
  }
  if (compiled.problems.length > 0) return;
  if (compiled.constant && ir !== undefined) {
    const fitted = coerceParam(ir, compiled.value);
    if (!fitted.ok) problems.push(problem(fitted.code, place, { node: subject.name, param: path, reason: fitted.message }, { severity }));
  }
  const [read] = compiled.references.usesItem ? (CURRENT_ITEM.exec(value) ?? []) : [];
  if (read !== undefined && walk.withoutItem.has(OUTERMOST.exec(path)?.[0] ?? ''))
    problems.push(problem('EXPR_NO_ITEM', place, { node: subject.name, param: path, name: read }));
  for (const name of compiled.references.nodes) {
    const referred = context.byName.get(name);
    const values = { node: subject.name, param: path, name };
    if (referred === undefined) {
      const near = nearest(name, walk);
      problems.push(
        problem('EXPR_NODE_UNKNOWN', place, values, { severity, ...(near === undefined ? {} : { hint: `Did you mean "${near}"?` }) }),
      );
    } else if (!context.leadsTo(referred.index, subject.index))
      problems.push(problem('EXPR_NODE_NOT_UPSTREAM', place, values, { severity }));
  }
}

const CURRENT_ITEM = /\$(?:json|itemIndex|item|files)\b/;
/** The parameter a path begins with. */
const OUTERMOST = /^[^.[]+/;

const EXPRESSION_CODES = [
  'EXPR_SYNTAX',
  'EXPR_NOT_ALLOWED',
  'EXPR_UNKNOWN_NAME',
  'EXPR_UNKNOWN_METHOD',
  'EXPR_TOO_LONG',
  'EXPR_DEPTH',
  'EXPR_BAD_REGEX',
] as const;

function isExpressionCode(code: string): code is (typeof EXPRESSION_CODES)[number] {
  return (EXPRESSION_CODES as readonly string[]).includes(code);
}
