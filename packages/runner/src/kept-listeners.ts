/**
 * Whoever waits for runs that have left memory because they wait for runs they call: kept here until the run is back in this process, so that what
 * a caller hears does not depend on whether the called run was over before the other one came to rest.
 */
import { SlotMap } from '@plugboard/engine';
import type { RunListener } from './active-run.ts';

const FIRST_PRUNE = 1000;

export class KeptListeners {
  readonly #kept = new SlotMap<RunListener>();
  #pruneAt = FIRST_PRUNE;

  /** False when it does not stay. */
  keep(runId: string, listener: RunListener | undefined): boolean {
    if (listener?.staysOverCalls !== true) return false;
    this.#kept.set(runId, listener);
    if (this.#kept.size > this.#pruneAt) this.#prune();
    return true;
  }

  /** The listener of a run that is back. */
  take(runId: string): RunListener | undefined {
    if (this.#kept.size === 0) return undefined;
    const listener = this.#kept.get(runId);
    this.#kept.delete(runId);
    return listener;
  }

  /** They hear that their runs wait, and nothing more. */
  letGo(): void {
    const all = [...this.#kept.entries()];
    for (const [runId, listener] of all) {
      this.#kept.delete(runId);
      listener.onSuspended?.(runId, 'child');
    }
  }

  /** Of runs that went on in another process nothing is heard here. */
  #prune(): void {
    for (const [runId, listener] of this.#kept.entries()) if (listener.staysOverCalls !== true) this.#kept.delete(runId);
    this.#pruneAt = Math.max(FIRST_PRUNE, this.#kept.size * 2);
  }
}
