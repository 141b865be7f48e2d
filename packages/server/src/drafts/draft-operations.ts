/** Drafts as several people change them: batches of operations, what others did meanwhile, undo, and who is editing. */
import { type DraftOp, parseOps } from '@plugboard/engine';
import {
  type DraftOps,
  type WorkspaceTransaction,
  draftOpsSince,
  findDisplayNames,
  findDraftHolder,
  getDraft,
  hasEditedSince,
  holdDraft,
  liveVersion,
  recordAudit,
  releaseDraft,
} from '@plugboard/persistence';
import { z } from 'zod';
import { createRateLimit } from '../edge/rate-limit.ts';
import { type Operation, type OperationContext, operation } from '../operation/operation.ts';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { DONE, id, json, nothing, personRef, text } from '../operation/shapes.ts';
import type { Definitions } from '../workflows/definitions.ts';
import { workflowResource } from '../workflows/workflow-access.ts';
import {
  type DraftBatch,
  type Edited,
  MAX_BEHIND,
  applyEdit,
  heldProblem,
  opsInvalid,
  replaceDraft,
  takeBack,
  viewOfConflict,
  whatCanBeUndone,
} from './draft-edits.ts';

/** Operations of one batch: a paste of a large workflow fits. */
const MAX_OPS = 2000;
/** How long a person counts as editing without a further sign, in milliseconds. */
const LEASE_MS = 60_000;
/** Whoever was asked to let go and did not answer for this long loses it, in milliseconds. */
const TAKEOVER_AFTER_MS = 30_000;
/** Batches a second of one person, over all drafts. */
const BATCHES_PER_SECOND = 20;
/** A large batch counts as several: what is changed is kept for a while, and nobody shall fill the disk with it. */
const CHARACTERS_PER_PLACE = 65_536;
/** Edits of one workflow by one person within this time are one line of the audit log: the batches themselves are kept with the draft. */
const AUDIT_EVERY_MS = 60 * 60_000;

const INT4 = 2_147_483_647;
const clientId = text(64, 1);
const clientSeq = z.int().min(1).max(INT4);
const rev = z.int().min(0).max(INT4);

const draftChange = z
  .object({
    rev: z.int(),
    by: personRef,
    clientId: z.string(),
    clientSeq: z.int(),
    act: z.enum(['edit', 'undo', 'redo']).meta({ id: 'DraftAct' }),
    ops: json,
    at: z.iso.datetime(),
  })
  .meta({ id: 'DraftChange' });
const editedShape = {
  rev: z.int(),
  appliedRev: z.int(),
  isReplay: z.boolean(),
  changes: z.array(draftChange),
  /** False where `changes` would be too long: fetch the draft. */
  isComplete: z.boolean(),
};
const edited = z.object(editedShape).meta({ id: 'EditedDraft' });
const skippedChange = z
  .object({ op: z.int(), kind: z.string(), id: z.string(), field: z.array(z.string()), mine: json.optional(), theirs: json.optional() })
  .meta({ id: 'SkippedChange' });
const takenBack = z.object({ ...editedShape, skipped: z.array(skippedChange) }).meta({ id: 'TakenBackChange' });
const holder = z
  .object({
    person: personRef,
    until: z.iso.datetime(),
    isMe: z.boolean(),
    askedBy: personRef.optional(),
    askedAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'DraftHolder' });
const draftView = z
  .object({
    workflowId: id,
    rev: z.int(),
    definition: json,
    /** Order of parts by kind and id, where it is not that of the lists. */
    ranks: json.optional(),
    baseVersion: z.int().optional(),
    liveVersion: z.int().optional(),
    savedAt: z.iso.datetime(),
    savedBy: personRef,
    holder: holder.optional(),
    canUndo: z.boolean(),
    canRedo: z.boolean(),
  })
  .meta({ id: 'Draft' });
const heldDraft = z
  .object({
    /** False where somebody else is editing. */
    isMine: z.boolean(),
    holder: personRef,
    until: z.iso.datetime(),
    /** When asking again gives it to whoever asked first, if the holder stays silent. */
    mineAt: z.iso.datetime().optional(),
  })
  .meta({ id: 'HeldDraft' });

export interface DraftOperationsOptions {
  readonly definitions: Definitions;
  /** Milliseconds of a monotonic clock. @default that of the process */
  readonly monotonicMs?: () => number;
}

export function draftOperations({ definitions, monotonicMs = () => performance.now() }: DraftOperationsOptions): readonly Operation[] {
  const limit = createRateLimit({ perSecond: BATCHES_PER_SECOND, burst: BATCHES_PER_SECOND * 5 });
  const takePlace = ({ actor, workspaceId }: OperationContext, ops: readonly unknown[] = []): void => {
    const now = monotonicMs();
    let places = 1 + Math.floor(JSON.stringify(ops).length / CHARACTERS_PER_PLACE);
    while (places > 0 && limit.take(`${workspaceId} ${actor.principalId}`, now)) places -= 1;
    if (places === 0) return;
    throw new OperationProblem('TOO_MANY_REQUESTS', 'Too many changes at once; nothing was changed', {
      hint: 'Gather changes into fewer batches, and send this one again in a second.',
      params: { retryAfterSeconds: 1 },
    });
  };
  const onWorkflow = (ctx: OperationContext, input: { readonly workflowId: string }) =>
    ctx.inTransaction((tx) => workflowResource(tx, input.workflowId));

  return [
    operation({
      name: 'draft.get',
      field: 'draft',
      kind: 'query',
      summary: 'The draft of a workflow: its revision, what it says, who is editing it, and what the caller could undo.',
      permission: { action: 'workflow.read', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: draftView,
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/draft' },
      handler: (ctx, { workflowId }) =>
        ctx.inTransaction(async (tx) => {
          const draft = await getDraft(tx, workflowId);
          if (!draft) throw notFound();
          const live = await liveVersion(tx, workflowId);
          const can = await whatCanBeUndone(tx, workflowId);
          const names = await findDisplayNames(tx, [draft.updatedBy]);
          const held = await holderView(tx, workflowId);
          return {
            workflowId,
            rev: draft.rev,
            definition: draft.definition,
            ...(draft.ranks ? { ranks: draft.ranks } : {}),
            ...(draft.baseVersion === undefined ? {} : { baseVersion: draft.baseVersion }),
            ...(live === undefined ? {} : { liveVersion: live }),
            savedAt: draft.updatedAt.toISOString(),
            savedBy: { id: draft.updatedBy, name: names.get(draft.updatedBy) ?? '' },
            ...(held ? { holder: held } : {}),
            canUndo: can.undo,
            canRedo: can.redo,
          };
        }),
    }),
    operation({
      name: 'draft.since',
      field: 'draftChanges',
      kind: 'query',
      summary: 'What happened to a draft after a revision, in order, to catch up with.',
      permission: { action: 'workflow.read', on: onWorkflow },
      input: z.strictObject({ workflowId: id, rev, first: z.int().min(1).max(MAX_BEHIND).optional() }),
      output: z
        .object({ rev: z.int(), changes: z.array(draftChange), hasMore: z.boolean(), isComplete: z.boolean() })
        .meta({ id: 'DraftChanges' }),
      problems: [],
      rest: { method: 'GET', path: '/workflows/{workflowId}/draft/changes' },
      handler: (ctx, { workflowId, rev: after, first = 200 }) =>
        ctx.inTransaction(async (tx) => {
          const draft = await getDraft(tx, workflowId);
          if (!draft) throw notFound();
          const { ops } = await draftOpsSince(tx, workflowId, after, first);
          const last = ops.at(-1)?.rev ?? after;
          // Without holes from the revision asked for up to the last one given.
          const isComplete = after <= draft.rev && ops.length === last - after && (ops.length > 0 || after === draft.rev);
          return { rev: draft.rev, changes: await changeViews(tx, ops), hasMore: isComplete && last < draft.rev, isComplete };
        }),
    }),
    operation({
      name: 'draft.apply',
      field: 'applyDraft',
      kind: 'mutation',
      summary:
        'Change a draft by operations made on a revision. What others changed meanwhile is merged; a clash on one field changes nothing and names both values.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, baseRev: rev, clientId, clientSeq, ops: z.array(json).max(MAX_OPS) }),
      output: edited,
      problems: ['DRAFT_CONFLICT', 'DRAFT_OUTDATED', 'DRAFT_HELD', 'OPS_INVALID', 'NAME_TAKEN', 'DEFINITION_INVALID', 'TOO_MANY_REQUESTS'],
      rest: { method: 'POST', path: '/workflows/{workflowId}/draft/changes' },
      // The batches are kept with the draft, with who made them.
      audited: false,
      handler: (ctx, input) => {
        takePlace(ctx, input.ops);
        const parsed = parseOps(input.ops);
        if (!parsed.ok) throw opsInvalid(parsed.problems);
        const ops: readonly DraftOp[] = parsed.ops;
        return ctx.inTransaction(async (tx) => {
          const { workflowId, baseRev } = input;
          const isFirst = !(await hasEditedSince(tx, workflowId, AUDIT_EVERY_MS));
          const result = await applyEdit(tx, { workflowId, baseRev, clientId: input.clientId, clientSeq: input.clientSeq, ops });
          if (isFirst && !result.isReplay) await auditEdit(ctx, tx, workflowId, result.rev);
          ctx.audit({ kind: 'workflow', id: workflowId });
          return editedView(tx, result);
        });
      },
    }),
    ...(['undo', 'redo'] as const).map((act) =>
      operation({
        name: `draft.${act}`,
        field: `${act}Draft`,
        kind: 'mutation',
        summary:
          act === 'undo'
            ? 'Take one’s own last change of a draft back, where it still stands.'
            : 'Take the last undo of one’s own back, where it still stands.',
        permission: { action: 'workflow.edit', on: onWorkflow },
        input: z.strictObject({ workflowId: id, clientId, clientSeq }),
        output: takenBack,
        problems: ['NOTHING_TO_UNDO', 'DRAFT_HELD', 'NAME_TAKEN', 'DEFINITION_INVALID', 'TOO_MANY_REQUESTS'],
        rest: { method: 'POST', path: `/workflows/{workflowId}/draft/${act}` },
        audited: false,
        handler: (ctx: OperationContext, batch: DraftBatch) => {
          takePlace(ctx);
          return ctx.inTransaction(async (tx) => {
            const result = await takeBack(tx, batch, act);
            ctx.audit({ kind: 'workflow', id: batch.workflowId });
            return { ...(await editedView(tx, result)), skipped: result.skipped.map(viewOfConflict) };
          });
        },
      }),
    ),
    operation({
      name: 'draft.save',
      field: 'saveDraft',
      kind: 'mutation',
      summary: 'Replace a draft whole. On a revision that is not the newest nothing is saved and the answer has the difference.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, expectedRev: rev, definition: json }),
      output: z.object({ rev: z.int(), isChanged: z.boolean() }).meta({ id: 'SavedDraft' }),
      problems: ['DEFINITION_INVALID', 'DRAFT_HELD', 'NAME_TAKEN'],
      rest: { method: 'PUT', path: '/workflows/{workflowId}/draft' },
      handler: (ctx, { workflowId, expectedRev, definition }) => {
        const read = definitions.demandReadable(definition);
        return ctx.inTransaction(async (tx) => {
          const held = await findDraftHolder(tx, workflowId);
          if (held && held.principalId !== ctx.actor.principalId) throw await heldProblem(tx, held);
          const saved = await replaceDraft(tx, { workflowId, definition: read, expectedRev });
          ctx.audit({ kind: 'workflow', id: workflowId, payload: { rev: saved.rev } });
          if (!saved.isChanged) ctx.noAudit();
          return saved;
        });
      },
    }),
    operation({
      name: 'draft.hold',
      field: 'holdDraft',
      kind: 'mutation',
      summary:
        'Say that one is editing, for a minute; again to keep it. Where somebody else is: "ask" for it, and ask again half a minute later to get it if there was no answer.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id, ask: z.boolean().default(false) }),
      output: heldDraft,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{workflowId}/draft/hold' },
      // A sign of life every few seconds; only what takes it from somebody is worth keeping.
      audited: false,
      handler: (ctx, { workflowId, ask }) =>
        ctx.inTransaction((tx) => hold(ctx, tx, { workflowId, isAsking: ask, takeoverAfterMs: TAKEOVER_AFTER_MS })),
    }),
    operation({
      name: 'draft.takeOver',
      field: 'takeOverDraft',
      kind: 'mutation',
      summary: 'Take the editing of a draft from whoever has it, at once. What they sent before is kept.',
      permission: { action: 'draft.takeOver', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: heldDraft,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{workflowId}/draft/take-over' },
      audited: false,
      handler: (ctx, { workflowId }) => ctx.inTransaction((tx) => hold(ctx, tx, { workflowId, isTakeover: true })),
    }),
    operation({
      name: 'draft.release',
      field: 'releaseDraft',
      kind: 'mutation',
      summary: 'Say that one is not editing any more.',
      permission: { action: 'workflow.edit', on: onWorkflow },
      input: z.strictObject({ workflowId: id }),
      output: nothing,
      problems: [],
      rest: { method: 'POST', path: '/workflows/{workflowId}/draft/release' },
      audited: false,
      handler: (ctx, { workflowId }) =>
        ctx.inTransaction(async (tx) => {
          ctx.audit({ kind: 'workflow', id: workflowId });
          if (!(await releaseDraft(tx, workflowId))) ctx.noAudit();
          return DONE;
        }),
    }),
  ];
}

async function hold(
  ctx: OperationContext,
  tx: WorkspaceTransaction,
  wanted: { readonly workflowId: string; readonly isAsking?: boolean; readonly isTakeover?: boolean; readonly takeoverAfterMs?: number },
): Promise<z.input<typeof heldDraft>> {
  const { workflowId } = wanted;
  const me = ctx.actor.principalId;
  const before = await findDraftHolder(tx, workflowId);
  const result = await holdDraft(tx, { ...wanted, leaseMs: LEASE_MS });
  if (result.kind === 'not-found') throw notFound();
  ctx.audit({ kind: 'workflow', id: workflowId });
  const holderId = result.kind === 'held' ? me : result.principalId;
  const names = await findDisplayNames(tx, [holderId]);
  const view = { holder: { id: holderId, name: names.get(holderId) ?? '' }, until: result.until.toISOString() };
  if (result.kind === 'held-by-other') {
    if (wanted.isAsking !== true) ctx.noAudit();
    const mineAtMs = Math.min((result.asked?.at.getTime() ?? 0) + TAKEOVER_AFTER_MS, result.until.getTime());
    return { isMine: false, ...view, ...(result.asked?.principalId === me ? { mineAt: new Date(mineAtMs).toISOString() } : {}) };
  }
  if (before && before.principalId !== me) {
    await recordAudit(tx, {
      principalId: me,
      actorKind: ctx.actor.kind === 'anonymous' ? 'system' : ctx.actor.kind,
      action: 'draft.takeOver',
      resourceKind: 'workflow',
      resourceId: workflowId,
      ip: ctx.ip,
      payload: { from: before.principalId },
    });
  } else if (before) ctx.noAudit();
  return { isMine: true, ...view };
}

async function auditEdit({ actor, ip }: OperationContext, tx: WorkspaceTransaction, workflowId: string, at: number): Promise<void> {
  await recordAudit(tx, {
    principalId: actor.principalId,
    actorKind: actor.kind === 'anonymous' ? 'system' : actor.kind,
    action: 'draft.apply',
    resourceKind: 'workflow',
    resourceId: workflowId,
    ip,
    payload: { rev: at },
  });
}

async function editedView(tx: WorkspaceTransaction, { changes, ...result }: Edited): Promise<z.input<typeof edited>> {
  const { rev: now, appliedRev, isReplay } = result;
  return { rev: now, appliedRev, isReplay, changes: await changeViews(tx, changes ?? []), isComplete: changes !== undefined };
}

async function changeViews(tx: WorkspaceTransaction, changes: readonly DraftOps[]): Promise<z.input<typeof draftChange>[]> {
  const names = await findDisplayNames(
    tx,
    changes.map((change) => change.principalId),
  );
  return changes.map(({ principalId, at, ...change }) => ({
    ...change,
    by: { id: principalId, name: names.get(principalId) ?? '' },
    at: at.toISOString(),
  }));
}

async function holderView(tx: WorkspaceTransaction, workflowId: string): Promise<z.input<typeof holder> | undefined> {
  const held = await findDraftHolder(tx, workflowId);
  if (!held) return undefined;
  const names = await findDisplayNames(tx, [held.principalId, ...(held.asked ? [held.asked.principalId] : [])]);
  const person = (of: string) => ({ id: of, name: names.get(of) ?? '' });
  return {
    person: person(held.principalId),
    until: held.until.toISOString(),
    isMe: held.principalId === tx.context.principalId,
    ...(held.asked ? { askedBy: person(held.asked.principalId), askedAt: held.asked.at.toISOString() } : {}),
  };
}
