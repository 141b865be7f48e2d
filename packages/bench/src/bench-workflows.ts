/** Workflows of the cases that keep a server of their own. */

/** A step with its type and parameters. */
export type BenchStep = readonly [id: string, type: string, params?: object];
export type BenchEdge = readonly [source: string, target: string, ports?: { readonly from?: string; readonly to?: string }];

/** Answered at once: what the run does is no part of the request. */
export function hook(path: string): BenchStep {
  return ['hook', 'core/webhook', { path, method: 'POST', reply: 'immediate' }];
}

/** One step after the other. */
export function chainOf(name: string, steps: readonly BenchStep[]): object {
  return graphOf(
    name,
    steps,
    steps.slice(1).map(([id], n) => [steps[n]?.[0] ?? '', id]),
  );
}

/** All of `branches` after `trigger`, beside each other. */
export function fanOf(name: string, trigger: BenchStep, branches: readonly BenchStep[]): object {
  return graphOf(
    name,
    [trigger, ...branches],
    branches.map(([id]) => [trigger[0], id]),
  );
}

/** So far apart lie the rows of a board. */
const ROW_PX = 110;
const COLUMN_PX = 240;

/** `count` nodes as people lay them out: rows side by side behind one trigger, each of `perRow` steps. */
export function boardOf(name: string, count: number, perRow: number): object {
  const kinds: readonly BenchStep[] = [
    ['set', 'core/set', { fields: { total: '={{ $json.quantity * 12.5 }}' } }],
    ['ask', 'core/http-request', { method: 'GET', url: 'https://example.com/stock' }],
    ['check', 'core/if', { condition: '={{ $json.total > 100 }}' }],
    ['pass', 'core/noop'],
  ];
  const steps = Array.from({ length: count - 1 }, (_, n): BenchStep => {
    const [kind, type, params] = kinds[n % kinds.length] ?? ['pass', 'core/noop'];
    return [`${kind}${n}`, type, params];
  });
  const edges = steps.map(([id], n): BenchEdge => {
    const before = n % perRow === 0 ? undefined : steps[n - 1];
    return [before?.[0] ?? 'start', id, before?.[1] === 'core/if' ? { from: 'true' } : {}];
  });
  const placeOf = (n: number): Place => ({ x: (1 + (n % perRow)) * COLUMN_PX, y: Math.floor(n / perRow) * ROW_PX });
  return graphOf(name, [['start', 'core/manual'], ...steps], edges, (n) => (n === 0 ? { x: 0, y: 0 } : placeOf(n - 1)));
}

interface Place {
  readonly x: number;
  readonly y: number;
}

export function graphOf(
  name: string,
  steps: readonly BenchStep[],
  edges: readonly BenchEdge[],
  placeOf = (n: number): Place => ({ x: n * COLUMN_PX, y: 0 }),
): object {
  return {
    schema: 1,
    name,
    nodes: steps.map(([id, type, params = {}], n) => ({
      id,
      type,
      position: placeOf(n),
      data: { name: id, typeVersion: 1, params },
    })),
    edges: edges.map(([source, target, { from = 'main', to = 'main' } = {}]) => ({
      id: `${source}-${from}-${target}`,
      source,
      sourceHandle: from,
      target,
      targetHandle: to,
    })),
  };
}
