/**
 * Makes up for the slots of a span: a run for each that had none. Every slot has its key, so a job that is carried on after a crash, or asked
 * for twice, starts no run twice.
 */
import { type Database, type StoredSchedule, findSchedule, inWorkspace } from '@plugboard/persistence';
import { may } from '../operation/demand.ts';
import { OperationProblem } from '../operation/problem.ts';
import type { BulkParams } from '../jobs/bulk-acts.ts';
import type { CarryOut } from '../jobs/held-job.ts';
import { callerOf } from '../jobs/job-caller.ts';
import { resourceOf } from '../workflows/workflow-access.ts';
import { demandTimetable } from './schedule-spec.ts';
import type { SlotStarter } from './slot-starter.ts';
import { nextSlot } from './timetable.ts';

export const BACKFILL_JOB = 'schedule-backfill';

/** What the job is asked for, as its filter. */
export interface Backfill {
  readonly scheduleId: string;
  /** Milliseconds since 1970; both ends count. */
  readonly from: number;
  readonly until: number;
  readonly total: number;
}

interface Progress {
  done: number;
  unchanged: number;
  readonly total: number;
  /** The last slot that was dealt with. */
  at?: number;
}

/** A server that is busy is asked again after this, in milliseconds. */
const BUSY_MS = 1000;
/** Progress is written down after so many slots. */
const STEP = 20;

export function backfillJob({ database, slots }: { readonly database: Database; readonly slots: SlotStarter }): CarryOut {
  return async (held) => {
    const { job, workspaceId } = held;
    const params = job.params as unknown as BulkParams;
    const { scheduleId, from, until, total } = params.filter as unknown as Backfill;
    const progress: Progress = { done: 0, unchanged: 0, total, ...(job.progress as unknown as Partial<Progress> | undefined) };
    const told = (): { done: number; unchanged: number; total: number } => ({ done: progress.done, unchanged: progress.unchanged, total });

    const find = async (): Promise<StoredSchedule | string> => {
      const caller = await callerOf(database, job, params.by);
      if (!caller) return 'ACTOR_GONE';
      const found = await inWorkspace(database, { workspaceId, principalId: job.actor }, (tx) => findSchedule(tx, scheduleId));
      if (!found) return 'NOT_FOUND';
      return may(caller, 'workflow.run', resourceOf({ id: found.workflowId, projectId: found.projectId })) ? found : 'FORBIDDEN';
    };

    for (let after = progress.at ?? from - 1; ;) {
      // A version that is published meanwhile may have another timetable, and whoever asked may have lost the right.
      const schedule = await find();
      if (typeof schedule === 'string') return held.end('failed', { ...told(), code: schedule });
      const timetable = demandTimetable(schedule.spec, schedule.zone);
      for (let n = 0; n < STEP; n += 1) {
        if (held.signal.aborted) return;
        const slot = nextSlot(timetable, after);
        if (slot === undefined || slot > until) return held.end('succeeded', told());
        try {
          const { isNew } = await slots.backfill(schedule, slot, job.actor);
          progress[isNew ? 'done' : 'unchanged'] += 1;
          after = slot;
          progress.at = slot;
        } catch (error) {
          if (!(error instanceof OperationProblem) || error.code !== 'SERVER_BUSY') throw error;
          await held.pause(BUSY_MS);
        }
      }
      if (await held.advance({ ...progress })) return held.end('cancelled', told());
    }
  };
}
