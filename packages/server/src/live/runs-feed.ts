/**
 * News about the runs of one workspace: how many started and ended, and the heads that changed last. Gathered between frames, so that its
 * cost does not grow with the number of listeners; a listener who may not see every workflow gets the sum of those he may.
 */
import type { RunHead, RunStatusName } from '@plugboard/engine';
import type { Clock } from '@plugboard/runner';
import { FramePace } from './frame-pace.ts';
import type { NewsSubject, Outlet, Subscription } from './subscription.ts';

/** Not more than 2 frames a second. */
const FRAME_MS = 500;
/** Heads in one frame. */
const HEADS = 20;
/** Runs remembered as not going on; of one that was forgotten, its end is told and not that it went on. */
const MAX_RESTING = 10_000;

/** What is told of a commit of a run. The record the runner has written is one. */
export interface RunCommit {
  readonly head: Pick<RunHead, 'id' | 'workspaceId' | 'workflowId' | 'startedAt'>;
  /** The run began with this commit. */
  readonly create: boolean;
  readonly status: RunStatusName;
  /** Events committed so far. */
  readonly toSeq: number;
  /** Present when the run ended with this commit. */
  readonly end?: { readonly status: RunStatusName };
}

export interface RunNewsHead {
  readonly id: string;
  readonly workflowId: string;
  readonly status: RunStatusName;
  /** ISO 8601. */
  readonly startedAt: string;
}

export interface RunsNews {
  /** Changed last, newest change first; at most 20. */
  readonly heads: readonly RunNewsHead[];
  /** Runs since the last frame. */
  readonly started: number;
  readonly ended: number;
}

/** Never the record itself, which has the run's data in it. */
interface OrderedHead {
  readonly order: number;
  readonly id: string;
  readonly workflowId: string;
  readonly status: RunStatusName;
  readonly startedAt: number;
}

interface Gathered {
  started: number;
  ended: number;
  /** By run; changed last comes last. */
  readonly heads: Map<string, OrderedHead>;
}

export class RunsFeed {
  readonly #outlet: Outlet;
  readonly #pace: FramePace;
  readonly #listeners = new Set<Subscription>();
  #gathered = new Map<string, Gathered>();
  /** Runs told as pending, paused or waiting. */
  readonly #resting = new Set<string>();
  #order = 0;

  constructor({ outlet, clock }: { readonly outlet: Outlet; readonly clock: Clock }) {
    this.#outlet = outlet;
    this.#pace = new FramePace(clock, FRAME_MS, () => this.#flush());
  }

  get isUnused(): boolean {
    return this.#listeners.size === 0;
  }

  join(subscription: Subscription): void {
    this.#listeners.add(subscription);
  }

  leave(subscription: Subscription): void {
    this.#listeners.delete(subscription);
    if (this.#listeners.size > 0) return;
    this.#pace.close();
    this.#gathered.clear();
    this.#resting.clear();
  }

  committed(commit: RunCommit): void {
    const { id, workflowId, startedAt } = commit.head;
    // A step more of a run that goes on is no news; that it goes on again is.
    const isGoingOn = commit.status === 'running' && !commit.end;
    if (isGoingOn && !commit.create && !this.#resting.delete(id)) return;
    if (!isGoingOn && !commit.end) this.#rests(id);
    let of = this.#gathered.get(workflowId);
    if (!of) this.#gathered.set(workflowId, (of = { started: 0, ended: 0, heads: new Map() }));
    if (commit.create) of.started += 1;
    if (commit.end) of.ended += 1;
    of.heads.delete(id);
    of.heads.set(id, { order: this.#order, id, workflowId, status: commit.end?.status ?? commit.status, startedAt });
    this.#order += 1;
    if (of.heads.size > HEADS) dropOldest(of.heads);
    this.#pace.wake();
  }

  #rests(runId: string): void {
    this.#resting.add(runId);
    if (this.#resting.size > MAX_RESTING) dropOldest(this.#resting);
  }

  #flush(): void {
    const groups = this.#alike();
    if (groups.some(([first]) => first && this.#outlet.isBusy(first.name))) return this.#pace.wake();
    const gathered = this.#gathered;
    this.#gathered = new Map();
    for (const to of groups) {
      const [first] = to;
      if (!first) continue;
      const news = newsFor(first, gathered);
      if (news.started > 0 || news.ended > 0 || news.heads.length > 0) this.#outlet.send(to, 'runs', news);
    }
  }

  /** Listeners who get the same frame: the same part of the workspace, seen through the same rights. */
  #alike(): Subscription[][] {
    const groups = new Map<Subscription['covers'], Map<string, Subscription[]>>();
    for (const listener of this.#listeners) {
      let byName = groups.get(listener.covers);
      if (!byName) groups.set(listener.covers, (byName = new Map()));
      const group = byName.get(listener.name);
      if (group) group.push(listener);
      else byName.set(listener.name, [listener]);
    }
    return [...groups.values()].flatMap((byName) => [...byName.values()]);
  }
}

function newsFor({ topic, covers }: Subscription, gathered: ReadonlyMap<string, Gathered>): RunsNews {
  const only = topic.kind === 'runs' ? topic.workflowId : undefined;
  const heads: OrderedHead[] = [];
  let started = 0;
  let ended = 0;
  for (const [workflowId, of] of gathered) {
    if (only !== undefined && workflowId !== only) continue;
    const about: NewsSubject = { kind: 'workflow', id: workflowId };
    if (covers && !covers(about)) continue;
    started += of.started;
    ended += of.ended;
    heads.push(...of.heads.values());
  }
  heads.sort((a, b) => b.order - a.order);
  return { started, ended, heads: heads.slice(0, HEADS).map(headOf) };
}

function headOf({ id, workflowId, status, startedAt }: OrderedHead): RunNewsHead {
  return { id, workflowId, status, startedAt: new Date(startedAt).toISOString() };
}

/** Sets and maps keep the order of insertion. */
function dropOldest(from: Set<string> | Map<string, unknown>): void {
  const [oldest] = from.keys();
  if (oldest !== undefined) from.delete(oldest);
}
