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

export function graphOf(name: string, steps: readonly BenchStep[], edges: readonly BenchEdge[]): object {
  return {
    schema: 1,
    name,
    nodes: steps.map(([id, type, params = {}], n) => ({
      id,
      type,
      position: { x: n * 240, y: 0 },
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
