/**
 * Turns of requests that steps with a limit make. In this process those of one scope stand in one line, in the order in which they came, so that
 * only the first of them asks the database; between processes whoever asks first goes first.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { type Database, findProjectOf, leaveSlot, takeRequest, takeSlot, uuidv7 } from '@plugboard/persistence';
import type { LimitsOfSteps, RequestLimit } from '@plugboard/runner';
import { StepFailure } from '@plugboard/sdk';
import { throughOutages } from '../runs/through-outages.ts';

export interface RequestLimitsOptions {
  readonly database: Database;
  /** This process, as its row of `worker` names it. */
  readonly ownerId: string;
  readonly log: { warn(fields: object, message: string): void };
}

/** Pause between two looks for a place that another process holds, in milliseconds. */
const LOOK_MS = 100;
/** Longest pause before the rate is looked at again. */
const LONGEST_PAUSE_MS = 5000;

/** How long a workflow that was moved into another project may still count with the one before, in milliseconds. */
const PROJECT_KNOWN_MS = 10_000;
const PROJECTS_KNOWN = 2000;

interface Line {
  /** The end of the line: resolves when everybody in it has had their turn. */
  last: Promise<void>;
  waiting: number;
  /** Ends the pause of the first one: a place of this process is free again. */
  onLeft: AbortController;
}

export function createRequestLimits({ database, ownerId, log }: RequestLimitsOptions): LimitsOfSteps {
  const lines = new Map<string, Line>();

  const lineOf = ({ workspaceId, scope }: RequestLimit): [string, Line] => {
    const key = `${workspaceId}:${scope}`;
    const line = lines.get(key) ?? { last: Promise.resolve(), waiting: 0, onLeft: new AbortController() };
    lines.set(key, line);
    return [key, line];
  };

  /** A place that stayed taken would be missing until this server stops, so an outage of the database is waited for. */
  const giveBack = (slot: string, line: Line): void => {
    throughOutages(() => leaveSlot(database, slot))
      .catch((error: unknown) =>
        log.warn({ err: error }, 'the place of a request could not be given back; it is free when this server stops'),
      )
      .finally(() => line.onLeft.abort());
  };

  const takePlace = async (limit: RequestLimit, concurrency: number, line: Line): Promise<string | undefined> => {
    const id = uuidv7();
    try {
      return (await takeSlot(database, limit, { id, limit: concurrency, owner: ownerId })) ? id : undefined;
    } catch (error) {
      // It may have been taken all the same.
      giveBack(id, line);
      throw error;
    }
  };

  const admitted = async (limit: RequestLimit, line: Line, signal: AbortSignal): Promise<() => void> => {
    const { concurrency, rate } = limit;
    let slot: string | undefined;
    while (concurrency !== undefined) {
      signal.throwIfAborted();
      slot = await throughOutages(() => takePlace(limit, concurrency, line), { signal });
      if (slot !== undefined) break;
      line.onLeft = new AbortController();
      await waited(LOOK_MS, AbortSignal.any([signal, line.onLeft.signal]));
    }
    const leave = (): void => {
      if (slot === undefined) return;
      giveBack(slot, line);
      slot = undefined;
    };
    try {
      const ask = (): Promise<number> => (rate ? throughOutages(() => takeRequest(database, limit, rate), { signal }) : Promise.resolve(0));
      for (let waitMs = await ask(); waitMs > 0; waitMs = await ask()) {
        await waited(Math.min(waitMs, LONGEST_PAUSE_MS), signal);
        signal.throwIfAborted();
      }
    } catch (error) {
      leave();
      throw error;
    }
    return leave;
  };

  const projects = new Map<string, { readonly id: Promise<string | undefined>; readonly until: number }>();
  const projectOf = (workflowId: string): Promise<string | undefined> => {
    const known = projects.get(workflowId);
    if (known && known.until > performance.now()) return known.id;
    if (projects.size >= PROJECTS_KNOWN) projects.clear();
    const id = throughOutages(() => findProjectOf(database, workflowId));
    projects.set(workflowId, { id, until: performance.now() + PROJECT_KNOWN_MS });
    id.catch(() => projects.delete(workflowId));
    return id;
  };
  /** Of a workflow that is gone, runs count by themselves. */
  const scopeOf = async ({ scope, inProjectOf }: RequestLimit, signal: AbortSignal): Promise<string> => {
    if (inProjectOf === undefined) return scope;
    return `project:${(await unlessAborted(projectOf(inProjectOf), signal)) ?? inProjectOf}:${scope}`;
  };

  return {
    async take(asked, signal) {
      const limit = { ...asked, scope: await scopeOf(asked, signal).catch(givenUp(signal)) };
      const [key, line] = lineOf(limit);
      const before = line.last;
      let goOn = (): void => undefined;
      line.last = new Promise((resolve) => (goOn = resolve));
      line.waiting += 1;
      try {
        await unlessAborted(before, signal);
        return await admitted(limit, line, signal);
      } catch (error) {
        return givenUp(signal)(error);
      } finally {
        line.waiting -= 1;
        if (line.waiting === 0) lines.delete(key);
        // Whoever gives up leaves the line closed behind those before.
        void before.then(goOn);
      }
    },
  };
}

/** What a wait that ended early is called. */
function givenUp(signal: AbortSignal): (error: unknown) => never {
  return (error) => {
    if (!signal.aborted) throw error;
    throw new StepFailure('LIMIT_WAIT', 'The request was given up while it waited for its turn; nothing was sent.', { kind: 'rejected' });
  };
}

/** @throws the reason of the signal, once it aborts */
async function unlessAborted<Result>(promise: Promise<Result>, signal: AbortSignal): Promise<Result> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const abort = (): void => reject(signal.reason as Error);
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A pause that ends early when the signal aborts. */
async function waited(ms: number, signal: AbortSignal): Promise<void> {
  await pause(ms, undefined, { signal }).catch(() => undefined);
}
