/** What can be done to many things at once: each act is an operation that is asked for one thing after the other, with its own rights. */
import { type RunStatusName, RUN_STATUS, TRIGGER_KIND, type TriggerKindName } from '@plugboard/engine';
import { type ListRunRows, type WorkspaceTransaction, countRunRows, getDraft, listRunRows, listWorkflows } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { Visible } from '../access/access.ts';
import { id, moment, text } from '../operation/shapes.ts';
import { searched } from '../runs/run-list-operations.ts';
import { tagText } from '../runs/run-shapes.ts';
import type { JobOwner } from './job-caller.ts';

export const BULK_JOB = 'bulk';
/** Things named one by one. */
export const MAX_IDS = 10_000;
/** Of more things than these only that there are as many is told. */
const MAX_COUNTED = 100_000;

interface Act {
  readonly operation: string;
  /** What the operation is told of each thing whatever was asked. */
  readonly fixed?: JsonObject;
}

/** Acts by the kind of thing, with the operation each is made of. */
export const ACTS = {
  workflow: {
    delete: { operation: 'workflow.delete' },
    restore: { operation: 'workflow.restore' },
    moveToFolder: { operation: 'workflow.moveToFolder' },
    move: { operation: 'workflow.move' },
    tag: { operation: 'workflow.setTags' },
    publish: { operation: 'workflow.publish' },
    unpublish: { operation: 'workflow.unpublish' },
    pause: { operation: 'workflow.pause' },
    resume: { operation: 'workflow.resume' },
    test: { operation: 'test.runAll', fixed: { strict: true } },
  },
  // A run is told and not waited for: a step under way may take its time.
  run: {
    cancel: { operation: 'run.cancel', fixed: { waitMs: 0 } },
    pause: { operation: 'run.pause', fixed: { waitMs: 0 } },
    resume: { operation: 'run.resume', fixed: { waitMs: 0 } },
    delete: { operation: 'run.delete' },
    eraseData: { operation: 'run.eraseData' },
    again: { operation: 'run.again' },
    retry: { operation: 'run.retry' },
  },
} as const satisfies Record<string, Record<string, Act>>;

export type BulkKind = keyof typeof ACTS;

/** Operations whose act is not in a transaction of ours: after a crash in the middle the first answer counts, or one is told to look. */
export const APART: ReadonlySet<string> = new Set([...Object.values(ACTS.run), ACTS.workflow.test].map((act) => act.operation));

/** What the operation of an act is told besides the thing. Unknown fields are refused by the operation itself. */
export const actInput = z.strictObject({
  folderId: id.optional(),
  projectId: id.optional(),
  add: z.array(id).max(50).optional(),
  remove: z.array(id).max(50).optional(),
  note: text(1000).optional(),
  reason: text(1000).optional(),
  cancelFirst: z.boolean().optional(),
  source: z.enum(['same', 'live', 'draft']).meta({ id: 'BulkRunSource' }).optional(),
});

export const workflowFilter = z.strictObject({
  search: text(200).optional(),
  projectId: id.optional(),
  folderId: id.optional(),
  tagIds: z.array(id).max(50).optional(),
  starred: z.boolean().optional(),
});
export const runFilter = z.strictObject({
  workflowId: id.optional(),
  statuses: z
    .array(z.enum(Object.keys(RUN_STATUS) as [RunStatusName, ...RunStatusName[]]).meta({ id: 'RunStatus' }))
    .max(20)
    .optional(),
  triggers: z
    .array(z.enum(Object.keys(TRIGGER_KIND) as [TriggerKindName, ...TriggerKindName[]]).meta({ id: 'TriggerKind' }))
    .max(8)
    .optional(),
  since: moment.optional(),
  until: moment.optional(),
  /** An id or its end, or `key:value` of a tag. */
  search: text(300).optional(),
  /** `key=value` each; a run has all of them. */
  tags: z.array(tagText).max(5).optional(),
});

/** A bulk job as it is stored. */
export interface BulkParams {
  readonly kind: BulkKind;
  readonly operation: string;
  readonly input: JsonObject;
  readonly ids?: readonly string[];
  readonly filter?: JsonObject;
  /** Things made later are not part of it. */
  readonly upTo: string;
  readonly by: JobOwner;
}

/** The next things after `after`, newest first, as the job's person may see them now. */
export async function nextIds(
  tx: WorkspaceTransaction,
  params: BulkParams,
  { after, visible, limit }: { readonly after: string | undefined; readonly visible: Visible; readonly limit: number },
): Promise<readonly string[]> {
  if (params.ids) {
    const start = after === undefined ? 0 : params.ids.indexOf(after) + 1;
    return params.ids.slice(start, start + limit);
  }
  if (params.kind === 'workflow') {
    const { search, projectId, folderId, tagIds, starred } = workflowFilter.parse(params.filter ?? {});
    const found = await listWorkflows(tx, {
      cursor: after ?? params.upTo,
      limit,
      ...(visible.kind === 'some' ? { visible } : {}),
      ...(search === undefined ? {} : { search }),
      ...(projectId === undefined ? {} : { projectId }),
      ...(folderId === undefined ? {} : { folderId }),
      ...(tagIds === undefined ? {} : { tagIds }),
      ...(starred === true ? { isStarredOnly: true } : {}),
    });
    return found.workflows.map((workflow) => workflow.id);
  }
  return (await listRunRows(tx, { ...runsOf(params, visible), after: after ?? params.upTo, first: limit })).rows.map((row) => row.id);
}

/** How many things there are to do; undefined where that is not known before. */
export async function countThings(tx: WorkspaceTransaction, params: BulkParams, visible: Visible): Promise<number | undefined> {
  if (params.ids) return params.ids.length;
  if (params.kind === 'workflow') return undefined;
  return countRunRows(tx, { ...runsOf(params, visible), after: params.upTo }, MAX_COUNTED);
}

/** Which runs a filter finds, of all times where it does not say. */
export function runsOf({ filter }: Pick<BulkParams, 'filter'>, visible: Visible): Omit<ListRunRows, 'after' | 'first'> {
  const { since, until, search, tags, ...asked } = runFilter.parse(filter ?? {});
  return {
    ...asked,
    ...searched(search, tags),
    visible,
    since: since === undefined ? 0 : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  };
}

const FIXED: ReadonlyMap<string, JsonObject> = new Map(
  Object.values<Record<string, Act>>(ACTS)
    .flatMap((acts) => Object.values(acts))
    .flatMap(({ operation, fixed }) => (fixed ? [[operation, fixed]] : [])),
);

/** What the operation is asked for one thing. */
export async function inputFor(tx: WorkspaceTransaction, { operation, input }: BulkParams, itemId: string): Promise<object> {
  const own = { ...input, ...FIXED.get(operation), id: itemId };
  if (operation !== 'workflow.publish') return own;
  return { ...own, expectedRev: (await getDraft(tx, itemId))?.rev ?? 0 };
}
