/** What can be done to many things at once: each act is an operation that is asked for one thing after the other, with its own rights. */
import { type RunStatusName, RUN_STATUS } from '@plugboard/engine';
import { type WorkspaceTransaction, getDraft, listRunRows, listWorkflows } from '@plugboard/persistence';
import type { JsonObject } from '@plugboard/sdk';
import { z } from 'zod';
import type { Visible } from '../access/access.ts';
import { id, moment, text } from '../operation/shapes.ts';

export const BULK_JOB = 'bulk';
/** Things named one by one. */
export const MAX_IDS = 10_000;

/** Acts by the kind of thing, with the operation each is made of. */
export const ACTS = {
  workflow: {
    delete: 'workflow.delete',
    restore: 'workflow.restore',
    moveToFolder: 'workflow.moveToFolder',
    move: 'workflow.move',
    tag: 'workflow.setTags',
    publish: 'workflow.publish',
    unpublish: 'workflow.unpublish',
    pause: 'workflow.pause',
    resume: 'workflow.resume',
  },
  run: { cancel: 'run.cancel', delete: 'run.delete', again: 'run.again' },
} as const;

export type BulkKind = keyof typeof ACTS;

/** Operations whose act is not in a transaction of ours: after a crash in the middle the first answer counts, or one is told to look. */
export const APART: ReadonlySet<string> = new Set(['run.cancel', 'run.again', 'run.delete']);

/** What the operation of an act is told besides the thing. Unknown fields are refused by the operation itself. */
export const actInput = z.strictObject({
  folderId: id.optional(),
  projectId: id.optional(),
  add: z.array(id).max(50).optional(),
  remove: z.array(id).max(50).optional(),
  note: text(1000).optional(),
  reason: text(1000).optional(),
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
  since: moment.optional(),
  until: moment.optional(),
  search: text(200).optional(),
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
  readonly by: {
    readonly kind: 'person' | 'service' | 'system';
    readonly apiKeyId?: string;
    readonly scopes?: readonly string[];
    readonly ip: string;
  };
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
  const { workflowId, statuses, since, until, search } = runFilter.parse(params.filter ?? {});
  const found = await listRunRows(tx, {
    visible,
    after: after ?? params.upTo,
    first: limit,
    workflowId,
    statuses,
    search,
    since: since === undefined ? 0 : Date.parse(since),
    until: until === undefined ? undefined : Date.parse(until),
  });
  return found.rows.map((row) => row.id);
}

/** What the operation is asked for one thing. */
export async function inputFor(tx: WorkspaceTransaction, { operation, input }: BulkParams, itemId: string): Promise<object> {
  const own = { ...input, id: itemId };
  if (operation !== 'workflow.publish') return own;
  return { ...own, expectedRev: (await getDraft(tx, itemId))?.rev ?? 0 };
}
