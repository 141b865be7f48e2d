/** Small workflows. */
import type { WorkflowDefinition, WorkflowNode } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';

type NodeSpec = { readonly id: string; readonly type: string; readonly params?: { readonly [name: string]: Json } } & Omit<
  Partial<WorkflowNode['data']>,
  'params'
>;

/** The manual trigger `start` and these nodes, one after the other unless edges `from>to` or `from:port>to` say otherwise. */
export function aWorkflow(
  nodes: readonly NodeSpec[],
  more: { name?: string; edges?: readonly string[]; settings?: WorkflowDefinition['settings'] } = {},
): WorkflowDefinition {
  const all: readonly NodeSpec[] = [{ id: 'start', type: 't/manual' }, ...nodes];
  const edges = more.edges ?? nodes.map((node, n) => `${all[n]?.id}>${node.id}`);
  return {
    schema: 1,
    name: more.name ?? 'Test',
    nodes: all.map(({ id, type, params = {}, ...data }) => ({
      id,
      type,
      position: { x: 0, y: 0 },
      data: { name: id, typeVersion: 1, params, ...data },
    })),
    edges: edges.map((edge, order) => {
      const [from = '', target = ''] = edge.split('>');
      const [source = '', sourceHandle = 'main'] = from.split(':');
      return { id: `e${order}`, source, sourceHandle, target, targetHandle: 'main', order };
    }),
    settings: more.settings ?? {},
  };
}
