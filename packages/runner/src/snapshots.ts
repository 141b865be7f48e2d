/**
 * Snapshots of long runs: a run with a long journal, or one that has forgotten much of it, comes back by the last one and the events behind it. They are kept beside the journal, may be
 * missing at any time, and cost about as much as the events they replace: the next one is due when as much has come as the last one took.
 * They also say what a run holds by now, after rounds of its loops have been forgotten.
 */
import { type Ownership, type RunSnapshot, takeSnapshot } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import { jsonInParts } from './json-in-parts.ts';
import { jsonSize } from './json-size.ts';
import type { RunnerLog } from './runner-options.ts';
import type { Sliced, Turns } from './turns.ts';

/** A snapshot is due after so many events, or so much text. */
const EVENTS = 5000;
const BYTES = 2 * 1024 * 1024;
/** The text of a larger one is not kept: bringing it back would take longer than what it saves. */
const LONGEST = 64 * 1024 * 1024;

export interface SnapshotsOptions {
  readonly ownership: Ownership;
  readonly turns: Turns;
  readonly log: RunnerLog;
  /** JSON text of items one run may hold, in UTF-16 units. */
  readonly maxRunBytes: number;
  /** The run holds so much, counted anew. */
  readonly onCounted: (run: ActiveRun, heldBytes: number) => void;
}

export class Snapshots {
  readonly #options: SnapshotsOptions;

  constructor(options: SnapshotsOptions) {
    this.#options = options;
  }

  /** Events of the run up to `seq` are durable. */
  committed(run: ActiveRun, seq: number): void {
    const { snapshot } = run;
    // The definition of a draft is in its first event alone.
    if (snapshot.isBusy || run.gone || run.state.ended || run.loaded.version === 0) return;
    const grown = run.heldBytes - snapshot.heldBytes;
    if (grown < Math.min(snapshot.size, this.#options.maxRunBytes / 4)) return;
    if (seq - snapshot.seq < EVENTS && (grown < BYTES || !forgets(run))) return;
    snapshot.isBusy = true;
    this.#take(run)
      .catch((error: unknown) => this.#options.log.warn({ runId: run.id, err: error }, 'a snapshot of this run could not be kept'))
      .finally(() => (snapshot.isBusy = false));
  }

  /** Counts anew what the run holds before it says so: rounds that are over may have made much of it. */
  holdsTooMuch(run: ActiveRun): boolean {
    const { maxRunBytes, onCounted } = this.#options;
    const { snapshot } = run;
    if (run.heldBytes <= maxRunBytes) return false;
    if (run.heldBytes - snapshot.heldBytes < maxRunBytes / 4) return true;
    let size = 0;
    for (const { items } of takeSnapshot(run.state).batches) {
      for (const { json } of items) if (size <= maxRunBytes) size += jsonSize(json, maxRunBytes - size);
    }
    onCounted(run, Math.min(run.heldBytes, size));
    snapshot.heldBytes = run.heldBytes;
    return run.heldBytes > maxRunBytes;
  }

  /** The run has ended. What this process does not hear of is swept later. */
  forget(run: ActiveRun): void {
    if (!run.snapshot.isKept) return;
    this.#options.ownership.dropSnapshot(run.id).catch((error: unknown) => {
      this.#options.log.warn({ runId: run.id, err: error }, 'the snapshot of an ended run could not be deleted; it is swept later');
    });
  }

  async #take(run: ActiveRun): Promise<void> {
    const { turns, ownership, onCounted } = this.#options;
    const { snapshot } = run;
    const taken = takeSnapshot(run.state);
    const { heldBytes } = run;
    const text = await turns.run(snapshotText(taken), () => !run.gone);
    if (text === undefined || run.gone) return;
    const grownMeanwhile = run.heldBytes - heldBytes;
    onCounted(run, Math.min(run.heldBytes, text.length + grownMeanwhile));
    Object.assign(snapshot, { seq: taken.seq, size: text.length, heldBytes: run.heldBytes - grownMeanwhile });
    if (text.length > LONGEST) return;
    // Only what is durable may be built upon.
    if (!(await new Promise<boolean>((resolve) => run.journal.barrier(resolve))) || run.state.ended) return;
    await ownership.putSnapshot({ runId: run.id, workspaceId: run.head.workspaceId, seq: taken.seq, text });
    snapshot.isKept = true;
    if (run.state.ended) this.forget(run);
  }
}

/**
 * Only rounds of loops are ever forgotten. Of another run all its data is in the journal once: a snapshot of it would be as long as the events it
 * replaces, and take as long to read.
 */
function forgets({ loaded }: ActiveRun): boolean {
  return loaded.plan.nodes.some((node) => node.loops.length > 0);
}

/** Batches one by one: they are what is large. */
function* snapshotText({ batches, ...rest }: RunSnapshot): Sliced<string> {
  const parts: string[] = [];
  for (const batch of batches) {
    parts.push(yield* jsonInParts(batch));
    if (parts.length % 256 === 0) yield;
  }
  return `${JSON.stringify(rest).slice(0, -1)},"batches":[${parts.join(',')}]}`;
}
