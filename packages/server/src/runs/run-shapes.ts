/** How runs look to callers: as a row of a list, as a head, with everything; and what they are asked by. */
import { RUN_STATUS, type RunStatusName, TRIGGER_KIND, type TriggerKindName } from '@plugboard/engine';
import type { ListedRun, RunBudget } from '@plugboard/persistence';
import { z } from 'zod';
import { id, json, namedRef, personRef, text } from '../operation/shapes.ts';
import { RUN_MODES } from './run-modes.ts';

export const runId = z.string().min(1).max(100);
/** Numbers of the rounds a step lies in, outermost first; without it the round of the step that changed last. */
export const roundPath = z.array(z.int().min(0)).max(16).optional();
/** A tag as it is asked for. */
export const tagText = text(300).regex(/^[^=]{1,64}=/, 'is key=value; a key has 1 to 64 characters');
export const runTags = z
  .record(text(64, 1).regex(/^[^=:]+$/, 'has neither = nor : in it'), text(200))
  .refine((tags) => Object.keys(tags).length <= 20, 'has more than 20 tags');
export const statuses = z.enum(Object.keys(RUN_STATUS) as [RunStatusName, ...RunStatusName[]]).meta({ id: 'RunStatus' });
export const triggers = z.enum(Object.keys(TRIGGER_KIND) as [TriggerKindName, ...TriggerKindName[]]).meta({ id: 'TriggerKind' });
const runError = z
  .object({
    code: z.string(),
    message: z.string(),
    nodeId: z.string().optional(),
    nodeName: z.string().optional(),
    item: z.int().optional(),
  })
  .meta({ id: 'RunErrorView' });
const runRowShape = {
  id,
  workflow: namedRef,
  version: z.int().optional(),
  status: statuses,
  waitingFor: z.string().optional(),
  trigger: triggers,
  initiator: personRef.optional(),
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  durationMs: z.number().optional(),
  error: runError.optional(),
  costPd: z.string().optional(),
};
export const runRow = z.object(runRowShape).meta({ id: 'RunRow' });
/** How a run came from another one, or from work on a draft. */
export const runOrigin = z.object({ runId: id.optional(), how: z.string(), nodeId: z.string().optional() }).meta({ id: 'RunOrigin' });
/** What a run, its retries and the runs they call have spent together; absent while that is nothing. */
export const runBudget = z
  .object({
    /** The first of them; of a workflow that repeats, the first of its chain. */
    rootRunId: id,
    spentPd: z.string(),
    /** Of calls under way, and of those of which nobody has heard yet. */
    reservedPd: z.string(),
    limitPd: z.string(),
    warnPd: z.string(),
  })
  .meta({ id: 'RunBudget' });
export const runDetail = z
  .object({
    ...runRowShape,
    definition: json,
    seq: z.int(),
    activeMs: z.number(),
    itemsIn: z.int(),
    /** How it was started, and how its workflow leads from step to step. */
    modes: z.array(z.enum(RUN_MODES).meta({ id: 'RunMode' })),
    /** What its steps were given and gave is forgotten. */
    isErased: z.boolean(),
    origin: runOrigin.optional(),
    tags: z.array(z.object({ key: z.string(), value: z.string() }).meta({ id: 'RunTag' })),
    budget: runBudget.optional(),
    limits: z.object({ costPd: z.string().optional(), activeMs: z.number() }).meta({ id: 'RunLimits' }),
    may: z
      .object({
        control: z.boolean(),
        readData: z.boolean(),
        /** From the start, with the same input. */
        again: z.boolean(),
        /** What did not succeed, or past a step that failed: not of a run that succeeded, has undone what it did, or is gone on from already. */
        retry: z.boolean(),
        /** From a step on: not of a run that has undone what it did. */
        rerun: z.boolean(),
      })
      .meta({ id: 'RunRights' }),
  })
  .meta({ id: 'RunDetail' });
const runHeadShape = {
  id,
  status: statuses,
  waitingFor: z.string().optional(),
  workflowId: id,
  workflowName: z.string().optional(),
  version: z.int(),
  environment: z.enum(['draft', 'live']).meta({ id: 'EnvironmentName' }),
  trigger: triggers,
  startedAt: z.iso.datetime(),
  endedAt: z.iso.datetime().optional(),
  durationMs: z.number().optional(),
  error: z.object({ code: z.string(), message: z.string(), nodeName: z.string().optional() }).meta({ id: 'RunFailure' }).optional(),
  events: z.int(),
};
export const runHead = z.object(runHeadShape).meta({ id: 'RunHead' });
export const runSteps = z
  .object({
    ...runHeadShape,
    origin: runOrigin.optional(),
    budget: runBudget.optional(),
    takenOver: z.array(z.string()).optional(),
    cancelled: z.object({ by: z.string(), reason: z.string().optional() }).meta({ id: 'RunCancel' }).optional(),
    steps: json,
  })
  .meta({ id: 'RunSteps' });

export function rowView(row: ListedRun, names: ReadonlyMap<string, string>): z.input<typeof runRow> {
  const name = row.initiator === undefined ? undefined : names.get(row.initiator);
  return {
    id: row.id,
    workflow: { id: row.workflowId, name: row.workflowName ?? '' },
    ...(row.environment === 1 ? { version: row.version } : {}),
    status: row.status,
    ...(row.waitingFor === undefined ? {} : { waitingFor: row.waitingFor }),
    trigger: row.trigger,
    ...(row.initiator !== undefined && name !== undefined ? { initiator: { id: row.initiator, name } } : {}),
    ...times(row),
    ...failure(row),
    ...(row.costPd === '0' ? {} : { costPd: row.costPd }),
  };
}

export function headView(row: ListedRun, workflowName: string | undefined): z.input<typeof runHead> {
  return {
    id: row.id,
    status: row.status,
    ...(row.waitingFor === undefined ? {} : { waitingFor: row.waitingFor }),
    workflowId: row.workflowId,
    ...(workflowName === undefined ? {} : { workflowName }),
    version: row.version,
    environment: row.environment === 1 ? 'live' : 'draft',
    trigger: row.trigger,
    ...times(row),
    ...failure(row),
    events: row.events,
  };
}

function times({ startedAt, endedAt }: ListedRun): { startedAt: string; endedAt?: string; durationMs?: number } {
  return {
    startedAt: new Date(startedAt).toISOString(),
    ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString(), durationMs: endedAt - startedAt }),
  };
}

function failure({ errorCode, errorMessage, errorStep }: ListedRun): { error?: z.input<typeof runError> } {
  if (errorCode === undefined) return {};
  return { error: { code: errorCode, message: errorMessage ?? '', ...(errorStep === undefined ? {} : { nodeName: errorStep }) } };
}

export function budgetView({ rootRunId, spentPd, reservedPd, limitPd, warnPd }: RunBudget): z.input<typeof runBudget> {
  return { rootRunId, spentPd: `${spentPd}`, reservedPd: `${reservedPd}`, limitPd: `${limitPd}`, warnPd: `${warnPd}` };
}
