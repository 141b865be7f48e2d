/**
 * Undo branches: what a node's port `undo` leads to takes back what the node did, once its run does not end well. A branch is apart from the
 * ordinary flow: nothing leads into it but the port it hangs on. Edges that say otherwise are reported where a definition is checked; a plan
 * leaves them out, so that no run can wait for them.
 */

export interface UndoEdge {
  readonly from: number;
  readonly to: number;
}

export interface UndoBranches<Edge extends UndoEdge> {
  /** The node that the branch of a node undoes; by node. */
  readonly ownerOf: readonly (number | undefined)[];
  /** Edges a branch begins with, by the node it undoes. */
  readonly entries: ReadonlyMap<number, readonly Edge[]>;
  /** Edges that lead into a branch from outside. */
  readonly foreign: ReadonlySet<Edge>;
  /** Nodes with such a port that lie in the branch of another one themselves: theirs is none. */
  readonly nested: ReadonlySet<number>;
}

export interface UndoQuestion<Edge extends UndoEdge> {
  readonly count: number;
  readonly edges: readonly Edge[];
  /** The edge leaves a port `undo` of a node that may have a branch. */
  readonly isEntry: (edge: Edge) => boolean;
  /** Nodes that are never part of a branch: triggers. */
  readonly isApart: (node: number) => boolean;
}

export function undoBranches<Edge extends UndoEdge>({ count, edges, isEntry, isApart }: UndoQuestion<Edge>): UndoBranches<Edge> {
  const entries = new Map<number, Edge[]>();
  for (const edge of edges) if (isEntry(edge)) entries.set(edge.from, [...(entries.get(edge.from) ?? []), edge]);
  const ownerOf = new Array<number | undefined>(count);
  const nested = new Set<number>();
  const foreign = new Set<Edge>();
  if (entries.size === 0) return { ownerOf, entries, foreign, nested };

  const outgoing: Edge[][] = Array.from({ length: count }, () => []);
  for (const edge of edges) outgoing[edge.from]?.push(edge);
  const reach = new Map([...entries].map(([owner, own]) => [owner, reachOf(own, outgoing, isApart)] as const));
  for (const owner of reach.keys()) for (const nodes of reach.values()) if (nodes.has(owner)) nested.add(owner);
  for (const owner of nested) entries.delete(owner);
  for (const owner of entries.keys()) for (const node of reach.get(owner) ?? []) ownerOf[node] ??= owner;

  for (const edge of edges) {
    const owner = ownerOf[edge.to];
    if (owner === undefined || ownerOf[edge.from] === owner) continue;
    if (!entries.get(owner)?.includes(edge)) foreign.add(edge);
  }
  for (const [owner, own] of entries) {
    for (const edge of own) if (ownerOf[edge.to] !== owner) foreign.add(edge);
    const kept = own.filter((edge) => !foreign.has(edge));
    if (kept.length > 0) entries.set(owner, kept);
    else entries.delete(owner);
  }
  return { ownerOf, entries, foreign, nested };
}

function reachOf<Edge extends UndoEdge>(
  entries: readonly Edge[],
  outgoing: readonly (readonly Edge[])[],
  isApart: (node: number) => boolean,
): ReadonlySet<number> {
  const reached = new Set<number>();
  const open: number[] = [];
  const visit = ({ to }: Edge): void => {
    if (reached.has(to) || isApart(to)) return;
    reached.add(to);
    open.push(to);
  };
  for (const edge of entries) visit(edge);
  for (let node = open.pop(); node !== undefined; node = open.pop()) for (const edge of outgoing[node] ?? []) visit(edge);
  return reached;
}
