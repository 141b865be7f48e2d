/** A node type with its function in memory: what a call needs besides its specification. */
import { describePlugin, StepFailure } from '@plugboard/sdk';
import type { JsonObject, NodeTypeIR, Plugin } from '@plugboard/sdk';
import { PluginHostError } from '../errors.ts';
import { Normaliser } from './normalise.ts';

export interface LoadedType {
  readonly ir: NodeTypeIR;
  readonly run: (args: never) => unknown;
  /** Ports an output may name; undefined when a parameter lists them. */
  readonly ports: ReadonlySet<string> | undefined;
  /** Port of an output that names none; undefined when it must name one. */
  readonly defaultPort: string | undefined;
  /** Parameters a per-batch type gets as arrays. */
  readonly perItem: readonly string[];
  /** Of the outputs of its per-item calls: shared, because an output is read in one go. */
  readonly normaliser: Normaliser;
}

function loadedType(ir: NodeTypeIR, run: (args: never) => unknown): LoadedType {
  const outputs = ir.ports.outputs ?? [{ id: 'main' }];
  const ids = outputs.map((port) => port.id);
  const isDynamic = ir.ports.dynamicOutputs !== undefined;
  return {
    ir,
    run,
    ports: isDynamic ? undefined : new Set(ids),
    defaultPort: ids.includes('main') ? 'main' : isDynamic || ids.length !== 1 ? undefined : ids[0],
    perItem: Object.keys(ir.params).filter((name) => ir.params[name]?.perItem === true),
    normaliser: new Normaliser(),
  };
}

/**
 * A node type of a plugin that is in memory. `ir` saves describing the plugin when its description is known already.
 * @throws PluginHostError PLUGIN_CHANGED when the plugin has no such type
 */
export function loadedNode(
  plugin: Plugin,
  type: string,
  version: number,
  ir: NodeTypeIR | undefined = describedNode(plugin, type, version),
): LoadedType {
  const node = plugin.nodes.find((one) => `${plugin.id}/${one.id}` === type && one.version === version);
  if (node !== undefined && ir !== undefined) return loadedType(ir, node.run);
  throw new PluginHostError('PLUGIN_CHANGED', `The plugin ${plugin.id} has no type ${type} in version ${version} any more.`);
}

function describedNode(plugin: Plugin, type: string, version: number): NodeTypeIR | undefined {
  return describePlugin(plugin).types.find((one): one is NodeTypeIR => one.kind === 'node' && one.type === type && one.version === version);
}

const PORT = /^[A-Za-z0-9_-]{1,64}$/;

/**
 * The port of an output; undefined stands for `main`.
 * @throws StepFailure PORT_UNKNOWN when the type has no such port.
 */
export function portOf(type: Pick<LoadedType, 'ports' | 'defaultPort'>, named: unknown): string | undefined {
  const port = named ?? type.defaultPort;
  if (port === 'main' && type.ports === undefined) return undefined;
  if (typeof port === 'string' && (type.ports === undefined ? PORT.test(port) : type.ports.has(port)))
    return port === 'main' ? undefined : port;
  const known = type.ports === undefined ? '' : ` Known: ${[...type.ports].join(', ') || 'none'}.`;
  const what =
    port === undefined
      ? 'An output must name its port.'
      : `There is no output port ${typeof port === 'string' ? JSON.stringify(port.slice(0, 80)) : `of the kind ${typeof port}`}.`;
  throw new StepFailure('PORT_UNKNOWN', what + known, { kind: 'bug' });
}

/** Parameters of one item: what differs over what is equal. */
export function itemParams(constants: JsonObject, own: JsonObject | undefined): JsonObject {
  return own === undefined ? constants : { ...constants, ...own };
}
