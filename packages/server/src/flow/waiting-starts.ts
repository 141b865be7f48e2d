/**
 * How many starts of each workspace wait for their turn, as far as this process knows: counted once a second, and its own ones as they come. It only
 * says when the limit is near enough to be looked at in the database, in the transaction that stores the start.
 */
import { type Database, countWaitingTurns } from '@plugboard/persistence';

export interface WaitingStarts {
  /** The limit, where it may be reached; undefined where it is far. */
  limitNear(workspaceId: string): number | undefined;
  /** It was full a moment ago, so that there is no need to ask again. */
  isFull(workspaceId: string): boolean;
  noteFull(workspaceId: string): void;
  noteWaiting(workspaceId: string): void;
  /** Counts anew where that was long ago. */
  refresh(): Promise<void>;
}

const COUNT_MS = 1000;
/** How long a full workspace is taken to be full, in milliseconds. */
const FULL_MS = 250;
/** Starts that other processes may have stored since the last count: this part of the limit, or so many. */
const MARGIN = 0.05;
const LEAST_MARGIN = 1000;

export function createWaitingStarts(database: Database, limitOf: (workspaceId: string) => number): WaitingStarts {
  let counted: ReadonlyMap<string, number> = new Map();
  let added = new Map<string, number>();
  let countedAt = Number.NEGATIVE_INFINITY;
  const full = new Map<string, number>();
  return {
    limitNear(workspaceId) {
      const limit = limitOf(workspaceId);
      const known = (counted.get(workspaceId) ?? 0) + (added.get(workspaceId) ?? 0);
      return known >= limit - Math.max(LEAST_MARGIN, limit * MARGIN) ? limit : undefined;
    },
    isFull: (workspaceId) => (full.get(workspaceId) ?? 0) > performance.now(),
    noteFull: (workspaceId) => void full.set(workspaceId, performance.now() + FULL_MS),
    noteWaiting: (workspaceId) => void added.set(workspaceId, (added.get(workspaceId) ?? 0) + 1),
    async refresh() {
      const now = performance.now();
      if (now - countedAt < COUNT_MS) return;
      countedAt = now;
      // What comes while it counts is counted twice rather than not at all.
      added = new Map();
      counted = await countWaitingTurns(database);
      for (const [workspaceId, until] of full) if (until <= now) full.delete(workspaceId);
    },
  };
}
