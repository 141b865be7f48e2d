/** A stored draft as the engine's document and back: lists with their order beside them, maps by id while they are worked on. */
import { type DraftDoc, fromDraft, toDraft, type WorkflowDefinition } from '@plugboard/engine';
import type { Draft, DraftRanks } from '@plugboard/persistence';

const KINDS = ['nodes', 'edges', 'groups', 'notes'] as const;

type Ranked = { readonly [id: string]: { readonly rank: number } };

export function docOf({ definition, rev, ranks }: Pick<Draft, 'definition' | 'rev' | 'ranks'>): DraftDoc {
  const doc = toDraft(definition, rev);
  if (!ranks) return doc;
  const ranked = <Parts extends Ranked>(parts: Parts, order: DraftRanks[string] | undefined): Parts =>
    Object.fromEntries(
      Object.entries(parts).map(([id, part]) => [id, { ...part, rank: order && Object.hasOwn(order, id) ? order[id] : part.rank }]),
    ) as Parts;
  return {
    ...doc,
    nodes: ranked(doc.nodes, ranks['nodes']),
    edges: ranked(doc.edges, ranks['edges']),
    groups: ranked(doc.groups, ranks['groups']),
    notes: ranked(doc.notes, ranks['notes']),
  };
}

/** What is stored of a document. Ranks are kept only where the order of the lists does not say them already. */
export function storedOf(doc: DraftDoc): { readonly definition: WorkflowDefinition; readonly ranks?: DraftRanks } {
  const definition = fromDraft(doc);
  const plain = toDraft(definition);
  const ranks: { [kind: string]: { readonly [id: string]: number } } = {};
  for (const kind of KINDS) {
    const parts: Ranked = doc[kind];
    const listed: Ranked = plain[kind];
    if (Object.entries(parts).some(([id, part]) => part.rank !== listed[id]?.rank))
      ranks[kind] = Object.fromEntries(Object.entries(parts).map(([id, part]) => [id, part.rank]));
  }
  return Object.keys(ranks).length === 0 ? { definition } : { definition, ranks };
}
