/**
 * The meaning of a definition as text: two definitions with equal text run alike, so there is nothing new to publish.
 * Positions, notes and collapsed groups are left out; defaults written out equal defaults left out.
 */
import type { Json } from '@plugboard/sdk';
import type { NodeData, WorkflowDefinition, WorkflowEdge, WorkflowNode } from './types.ts';

/** Canonical JSON; the caller hashes it. Node order counts, because it orders a run's output; edge order counts only by `order` and id. */
export function semanticText(definition: WorkflowDefinition): string {
  const { schema, name, description, nodes, edges, groups, inputs, outputs, tests, settings } = definition;
  return canonicalText({
    schema,
    name,
    description: description === '' ? undefined : description,
    nodes: nodes.map(meaningOfNode),
    edges: [...edges].sort(byId).map(meaningOfEdge),
    groups: emptyIsAbsent(
      [...(groups ?? [])].sort(byId).map((group) => ({ id: group.id, title: group.title, nodes: [...group.nodes].sort() })),
    ),
    inputs: inputs && Object.keys(inputs).length > 0 ? inputs : undefined,
    outputs: outputs && Object.keys(outputs).length > 0 ? outputs : undefined,
    tests: emptyIsAbsent(tests ?? []),
    settings: withoutDefaults(
      { ...settings },
      {
        timezone: 'UTC',
        timeoutMs: 1_800_000,
        maxParallelSteps: 20,
        keepData: 'all',
        errorOn: 'failures',
        undoOn: 'all',
        undoTimeoutMs: 300_000,
      },
    ),
  });
}

function meaningOfNode(node: WorkflowNode): unknown {
  const { notes: _notes, retry, credentials, ...data }: NodeData = node.data;
  const policy = withoutDefaults({ ...retry }, { maxAttempts: 1, firstDelayMs: 1000, factor: 2, maxDelayMs: 60_000, jitter: 'full' });
  return {
    id: node.id,
    type: node.type,
    data: {
      ...withoutDefaults({ ...data }, { onError: 'fail', concurrency: 10, durability: 'default', disabled: false }),
      retry: Object.keys(policy).length > 0 ? policy : undefined,
      credentials: credentials && Object.keys(credentials).length > 0 ? credentials : undefined,
    },
  };
}

function meaningOfEdge(edge: WorkflowEdge): unknown {
  return withoutDefaults({ ...edge }, { order: 0 });
}

function withoutDefaults(
  fields: { readonly [name: string]: unknown },
  defaults: { readonly [name: string]: Json },
): { readonly [name: string]: unknown } {
  return Object.fromEntries(
    Object.entries(fields).filter(([name, value]) => value !== undefined && !(Object.hasOwn(defaults, name) && defaults[name] === value)),
  );
}

function emptyIsAbsent<T>(list: readonly T[]): readonly T[] | undefined {
  return list.length === 0 ? undefined : list;
}

/** JSON text with object keys in code unit order and without absent fields: equal values give equal text. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map((entry) => canonicalText(entry ?? null)).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const fields = value as { readonly [key: string]: unknown };
  const parts: string[] = [];
  for (const key of Object.keys(fields).sort()) {
    if (fields[key] !== undefined) parts.push(`${JSON.stringify(key)}:${canonicalText(fields[key])}`);
  }
  return `{${parts.join(',')}}`;
}

function byId(a: { readonly id: string }, b: { readonly id: string }): number {
  return a.id < b.id ? -1 : a.id > b.id ? 1 : 0;
}
