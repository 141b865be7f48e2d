/**
 * What a call may ask of its surroundings. Made for every call and used by few: whatever it offers is put together when it is first asked for.
 * Of a run with mocked answers it reaches nothing outside.
 */
import type { CallFiles, ItemOutcome, LogLine, PlanNode, RpcOp, Sink, StepState } from '@plugboard/engine';
import type { Json } from '@plugboard/sdk';
import type { ActiveRun } from './active-run.ts';
import { limitedRequests } from './limited-requests.ts';
import { mockedReach } from './mocked-reach.ts';
import type { StepOwner } from './step-ports.ts';
import type { StepServices } from './step-services.ts';

/** The attempt that makes the call. */
export interface SinkSource {
  readonly run: ActiveRun;
  readonly step: StepState;
  readonly node: PlanNode;
  readonly services: StepServices;
  readonly startedAt: number;
  take(outcomes: readonly ItemOutcome[]): void;
  log(lines: readonly LogLine[]): void;
  answer(op: RpcOp, item: number | undefined): Promise<Json>;
  owner(): StepOwner;
}

export class StepSink implements Sink {
  readonly #source: SinkSource;
  #files: CallFiles | undefined;
  #turn: Sink['turn'];

  constructor(source: SinkSource) {
    this.#source = source;
  }

  outcomes(outcomes: readonly ItemOutcome[]): void {
    this.#source.take(outcomes);
  }

  log(lines: readonly LogLine[]): void {
    this.#source.log(lines);
  }

  rpc(op: RpcOp, item?: number): Promise<Json> {
    return this.#source.answer(op, item);
  }

  get fetch(): Sink['fetch'] {
    const { run, services } = this.#source;
    return mockedReach(run)?.fetch ?? services.fetch;
  }

  get signedFetch(): Sink['signedFetch'] {
    const { run, node, services } = this.#source;
    const mocked = mockedReach(run);
    return (slot, input, init) => (mocked ? mocked.fetch(input, init) : services.signedFetch(run, node, slot, { input, init }));
  }

  get files(): CallFiles | undefined {
    this.#files ??= this.#source.services.ports?.filesOf(this.#source.owner());
    return this.#files;
  }

  get connect(): Sink['connect'] {
    const { run, services } = this.#source;
    const mocked = mockedReach(run);
    if (mocked && services.ports) return async () => mocked.refuse('A connection');
    return services.ports?.connectOf(this.#source.owner());
  }

  get turn(): Sink['turn'] {
    const { run, step, node, services, startedAt } = this.#source;
    if (!mockedReach(run)) this.#turn ??= limitedRequests(run, step, node, services, startedAt).turn;
    return this.#turn;
  }
}
