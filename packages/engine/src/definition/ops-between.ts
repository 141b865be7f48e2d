/**
 * Turns one state of a draft into another by operations, so that an import or a version brought back is a change like any other:
 * it can be caught up with, undone, and merged with what others do.
 */
import type { Json, JsonObject } from '@plugboard/sdk';
import { diffFields, sameValue } from './diff.ts';
import { FIELD_OF, fromDraft, toDraft } from './draft.ts';
import type { DraftDoc, PartKind, Ranked } from './draft.ts';
import { applyOps } from './operations.ts';
import type { DraftOp } from './operations.ts';
import type { WorkflowDefinition } from './types.ts';

/** Edges before nodes: a node takes its edges along when it goes. */
const KINDS: readonly PartKind[] = ['edge', 'node', 'group', 'note'];
const HEADER = ['name', 'description', 'inputs', 'outputs', 'tests', 'settings'] as const;

type Part = Ranked<{ readonly id: string }>;

/** Applied to `before` they give `after`. Empty when nothing differs. */
export function opsBetween(before: DraftDoc, after: WorkflowDefinition): readonly DraftOp[] {
  const target = toDraft(after);
  const fine = [
    ...removals(before, target),
    ...headerOps(before, target),
    ...KINDS.toReversed().flatMap((kind) => changes(before, target, kind)),
  ];
  const tried = applyOps(before, fine);
  if (tried.ok && isSame(fromDraft(tried.doc), after)) return fine;
  // Names that change places, and parts that become another kind of thing, have no way from one to the other field by field.
  return [
    ...removals(before, toDraft({ ...after, nodes: [], edges: [], groups: [], notes: [] })),
    ...headerOps(before, target),
    ...additions(target),
  ];
}

function removals(before: DraftDoc, target: DraftDoc): DraftOp[] {
  return KINDS.flatMap((kind) =>
    Object.keys(partsOf(before, kind))
      .filter((id) => !Object.hasOwn(partsOf(target, kind), id))
      .map((id): DraftOp => ({ op: 'remove', kind, id })),
  );
}

function additions(target: DraftDoc): DraftOp[] {
  return KINDS.toReversed().flatMap((kind) => Object.values(partsOf(target, kind)).map((part) => add(kind, part)));
}

function headerOps(before: DraftDoc, target: DraftDoc): DraftOp[] {
  const header = (doc: DraftDoc): JsonObject =>
    Object.fromEntries(HEADER.flatMap((name) => (doc[name] === undefined ? [] : [[name, doc[name] as unknown as Json]])));
  return diffFields(header(before), header(target)).map(({ path, after }): DraftOp => ({
    op: 'set',
    kind: 'workflow',
    path,
    ...valueOf(after),
  }));
}

/** Parts that are new and fields that differ. Ranks are left alone where the order is the same already. */
function changes(before: DraftDoc, target: DraftDoc, kind: PartKind): DraftOp[] {
  const old = partsOf(before, kind);
  const young = partsOf(target, kind);
  const isOrdered = sameValue(
    inOrder(young).map((part) => part.id),
    [...inOrder(old).filter((part) => Object.hasOwn(young, part.id)), ...inOrder(young).filter((part) => !Object.hasOwn(old, part.id))].map(
      (part) => part.id,
    ),
  );
  return inOrder(young).flatMap((part): DraftOp[] => {
    const was = Object.hasOwn(old, part.id) ? old[part.id] : undefined;
    if (was === undefined) return [add(kind, part, isOrdered)];
    const fields = diffFields(fieldsOf(was, isOrdered), fieldsOf(part, isOrdered));
    return fields.map(({ path, before: from, after: to }): DraftOp => {
      const isName = kind === 'node' && path.join('.') === 'data.name' && typeof from === 'string' && typeof to === 'string';
      // The texts that refer to it are compared like every other field.
      if (isName) return { op: 'renameNode', id: part.id, from, name: to, keepReferences: true };
      return { op: 'set', kind, id: part.id, path, ...valueOf(to) };
    });
  });
}

function add(kind: PartKind, part: Part, isLast = false): DraftOp {
  const { rank, ...fields } = part;
  return { op: 'add', kind, value: { ...(fields as JsonObject), ...(isLast ? {} : { rank }) } };
}

function fieldsOf({ rank, ...fields }: Part, isOrdered: boolean): JsonObject {
  return { ...(fields as JsonObject), ...(isOrdered ? {} : { rank }) };
}

function partsOf(doc: DraftDoc, kind: PartKind): { readonly [id: string]: Part } {
  return doc[FIELD_OF[kind]];
}

function inOrder(parts: { readonly [id: string]: Part }): Part[] {
  return Object.values(parts).sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1));
}

function isSame(a: WorkflowDefinition, b: WorkflowDefinition): boolean {
  const asJson = (one: WorkflowDefinition): Json =>
    JSON.parse(JSON.stringify({ ...one, groups: one.groups ?? [], notes: one.notes ?? [] })) as Json;
  return sameValue(asJson(a), asJson(b));
}

function valueOf(value: Json | undefined): { readonly value?: Json } {
  return value === undefined ? {} : { value };
}
