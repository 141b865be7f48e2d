/**
 * A node's parameters made ready to evaluate: literals are settled once, expressions are closures.
 * Hidden parameters (`when` does not hold) are neither evaluated nor passed; values are coerced to the declared type.
 */
import { type Budget, type CompiledValue, ExpressionError, type Scope, compileValue, createBudget } from '@plugboard/expression';
import { type Condition, type Json, type JsonObject, type ParamIR, type StepError, type TypeIR, coerceParam, holds } from '@plugboard/sdk';
import type { WorkflowNode } from '../definition/types.ts';

interface DynamicParam {
  readonly name: string;
  readonly ir: ParamIR;
  /** Undefined when neither the definition nor the type gives one. */
  readonly value: ParamValue | undefined;
  /** Set where other expressions decide whether the parameter is shown. */
  readonly when: Condition | undefined;
}

/** An expression, or a literal that needs an item or another expression beside it. */
type ParamValue = CompiledValue | { readonly constant: true; readonly value: Json };

export interface NodeParams {
  /** Equal for every item, defaults included. */
  readonly constants: JsonObject;
  readonly dynamic: readonly DynamicParam[];
  /** All literals, hidden ones included: what conditions read. */
  readonly literals: JsonObject;
  /** Why these parameters can never be evaluated; the step fails with it. */
  readonly broken: StepError | undefined;
  /** Nodes whose items the expressions read, and whether a name is computed. */
  readonly references: { readonly nodes: readonly string[]; readonly dynamicNode: boolean };
}

export type Evaluated = { readonly ok: true; readonly value: JsonObject } | { readonly ok: false; readonly error: StepError };

const NOTHING: JsonObject = {};

export function compileParams(node: WorkflowNode, type: TypeIR): NodeParams {
  const written = Object.entries(type.params).map(([name, ir]) => writtenParam(node, name, ir));
  const dynamicNames = dynamicParams(written);
  const literals: { [name: string]: Json } = {};
  for (const param of written) if (param.literal !== undefined && !dynamicNames.has(param.name)) literals[param.name] = param.literal;
  const constants: { [name: string]: Json } = {};
  const dynamic: DynamicParam[] = [];
  const nodes = new Set<string>();
  let dynamicNode = false;
  let broken: StepError | undefined;
  for (const param of written) {
    const { name, ir, value } = param;
    const isUndecided = ir.when !== undefined && dependsOn(ir.when, dynamicNames);
    if (ir.when && !isUndecided && !holds(ir.when, literals)) continue;
    if (value && 'references' in value) {
      const [problem] = value.problems;
      if (problem && !isUndecided) broken ??= asStepError(problem.error, name);
      for (const used of value.references.nodes) nodes.add(used);
      dynamicNode ||= value.references.dynamicNode;
    }
    if (dynamicNames.has(name)) dynamic.push({ name, ir, value, when: isUndecided ? ir.when : undefined });
    else if (param.error) broken ??= param.error;
    else if (param.literal !== undefined) constants[name] = param.literal;
  }
  return { constants, dynamic: inReadingOrder(dynamic), literals, broken, references: { nodes: [...nodes], dynamicNode } };
}

/** A parameter as it stands in the definition. */
interface WrittenParam {
  readonly name: string;
  readonly ir: ParamIR;
  /** Undefined when neither the definition nor the type gives a value. */
  readonly value: ParamValue | undefined;
  /** The coerced value of a literal. */
  readonly literal: Json | undefined;
  /** Why there is no usable literal; counts only while the parameter is shown. */
  readonly error: StepError | undefined;
}

function writtenParam(node: WorkflowNode, name: string, ir: ParamIR): WrittenParam {
  const given = Object.hasOwn(node.data.params, name) ? node.data.params[name] : undefined;
  // null is a value for JSON parameters and stands for none elsewhere.
  const isGiven = given !== undefined && (given !== null || ir.kind === 'json');
  const raw = isGiven ? given : ir.default;
  if (raw === undefined) return { name, ir, value: undefined, literal: undefined, error: ir.required ? missing(node, name) : undefined };
  const value: ParamValue = isRaw(ir) ? { constant: true, value: raw } : compileValue(raw);
  if (!value.constant || ir.perItem) return { name, ir, value, literal: undefined, error: undefined };
  const coerced = coerceParam(ir, value.value);
  if (!coerced.ok) return { name, ir, value, literal: undefined, error: wrong(node, name, coerced) };
  return { name, ir, value, literal: coerced.value, error: undefined };
}

/** Names of the parameters that can only be settled with an item: expressions, per-item ones, and those whose visibility hangs on one of them. */
function dynamicParams(written: readonly WrittenParam[]): ReadonlySet<string> {
  const names = new Set<string>();
  for (const { name, ir, value } of written) if (value && (!value.constant || ir.perItem)) names.add(name);
  for (let before = -1; before < names.size;) {
    before = names.size;
    for (const { name, ir } of written) if (ir.when && dependsOn(ir.when, names)) names.add(name);
  }
  return names;
}

/** Parameters after those their visibility depends on, otherwise in the order of the type. */
function inReadingOrder(params: readonly DynamicParam[]): readonly DynamicParam[] {
  if (!params.some((param) => param.when)) return params;
  const left = new Map(params.map((param) => [param.name, param]));
  const ordered: DynamicParam[] = [];
  const take = (param: DynamicParam): void => {
    if (!left.delete(param.name)) return;
    for (const other of params) if (param.when && dependsOn(param.when, new Set([other.name]))) take(other);
    ordered.push(param);
  };
  for (const param of params) take(param);
  return ordered;
}

/** Evaluates what differs by item, in the scope of one item. All its expressions share one budget. Never throws. */
export function evaluateParams(params: NodeParams, scope: Scope): Evaluated {
  if (params.broken) return { ok: false, error: params.broken };
  if (params.dynamic.length === 0) return { ok: true, value: NOTHING };
  const value: { [name: string]: Json } = {};
  const budget = createBudget();
  for (const param of params.dynamic) {
    if (param.when && !holds(param.when, { ...params.literals, ...value })) continue;
    const failed = evaluateInto(value, param, scope, budget);
    if (failed) return { ok: false, error: failed };
  }
  return { ok: true, value };
}

/** For per-batch types: each parameter once, those marked per item as an array by index. */
export function evaluateBatchParams(params: NodeParams, scope: Scope, itemScopes: () => Iterable<Scope>): Evaluated {
  const work = batchParamsInParts(params, scope, itemScopes);
  for (;;) {
    const part = work.next();
    if (part.done) return part.value;
  }
}

/** As {@link evaluateBatchParams}; yields each value as it is made, so that a caller can count them and put the work aside. */
export function* batchParamsInParts(
  params: NodeParams,
  scope: Scope,
  itemScopes: () => Iterable<Scope>,
): Generator<Json | undefined, Evaluated> {
  if (params.broken) return { ok: false, error: params.broken };
  if (params.dynamic.length === 0) return { ok: true, value: NOTHING };
  const value: { [name: string]: Json } = {};
  const budget = createBudget();
  let scopes: Iterable<Scope> | undefined;
  for (const param of params.dynamic) {
    if (param.when && !holds(param.when, { ...params.literals, ...value })) continue;
    if (!param.ir.perItem) {
      const failed = evaluateInto(value, param, scope, budget);
      if (failed) return { ok: false, error: failed };
      yield value[param.name];
      continue;
    }
    const values: Json[] = [];
    scopes ??= itemScopes();
    for (const one of scopes) {
      const item: { [name: string]: Json } = {};
      const failed = evaluateInto(item, param, one, createBudget());
      if (failed) return { ok: false, error: failed };
      values.push(item[param.name] ?? null);
      yield item[param.name];
    }
    value[param.name] = values;
  }
  return { ok: true, value };
}

function evaluateInto(target: { [name: string]: Json }, param: DynamicParam, scope: Scope, budget: Budget): StepError | undefined {
  let result: Json | undefined;
  try {
    result = param.value?.constant === false ? param.value.evaluate(scope, budget) : param.value?.value;
  } catch (error) {
    if (error instanceof ExpressionError) return asStepError(error, param.name);
    throw error;
  }
  if (result === undefined) {
    if (param.ir.default !== undefined) target[param.name] = param.ir.default;
    else if (param.ir.required)
      return { code: 'PARAM_MISSING', kind: 'input', message: `Parameter "${param.name}" is required and has no value.` };
    return undefined;
  }
  const coerced = coerceParam(param.ir, result);
  if (!coerced.ok) return { code: coerced.code, kind: 'input', message: `Parameter "${param.name}": ${coerced.message}` };
  if (coerced.value !== undefined) target[param.name] = coerced.value;
  return undefined;
}

/** Source code and parameters that refuse expressions are handed over as they are written. */
function isRaw(ir: ParamIR): boolean {
  return ir.expr === 'deny' || ir.kind === 'code';
}

function asStepError(error: ExpressionError, param: string): StepError {
  return {
    code: error.code,
    kind: 'input',
    message: `Parameter "${[param, ...error.path].join('.')}", character ${error.position + 1}: ${error.message}`,
    data: { param, path: error.path, position: error.position },
  };
}

function missing(node: WorkflowNode, name: string): StepError {
  return { code: 'PARAM_MISSING', kind: 'input', message: `${node.data.name} needs the parameter "${name}".` };
}

function wrong(node: WorkflowNode, name: string, problem: { readonly code: string; readonly message: string }): StepError {
  return { code: problem.code, kind: 'input', message: `${node.data.name}, parameter "${name}": ${problem.message}` };
}

function dependsOn(condition: NonNullable<ParamIR['when']>, names: ReadonlySet<string>): boolean {
  if ('all' in condition) return condition.all.some((one) => dependsOn(one, names));
  if ('any' in condition) return condition.any.some((one) => dependsOn(one, names));
  if ('not' in condition) return dependsOn(condition.not, names);
  return names.has(condition.param);
}
