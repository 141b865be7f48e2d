/**
 * What happens to runs from outside: rows of the inbox become events. The flush that stores an event deletes its row, so a row counts exactly
 * once although it is read again and again until then.
 */
import { type BlobStore, type InboxRow, type Ownership, isAtRest } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { ActiveRuns } from './active-runs.ts';
import { withItems } from './child-answer.ts';
import type { Clock } from './clock.ts';
import { inboxEvent } from './inbox-event.ts';
import type { Recovery } from './recovery.ts';
import type { RunnerLog } from './runner-options.ts';

/** Rows this process has decided to leave where they are; the oldest is forgotten first. */
const LEFT_LIMIT = 10_000;

export interface InboxOptions {
  readonly ownership: Ownership;
  readonly blobs: BlobStore;
  readonly runs: ActiveRuns;
  readonly recovery: Recovery;
  readonly clock: Clock;
  readonly log: RunnerLog;
}

export class Inbox {
  readonly #options: InboxOptions;
  /** Rows no event can be made of; kept for a release that understands them. */
  readonly #left = new Set<string>();

  constructor(options: InboxOptions) {
    this.#options = options;
  }

  /**
   * Takes in the rows there are. Two of these must not overlap. Rows of runs that cannot be brought back stay where they are, and so does what this
   * release cannot read: a page of little else leads to the next one, so that they stand in nobody's way.
   */
  async read(): Promise<void> {
    const { inboxPage } = this.#options.ownership;
    let last: InboxRow | undefined;
    do {
      const { page, taken } = await this.#readPage(last);
      last = page.length >= inboxPage && taken < inboxPage / 2 ? page.at(-1) : undefined;
    } while (last);
  }

  /** `taken`: rows that their runs have. */
  async #readPage(after: InboxRow | undefined): Promise<{ readonly page: readonly InboxRow[]; readonly taken: number }> {
    const { ownership, runs } = this.#options;
    const page = await ownership.readInbox(undefined, after);
    const rows = await this.#sensible(page);
    const away = Map.groupBy(
      rows.filter((row) => !runs.has(row.runId)),
      (row) => row.runId,
    );
    if (away.size === 0) return { page, taken: this.#takeAll(rows) };
    const woken: ActiveRun[] = [];
    for (const stored of await ownership.loadOwned([...away.keys()])) {
      const run = await this.#options.recovery.wake(stored, away.get(stored.head.id) ?? []);
      if (run) woken.push(run);
    }
    // Read again: a row seen before may have been taken in by the very run that has left memory since.
    const taken = this.#takeAll(woken.length > 0 ? await this.#sensible(await ownership.readInbox(undefined, after)) : rows);
    for (const run of woken) this.#settle(run);
    return { page, taken };
  }

  async #sensible(read: readonly InboxRow[]): Promise<readonly InboxRow[]> {
    const isTaken = (row: InboxRow): boolean => this.#options.runs.get(row.runId)?.inbox?.has(row.id) === true;
    const rows = await Promise.all(read.map(async (row) => (isTaken(row) ? row : withItems(row, this.#options.blobs))));
    const at = this.#options.clock.now();
    return rows.filter((row) => {
      if (this.#left.has(row.id)) return false;
      if (isTaken(row)) return true;
      if (inboxEvent(row, at)) return true;
      this.#leave(row, 'it says nothing this release understands');
      return false;
    });
  }

  #takeAll(rows: readonly InboxRow[]): number {
    let taken = 0;
    for (const row of rows) {
      const run = this.#options.runs.get(row.runId);
      if (run && !run.state.ended && !run.inbox?.has(row.id)) this.#take(run, row);
      if (run) taken += 1;
    }
    return taken;
  }

  #take(run: ActiveRun, row: InboxRow): void {
    const { runs, clock } = this.#options;
    const event = inboxEvent(row, clock.now());
    if (!event) return;
    try {
      runs.take(run, event, row.id);
    } catch (error) {
      return this.#leave(row, error instanceof Error ? error.message : String(error));
    }
    run.tookIn(row.id);
    if (event.type === 'cancel.requested') runs.letIn(run);
    run.journal.flush();
  }

  /** A run that came back and has nothing to do goes to rest again; the others wait for their place. */
  #settle(run: ActiveRun): void {
    const { runs } = this.#options;
    if (run.gone || !run.held) return;
    if (isAtRest(run.state.status)) return runs.rest(run);
    run.journal.barrier((isDurable) => isDurable && runs.dispatch(run));
  }

  #leave(row: InboxRow, why: string): void {
    this.#options.log.warn({ runId: row.runId, rowId: row.id, kind: row.kind }, `an inbox row is left where it is: ${why}`);
    const [oldest] = this.#left;
    if (this.#left.size >= LEFT_LIMIT && oldest !== undefined) this.#left.delete(oldest);
    this.#left.add(row.id);
  }
}
