/**
 * Dispatch within one process: a fixed number of runs per workspace work at once, the others wait in the order in which they were accepted,
 * those of a higher priority first.
 */
import { type DispatchJob, type Dispatcher, SlotMap } from '@plugboard/engine';

export interface DispatcherOptions {
  /** Runs of one workspace at work at once, asked for as they start: it may change. @default 10 */
  readonly perWorkspace?: number | ((workspaceId: string) => number);
}

interface Waiting {
  readonly start: () => void;
  readonly priority: number;
}

/** The runs of one workspace. */
interface Lane {
  readonly workspaceId: string;
  running: number;
  /** What starts each, by id and in order of acceptance. */
  readonly waiting: SlotMap<Waiting>;
  /** Some of them do not have the priority of the others. */
  isMixed: boolean;
  /** Runs are being started: one that ends while it starts leaves its place to the loop, however many follow. */
  filling: boolean;
}

export function createInProcessDispatcher(options: DispatcherOptions = {}): Dispatcher {
  const { perWorkspace = 10 } = options;
  const limitOf = typeof perWorkspace === 'function' ? perWorkspace : () => perWorkspace;
  const lanes = new Map<string, Lane>();
  const laneOfWaiting = new Map<string, Lane>();
  let running = 0;

  const laneOf = (workspaceId: string): Lane => {
    const known = lanes.get(workspaceId);
    if (known) return known;
    const lane: Lane = { workspaceId, running: 0, waiting: new SlotMap(), isMixed: false, filling: false };
    lanes.set(workspaceId, lane);
    return lane;
  };

  const fill = (lane: Lane): void => {
    if (lane.filling) return;
    lane.filling = true;
    const limit = limitOf(lane.workspaceId);
    try {
      while (lane.running < limit) {
        const runId = nextOf(lane);
        const next = runId === undefined ? undefined : lane.waiting.get(runId);
        if (runId === undefined || !next) break;
        lane.waiting.delete(runId);
        laneOfWaiting.delete(runId);
        lane.running += 1;
        running += 1;
        next.start();
      }
      if (lane.waiting.size === 0) lane.isMixed = false;
    } finally {
      lane.filling = false;
      if (lane.running === 0 && lane.waiting.size === 0) lanes.delete(lane.workspaceId);
    }
  };

  return {
    enqueue({ runId, workspaceId, priority = 0 }, start) {
      const lane = laneOf(workspaceId);
      if (priority !== 0) lane.isMixed = true;
      lane.waiting.set(runId, { start, priority });
      laneOfWaiting.set(runId, lane);
      fill(lane);
    },

    release({ workspaceId }: DispatchJob) {
      const lane = lanes.get(workspaceId);
      if (!lane || lane.running === 0) return;
      lane.running -= 1;
      running -= 1;
      fill(lane);
    },

    forget(runId) {
      const lane = laneOfWaiting.get(runId);
      laneOfWaiting.delete(runId);
      return lane?.waiting.delete(runId) ?? false;
    },

    get waiting() {
      return laneOfWaiting.size;
    },
    get running() {
      return running;
    },
  };
}

/** The first one, or the first of the highest priority. */
function nextOf({ waiting, isMixed }: Lane): string | undefined {
  let next: { readonly runId: string; readonly priority: number } | undefined;
  for (const [runId, { priority }] of waiting.entries()) {
    if (!isMixed) return runId;
    if (!next || priority > next.priority) next = { runId, priority };
  }
  return next?.runId;
}
