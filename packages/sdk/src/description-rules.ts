/** What a type's definition must hold to, beyond what TypeScript checks. Every rule reports; none stops the others. */
import { coerceParam } from './coerce.ts';
import { conditionParams, sameJson } from './conditions.ts';
import type { NodeDefinition } from './define-node.ts';
import type { TriggerDefinition } from './define-trigger.ts';
import type { Json } from './json.ts';
import { shapeIR } from './param-builder.ts';
import type { Condition, ParamIR, ParamsIR } from './param-ir.ts';
import type { LoopIR, PortsIR } from './type-ir.ts';

export type DescriptionProblemCode =
  | 'ID_INVALID'
  | 'VERSION_INVALID'
  | 'TITLE_MISSING'
  | 'TYPE_DUPLICATE'
  | 'PARAM_NAME_INVALID'
  | 'CONDITION_PARAM_UNKNOWN'
  | 'CONDITION_PATTERN_INVALID'
  | 'DEFAULT_INVALID'
  | 'CONSTRAINT_INVALID'
  | 'PATTERN_INVALID'
  | 'OPTIONS_INVALID'
  | 'PER_ITEM_INVALID'
  | 'PORT_INVALID'
  | 'REFERENCE_UNKNOWN'
  | 'EFFECTS_INVALID'
  | 'MIGRATION_INVALID'
  | 'FUNCTION_MISSING'
  | 'FIELD_UNKNOWN'
  | 'NOT_JSON';

export interface DescriptionProblem {
  readonly code: DescriptionProblemCode;
  /** Where in the plugin, such as `nodes[0] set.params.fields`. */
  readonly path: string;
  readonly message: string;
}

type Report = (code: DescriptionProblemCode, path: string, message: string) => void;

const ID = /^[A-Za-z0-9_-]{1,64}$/;

/** Problems of a node or trigger type. */
export function typeProblems(path: string, type: NodeDefinition | TriggerDefinition): readonly DescriptionProblem[] {
  const { problems, report } = collector();
  const params = shapeIR(type.params);
  if (!ID.test(type.id)) report('ID_INVALID', path, 'Use 1 to 64 letters, digits, - or _.');
  if (!Number.isInteger(type.version) || type.version < 1)
    report('VERSION_INVALID', `${path}.version`, 'Versions are whole numbers from 1.');
  if (type.title.trim() === '') report('TITLE_MISSING', `${path}.title`, 'Give the type a title.');
  if (!isJson(params)) report('NOT_JSON', `${path}.params`, 'Parameters hold something that is not JSON, such as a Date or a function.');
  if (type.ports !== undefined) portProblems(`${path}.ports`, type.ports, params, report);
  for (const from of Object.keys(type.migrate ?? {})) {
    if (!/^[1-9]\d*$/.test(from) || Number(from) >= type.version) {
      report('MIGRATION_INVALID', `${path}.migrate.${from}`, `Migrations start from a version below ${type.version}.`);
    }
  }
  if ('per' in type) nodeProblems(path, type, params, report);
  else triggerProblems(path, type, report);
  fieldProblems(`${path}.params`, params, report, 'per' in type && type.per === 'batch');
  return problems;
}

/** Problems of parameters by themselves. */
export function paramsProblems(path: string, params: ParamsIR): readonly DescriptionProblem[] {
  const { problems, report } = collector();
  fieldProblems(path, params, report, false);
  return problems;
}

function collector(): { readonly problems: DescriptionProblem[]; readonly report: Report } {
  const problems: DescriptionProblem[] = [];
  return { problems, report: (code, path, message) => problems.push({ code, path, message }) };
}

function nodeProblems(path: string, node: NodeDefinition, params: ParamsIR, report: Report): void {
  if (typeof node.run !== 'function') report('FUNCTION_MISSING', `${path}.run`, 'A node type needs a function run.');
  const { effects } = node;
  if (typeof effects === 'object') {
    decidedBy(`${path}.effects.by`, effects.by, Object.keys(effects.cases), params, report);
  } else if (!['none', 'read', 'write'].includes(effects)) {
    report('EFFECTS_INVALID', `${path}.effects`, 'Effects are none, read or write.');
  }
  if (typeof node.repeatable === 'object') decidedBy(`${path}.repeatable.by`, node.repeatable.by, node.repeatable.values, params, report);
  if (typeof node.atomic === 'object') decidedBy(`${path}.atomic.by`, node.atomic.by, node.atomic.values, params, report);
  if (node.loop !== undefined) loopProblems(path, node, node.loop, params, report);
  if (node.waits !== undefined && !mayWait(node))
    report(
      'EFFECTS_INVALID',
      `${path}.waits`,
      'A type that waits is per batch, has no effects and is not heavy; one that opens what it waits for is an atomic write that is repeatable.',
    );
  if (node.join !== undefined) {
    const policy = own(params, node.join.policy);
    const values = policy?.kind === 'choice' ? policy.options.map((option) => option.value) : [];
    if (!['all', 'any', 'count'].every((value) => values.includes(value))) {
      report('REFERENCE_UNKNOWN', `${path}.join.policy`, `${node.join.policy} must be a choice of all, any and count.`);
    }
    if (own(params, node.join.count)?.kind !== 'number')
      report('REFERENCE_UNKNOWN', `${path}.join.count`, `${node.join.count} must be a number parameter.`);
  }
}

/** A crash between opening and waiting opens again: that has to be the same thing. */
function mayWait({ per, effects, repeatable, atomic, cpu }: NodeDefinition): boolean {
  if (per !== 'batch' || cpu !== undefined) return false;
  return effects === 'none' || (effects === 'write' && repeatable === true && (atomic ?? true) === true);
}

/** A literal parameter that decides must exist, have a closed set of values, and be no expression. */
function decidedBy(path: string, name: string, values: readonly string[], params: ParamsIR, report: Report): void {
  const ir = own(params, name);
  if (ir === undefined) return report('REFERENCE_UNKNOWN', path, `There is no parameter ${JSON.stringify(name)}.`);
  const allowed = ir.kind === 'choice' ? ir.options.map((option) => option.value) : ir.kind === 'boolean' ? ['true', 'false'] : undefined;
  if (allowed === undefined) return report('EFFECTS_INVALID', path, `${name} must be a choice or a boolean.`);
  for (const value of values) {
    if (!allowed.includes(value)) report('EFFECTS_INVALID', path, `${JSON.stringify(value)} is not a value of ${name}.`);
  }
}

const TRIGGER_NEEDS: { readonly [kind: string]: 'poll' | 'open' } = { poll: 'poll', stream: 'open' };

function triggerProblems(path: string, trigger: TriggerDefinition, report: Report): void {
  const needed = TRIGGER_NEEDS[trigger.kind];
  if (needed !== undefined && typeof trigger[needed] !== 'function') {
    report('FUNCTION_MISSING', `${path}.${needed}`, `A ${trigger.kind} trigger needs a function ${needed}.`);
  }
  if ((trigger.register === undefined) !== (trigger.unregister === undefined)) {
    report('FUNCTION_MISSING', path, 'register and unregister come together.');
  }
}

function portProblems(path: string, ports: PortsIR, params: ParamsIR, report: Report): void {
  for (const side of ['inputs', 'outputs'] as const) {
    const seen = new Set<string>();
    for (const port of ports[side] ?? []) {
      if (!ID.test(port.id)) report('PORT_INVALID', `${path}.${side}`, `${JSON.stringify(port.id)}: use 1 to 64 letters, digits, - or _.`);
      if (seen.has(port.id)) report('PORT_INVALID', `${path}.${side}`, `The port ${port.id} is there twice.`);
      if (port.id === 'error' && side === 'outputs')
        report('PORT_INVALID', `${path}.${side}`, 'The port error belongs to the onError policy.');
      seen.add(port.id);
    }
  }
  const dynamic = ports.dynamicOutputs;
  if (dynamic === undefined) return;
  const list = own(params, dynamic.param);
  const field = list?.kind === 'list' && list.of.kind === 'object' ? own(list.of.fields, dynamic.field) : undefined;
  if (field === undefined || field.kind !== 'text' || field.expr !== 'deny') {
    report(
      'REFERENCE_UNKNOWN',
      `${path}.dynamicOutputs`,
      `${dynamic.param} must be a list of objects whose field ${dynamic.field} is text with .expr('deny').`,
    );
  }
  if (dynamic.fallback !== undefined && own(params, dynamic.fallback.param)?.kind !== 'boolean') {
    report('REFERENCE_UNKNOWN', `${path}.dynamicOutputs.fallback`, `${dynamic.fallback.param} must be a boolean parameter.`);
  }
}

const PARAM_NAME = /^[A-Za-z][A-Za-z0-9_]{0,63}$/;
/** Names that reach the prototype of ordinary objects. */
const REFUSED_NAMES = new Set(['constructor', 'prototype', 'toString', 'valueOf', 'hasOwnProperty']);

function fieldProblems(path: string, fields: ParamsIR, report: Report, perItemAllowed: boolean): void {
  for (const [name, ir] of Object.entries(fields)) {
    const at = `${path}.${name}`;
    if (!PARAM_NAME.test(name) || REFUSED_NAMES.has(name))
      report('PARAM_NAME_INVALID', at, 'Use a letter, then letters, digits or _, at most 64.');
    if (ir.perItem === true && !perItemAllowed)
      report('PER_ITEM_INVALID', at, 'Only the parameters of a per-batch type may be evaluated per item.');
    if (ir.when !== undefined) conditionProblems(at, ir, fields, name, report);
    if (ir.kind === 'code' && ir.languageFrom !== undefined && fields[ir.languageFrom]?.kind !== 'choice')
      report('REFERENCE_UNKNOWN', at, `Its language is read from ${JSON.stringify(ir.languageFrom)}, which is no choice beside it.`);
    paramProblems(at, ir, report);
  }
}

function conditionProblems(path: string, ir: ParamIR, fields: ParamsIR, name: string, report: Report): void {
  if (ir.when === undefined) return;
  for (const param of conditionParams(ir.when)) {
    if (!Object.hasOwn(fields, param))
      report('CONDITION_PARAM_UNKNOWN', path, `Its condition reads ${JSON.stringify(param)}, which is not beside it.`);
    if (param === name) report('CONDITION_PARAM_UNKNOWN', path, 'Its condition reads the parameter itself.');
  }
  for (const source of conditionPatterns(ir.when)) {
    const problem = patternProblem(source);
    if (problem !== undefined) report('CONDITION_PATTERN_INVALID', path, problem);
  }
}

function conditionPatterns(condition: Condition): readonly string[] {
  if ('all' in condition) return condition.all.flatMap(conditionPatterns);
  if ('any' in condition) return condition.any.flatMap(conditionPatterns);
  if ('not' in condition) return conditionPatterns(condition.not);
  return condition.op === 'matches' && typeof condition.value === 'string' ? [condition.value] : [];
}

function paramProblems(path: string, ir: ParamIR, report: Report): void {
  switch (ir.kind) {
    case 'text': {
      const problem = ir.pattern === undefined ? undefined : patternProblem(ir.pattern);
      if (problem !== undefined) report('PATTERN_INVALID', path, problem);
      bounds(path, ir.minLength, ir.maxLength, report);
      if (problem !== undefined) return;
      break;
    }
    case 'number':
      if ((ir.min ?? 0) > (ir.max ?? Number.POSITIVE_INFINITY) || !finite(ir.min) || !finite(ir.max))
        report('CONSTRAINT_INVALID', path, 'The least value is above the most.');
      break;
    case 'choice':
      choiceProblems(path, ir.options, report);
      break;
    case 'list':
      bounds(path, ir.minItems, ir.maxItems, report);
      fieldlessProblems(path, ir.of, report);
      break;
    case 'map':
      bounds(path, undefined, ir.maxItems, report);
      fieldlessProblems(path, ir.of, report);
      break;
    case 'object':
      fieldProblems(path, ir.fields, report, false);
      break;
    case 'variant':
      if (Object.keys(ir.variants).length === 0) report('OPTIONS_INVALID', path, 'Give at least one variant.');
      for (const [tag, fields] of Object.entries(ir.variants)) {
        if (Object.hasOwn(fields, ir.tag))
          report('PARAM_NAME_INVALID', `${path}.${tag}`, `A field must not have the tag's name ${JSON.stringify(ir.tag)}.`);
        fieldProblems(`${path}.${tag}`, { ...fields, [ir.tag]: { kind: 'text' } }, report, false);
      }
      break;
    case 'credential':
      if (ir.types.length === 0) report('OPTIONS_INVALID', path, 'Name at least one credential type.');
      break;
    default:
      break;
  }
  if (ir.default !== undefined) defaultProblems(path, ir, ir.default, report);
}

/** What stands inside a list or a map has no siblings and is always evaluated with its container. */
function fieldlessProblems(path: string, of: ParamIR, report: Report): void {
  if (of.when !== undefined) report('CONDITION_PARAM_UNKNOWN', `${path}[]`, 'An entry has no siblings a condition could read.');
  if (of.perItem === true) report('PER_ITEM_INVALID', `${path}[]`, 'Only a whole parameter may be evaluated per item.');
  paramProblems(`${path}[]`, of, report);
}

function choiceProblems(path: string, options: readonly { readonly value: string }[], report: Report): void {
  if (options.length === 0) report('OPTIONS_INVALID', path, 'Give at least one option.');
  const values = new Set<string>();
  for (const { value } of options) {
    if (value === '' || value.startsWith('=')) report('OPTIONS_INVALID', path, 'An option is neither empty nor starts with =.');
    if (values.has(value)) report('OPTIONS_INVALID', path, `The option ${JSON.stringify(value)} is there twice.`);
    values.add(value);
  }
}

function bounds(path: string, least: number | undefined, most: number | undefined, report: Report): void {
  const whole = [least, most].every((bound) => bound === undefined || (Number.isInteger(bound) && bound >= 0));
  if (!whole || (least ?? 0) > (most ?? Number.POSITIVE_INFINITY))
    report('CONSTRAINT_INVALID', path, 'Bounds are whole numbers from 0, the least not above the most.');
}

function finite(bound: number | undefined): boolean {
  return bound === undefined || Number.isFinite(bound);
}

function defaultProblems(path: string, ir: ParamIR, value: Json, report: Report): void {
  if (ir.required === true) report('DEFAULT_INVALID', path, 'A parameter with a default is never missing: drop .required().');
  if (typeof value === 'string' && value.startsWith('=') && ir.kind !== 'code') {
    report('DEFAULT_INVALID', path, 'A default is a value: it cannot start with =.');
  }
  const { default: _, ...without } = ir;
  const coerced = coerceParam(without, value);
  if (!coerced.ok) report('DEFAULT_INVALID', path, `The default does not fit: ${coerced.message}`);
  else if (!sameJson(coerced.value, value))
    report('DEFAULT_INVALID', path, `The default has another type than the parameter: write ${JSON.stringify(coerced.value)}.`);
}

const PATTERN_MAX = 500;

/**
 * Patterns run over foreign text in the server, so those whose time can grow exponentially are refused: a repeated group that repeats or
 * chooses inside, and back references.
 */
function patternProblem(source: string): string | undefined {
  if (source.length > PATTERN_MAX) return `A pattern has at most ${PATTERN_MAX} characters.`;
  try {
    new RegExp(`^(?:${source})$`, 'u');
  } catch (error) {
    return `The pattern is not a regular expression: ${error instanceof Error ? error.message : 'it does not parse'}.`;
  }
  const plain = source.replaceAll(/\\[^1-9k]/g, 'x').replaceAll(/\[[^\]]*\]/g, 'x');
  if (/\\[1-9k]/.test(plain)) return 'The pattern has a back reference, which can take for ever.';
  return repeatsInside(plain) ? 'The pattern repeats a group that repeats or chooses inside, which can take for ever.' : undefined;
}

function repeatsInside(plain: string): boolean {
  const open: { risky: boolean }[] = [];
  for (let i = 0; i < plain.length; i++) {
    const char = plain[i] as string;
    if (char === '(') {
      open.push({ risky: false });
      if (plain[i + 1] === '?') i += 1;
    } else if (char === ')') {
      const group = open.pop();
      const repeated = /^(?:[*+]|\{\d+,)/.test(plain.slice(i + 1, i + 8));
      if (group?.risky === true && repeated) return true;
      const parent = open.at(-1);
      if (parent !== undefined && (group?.risky === true || repeated)) parent.risky = true;
    } else if (char === '*' || char === '+' || char === '|' || (char === '{' && /^\{\d+,/.test(plain.slice(i, i + 8)))) {
      const group = open.at(-1);
      if (group !== undefined) group.risky = true;
    }
  }
  return false;
}

/** Members that are undefined are no harm: the text of a description leaves them out. */
function isJson(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object') return ['string', 'boolean', 'undefined'].includes(typeof value);
  if (value === null) return true;
  const isPlain = Array.isArray(value) || [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  return isPlain && Object.values(value).every(isJson);
}

function own(params: ParamsIR, name: string): ParamIR | undefined {
  return Object.hasOwn(params, name) ? params[name] : undefined;
}

/** A loop is decided by the engine, which knows its ports by name. */
function loopProblems(path: string, node: NodeDefinition, loop: LoopIR, params: ParamsIR, report: Report): void {
  const inputs = node.ports?.inputs?.map(({ id }) => id) ?? [];
  const outputs = node.ports?.outputs?.map(({ id }) => id) ?? [];
  if (
    node.per !== 'batch' ||
    node.effects !== 'none' ||
    !inputs.includes('next') ||
    !outputs.includes('body') ||
    !outputs.includes('done')
  ) {
    report('PORT_INVALID', `${path}.loop`, 'A loop is per batch, has no effects, an input next, and the outputs body and done.');
  }
  if (own(params, loop.mode)?.kind !== 'choice')
    report('REFERENCE_UNKNOWN', `${path}.loop.mode`, `${loop.mode} must be a choice parameter.`);
  for (const member of ['batchSize', 'concurrency', 'limit'] as const) {
    if (own(params, loop[member])?.kind !== 'number')
      report('REFERENCE_UNKNOWN', `${path}.loop.${member}`, `${loop[member]} must be a number parameter.`);
  }
}
