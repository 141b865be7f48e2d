/** In which modes a run goes: how it was started, and how its workflow leads from step to step. */
import type { Plan, TriggerKindName } from '@plugboard/engine';

export const RUN_MODES = ['scheduled', 'triggered', 'continuous', 'sequential', 'parallel', 'conditional'] as const;
export type RunMode = (typeof RUN_MODES)[number];

export function modesOf(plan: Plan, trigger: TriggerKindName): RunMode[] {
  const flow = plan.nodes.filter((node) => node.undoes === undefined && !node.disabled);
  const isParallel = flow.some(({ outgoing }) => {
    const ports = outgoing.filter(({ to }) => plan.nodes[to]?.undoes === undefined).map(({ port }) => port);
    return new Set(ports).size < ports.length;
  });
  return [
    trigger === 'schedule' ? 'scheduled' : 'triggered',
    ...(plan.repeat === undefined ? [] : (['continuous'] as const)),
    isParallel ? 'parallel' : 'sequential',
    // The ways out of a loop are no choice.
    ...(flow.some(({ outputPorts, loop }) => loop === undefined && outputPorts.length > 1) ? (['conditional'] as const) : []),
  ];
}
