/**
 * Runs that are stored and wait for a place. A few of each workspace wait in memory, in the dispatcher; the others wait in the database alone
 * and are brought back in the order in which they were accepted. So a slow workflow with a long queue takes neither memory nor places from others.
 */
import type { Ownership, RunHead, StoredRun } from '@plugboard/engine';
import type { ActiveRun } from './active-run.ts';
import type { ActiveRuns } from './active-runs.ts';
import type { OneAtATime } from './one-at-a-time.ts';
import type { RunnerLog } from './runner-options.ts';

/** Runs brought back with one read of the database. */
const LOAD_LIMIT = 200;

export interface BacklogOptions {
  readonly ownership: Ownership;
  readonly runs: ActiveRuns;
  readonly log: RunnerLog;
  /** Runs of a workspace that wait in memory. */
  readonly window: number;
  /** Runs of one workflow that may wait. */
  readonly maxQueued: number;
  readonly inTurn: OneAtATime;
  /** Brings a stored run back into memory, held; undefined when it cannot come now. */
  readonly restore: (stored: StoredRun) => Promise<ActiveRun | undefined>;
  readonly isClosing: () => boolean;
}

/** What waits in one workspace. */
interface Lane {
  /** In memory: stored and in the dispatcher, or about to be stored. */
  inMemory: number;
  /** In the dispatcher. */
  ready: number;
  /** In the database alone, by workflow. */
  readonly parked: Map<string, number>;
  isFilling: boolean;
}

export class Backlog {
  readonly #options: BacklogOptions;
  readonly #lanes = new Map<string, Lane>();
  /** Runs that wait in memory, by workflow. */
  readonly #inMemory = new Map<string, number>();

  constructor(options: BacklogOptions) {
    this.#options = options;
  }

  /** Runs that wait in memory. */
  get inMemory(): number {
    let count = 0;
    for (const lane of this.#lanes.values()) count += lane.inMemory;
    return count;
  }

  /** True while one more run of the workflow may wait. */
  accepts(workspaceId: string, workflowId: string): boolean {
    const parked = this.#lanes.get(workspaceId)?.parked.get(workflowId) ?? 0;
    return (this.#inMemory.get(workflowId) ?? 0) + parked < this.#options.maxQueued;
  }

  /** A new run, about to be stored. */
  enter(run: ActiveRun): void {
    this.#count(run, 1);
    run.place = 'entering';
  }

  /** The run is stored: it goes to the dispatcher, or leaves memory when too many wait there. */
  stored(run: ActiveRun): void {
    if (run.gone || run.place !== 'entering') return;
    const lane = this.#laneOf(run.head.workspaceId);
    if (lane.ready < this.#options.window && lane.parked.size === 0) return this.#ready(lane, run);
    this.leave(run);
    this.#park(lane, run.head);
    this.#options.runs.drop(run);
  }

  /** A run found in the database that has not begun. */
  found({ head }: StoredRun): void {
    this.#park(this.#laneOf(head.workspaceId), head);
  }

  /** A run that waited in the database alone came back for another reason. */
  unpark({ workspaceId, workflowId }: RunHead): void {
    const lane = this.#lanes.get(workspaceId);
    const count = lane?.parked.get(workflowId);
    if (lane && count !== undefined) setOrDelete(lane.parked, workflowId, count - 1);
  }

  /** The run has begun, or is out of memory: it waits here no more. */
  leave(run: ActiveRun): void {
    if (run.place === 'none') return;
    const lane = this.#laneOf(run.head.workspaceId);
    if (run.place === 'ready') lane.ready -= 1;
    run.place = 'none';
    this.#count(run, -1);
    if (lane.parked.size > 0 && lane.ready <= this.#options.window / 2) this.#fill(run.head.workspaceId, lane);
    else if (lane.inMemory === 0 && lane.parked.size === 0) this.#lanes.delete(run.head.workspaceId);
  }

  /** Brings runs back wherever there is room. Must have its turn. */
  async fillAll(): Promise<void> {
    for (const [workspaceId, lane] of this.#lanes) await this.#load(workspaceId, lane);
  }

  #fill(workspaceId: string, lane: Lane): void {
    if (lane.isFilling || this.#options.isClosing()) return;
    lane.isFilling = true;
    this.#options
      .inTurn(() => this.#load(workspaceId, lane))
      .catch((error: unknown) => this.#options.log.warn({ err: error }, 'runs that wait could not be read; trying again'))
      .finally(() => (lane.isFilling = false));
  }

  async #load(workspaceId: string, lane: Lane): Promise<void> {
    const { ownership, runs, window, isClosing } = this.#options;
    while (lane.parked.size > 0 && lane.ready < window && !isClosing()) {
      const limit = Math.min(LOAD_LIMIT, window - lane.ready);
      // Those in memory may still be pending in the database.
      const known = await ownership.pendingIds(workspaceId, runs.size + limit);
      const ids = known.filter((id) => !runs.has(id)).slice(0, limit);
      // Whatever was counted here has another owner now, or has ended.
      if (ids.length === 0) return lane.parked.clear();
      let loaded = 0;
      for (const stored of await ownership.loadOwned(ids)) {
        if (stored.status !== 'pending' || runs.has(stored.head.id) || isClosing()) continue;
        this.unpark(stored.head);
        const run = await this.#options.restore(stored);
        if (!run) continue;
        loaded += 1;
        this.#count(run, 1);
        this.#ready(lane, run);
      }
      if (loaded === 0) return;
    }
  }

  #ready(lane: Lane, run: ActiveRun): void {
    run.place = 'ready';
    lane.ready += 1;
    this.#options.runs.dispatch(run);
  }

  #park(lane: Lane, { workflowId }: RunHead): void {
    lane.parked.set(workflowId, (lane.parked.get(workflowId) ?? 0) + 1);
  }

  #count({ head }: ActiveRun, change: number): void {
    this.#laneOf(head.workspaceId).inMemory += change;
    setOrDelete(this.#inMemory, head.workflowId, (this.#inMemory.get(head.workflowId) ?? 0) + change);
  }

  #laneOf(workspaceId: string): Lane {
    const known = this.#lanes.get(workspaceId);
    if (known) return known;
    const lane: Lane = { inMemory: 0, ready: 0, parked: new Map(), isFilling: false };
    this.#lanes.set(workspaceId, lane);
    return lane;
  }
}

function setOrDelete(counts: Map<string, number>, key: string, count: number): void {
  if (count > 0) counts.set(key, count);
  else counts.delete(key);
}
