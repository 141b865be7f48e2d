/** The services of a step call, put together from the surroundings and the runs in memory. */
import type { StepServices } from './step-services.ts';
import type { StepSurroundings } from './step-surroundings.ts';

/** What the runs in memory do for their steps. */
type OfRuns = Pick<StepServices, 'apply' | 'applyItems' | 'durable' | 'cleared' | 'callEnded' | 'report'>;

export function stepServices(surroundings: StepSurroundings, runs: OfRuns): StepServices {
  return {
    host: surroundings.host,
    fetch: surroundings.fetch,
    openCredential: (run, node, slot) => surroundings.openCredential(run, node, slot),
    signedFetch: (run, node, slot, request) => surroundings.signedFetch(run, node, slot, request),
    ports: surroundings.ports,
    maxItemsPerStep: surroundings.maxItemsPerStep,
    maxStepBytes: surroundings.maxStepBytes,
    turns: surroundings.turns,
    now: () => surroundings.now(),
    isoInstant: (at) => surroundings.isoInstant(at),
    nextCall: () => surroundings.nextCall(),
    stepFacts: (run, step, startedAt) => surroundings.stepFacts(run, step, startedAt),
    key: (run, nodeId, path, item) => surroundings.key(run, nodeId, path, item),
    runCode: (request) => surroundings.runCode(request),
    apply: (run, event) => runs.apply(run, event),
    applyItems: (run, event, size) => runs.applyItems(run, event, size),
    durable: (run) => runs.durable(run),
    cleared: (run, proof) => runs.cleared(run, proof),
    callEnded: (run, step) => runs.callEnded(run, step),
    report: (run, error) => runs.report(run, error),
  };
}
