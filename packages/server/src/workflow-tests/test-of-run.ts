/** A run as a test of its workflow: its input, the results of steps that reach outside, and what chosen steps gave. */
import type { Outputs, Plan, PlanNode, RunState, TestExpectation, WorkflowTest } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';
import { OperationProblem } from '../operation/problem.ts';
import { type OpenedRun, inputOf } from '../runs/stored-runs.ts';

export interface TestOfRun {
  readonly id: string;
  readonly name: string;
  /** Nodes whose results the test expects. @default the last ones */
  readonly expect?: readonly string[] | undefined;
  readonly ignore?: readonly string[] | undefined;
}

/** @throws OperationProblem STEP_STATE */
export function testOfRun(run: OpenedRun, { id, name, expect, ignore }: TestOfRun): WorkflowTest {
  const { state } = run;
  const [first] = run.events;
  const input = inputOf(run);
  if (first?.type !== 'run.started' || !input) throw new OperationProblem('STEP_STATE', 'The input of this run is not kept any more');
  const { plan } = state;
  const nodes = expect ? expect.map((one) => nodeNamed(plan, one)) : plan.ends.flatMap((index) => plan.nodes[index] ?? []);
  const pins = pinned(state);
  return {
    id,
    name,
    trigger: first.trigger,
    input: Object.values(input).flatMap((batch) => batch.items.map((item) => item.json)),
    ...(Object.keys(pins).length > 0 ? { pins } : {}),
    expect: nodes.flatMap((node) => expectations(state, node, ignore)),
    ...(state.status === 'failed' ? { ends: 'failed' as const } : {}),
  };
}

/** Nothing of a test leaves the server, so what reached outside stands as it was. */
function pinned(state: RunState): NonNullable<WorkflowTest['pins']> {
  const pins: { [node: string]: { readonly [port: string]: readonly Json[] } } = {};
  for (const node of state.plan.nodes) {
    if (node.loops.length > 0 || node.isTrigger || !reachesOutside(state.plan, node)) continue;
    const step = state.root.steps[node.index];
    if (step?.phase === 'succeeded' && step.outputs) pins[node.id] = jsonOf(step.outputs);
  }
  return pins;
}

/** Of a loop: one of its steps does. */
function reachesOutside(plan: Plan, node: PlanNode): boolean {
  const isOutside = (one: PlanNode): boolean =>
    one.effects !== 'none' || (one.type.kind === 'node' && one.type.waits !== undefined && !one.loop);
  return isOutside(node) || (node.loop !== undefined && plan.nodes.some((inner) => inner.loops.includes(node.index) && isOutside(inner)));
}

function expectations(state: RunState, node: PlanNode, ignore: readonly string[] | undefined): TestExpectation[] {
  const step = state.root.steps[node.index];
  if (step?.phase !== 'succeeded' || !step.outputs) return [];
  return Object.entries(jsonOf(step.outputs)).map(([port, items]) => ({
    node: node.id,
    ...(port === 'main' ? {} : { port }),
    items,
    ...(ignore && ignore.length > 0 ? { ignore } : {}),
  }));
}

function jsonOf(outputs: Outputs): { readonly [port: string]: readonly Json[] } {
  return Object.fromEntries(Object.entries(outputs).map(([port, batch]) => [port, batch.items.map((item) => item.json)]));
}

function nodeNamed(plan: Plan, name: string): PlanNode {
  const node = plan.byId.get(name) ?? plan.byName.get(name);
  if (node && node.loops.length === 0) return node;
  throw new OperationProblem(
    'STEP_STATE',
    node ? `"${node.name}" lies in a loop: expect what the loop gives` : `The run has no step "${name}"`,
    {
      params: { node: name },
    },
  );
}
