/** The services of a step call, put together from the surroundings and the runs in memory. */
import type { StepServices } from './step-services.ts';
import type { StepSurroundings } from './step-surroundings.ts';

/** What the runs in memory do for their steps. */
type OfRuns = Pick<StepServices, 'apply' | 'applyItems' | 'durable' | 'cleared' | 'callEnded' | 'report'>;

export function stepServices(surroundings: StepSurroundings, runs: OfRuns): StepServices {
  return {
    host: surroundings.host,
    fetch: surroundings.fetch,
    maxItemsPerStep: surroundings.maxItemsPerStep,
    maxStepBytes: surroundings.maxStepBytes,
    turns: surroundings.turns,
    now: () => surroundings.now(),
    isoInstant: (at) => surroundings.isoInstant(at),
    nextCall: () => surroundings.nextCall(),
    stepFacts: (run, startedAt) => surroundings.stepFacts(run, startedAt),
    key: (run, nodeId, item) => surroundings.key(run, nodeId, item),
    runCode: (request) => surroundings.runCode(request),
    apply: (run, event) => runs.apply(run, event),
    applyItems: (run, event, size) => runs.applyItems(run, event, size),
    durable: (run) => runs.durable(run),
    cleared: (run, proof) => runs.cleared(run, proof),
    callEnded: (run, node) => runs.callEnded(run, node),
    report: (run, error) => runs.report(run, error),
  };
}
