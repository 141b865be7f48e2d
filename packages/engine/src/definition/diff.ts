/** What differs between two definitions, by id and field, for people who compare versions. */
import type { Json } from '@plugboard/sdk';
import { canonicalText } from './semantic-hash.ts';
import type { WorkflowDefinition } from './types.ts';

/** One field with both values; an absent value means that the field was absent. Lists are compared whole. */
export interface FieldChange {
  readonly path: readonly string[];
  readonly before?: Json;
  readonly after?: Json;
}

export interface ChangedPart {
  readonly id: string;
  /** Set when the name changed. */
  readonly renamed?: { readonly from: string; readonly to: string };
  /** Changes other than those of the name and the position. */
  readonly changes: readonly FieldChange[];
  readonly isMoved: boolean;
}

export interface PartsDiff {
  /** Ids, in the order of the newer definition. */
  readonly added: readonly string[];
  /** Ids, in the order of the older definition. */
  readonly removed: readonly string[];
  readonly changed: readonly ChangedPart[];
}

export interface DefinitionDiff {
  readonly isEqual: boolean;
  readonly nodes: PartsDiff;
  readonly edges: PartsDiff;
  readonly groups: PartsDiff;
  readonly notes: PartsDiff;
  /** Name, description, inputs, outputs, tests and settings. */
  readonly workflow: readonly FieldChange[];
}

export function diffDefinitions(before: WorkflowDefinition, after: WorkflowDefinition): DefinitionDiff {
  const nodes = diffParts(before.nodes, after.nodes);
  const edges = diffParts(before.edges, after.edges);
  const groups = diffParts(before.groups ?? [], after.groups ?? []);
  const notes = diffParts(before.notes ?? [], after.notes ?? []);
  const workflow = diffFields(headerOf(before), headerOf(after));
  const isEqual =
    workflow.length === 0 &&
    [nodes, edges, groups, notes].every((part) => part.added.length + part.removed.length + part.changed.length === 0);
  return { isEqual, nodes, edges, groups, notes, workflow };
}

type Fields = { readonly [name: string]: Json | undefined };

function headerOf({ name, description, inputs, outputs, tests, settings }: WorkflowDefinition): Fields {
  return { name, description, inputs, outputs, tests: tests as unknown as Json | undefined, settings: asJson(settings) };
}

function diffParts(before: readonly { readonly id: string }[], after: readonly { readonly id: string }[]): PartsDiff {
  const old = new Map(before.map((part) => [part.id, part]));
  const young = new Map(after.map((part) => [part.id, part]));
  const changed: ChangedPart[] = [];
  for (const part of after) {
    const was = old.get(part.id);
    const change = was === undefined ? undefined : diffPart(part.id, asJson(was), asJson(part));
    if (change !== undefined) changed.push(change);
  }
  return {
    added: after.filter((part) => !old.has(part.id)).map((part) => part.id),
    removed: before.filter((part) => !young.has(part.id)).map((part) => part.id),
    changed,
  };
}

function diffPart(id: string, before: Fields, after: Fields): ChangedPart | undefined {
  const all = diffFields(before, after);
  if (all.length === 0) return undefined;
  const name = all.find((change) => change.path.join('.') === 'data.name');
  const isRename = typeof name?.before === 'string' && typeof name.after === 'string';
  return {
    id,
    ...(isRename ? { renamed: { from: String(name.before), to: String(name.after) } } : {}),
    changes: all.filter((change) => change.path[0] !== 'position' && !(isRename && change === name)),
    isMoved: all.some((change) => change.path[0] === 'position'),
  };
}

/** Descends while both sides are objects; keys are compared as own fields only. */
export function diffFields(before: Fields, after: Fields, path: readonly string[] = []): FieldChange[] {
  const changes: FieldChange[] = [];
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const was = Object.hasOwn(before, key) ? before[key] : undefined;
    const is = Object.hasOwn(after, key) ? after[key] : undefined;
    if (isFields(was) && isFields(is)) changes.push(...diffFields(was, is, [...path, key]));
    else if (!sameValue(was, is))
      changes.push({ path: [...path, key], ...(was === undefined ? {} : { before: was }), ...(is === undefined ? {} : { after: is }) });
  }
  return changes;
}

export function sameValue(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  return canonicalText(a) === canonicalText(b);
}

function isFields(value: Json | undefined): value is { readonly [name: string]: Json } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The parts of a definition are interfaces over JSON; their optional fields are absent or JSON. */
function asJson(part: object): { readonly [name: string]: Json } {
  return part as { readonly [name: string]: Json };
}
