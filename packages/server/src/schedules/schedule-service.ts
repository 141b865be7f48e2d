/**
 * Fires schedules. Every server process looks for rows that are due; one claims a row, and each slot's run is created in the transaction that
 * moves the row on. A process that dies anywhere leaves a slot either fired and behind the row, or not fired and in front of it.
 */
import {
  type Database,
  type DueSchedule,
  type Slot,
  advanceSchedule,
  advanceScheduleWith,
  claimDueSchedules,
  isRunOpen,
  releaseSchedule,
  releaseSchedules,
  uuidv7,
} from '@plugboard/persistence';
import type { LoadedPlan, Runner } from '@plugboard/runner';
import type { Deliveries } from '../hooks/deliveries.ts';
import { type DueSlot, dueSlots } from './due-slots.ts';
import { type TimetableSpec, demandTimetable, planned } from './schedule-spec.ts';
import { slotItem, slotKey } from './slot.ts';

export interface ScheduleServiceOptions {
  readonly database: Database;
  readonly runner: Pick<Runner, 'accepting' | 'acceptsQueued' | 'start' | 'wake'>;
  readonly plans: { load(workflowId: string, version: number, environment: number): Promise<LoadedPlan> };
  readonly deliveries: Pick<Deliveries, 'expect' | 'forget'>;
  /** Missed slots of one schedule that start a run under the policy `all`. */
  readonly mostMissed: (workspaceId: string) => number;
  readonly log: { info(fields: object, message: string): void; warn(fields: object, message: string): void };
  /** @default true */
  readonly takesWork?: () => boolean;
  /** What schedules go by, in milliseconds since 1970. @default the database's clock */
  readonly now?: () => number;
  /** Longest pause between two looks, in milliseconds. @default 1000 */
  readonly pollMs?: number;
  /** After so long without a sign another process takes a claimed schedule over, in milliseconds. @default 20000 */
  readonly leaseMs?: number;
}

export interface ScheduleService {
  /** One look: resolves with the number of runs started, once they are stored. For tests and right after a change. */
  look(): Promise<number>;
  /** There may be something due sooner than was known. */
  wake(): void;
  /** Starts nothing new, lets what is under way be stored, and gives back what was claimed. */
  close(): Promise<void>;
}

const POLL_MS = 1000;
const LEASE_MS = 20_000;
/** Schedules claimed at once, and worked on at once: each needs a connection of the pool for a moment. */
const CLAIMED_AT_ONCE = 200;
const AT_WORK = 6;
/** Before a schedule that could not be started, or waits for an older run, is looked at again, in milliseconds. */
const AGAIN_MS = 5000;
const BLOCKED_MS = 1000;
const LEAST_PAUSE_MS = 5;

type Started =
  | { readonly kind: 'started'; readonly runId: string }
  | { readonly kind: 'moved' }
  | { readonly kind: 'failed'; readonly message: string };

export function createScheduleService(options: ScheduleServiceOptions): ScheduleService {
  const {
    database,
    runner,
    plans,
    deliveries,
    mostMissed,
    log,
    now,
    takesWork = () => true,
    pollMs = POLL_MS,
    leaseMs = LEASE_MS,
  } = options;
  const by = crypto.randomUUID();
  let isClosed = false;
  let wakeUp: (() => void) | undefined;

  /** Resolves once the run of the slot is stored with the row's move, or it is known that it will not be. */
  const start = (
    row: DueSchedule,
    loaded: LoadedPlan,
    {
      slot,
      from,
      to,
      cancels,
    }: {
      readonly slot: DueSlot & { readonly skipped: number };
      readonly from: number;
      readonly to: Slot | undefined;
      readonly cancels?: string;
    },
  ): Promise<Started> =>
    new Promise((resolve) => {
      const runId = uuidv7();
      const { workspaceId } = row;
      const fired = { dueMs: slot.dueMs, runId };
      deliveries.expect(
        runId,
        [slotKey(row, slot.dueMs)],
        (other) => {
          // The slot has its run already, from a backfill: only the row moves on.
          advanceSchedule(database, {
            id: row.id,
            by,
            fromMs: from,
            to,
            fired: { dueMs: slot.dueMs, runId: other },
            skipped: slot.skipped,
          }).then(
            (isDone) => resolve(isDone ? { kind: 'started', runId: other } : { kind: 'moved' }),
            (error: unknown) => resolve({ kind: 'failed', message: messageOf(error) }),
          );
        },
        (client) =>
          advanceScheduleWith(
            client,
            { id: row.id, by, fromMs: from, to, fired, skipped: slot.skipped },
            cancels === undefined ? undefined : { runId: cancels, workspaceId },
          ),
      );
      try {
        runner.start(
          {
            loaded,
            id: runId,
            trigger: row.nodeId,
            items: [slotItem({ dueMs: slot.dueMs, zone: row.zone, reason: slot.isMissed ? 'missed' : 'due' })],
            triggerKind: 'schedule',
            begin: 'dispatched',
          },
          {
            onAccepted: () => resolve({ kind: 'started', runId }),
            onLost: (_, code, message) => resolve(code === 'RUN_MOVED' ? { kind: 'moved' } : { kind: 'failed', message }),
          },
        );
      } catch (error) {
        deliveries.forget(runId);
        resolve({ kind: 'failed', message: messageOf(error) });
      }
    });

  /** Gives how many runs were started. */
  const fire = async (row: DueSchedule, nowMs: number): Promise<number> => {
    const spec = row.spec as TimetableSpec;
    const timetable = demandTimetable(spec, row.zone);
    const { slots, skipped, next } = dueSlots({
      scheduleId: row.id,
      spec,
      timetable,
      missed: row.missed,
      dueMs: row.dueMs,
      nowMs,
      blockedMs: row.blockedMs ?? undefined,
      most: mostMissed(row.workspaceId),
    });
    if (slots.length === 0) {
      await advanceSchedule(database, { id: row.id, by, fromMs: row.dueMs, to: next, skipped });
      if (skipped > 0)
        log.info({ scheduleId: row.id, workflowId: row.workflowId, skipped }, 'slots of a schedule were missed and start nothing');
      return 0;
    }
    const loaded = await plans.load(row.workflowId, row.version, row.environment);
    let from = row.dueMs;
    let older = row.lastRunId ?? undefined;
    let count = 0;
    for (const [n, one] of slots.entries()) {
      const slot = { ...one, skipped: n === 0 ? skipped : 0 };
      const following = slots[n + 1];
      const to = following ? planned(following.dueMs, spec, row.id) : next;
      const isOverlapping = row.overlap !== 'allow' && older !== undefined && (await isRunOpen(database, older));
      if (isOverlapping && row.overlap === 'queue') {
        await releaseSchedule(database, { id: row.id, by, pauseMs: BLOCKED_MS, blockedMs: nowMs });
        return count;
      }
      if (isOverlapping && row.overlap === 'skip') {
        if (!(await advanceSchedule(database, { id: row.id, by, fromMs: from, to, skipped: slot.skipped + 1 }))) return count;
        from = slotOf(to, from);
        continue;
      }
      if (!runner.accepting || !runner.acceptsQueued(row.workspaceId, row.workflowId))
        throw new Error('The server cannot take more runs of this workflow at the moment.');
      const started = await start(row, loaded, { slot, from, to, ...(isOverlapping && older !== undefined ? { cancels: older } : {}) });
      if (started.kind === 'failed') throw new Error(started.message);
      if (started.kind === 'moved') return count;
      if (isOverlapping) runner.wake();
      older = started.runId;
      from = slotOf(to, from);
      count += 1;
    }
    await releaseSchedule(database, { id: row.id, by });
    return count;
  };

  const act = async (row: DueSchedule, nowMs: number): Promise<number> => {
    try {
      return await fire(row, nowMs);
    } catch (error) {
      log.warn({ err: error, scheduleId: row.id, workflowId: row.workflowId }, 'a schedule could not be fired; it is tried again');
      await releaseSchedule(database, { id: row.id, by, pauseMs: AGAIN_MS, problem: messageOf(error).slice(0, 1000) }).catch(
        () => undefined,
      );
      return 0;
    }
  };

  /** Gives the pause until the next look as well. */
  const lookOnce = async (): Promise<{ readonly count: number; readonly pauseMs: number }> => {
    if (!runner.accepting || !takesWork()) return { count: 0, pauseMs: pollMs };
    const found = await claimDueSchedules(database, { by, leaseMs, limit: CLAIMED_AT_ONCE, nowMs: now?.() });
    const waiting = [...found.due];
    let count = 0;
    const worker = async (): Promise<void> => {
      for (let row = waiting.shift(); row !== undefined && !isClosed; row = waiting.shift()) {
        const started = await act(row, found.nowMs);
        count += started;
      }
    };
    await Promise.all(Array.from({ length: Math.min(AT_WORK, waiting.length) }, worker));
    const untilNext = found.due.length === CLAIMED_AT_ONCE ? 0 : Math.ceil(found.nextInMs ?? pollMs);
    return { count, pauseMs: Math.min(pollMs, Math.max(LEAST_PAUSE_MS, untilNext)) };
  };

  let looking: Promise<unknown> = Promise.resolve();
  /** One look at a time. */
  const inTurn = (): ReturnType<typeof lookOnce> => {
    const result = looking.then(lookOnce);
    looking = result.catch(() => undefined);
    return result;
  };

  const loop = async (): Promise<void> => {
    let isTold = false;
    while (!isClosed) {
      let pauseMs = pollMs;
      try {
        ({ pauseMs } = await inTurn());
        isTold = false;
      } catch (error) {
        if (!isTold && !isClosed) log.warn({ err: error }, 'schedules could not be looked for; trying again');
        isTold = true;
      }
      if (isClosed) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, pauseMs);
        wakeUp = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  };
  const looping = pollMs === Number.POSITIVE_INFINITY ? Promise.resolve() : loop();

  return {
    look: async () => (await inTurn()).count,
    wake: () => wakeUp?.(),
    async close() {
      isClosed = true;
      wakeUp?.();
      await looping;
      await looking;
      await releaseSchedules(database, by).catch((error: unknown) =>
        log.warn({ err: error }, 'schedules could not be given back; they are taken over when their time is up'),
      );
    },
  };
}

/** Where a row stands after a move; past its last slot nothing more is asked. */
function slotOf(to: Slot | undefined, from: number): number {
  return to?.dueMs ?? from;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
