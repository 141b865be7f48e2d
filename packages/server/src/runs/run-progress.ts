/** How far a run has come, in figures small enough to be asked for again and again; and its steps as one list. */
import { isTerminal } from '@plugboard/engine';
import type { ListedRun } from '@plugboard/persistence';
import { z } from 'zod';
import { id } from '../operation/shapes.ts';
import type { StepView } from './run-view.ts';

const stepRef = z.object({ nodeId: z.string(), name: z.string(), status: z.string() }).meta({ id: 'CurrentStep' });
export const runProgress = z
  .object({
    id,
    status: z.string(),
    waitingFor: z.string().optional(),
    /** Steps that ended, of all that are not triggers: 0 to 100. */
    progressPercent: z.int(),
    /** What is at work or waits at this moment. */
    current: z.array(stepRef),
    steps: z
      .object({
        total: z.int(),
        succeeded: z.int(),
        failed: z.int(),
        skipped: z.int(),
        cancelled: z.int(),
        atWork: z.int(),
        toCome: z.int(),
      })
      .meta({ id: 'StepCounts' }),
    costPd: z.string(),
    startedAt: z.iso.datetime(),
    endedAt: z.iso.datetime().optional(),
    error: z.object({ code: z.string(), message: z.string() }).meta({ id: 'ProgressFailure' }).optional(),
  })
  .meta({ id: 'RunProgress' });
export const runStepRow = z
  .object({
    nodeId: z.string(),
    name: z.string(),
    type: z.string(),
    status: z.string(),
    attempt: z.int(),
    startedAt: z.iso.datetime().optional(),
    endedAt: z.iso.datetime().optional(),
    durationMs: z.number().optional(),
    itemsIn: z.int(),
    itemsOut: z.int(),
    /** Where its result comes from if it did not run here: a run by its id, `skip` or `pin`. */
    carried: z.string().optional(),
    error: z.object({ code: z.string(), message: z.string() }).meta({ id: 'StepFailure' }).optional(),
  })
  .meta({ id: 'RunStepRow' });

type Kind = Exclude<keyof z.input<typeof runProgress>['steps'], 'total'>;

/** What has begun and not ended counts as at work, whatever it waits for. */
function kindOf({ status }: StepView): Kind {
  switch (status) {
    case 'succeeded':
    case 'failed':
    case 'skipped':
    case 'cancelled':
      return status;
    case 'blocked':
    case 'ready':
      return 'toCome';
    default:
      return 'atWork';
  }
}

/** @param steps without triggers */
export function progressOf(row: ListedRun, steps: readonly StepView[]): z.input<typeof runProgress> {
  const counts = { total: steps.length, succeeded: 0, failed: 0, skipped: 0, cancelled: 0, atWork: 0, toCome: 0 };
  for (const step of steps) counts[kindOf(step)] += 1;
  const hasEnded = isTerminal(row.status);
  const over = counts.total - counts.atWork - counts.toCome;
  return {
    id: row.id,
    status: row.status,
    ...(row.waitingFor === undefined ? {} : { waitingFor: row.waitingFor }),
    progressPercent: row.status === 'succeeded' || counts.total === 0 ? (hasEnded ? 100 : 0) : Math.floor((100 * over) / counts.total),
    current: hasEnded
      ? []
      : steps.filter((step) => kindOf(step) === 'atWork').map(({ node, name, status }) => ({ nodeId: node, name, status })),
    steps: counts,
    costPd: row.costPd,
    startedAt: new Date(row.startedAt).toISOString(),
    ...(row.endedAt === undefined ? {} : { endedAt: new Date(row.endedAt).toISOString() }),
    ...(row.errorCode === undefined ? {} : { error: { code: row.errorCode, message: row.errorMessage ?? '' } }),
  };
}

export function stepRow(step: StepView): z.input<typeof runStepRow> {
  const { node, name, type, status, attempt, startedAt, endedAt, durationMs, itemsIn, carried, error } = step;
  return {
    nodeId: node,
    name,
    type,
    status,
    attempt,
    ...(startedAt === undefined ? {} : { startedAt }),
    ...(endedAt === undefined ? {} : { endedAt }),
    ...(durationMs === undefined ? {} : { durationMs }),
    itemsIn,
    itemsOut: Object.values(step.itemsOut).reduce((sum, n) => sum + n, 0),
    ...(carried === undefined ? {} : { carried }),
    ...(error === undefined ? {} : { error: { code: error.code, message: error.message } }),
  };
}
