/**
 * Moves operations made on an older revision onto a newer one. What touches other fields goes through; what clashes is given back
 * with both values, and nothing is dropped silently.
 */
import { renameNode } from '@plugboard/expression';
import type { Json, JsonObject } from '@plugboard/sdk';
import { sameValue } from './diff.ts';
import type { PartKind } from './draft.ts';
import type { FieldPath } from './field-path.ts';
import type { DraftOp } from './operations.ts';
import { isJsonObject } from './type-facts.ts';

/** Both sides of a clash; an absent value means that the part or field is removed. */
export interface Conflict {
  /** Index of my operation. */
  readonly index: number;
  readonly kind: PartKind | 'workflow';
  /** Empty for the workflow. */
  readonly id: string;
  /** Empty when the whole part is concerned. */
  readonly path: FieldPath;
  readonly mine?: Json;
  readonly theirs?: Json;
}

export type RebaseResult =
  | { readonly ok: true; readonly ops: readonly DraftOp[] }
  | { readonly ok: false; readonly conflicts: readonly Conflict[] };

/** `since`: the operations applied to the draft after the revision `ops` were made on, as `applyOps` returned them, oldest first. */
export function rebase(ops: readonly DraftOp[], since: readonly DraftOp[]): RebaseResult {
  const theirs = summarise(since);
  const kept: DraftOp[] = [];
  const conflicts: Conflict[] = [];
  for (const [index, op] of ops.entries()) {
    const clash = clashOf(op, theirs);
    if (clash === 'done') continue;
    if (clash !== undefined) conflicts.push({ index, ...clash });
    else kept.push(followRenames(op, theirs.renames));
  }
  return conflicts.length === 0 ? { ok: true, ops: kept } : { ok: false, conflicts };
}

interface Summary {
  /** Parts by kind and id, as they were added; undefined when they were removed. */
  readonly parts: Map<string, JsonObject | undefined>;
  readonly sets: Map<string, { readonly path: FieldPath; readonly value: Json | undefined }[]>;
  readonly renames: { readonly id: string; readonly from: string; readonly name: string }[];
}

function summarise(since: readonly DraftOp[]): Summary {
  const summary: Summary = { parts: new Map(), sets: new Map(), renames: [] };
  const set = (key: string, path: FieldPath, value: Json | undefined): void => {
    summary.sets.set(key, [...(summary.sets.get(key) ?? []), { path, value }]);
  };
  for (const op of since) {
    if (op.op === 'add') summary.parts.set(keyOf(op.kind, idOf(op.value)), op.value);
    else if (op.op === 'remove') {
      summary.parts.set(keyOf(op.kind, op.id), undefined);
      summary.sets.delete(keyOf(op.kind, op.id));
    } else if (op.op === 'set') set(keyOf(op.kind, op.kind === 'workflow' ? '' : op.id), op.path, op.value);
    else {
      set(keyOf('node', op.id), ['data', 'name'], op.name);
      if (op.keepReferences !== true) summary.renames.push(op);
    }
  }
  return summary;
}

type Clash = Omit<Conflict, 'index'> | 'done' | undefined;

function clashOf(op: DraftOp, theirs: Summary): Clash {
  switch (op.op) {
    case 'add':
      return clashOfAdd(op, theirs);
    case 'remove':
      return clashOfRemove(op, theirs);
    case 'set':
      return clashOfSet(op.kind, op.kind === 'workflow' ? '' : op.id, op.path, op.value, theirs);
    case 'renameNode': {
      const clash = clashOfSet('node', op.id, ['data', 'name'], op.name, theirs);
      if (clash !== undefined) return clash;
      const isDone = theirs.sets.get(keyOf('node', op.id))?.some((each) => each.path.join('.') === 'data.name');
      return isDone ? 'done' : undefined;
    }
  }
}

function clashOfAdd(op: Extract<DraftOp, { op: 'add' }>, theirs: Summary): Clash {
  const id = idOf(op.value);
  const added = theirs.parts.get(keyOf(op.kind, id));
  if (added !== undefined) {
    const { rank: _mine, ...mine } = op.value;
    const { rank: _theirs, ...other } = added;
    return sameValue(mine, other) ? 'done' : { kind: op.kind, id, path: [], mine: op.value, theirs: added };
  }
  if (op.kind !== 'edge') return undefined;
  for (const end of ['source', 'target']) {
    const node = op.value[end];
    if (typeof node === 'string' && isRemoved(theirs, 'node', node)) return { kind: 'edge', id, path: [end], mine: node };
  }
  return undefined;
}

function clashOfRemove(op: Extract<DraftOp, { op: 'remove' }>, theirs: Summary): Clash {
  if (isRemoved(theirs, op.kind, op.id)) return 'done';
  const changed = theirs.sets.get(keyOf(op.kind, op.id))?.at(-1);
  if (changed !== undefined) return { kind: op.kind, id: op.id, path: changed.path, ...valueAs('theirs', changed.value) };
  if (op.kind !== 'node') return undefined;
  for (const [key, part] of theirs.parts) {
    if (!key.startsWith('edge ') || part === undefined) continue;
    if (part['source'] === op.id || part['target'] === op.id) return { kind: 'edge', id: idOf(part), path: [], theirs: part };
  }
  return undefined;
}

function clashOfSet(kind: PartKind | 'workflow', id: string, path: FieldPath, value: Json | undefined, theirs: Summary): Clash {
  if (kind !== 'workflow' && isRemoved(theirs, kind, id)) return { kind, id, path: [], ...valueAs('mine', value) };
  const other = theirs.sets.get(keyOf(kind, id))?.findLast((each) => overlaps(each.path, path));
  if (other === undefined || (other.path.length === path.length && sameValue(other.value, value))) return undefined;
  return {
    kind,
    id,
    path: other.path.length > path.length ? other.path : path,
    ...valueAs('mine', value),
    ...valueAs('theirs', other.value),
  };
}

/** The renamings among operations that expressions followed. */
export function renamesIn(ops: readonly DraftOp[]): Summary['renames'] {
  return summarise(ops).renames;
}

/** A value written while someone renamed a node refers to the node by its new name. */
export function followRenames(op: DraftOp, renames: Summary['renames']): DraftOp {
  if (renames.length === 0) return op;
  const follow = (value: Json): Json => renames.reduce((text, each) => renameNode(text, each.from, each.name), value);
  if (op.op === 'set' && op.kind === 'node' && op.path[0] === 'data' && op.path[1] === 'params') {
    return {
      ...op,
      ...(op.value === undefined ? {} : { value: follow(op.value) }),
      ...(op.expect?.value === undefined ? {} : { expect: { value: follow(op.expect.value) } }),
    };
  }
  const data = op.op === 'add' && op.kind === 'node' ? op.value['data'] : undefined;
  if (op.op !== 'add' || !isJsonObject(data) || data['params'] === undefined) return op;
  return { ...op, value: { ...op.value, data: { ...data, params: follow(data['params']) } } };
}

function idOf(part: JsonObject): string {
  const { id } = part;
  return typeof id === 'string' ? id : '';
}

function isRemoved(theirs: Summary, kind: PartKind, id: string): boolean {
  const key = keyOf(kind, id);
  return theirs.parts.has(key) && theirs.parts.get(key) === undefined;
}

/** One path is the other or leads to it. */
function overlaps(a: FieldPath, b: FieldPath): boolean {
  const length = Math.min(a.length, b.length);
  for (let index = 0; index < length; index++) if (a[index] !== b[index]) return false;
  return true;
}

function valueAs<N extends 'mine' | 'theirs'>(side: N, value: Json | undefined): { readonly [K in N]?: Json } {
  return value === undefined ? {} : ({ [side]: value } as { readonly [K in N]?: Json });
}

function keyOf(kind: PartKind | 'workflow', id: string): string {
  return `${kind} ${id}`;
}
