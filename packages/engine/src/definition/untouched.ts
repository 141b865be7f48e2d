/**
 * Takes a person's own change back although others went on: each operation applies only where nobody has touched what it is about,
 * the rest is named with what stands there now.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { FIELD_OF } from './draft.ts';
import type { DraftDoc } from './draft.ts';
import { readField } from './field-path.ts';
import { applyOps } from './operations.ts';
import type { DraftOp } from './operations.ts';
import { followRenames, rebase, renamesIn } from './rebase.ts';
import type { Conflict } from './rebase.ts';

export interface UntouchedResult {
  readonly doc: DraftDoc;
  readonly applied: readonly DraftOp[];
  readonly inverse: readonly DraftOp[];
  /** What stays as it is, because others changed it. */
  readonly skipped: readonly Conflict[];
}

/**
 * `ops`: the inverse of a change, as `applyOps` gave it; its sets are guarded by the value they expect to find. `theirs`: what others
 * applied since, oldest first. The revision counts once when anything applied.
 */
export function applyUntouched(doc: DraftDoc, ops: readonly DraftOp[], theirs: readonly DraftOp[]): UntouchedResult {
  const renames = renamesIn(theirs);
  let current = doc;
  const applied: DraftOp[] = [];
  const inverse: DraftOp[][] = [];
  const skipped: Conflict[] = [];
  for (const [index, op] of ops.entries()) {
    const moved = op.op === 'set' ? ([followRenames(op, renames)] as const) : moveOver(op, theirs, index, skipped);
    const [one] = moved;
    if (one === undefined) continue;
    const loose = looseEnd(current, one);
    const result = loose === undefined ? applyOps(current, [one]) : undefined;
    if (result?.ok) {
      current = result.doc;
      applied.push(...result.applied);
      inverse.push([...result.inverse]);
    } else skipped.push({ index, ...standing(current, one), ...(loose === undefined ? {} : { path: [loose] }) });
  }
  return { doc: { ...current, rev: doc.rev + (applied.length === 0 ? 0 : 1) }, applied, inverse: inverse.toReversed().flat(), skipped };
}

/** Whether others changed the part; a part that is gone already needs nothing. */
function moveOver(op: DraftOp, theirs: readonly DraftOp[], index: number, skipped: Conflict[]): readonly DraftOp[] {
  const result = rebase([op], theirs);
  if (result.ok) return result.ops;
  skipped.push(...result.conflicts.map((conflict) => ({ ...conflict, index })));
  return [];
}

/** The end of an edge whose node is not there any more. */
function looseEnd(doc: DraftDoc, op: DraftOp): string | undefined {
  if (op.op !== 'add' || op.kind !== 'edge') return undefined;
  return ['source', 'target'].find((end) => {
    const node = op.value[end];
    return typeof node !== 'string' || !Object.hasOwn(doc.nodes, node);
  });
}

function standing(doc: DraftDoc, op: DraftOp): Omit<Conflict, 'index'> {
  if (op.op === 'add') {
    const { id } = op.value;
    return { kind: op.kind, id: typeof id === 'string' ? id : '', path: [], mine: op.value };
  }
  if (op.op === 'remove') return { kind: op.kind, id: op.id, path: [] };
  const isRename = op.op === 'renameNode';
  const kind = isRename ? 'node' : op.kind;
  const path = isRename ? ['data', 'name'] : op.path;
  const mine: Json | undefined = isRename ? op.name : op.value;
  const id = isRename || op.kind !== 'workflow' ? op.id : '';
  const parts = kind === 'workflow' ? undefined : (doc[FIELD_OF[kind]] as { readonly [id: string]: object });
  const root = parts === undefined ? doc : Object.hasOwn(parts, id) ? parts[id] : undefined;
  const now = root === undefined ? undefined : readField(root as JsonObject, path);
  return {
    kind,
    id,
    path,
    ...(mine === undefined ? {} : { mine }),
    ...(now?.ok === true && now.value !== undefined ? { theirs: now.value } : {}),
  };
}
