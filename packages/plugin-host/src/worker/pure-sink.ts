/** The sink of a type that only computes: it may log, and nothing else. Small calls and those in the worker behave alike. */
import type { Sink } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type { NodeTypeIR } from '@plugboard/sdk';

/** Types that burn processor time and do nothing outside; their large calls go to the worker. */
export function isPure(type: NodeTypeIR): boolean {
  return type.cpu === 'heavy' && type.effects === 'none';
}

export function pureSink(sink: Pick<Sink, 'outcomes' | 'log'>): Sink {
  return {
    outcomes: (outcomes) => sink.outcomes(outcomes),
    log: (lines) => sink.log(lines),
    rpc: () => Promise.reject(refused()),
    fetch: () => Promise.reject(refused()),
  };
}

function refused(): StepFailure {
  return new StepFailure(
    'STEP_IS_PURE',
    "A step with cpu: 'heavy' and effects: 'none' only computes: it has no requests, no code and no reply. Declare its effects, or leave cpu out.",
    { kind: 'bug' },
  );
}
