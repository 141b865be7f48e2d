/**
 * Changes of a draft as data. The editor, the server, imports and the command line apply them with the same pure function,
 * so what a person sees before saving is what is stored. Each batch gives the batch that undoes it.
 */
import { renameNode } from '@plugboard/expression';
import type { Json, JsonObject } from '@plugboard/sdk';
import { sameValue } from './diff.ts';
import { FIELD_OF } from './draft.ts';
import type { DraftDoc, PartKind, Ranked } from './draft.ts';
import { parentMissing, readField, setField } from './field-path.ts';
import type { FieldPath } from './field-path.ts';
import { FORMAT } from './limits.ts';
import { readEdge, readGroup, readHeader, readNode, readNote } from './parse.ts';
import { describe, problem } from './problems.ts';
import type { Place } from './problems.ts';
import { ReadingStopped, joinPath, number, startReading } from './reading.ts';
import type { Reader } from './reading.ts';
import type { Problem, WorkflowNode } from './types.ts';

/** The value a guarded `set` expects to find; without `value` it expects no value. */
export interface Expected {
  readonly value?: Json;
}

/**
 * - `add`: a whole part with a new id. Without a `rank` it comes last among its kind.
 * - `remove`: a node goes with its edges and leaves its groups.
 * - `set`: one field of a part, or of the workflow (`name`, `description`, `settings…`, `inputs…`, `outputs…`, `tests`). Without `value` the field is removed.
 *   The path names fields of objects; lists are set whole. With `expect` it applies only while the field holds that value.
 * - `renameNode`: the only way to change a node's name, because expressions follow it (not with `keepReferences`). Applies only while the name is `from`.
 */
export type DraftOp =
  | { readonly op: 'add'; readonly kind: PartKind; readonly value: JsonObject }
  | { readonly op: 'remove'; readonly kind: PartKind; readonly id: string }
  | {
      readonly op: 'set';
      readonly kind: PartKind;
      readonly id: string;
      readonly path: FieldPath;
      readonly value?: Json;
      readonly expect?: Expected;
    }
  | { readonly op: 'set'; readonly kind: 'workflow'; readonly path: FieldPath; readonly value?: Json; readonly expect?: Expected }
  | { readonly op: 'renameNode'; readonly id: string; readonly from: string; readonly name: string; readonly keepReferences?: boolean };

export type ApplyResult =
  | {
      readonly ok: true;
      readonly doc: DraftDoc;
      /** What was done, complete: a removed node's edges are named, added parts carry their rank. Store and broadcast these. */
      readonly applied: readonly DraftOp[];
      /** Undoes it. Its sets are guarded, so that undoing later never overwrites what someone else wrote. */
      readonly inverse: readonly DraftOp[];
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

/** Applies all operations or none. The paths of problems begin with the operation, such as `ops[2].value`. */
export function applyOps(doc: DraftDoc, ops: readonly DraftOp[]): ApplyResult {
  let current = doc;
  const applied: DraftOp[] = [];
  const inverse: DraftOp[][] = [];
  const problems: Problem[] = [];
  for (const [index, op] of ops.entries()) {
    const result = applyOne(current, op, `ops[${index}]`);
    if (!result.ok) problems.push(...result.problems);
    else {
      current = result.doc;
      applied.push(...result.applied);
      inverse.push([...result.inverse]);
    }
  }
  if (problems.length > 0) return { ok: false, problems };
  return { ok: true, doc: { ...current, rev: doc.rev + (ops.length === 0 ? 0 : 1) }, applied, inverse: inverse.toReversed().flat() };
}

function applyOne(doc: DraftDoc, op: DraftOp, path: string): ApplyResult {
  switch (op.op) {
    case 'add':
      return addPart(doc, op, path);
    case 'remove':
      return removePart(doc, op, path);
    case 'set':
      return op.kind === 'workflow' ? setHeader(doc, op, path) : setPart(doc, op, path);
    case 'renameNode':
      return rename(doc, op, path);
  }
}

type Op<K extends DraftOp['op']> = Extract<DraftOp, { op: K }>;
type SetPart = Extract<DraftOp, { op: 'set'; kind: PartKind }>;
type SetHeader = Extract<DraftOp, { op: 'set'; kind: 'workflow' }>;
type Part = Ranked<{ readonly id: string }>;

function addPart(doc: DraftDoc, op: Op<'add'>, path: string): ApplyResult {
  const { kind } = op;
  const { rank: givenRank, ...value } = op.value;
  const read = readPart(kind, value, `${path}.value`);
  if (!read.ok) return read;
  const part = read.part;
  if (findPart(doc, kind, part.id)) return refuse(problem('OP_TARGET_EXISTS', placeOf(kind, part.id, path), { kind, id: part.id }));
  if (kind === 'node') {
    const other = nodeNamed(doc, (part as WorkflowNode).data.name);
    if (other)
      return refuse(
        problem('NODE_NAME_DUPLICATE', placeOf(kind, part.id, `${path}.value.data.name`), { name: other.data.name, other: other.id }),
      );
  }
  const rank = typeof givenRank === 'number' && isRank(givenRank) ? givenRank : lastRank(doc, kind) + 1;
  const ranked = { ...part, rank };
  return {
    ok: true,
    doc: withPart(doc, kind, ranked),
    applied: [{ op: 'add', kind, value: asJson(ranked) }],
    // Edges and groups that named the node before it was there stay when it goes again.
    inverse: [{ op: 'remove', kind, id: part.id }, ...(kind === 'node' ? attached(doc, part.id).restored : [])],
  };
}

/** What goes with a node: operations that take away its edges and its places in groups, and those that bring them back. */
function attached(doc: DraftDoc, id: string): { readonly removed: readonly DraftOp[]; readonly restored: readonly DraftOp[] } {
  const removed: DraftOp[] = [];
  const restored: DraftOp[] = [];
  for (const edge of Object.values(doc.edges)) {
    if (edge.source !== id && edge.target !== id) continue;
    removed.push({ op: 'remove', kind: 'edge', id: edge.id });
    restored.push({ op: 'add', kind: 'edge', value: asJson(edge) });
  }
  for (const group of Object.values(doc.groups)) {
    if (!group.nodes.includes(id)) continue;
    const nodes = group.nodes.filter((each) => each !== id);
    removed.push({ op: 'set', kind: 'group', id: group.id, path: ['nodes'], value: nodes });
    restored.push({ op: 'set', kind: 'group', id: group.id, path: ['nodes'], value: group.nodes, expect: { value: nodes } });
  }
  return { removed, restored };
}

function removePart(doc: DraftDoc, op: Op<'remove'>, path: string): ApplyResult {
  const part = findPart(doc, op.kind, op.id);
  if (part === undefined) return missing(op.kind, op.id, path);
  const more = op.kind === 'node' ? attached(doc, op.id) : { removed: [], restored: [] };
  // The edges go first and the node last, so that no step of the way leaves an edge without its node.
  let next = doc;
  for (const each of more.removed) {
    const result = applyOne(next, each, path);
    if (!result.ok) return result;
    next = result.doc;
  }
  return {
    ok: true,
    doc: withoutPart(next, op.kind, op.id),
    applied: [...more.removed, { op: 'remove', kind: op.kind, id: op.id }],
    inverse: [{ op: 'add', kind: op.kind, value: asJson(part) }, ...more.restored],
  };
}

function setPart(doc: DraftDoc, op: SetPart, path: string): ApplyResult {
  const { kind, id } = op;
  const part = findPart(doc, kind, id);
  if (part === undefined) return missing(kind, id, path);
  const place = placeOf(kind, id, path);
  const reason = isProtected(kind, op.path);
  if (reason !== undefined) return refuse(problem('OP_PATH_INVALID', place, { field: op.path.join('.'), reason }));
  const change = changeField(asJson(part), op, place);
  if (!change.ok) return change;
  if (change.isSame) return { ok: true, doc, applied: [], inverse: [] };
  const { rank, ...fields } = change.value;
  const read =
    typeof rank === 'number' && isRank(rank)
      ? readPart(kind, fields, path)
      : refuse(problem('OP_PATH_INVALID', place, { field: 'rank', reason: 'it is a number' }));
  if (!read.ok) return { ok: false, problems: read.problems.map((each) => movedTo(each, op.path, path)) };
  // Reading fills what is required and leaves out what is unknown; either means that the field cannot be set like this.
  if (!sameValue(asJson(read.part), fields))
    return refuse(problem('OP_PATH_INVALID', place, { field: op.path.join('.'), reason: 'it is required, or there is no such field' }));
  return {
    ok: true,
    doc: withPart(doc, kind, { ...read.part, rank: Number(rank) }),
    applied: [stripped(op)],
    inverse: [{ op: 'set', kind, id, ...change.undo }],
  };
}

function setHeader(doc: DraftDoc, op: SetHeader, path: string): ApplyResult {
  const { rev: _rev, nodes: _nodes, edges: _edges, groups: _groups, notes: _notes, ...header } = doc;
  const place = { path };
  const change = changeField(asJson(header), op, place);
  if (!change.ok) return change;
  if (change.isSame) return { ok: true, doc, applied: [], inverse: [] };
  const read = readWith(readHeader, change.value, path);
  if (!read.ok) return { ok: false, problems: read.problems.map((each) => movedTo(each, op.path, path)) };
  if (!sameValue(asJson(read.part), change.value))
    return refuse(problem('OP_PATH_INVALID', place, { field: op.path.join('.'), reason: 'it is required, or there is no such field' }));
  const { nodes, edges, groups, notes, rev } = doc;
  return {
    ok: true,
    doc: { rev, ...read.part, nodes, edges, groups, notes },
    applied: [stripped(op)],
    inverse: [{ op: 'set', kind: 'workflow', ...change.undo }],
  };
}

function rename(doc: DraftDoc, op: Op<'renameNode'>, path: string): ApplyResult {
  const { id, from, name, keepReferences } = op;
  const node = findPart(doc, 'node', id) as Ranked<WorkflowNode> | undefined;
  if (node === undefined) return missing('node', id, path);
  const place = placeOf('node', id, path);
  if (node.data.name !== from)
    return refuse(problem('OP_FIELD_CHANGED', place, { field: 'data.name', expected: describe(from), found: describe(node.data.name) }));
  if (name === from) return { ok: true, doc, applied: [], inverse: [] };
  const other = nodeNamed(doc, name);
  if (other) return refuse(problem('NODE_NAME_DUPLICATE', { ...place, path: `${path}.name` }, { name, other: other.id }));
  const { rank, ...fields } = node;
  const read = readPart('node', asJson({ ...fields, data: { ...fields.data, name } }), path);
  if (!read.ok) return { ok: false, problems: read.problems.map((each) => ({ ...each, path: `${path}.name` })) };
  let next = withPart(doc, 'node', { ...read.part, rank });
  if (keepReferences === true)
    return { ok: true, doc: next, applied: [op], inverse: [{ op: 'renameNode', id, from: name, name: from, keepReferences: true }] };
  // Expressions that named the new name before were broken and would follow the way back; then the old texts are restored one by one.
  const restored: DraftOp[] = [];
  let isReversible = true;
  for (const each of Object.values(next.nodes)) {
    const params = renameNode(each.data.params, from, name) as JsonObject;
    const isChanged = !sameValue(params, each.data.params);
    if (!sameValue(renameNode(params, name, from), each.data.params)) isReversible = false;
    if (!isChanged) continue;
    next = withPart(next, 'node', { ...each, data: { ...each.data, params } });
    restored.push({ op: 'set', kind: 'node', id: each.id, path: ['data', 'params'], value: each.data.params, expect: { value: params } });
  }
  const back: DraftOp = { op: 'renameNode', id, from: name, name: from };
  return { ok: true, doc: next, applied: [op], inverse: isReversible ? [back] : [{ ...back, keepReferences: true }, ...restored] };
}

type FieldChange =
  | {
      readonly ok: true;
      readonly isSame: boolean;
      readonly value: JsonObject;
      readonly undo: { readonly path: FieldPath; readonly value?: Json; readonly expect: Expected };
    }
  | { readonly ok: false; readonly problems: readonly Problem[] };

function changeField(part: JsonObject, op: SetPart | SetHeader, place: Place): FieldChange {
  const field = op.path.join('.');
  const before = readField(part, op.path);
  if (!before.ok) return refuse(problem('OP_PATH_INVALID', place, { field, reason: before.reason }));
  if (op.expect && !sameValue(before.value, op.expect.value))
    return refuse(problem('OP_FIELD_CHANGED', place, { field, expected: describe(op.expect.value), found: describe(before.value) }));
  const value = setField(part, op.path, op.value);
  const isSame = sameValue(before.value, op.value);
  // Objects made on the way down go with the undo.
  const path = parentMissing(part, op.path) ?? op.path;
  const after = readField(value, path);
  const was = readField(part, path);
  return {
    ok: true,
    isSame,
    value,
    undo: {
      path,
      ...(was.ok && was.value !== undefined ? { value: was.value } : {}),
      expect: after.ok && after.value !== undefined ? { value: after.value } : {},
    },
  };
}

function isProtected(kind: PartKind, path: FieldPath): string | undefined {
  if (path[0] === 'id') return 'ids do not change';
  if (kind !== 'node' || path[0] !== 'data') return undefined;
  if (path.length === 1) return 'set its fields one by one';
  return path[1] === 'name' ? 'use renameNode, so that expressions follow' : undefined;
}

type ReadPart<T> = { readonly ok: true; readonly part: T } | { readonly ok: false; readonly problems: readonly Problem[] };

function readPart(kind: PartKind, value: JsonObject, path: string): ReadPart<{ readonly id: string }> {
  const readers: { readonly [K in PartKind]: Reader<{ readonly id: string }> } = {
    node: readNode,
    edge: readEdge,
    group: readGroup,
    note: readNote,
  };
  return readWith(readers[kind], value, path);
}

function readWith<T>(read: Reader<T>, value: unknown, path: string): ReadPart<T> {
  const reading = startReading();
  let part: T | undefined;
  try {
    part = read(value, { path }, reading);
  } catch (error) {
    if (!(error instanceof ReadingStopped)) throw error;
  }
  const errors = reading.problems.filter((each) => each.severity === 'error');
  return part === undefined || errors.length > 0 ? { ok: false, problems: errors } : { ok: true, part };
}

/** A problem found inside the whole part, at its place inside the value of the operation. */
function movedTo(found: Problem, field: FieldPath, path: string): Problem {
  const inside = field.reduce<string>((joined, key) => joinPath(joined, key), path);
  return { ...found, path: found.path.startsWith(inside) ? `${path}.value${found.path.slice(inside.length)}` : path };
}

function stripped<T extends SetPart | SetHeader>(op: T): T {
  const { expect: _expect, ...rest } = op;
  return rest as T;
}

function findPart(doc: DraftDoc, kind: PartKind, id: string): Part | undefined {
  const parts: { readonly [id: string]: Part } = doc[FIELD_OF[kind]];
  return Object.hasOwn(parts, id) ? parts[id] : undefined;
}

function nodeNamed(doc: DraftDoc, name: string): Ranked<WorkflowNode> | undefined {
  return Object.values(doc.nodes).find((node) => node.data.name === name);
}

function lastRank(doc: DraftDoc, kind: PartKind): number {
  const parts: { readonly [id: string]: Part } = doc[FIELD_OF[kind]];
  return Object.values(parts).reduce((last, part) => Math.max(last, part.rank), -1);
}

function isRank(rank: number): boolean {
  return number({ min: -FORMAT.maxCoordinate, max: FORMAT.maxCoordinate })(rank, { path: '' }, startReading()) !== undefined;
}

function withPart<T extends Part>(doc: DraftDoc, kind: PartKind, part: T): DraftDoc {
  const field = FIELD_OF[kind];
  return { ...doc, [field]: { ...doc[field], [part.id]: part } };
}

function withoutPart(doc: DraftDoc, kind: PartKind, id: string): DraftDoc {
  const field = FIELD_OF[kind];
  return { ...doc, [field]: Object.fromEntries(Object.entries(doc[field]).filter(([each]) => each !== id)) };
}

function placeOf(kind: PartKind, id: string, path: string): Place {
  return { path, ...(kind === 'node' ? { nodeId: id } : kind === 'edge' ? { edgeId: id } : {}) };
}

function missing(kind: PartKind, id: string, path: string): { readonly ok: false; readonly problems: readonly Problem[] } {
  return refuse(problem('OP_TARGET_MISSING', placeOf(kind, id, path), { kind, id }));
}

function refuse(found: Problem): { readonly ok: false; readonly problems: readonly Problem[] } {
  return { ok: false, problems: [found] };
}

/** Parts are interfaces over JSON. */
function asJson(part: object): JsonObject {
  return part as JsonObject;
}
