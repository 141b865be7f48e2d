/** Whoever started a run that another one took in: it hears of that one instead, which waits for its turn. Or it hears why the run may not wait. */
import type { EndedRun, Reply, RunListener } from './active-run.ts';
import type { StartRefusal } from './runner-options.ts';
import type { WaitingFor } from '@plugboard/engine';

export class TurnListener implements RunListener {
  readonly #inner: RunListener | undefined;
  readonly #onStored: () => void;
  #joined: string | undefined;
  #refused: StartRefusal | undefined;

  constructor(inner: RunListener | undefined, onStored: () => void) {
    this.#inner = inner;
    this.#onStored = onStored;
  }

  joined(runId: string): void {
    this.#joined = runId;
  }

  refused(why: StartRefusal | undefined): void {
    this.#refused = why;
  }

  get staysOverCalls(): boolean {
    return this.#inner?.staysOverCalls === true;
  }

  onAccepted(runId: string): void {
    this.#onStored();
    this.#inner?.onAccepted?.(runId);
  }

  onReply(reply: Reply): boolean {
    return this.#inner?.onReply?.(reply) ?? false;
  }

  onSuspended(runId: string, waitingFor: WaitingFor | undefined): void {
    this.#inner?.onSuspended?.(runId, waitingFor);
  }

  onEnded(run: EndedRun): void {
    this.#inner?.onEnded?.(run);
  }

  onLost(runId: string, code: string, message: string): void {
    const joined = this.#joined;
    const refused = this.#refused;
    if (joined === undefined) return this.#inner?.onLost?.(runId, refused?.code ?? code, refused?.message ?? message);
    this.#onStored();
    this.#inner?.onAccepted?.(joined);
    this.#inner?.onSuspended?.(joined, 'turn');
  }
}
