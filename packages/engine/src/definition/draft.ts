/**
 * A workflow while it is edited: maps by id, so that two people can change different parts without meeting.
 * Converts to and from the stored form, whose lists keep their order through ranks.
 */
import type { JsonObject } from '@plugboard/sdk';
import type {
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowGroup,
  WorkflowNode,
  WorkflowNote,
  WorkflowSettings,
  WorkflowTest,
} from './types.ts';

/** `rank` orders the parts of one kind in the stored form; equal ranks are ordered by id. */
export type Ranked<T> = T & { readonly rank: number };

export interface DraftDoc {
  /** Counts the batches of operations applied. */
  readonly rev: number;
  readonly name: string;
  readonly description?: string;
  readonly nodes: { readonly [id: string]: Ranked<WorkflowNode> };
  readonly edges: { readonly [id: string]: Ranked<WorkflowEdge> };
  readonly groups: { readonly [id: string]: Ranked<WorkflowGroup> };
  readonly notes: { readonly [id: string]: Ranked<WorkflowNote> };
  readonly settings: WorkflowSettings;
  readonly inputs?: JsonObject;
  readonly outputs?: JsonObject;
  readonly tests?: readonly WorkflowTest[];
}

/** Which map of a draft holds parts of a kind. */
export const FIELD_OF = { node: 'nodes', edge: 'edges', group: 'groups', note: 'notes' } as const;
export type PartKind = keyof typeof FIELD_OF;

export function toDraft(definition: WorkflowDefinition, rev = 0): DraftDoc {
  const { name, description, nodes, edges, groups, notes, settings, inputs, outputs, tests } = definition;
  return {
    rev,
    name,
    ...(description === undefined ? {} : { description }),
    nodes: byId(nodes),
    edges: byId(edges),
    groups: byId(groups ?? []),
    notes: byId(notes ?? []),
    settings,
    ...(inputs === undefined ? {} : { inputs }),
    ...(outputs === undefined ? {} : { outputs }),
    ...(tests === undefined ? {} : { tests }),
  };
}

export function fromDraft(doc: DraftDoc): WorkflowDefinition {
  const groups = inOrder(doc.groups);
  const notes = inOrder(doc.notes);
  return {
    schema: 1,
    name: doc.name,
    ...(doc.description === undefined ? {} : { description: doc.description }),
    nodes: inOrder(doc.nodes),
    edges: inOrder(doc.edges),
    ...(groups.length === 0 ? {} : { groups }),
    ...(notes.length === 0 ? {} : { notes }),
    ...(doc.inputs === undefined ? {} : { inputs: doc.inputs }),
    ...(doc.outputs === undefined ? {} : { outputs: doc.outputs }),
    ...(doc.tests === undefined ? {} : { tests: doc.tests }),
    settings: doc.settings,
  };
}

function byId<T extends { readonly id: string }>(parts: readonly T[]): { readonly [id: string]: Ranked<T> } {
  return Object.fromEntries(parts.map((part, rank) => [part.id, { ...part, rank }]));
}

function inOrder<T extends { readonly id: string }>(parts: { readonly [id: string]: Ranked<T> }): T[] {
  return Object.values(parts)
    .sort((a, b) => a.rank - b.rank || (a.id < b.id ? -1 : 1))
    .map(({ rank: _rank, ...part }) => part as unknown as T);
}
