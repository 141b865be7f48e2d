/** What a recorded run comes to, in plain values: kept beside its events, so that later code cannot read them differently. */
import { outstanding } from '../src/run/decide.ts';
import { runOutput } from '../src/run/output.ts';
import { type RunState, UNIT } from '../src/run/state.ts';
import { allSteps, findStep } from '../src/run/steps.ts';

const UNIT_NAMES = Object.keys(UNIT);

export function runSummary(run: RunState): unknown {
  return JSON.parse(
    JSON.stringify({
      status: run.status,
      waitingFor: run.waitingFor,
      error: run.error,
      activeMs: run.activeMs,
      startedAt: run.startedAt,
      endedAt: run.endedAt,
      steps: run.plan.nodes.map((node) => {
        const step = findStep(run, node);
        return {
          node: node.id,
          phase: step?.phase,
          skip: step?.skip,
          attempt: step?.attempt,
          startedAt: step?.startedAt,
          endedAt: step?.endedAt,
          items: step?.input?.count,
          outputs: step?.outputs,
          error: step?.error?.code,
          errorItem: step?.errorItem,
          logs: step?.logs,
          held: step?.held,
          early: step?.early,
          parts: step?.parts && step.phase !== 'failed' ? [...step.parts.came.keys()] : undefined,
          rounds: step?.loop && {
            begun: step.loop.begun,
            broken: step.loop.broken,
            underWay: [...allSteps(run.root)].flatMap((one) =>
              one.scope.of === step
                ? [{ node: run.plan.nodes[one.index]?.id, path: one.scope.path, phase: one.phase, items: one.input?.count }]
                : [],
            ),
          },
          ...(step?.units
            ? {
                units: [...step.units.states].map((state) => UNIT_NAMES[state]),
                params: [...step.units.params],
                tries: [...step.units.tries],
              }
            : {}),
        };
      }),
      outstanding: outstanding(run),
      output: run.ended ? runOutput(run) : undefined,
    }),
  );
}
