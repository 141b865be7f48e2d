/** What a node's type says about it, given its literal parameters: its ports, its effect, whether it may be repeated. */
import { isExpression } from '@plugboard/sdk';
import type { DynamicPortsIR, EffectKind, Json, NodeTypeIR, TypeIR } from '@plugboard/sdk';
import type { WorkflowNode } from './types.ts';

/** The port that receives failed items when a node routes its errors. */
export const ERROR_PORT = 'error';
/** Port of the branch that takes back what a node did. A type that names a port so itself has an ordinary one. */
export const UNDO_PORT = 'undo';
const MAIN = [{ id: 'main' }];

/** Ports items arrive at. A trigger has none. */
export function inputPorts(type: TypeIR): readonly string[] {
  return type.kind === 'trigger' ? [] : (type.ports.inputs ?? MAIN).map((port) => port.id);
}

export interface OutputPorts {
  /** Ports the type and its literal parameters name, without the error port of the `route` policy. */
  readonly ids: ReadonlySet<string>;
  /** False when an expression stands where port names are read, so that more ports may exist. */
  readonly complete: boolean;
}

/** Ports items leave by. */
export function outputPorts(type: TypeIR, node: WorkflowNode): OutputPorts {
  const ids = new Set((type.ports.outputs ?? (type.ports.dynamicOutputs ? [] : MAIN)).map((port) => port.id));
  let complete = true;
  const dynamic = type.ports.dynamicOutputs;
  if (dynamic) {
    const entries = dynamicEntries(dynamic, type, node);
    if (entries === undefined) complete = false;
    for (const entry of entries ?? []) {
      if (entry.expression) complete = false;
      if (entry.port !== undefined) ids.add(entry.port);
    }
    if (dynamic.fallback && literalParam(type, node, dynamic.fallback.param) === true) ids.add(dynamic.fallback.port);
  }
  return { ids, complete };
}

/** The port leads to the undo branch of a node, and is none that its items leave by. */
export function isUndoPort(type: TypeIR, ports: OutputPorts, port: string): boolean {
  return port === UNDO_PORT && type.kind === 'node' && ports.complete && !ports.ids.has(port);
}

/**
 * The entries of the list parameter that names ports; the port is undefined where it is not literal text.
 * Undefined when the parameter is no literal list.
 */
export function dynamicEntries(
  dynamic: DynamicPortsIR,
  type: TypeIR,
  node: WorkflowNode,
): readonly { readonly port: string | undefined; readonly expression: boolean }[] | undefined {
  const list = literalParam(type, node, dynamic.param);
  if (list === undefined) return [];
  if (!Array.isArray(list)) return undefined;
  return list.map((entry: Json) => {
    const port = isJsonObject(entry) && Object.hasOwn(entry, dynamic.field) ? entry[dynamic.field] : undefined;
    return { port: isLiteralText(port) ? port : undefined, expression: isExpression(port) || isExpression(entry) };
  });
}

/** What a step does to the outside; an expression where a literal decides counts as the worst case. */
export function effectOf(type: NodeTypeIR, node: WorkflowNode): EffectKind {
  if (typeof type.effects === 'string') return type.effects;
  const value = literalParam(type, node, type.effects.by);
  const known = typeof value === 'string' && Object.hasOwn(type.effects.cases, value) ? type.effects.cases[value] : undefined;
  return known ?? type.effects.else;
}

/** A write that may be repeated with the same key. */
export function isRepeatable(type: NodeTypeIR, node: WorkflowNode): boolean {
  return literalFlag(type.repeatable, type, node);
}

/** A per-batch type whose batch succeeds or fails as a whole. */
export function isAtomic(type: NodeTypeIR, node: WorkflowNode): boolean {
  return type.atomic === undefined || literalFlag(type.atomic, type, node);
}

/** A flag that may depend on a literal parameter; an expression there counts as no. */
function literalFlag(flag: NodeTypeIR['repeatable'], type: NodeTypeIR, node: WorkflowNode): boolean {
  if (typeof flag !== 'object') return flag === true;
  const value = literalParam(type, node, flag.by);
  return typeof value === 'string' && flag.values.includes(value);
}

/** The value of a parameter, its default when it is absent. May be an expression as stored. */
export function literalParam(type: TypeIR, node: WorkflowNode, name: string): Json | undefined {
  const given = Object.hasOwn(node.data.params, name) ? node.data.params[name] : undefined;
  return given ?? (Object.hasOwn(type.params, name) ? type.params[name]?.default : undefined);
}

/** Text that is no expression. */
export function isLiteralText(value: Json | undefined): value is string {
  return typeof value === 'string' && !isExpression(value);
}

export function isJsonObject(value: Json | undefined): value is { readonly [key: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
