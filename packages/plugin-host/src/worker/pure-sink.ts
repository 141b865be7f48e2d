/** The sink of a type that only computes: it may log, and nothing else. Small calls and those in the worker behave alike. */
import type { CallSpec, ItemOutcome, LogLine, Sink } from '@plugboard/engine';
import { StepFailure } from '@plugboard/sdk';
import type { NodeTypeIR } from '@plugboard/sdk';
import { effectsOf } from '../runtime/write-record.ts';

/** A call that burns processor time and does nothing outside with its parameters; a large one goes to the worker. */
export function isPure(type: NodeTypeIR, { constants }: Pick<CallSpec, 'constants'>): boolean {
  return type.cpu === 'heavy' && effectsOf(type, constants) === 'none';
}

export class PureSink implements Sink {
  readonly fetch = refuse;
  readonly #sink: Pick<Sink, 'outcomes' | 'log'>;

  constructor(sink: Pick<Sink, 'outcomes' | 'log'>) {
    this.#sink = sink;
  }

  outcomes(outcomes: readonly ItemOutcome[]): void {
    this.#sink.outcomes(outcomes);
  }

  log(lines: readonly LogLine[]): void {
    this.#sink.log(lines);
  }

  rpc(): Promise<never> {
    return refuse();
  }
}

function refuse(): Promise<never> {
  return Promise.reject(refused());
}

function refused(): StepFailure {
  return new StepFailure(
    'STEP_IS_PURE',
    "A step with cpu: 'heavy' and effects: 'none' only computes: it has no requests, no code and no reply. Declare its effects, or leave cpu out.",
    { kind: 'bug' },
  );
}
