/**
 * Changes of a draft, one after the other under its lock: moved over what others did, applied or refused whole, written down so that
 * everybody can catch up and whoever made a change can take it back.
 */
import { createHash } from 'node:crypto';
import {
  type Conflict,
  DEFAULT_LIMITS,
  type DraftDoc,
  type DraftOp,
  type Problem as DefinitionProblem,
  type WorkflowDefinition,
  applyOps,
  applyUntouched,
  diffDefinitions,
  opsBetween,
  rebase,
} from '@plugboard/engine';
import {
  type Draft,
  type DraftAct,
  type DraftOps,
  type OwnBatch,
  type WorkspaceTransaction,
  appendDraftOps,
  draftOpsSince,
  errorCodeOf,
  findDisplayNames,
  findDraftHolder,
  findInverse,
  findSentBatch,
  getDraft,
  lastClientSeq,
  lockWorkflow,
  ownBatches,
  uuidv7,
} from '@plugboard/persistence';
import type { Json } from '@plugboard/sdk';
import { OperationProblem, notFound } from '../operation/problem.ts';
import { semanticHash } from '../workflows/definitions.ts';
import { docOf, storedOf } from './draft-state.ts';

/** Revisions a client may be behind before it has to fetch the draft anew. */
export const MAX_BEHIND = 1000;
/** Own batches that are looked at for undo and redo. */
const UNDO_DEPTH = 200;
/** Parts of one kind in a draft; what may be published is less. */
const MAX_PARTS = 2000;

export interface DraftBatch {
  readonly workflowId: string;
  readonly clientId: string;
  /** Counts up within the client. */
  readonly clientSeq: number;
}

export interface EditBatch extends DraftBatch {
  /** The revision the client made them on. */
  readonly baseRev: number;
  readonly ops: readonly DraftOp[];
}

export interface Edited {
  /** The draft's revision now. */
  readonly rev: number;
  /** The revision the batch became. */
  readonly appliedRev: number;
  /** It was taken in before. */
  readonly isReplay: boolean;
  /** Everything after the client's revision up to `rev`, in order, the batch included; absent when it is too much. */
  readonly changes: readonly DraftOps[] | undefined;
}

/** @throws OperationProblem NOT_FOUND, DRAFT_CONFLICT, DRAFT_OUTDATED, DRAFT_HELD, OPS_INVALID, NAME_TAKEN, KEY_REUSED, CONFLICT, DEFINITION_INVALID */
export async function applyEdit(tx: WorkspaceTransaction, batch: EditBatch): Promise<Edited> {
  const { workflowId, baseRev, clientId } = batch;
  const draft = await lockDraft(tx, workflowId);
  const requestHash = hashOf(['edit', baseRev, batch.ops]);
  const replay = await replayOf(tx, batch, requestHash, draft, baseRev);
  if (replay) return replay;
  await demandNotHeld(tx, workflowId);

  const since = await changesSince(tx, draft, baseRev);
  // What the client sent itself before, it knew when it made this.
  const theirs = since.filter((change) => change.clientId !== clientId || change.principalId !== tx.context.principalId);
  const moved = await moveOver(tx, batch.ops, theirs, draft);
  const before = docOf(draft);
  const result = applyOps(
    before,
    moved.map((one) => one.op),
  );
  if (!result.ok) throw opsInvalid(result.problems.map((one) => renumbered(one, moved)));
  const rev = await store(
    tx,
    batch,
    { before, doc: result.doc, applied: result.applied, inverse: result.inverse, act: 'edit', requestHash },
    draft,
  );
  return { rev, appliedRev: rev, isReplay: false, changes: await toldSince(tx, workflowId, baseRev) };
}

export interface TakenBack extends Edited {
  /** What stays as it is, because others changed it since. */
  readonly skipped: readonly Conflict[];
}

/** Takes the person's last change back, or that back again, where it still stands. @throws OperationProblem NOTHING_TO_UNDO and those of {@link applyEdit} */
export async function takeBack(tx: WorkspaceTransaction, batch: DraftBatch, act: 'undo' | 'redo'): Promise<TakenBack> {
  const { workflowId } = batch;
  const draft = await lockDraft(tx, workflowId);
  const requestHash = hashOf([act]);
  const replay = await replayOf(tx, batch, requestHash, draft, draft.rev);
  if (replay) return { ...replay, skipped: [] };
  await demandNotHeld(tx, workflowId);

  const target = undoStacks(await ownBatches(tx, workflowId, UNDO_DEPTH))[act].at(-1);
  const since = target && (await draftOpsSince(tx, workflowId, target.rev, MAX_BEHIND));
  const inverse = target && (await findInverse(tx, workflowId, target.rev));
  if (!since?.isComplete || inverse === undefined) {
    throw new OperationProblem('NOTHING_TO_UNDO', act === 'undo' ? 'There is nothing of yours to undo here' : 'There is nothing to redo', {
      hint: 'Only your own changes are taken back, the last one first.',
    });
  }
  const theirs = since.ops.filter((change) => change.principalId !== tx.context.principalId).flatMap(opsOf);
  const before = docOf(draft);
  const result = applyUntouched(before, inverse as unknown as readonly DraftOp[], theirs);
  const rev = await store(tx, batch, { ...result, before, act, requestHash }, draft);
  return {
    rev,
    appliedRev: rev,
    isReplay: false,
    changes: await toldSince(tx, workflowId, draft.rev),
    skipped: result.skipped,
  };
}

export interface CanUndo {
  readonly undo: boolean;
  readonly redo: boolean;
}

export async function whatCanBeUndone(tx: WorkspaceTransaction, workflowId: string): Promise<CanUndo> {
  const stacks = undoStacks(await ownBatches(tx, workflowId, UNDO_DEPTH));
  return { undo: stacks.undo.length > 0, redo: stacks.redo.length > 0 };
}

/**
 * Makes the draft say what a definition says, as one change that can be undone.
 * @throws OperationProblem NOT_FOUND, CONFLICT with the difference when the draft has moved on, NAME_TAKEN
 */
export async function replaceDraft(
  tx: WorkspaceTransaction,
  input: { readonly workflowId: string; readonly definition: WorkflowDefinition; readonly expectedRev?: number | undefined },
): Promise<{ readonly rev: number; readonly isChanged: boolean }> {
  const draft = await lockDraft(tx, input.workflowId);
  if (input.expectedRev !== undefined && input.expectedRev !== draft.rev) {
    throw new OperationProblem('CONFLICT', 'Somebody has changed the draft in between; nothing was saved', {
      hint: 'Look at the difference, then save on the newer revision.',
      params: { rev: draft.rev, expectedRev: input.expectedRev, diff: diffDefinitions(draft.definition, input.definition) },
    });
  }
  const before = docOf(draft);
  const ops = opsBetween(before, input.definition);
  if (ops.length === 0) return { rev: draft.rev, isChanged: false };
  const result = applyOps(before, ops);
  if (!result.ok) throw opsInvalid(result.problems);
  const batch = { workflowId: input.workflowId, clientId: `server:${uuidv7()}`, clientSeq: 1 };
  const rev = await store(tx, batch, { before, ...result, act: 'edit', requestHash: undefined }, draft);
  return { rev, isChanged: true };
}

interface Change {
  readonly before: DraftDoc;
  readonly doc: DraftDoc;
  readonly applied: readonly DraftOp[];
  readonly inverse: readonly DraftOp[];
  readonly act: DraftAct;
  readonly requestHash: Uint8Array | undefined;
}

async function store(
  tx: WorkspaceTransaction,
  { workflowId, clientId, clientSeq }: DraftBatch,
  change: Change,
  draft: Draft,
): Promise<number> {
  demandSize(change.before, change.doc);
  const stored = storedOf(change.doc);
  const saved = await appendDraftOps(tx, {
    workflowId,
    expectedRev: draft.rev,
    clientId,
    clientSeq,
    act: change.act,
    ops: asJson(change.applied),
    inverse: asJson(change.inverse),
    ...(change.requestHash ? { requestHash: change.requestHash } : {}),
    ...stored,
    semanticHash: semanticHash(stored.definition),
  }).catch((error: unknown) => {
    throw errorCodeOf(error) === DEADLOCK ? namesSwap() : error;
  });
  if (saved.kind === 'appended') return saved.rev;
  if (saved.kind === 'name-taken') {
    throw new OperationProblem('NAME_TAKEN', `There is another workflow named "${stored.definition.name}"`, {
      hint: 'Names are unique in the workspace; choose another one.',
      path: 'input.ops',
    });
  }
  if (saved.kind === 'not-found') throw notFound();
  throw new Error(`a draft that was locked gave ${saved.kind}`);
}

/** SQLSTATE of a transaction that was chosen to give way. */
const DEADLOCK = '40P01';

/** Two workflows that take each other's name at one moment wait for each other; one of them gives way. */
function namesSwap(): OperationProblem {
  return new OperationProblem('CONFLICT', 'Another workflow is being renamed to or from this name; nothing was changed', {
    hint: 'Try again.',
  });
}

/** The draft, locked until the transaction ends. @throws OperationProblem NOT_FOUND */
async function lockDraft(tx: WorkspaceTransaction, workflowId: string): Promise<Draft> {
  const draft = (await lockWorkflow(tx, workflowId)) ? await getDraft(tx, workflowId) : undefined;
  if (!draft) throw notFound();
  return draft;
}

/** @throws OperationProblem KEY_REUSED when the number was used for something else, CONFLICT when it is behind */
async function replayOf(
  tx: WorkspaceTransaction,
  { workflowId, clientId, clientSeq }: DraftBatch,
  requestHash: Uint8Array,
  draft: Draft,
  baseRev: number,
): Promise<Edited | undefined> {
  const sent = await findSentBatch(tx, { workflowId, clientId, clientSeq });
  if (sent) {
    const isSame = sent.principalId === tx.context.principalId && sent.requestHash && Buffer.compare(sent.requestHash, requestHash) === 0;
    if (!isSame) {
      throw new OperationProblem('KEY_REUSED', `The client has used number ${clientSeq} for another batch`, {
        hint: 'Count up for each new batch, and use a clientId that nobody else has.',
        path: 'input.clientSeq',
      });
    }
    const changes = await toldSince(tx, workflowId, Math.min(baseRev, sent.rev - 1));
    return { rev: draft.rev, appliedRev: sent.rev, isReplay: true, changes };
  }
  const last = await lastClientSeq(tx, workflowId, clientId);
  if (last !== undefined && clientSeq <= last) {
    throw new OperationProblem('CONFLICT', `The client has sent number ${last} already; ${clientSeq} comes too late`, {
      hint: 'Send batches in order, each after the answer to the one before.',
      path: 'input.clientSeq',
      params: { lastClientSeq: last, rev: draft.rev },
    });
  }
  return undefined;
}

/** Everything up to now, or nothing where it is too much for one answer. */
async function toldSince(tx: WorkspaceTransaction, workflowId: string, rev: number): Promise<readonly DraftOps[] | undefined> {
  const since = await draftOpsSince(tx, workflowId, rev, MAX_BEHIND + 1);
  return since.isComplete ? since.ops : undefined;
}

/** @throws OperationProblem DRAFT_HELD */
export async function demandNotHeld(tx: WorkspaceTransaction, workflowId: string): Promise<void> {
  const holder = await findDraftHolder(tx, workflowId);
  if (!holder || holder.principalId === tx.context.principalId) return;
  throw await heldProblem(tx, holder);
}

export async function heldProblem(
  tx: WorkspaceTransaction,
  holder: { readonly principalId: string; readonly until: Date },
): Promise<OperationProblem> {
  const name = (await findDisplayNames(tx, [holder.principalId])).get(holder.principalId) ?? '';
  return new OperationProblem('DRAFT_HELD', `${name === '' ? 'Somebody else' : name} is editing this workflow; nothing was changed`, {
    hint: 'Ask for it with draft.hold and "ask", or wait until the time is over.',
    params: { holder: { id: holder.principalId, name }, until: holder.until.toISOString() },
  });
}

/** @throws OperationProblem DRAFT_OUTDATED */
async function changesSince(tx: WorkspaceTransaction, draft: Draft, baseRev: number): Promise<readonly DraftOps[]> {
  if (baseRev > draft.rev) {
    throw outdated(draft, `The draft has no revision ${baseRev} yet; its newest is ${draft.rev}`);
  }
  const since = await draftOpsSince(tx, draft.workflowId, baseRev, MAX_BEHIND);
  if (!since.isComplete) throw outdated(draft, `The changes since revision ${baseRev} are not kept any more`);
  return since.ops;
}

function outdated(draft: Draft, message: string): OperationProblem {
  return new OperationProblem('DRAFT_OUTDATED', message, {
    hint: 'Fetch the draft, apply the changes to it, and send them on its revision. Nothing was changed.',
    params: { rev: draft.rev },
  });
}

interface Moved {
  /** In the batch as it was sent. */
  readonly index: number;
  readonly op: DraftOp;
}

/** @throws OperationProblem DRAFT_CONFLICT with every clash */
async function moveOver(tx: WorkspaceTransaction, ops: readonly DraftOp[], theirs: readonly DraftOps[], draft: Draft): Promise<Moved[]> {
  const since = theirs.flatMap(opsOf);
  const moved: Moved[] = [];
  const conflicts: { readonly conflict: Conflict; readonly by: string | undefined }[] = [];
  for (const [index, op] of ops.entries()) {
    const result = rebase([op], since);
    if (result.ok) moved.push(...result.ops.map((one) => ({ index, op: one })));
    else for (const conflict of result.conflicts) conflicts.push({ conflict: { ...conflict, index }, by: whoseChange(op, theirs) });
  }
  if (conflicts.length === 0) return moved;
  const names = await findDisplayNames(
    tx,
    conflicts.flatMap(({ by }) => by ?? []),
  );
  throw new OperationProblem('DRAFT_CONFLICT', 'Somebody else changed the same in between; nothing was changed', {
    hint: 'Look at both values, decide, and send the change again on the newer revision.',
    params: {
      rev: draft.rev,
      conflicts: conflicts.map(({ conflict, by }) => ({
        ...viewOfConflict(conflict),
        ...(by === undefined ? {} : { by: { id: by, name: names.get(by) ?? '' } }),
      })),
    },
  });
}

/** A clash as callers see it: the index of the operation, what it is about, and both values. */
export function viewOfConflict({ index, kind, id, path, mine, theirs }: Conflict): {
  op: number;
  kind: string;
  id: string;
  field: string[];
  mine?: Json;
  theirs?: Json;
} {
  return { op: index, kind, id, field: [...path], ...(mine === undefined ? {} : { mine }), ...(theirs === undefined ? {} : { theirs }) };
}

/** Who made the last change that an operation clashes with. */
function whoseChange(op: DraftOp, theirs: readonly DraftOps[]): string | undefined {
  return theirs.findLast((change) => !rebase([op], opsOf(change)).ok)?.principalId;
}

/** Problems name the place in the batch as it was sent: what was done already is left out when it is applied. */
function renumbered(found: DefinitionProblem, moved: readonly Moved[]): DefinitionProblem {
  return { ...found, path: found.path.replace(/^ops\[(\d+)\]/, (_, n: string) => `ops[${moved[Number(n)]?.index ?? n}]`) };
}

export function opsInvalid(problems: readonly DefinitionProblem[]): OperationProblem {
  const [first] = problems;
  const count = `${problems.length} ${problems.length === 1 ? 'problem' : 'problems'}`;
  return new OperationProblem('OPS_INVALID', `The operations have ${count}; nothing was changed${first ? `. ${first.message}` : ''}`, {
    problems,
  });
}

/** What is too large may get smaller, never larger. @throws OperationProblem DEFINITION_INVALID */
function demandSize(before: DraftDoc, after: DraftDoc): void {
  const problems: DefinitionProblem[] = [];
  for (const kind of ['nodes', 'edges', 'groups', 'notes'] as const) {
    const count = Object.keys(after[kind]).length;
    if (count <= MAX_PARTS || count <= Object.keys(before[kind]).length) continue;
    problems.push({
      code: 'LIST_TOO_LONG',
      severity: 'error',
      path: kind,
      message: `A draft has at most ${MAX_PARTS} ${kind}; this would make ${count}`,
    });
  }
  const length = JSON.stringify(storedOf(after).definition).length;
  if (length > DEFAULT_LIMITS.maxTextLength && length > JSON.stringify(storedOf(before).definition).length) {
    problems.push({
      code: 'DEFINITION_TOO_LARGE',
      severity: 'error',
      path: '',
      message: `A draft has at most ${DEFAULT_LIMITS.maxTextLength} characters; this would make ${length}`,
    });
  }
  if (problems.length > 0)
    throw new OperationProblem('DEFINITION_INVALID', 'The draft would be too large; nothing was changed', { problems });
}

/** Each act of the person played through: a new change empties what could be redone. */
function undoStacks(batches: readonly OwnBatch[]): { readonly undo: OwnBatch[]; readonly redo: OwnBatch[] } {
  const undo: OwnBatch[] = [];
  const redo: OwnBatch[] = [];
  for (const batch of batches) {
    if (batch.act === 'edit') {
      // What changed nothing needs no taking back.
      if (batch.isEmpty) continue;
      undo.push(batch);
      redo.length = 0;
    } else if (batch.act === 'undo') {
      undo.pop();
      redo.push(batch);
    } else {
      redo.pop();
      undo.push(batch);
    }
  }
  return { undo, redo };
}

function opsOf(change: DraftOps): readonly DraftOp[] {
  return change.ops as unknown as readonly DraftOp[];
}

function asJson(ops: readonly DraftOp[]): Json {
  return ops as unknown as Json;
}

function hashOf(request: unknown): Uint8Array {
  return createHash('sha256').update(JSON.stringify(request)).digest();
}
