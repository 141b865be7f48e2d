/** The order in which the keyboard walks a board: from the triggers on, along the cables, top to bottom. */
import { DONE_PORT, NEXT_PORT } from '@plugboard/engine';
import type { Point } from './plate.ts';

interface OrderNode {
  readonly id: string;
  readonly position: Point;
}
interface OrderEdge {
  readonly source: string;
  readonly target: string;
  readonly sourceHandle?: string;
  readonly targetHandle?: string;
}

/** Ids in topological order; nodes on a cycle (invalid, but drawn) come last, by place. Ties go top to bottom, then left to right. */
export function readingOrder(nodes: readonly OrderNode[], edges: readonly OrderEdge[]): string[] {
  // A round's way back into its loop is no way on; what comes after the loop comes after its body.
  const onward: OrderEdge[] = edges.filter((edge) => edge.targetHandle !== NEXT_PORT);
  for (const back of edges.filter((edge) => edge.targetHandle === NEXT_PORT))
    for (const { target } of edges.filter((edge) => edge.source === back.target && edge.sourceHandle === DONE_PORT))
      onward.push({ source: back.source, target });
  const byPlace = [...nodes].sort((a, b) => a.position.y - b.position.y || a.position.x - b.position.x);
  const waits = new Map(byPlace.map((node) => [node.id, 0]));
  for (const { source, target } of onward) {
    const count = waits.get(target);
    if (count !== undefined && waits.has(source)) waits.set(target, count + 1);
  }
  const order: string[] = [];
  const ready = byPlace.filter((node) => waits.get(node.id) === 0).map((node) => node.id);
  for (let id = ready.shift(); id !== undefined; id = ready.shift()) {
    order.push(id);
    for (const { source, target } of onward) {
      if (source !== id) continue;
      const left = (waits.get(target) ?? 0) - 1;
      waits.set(target, left);
      if (left === 0) ready.push(target);
    }
  }
  const done = new Set(order);
  return [...order, ...byPlace.filter((node) => !done.has(node.id)).map((node) => node.id)];
}

/** "from Mail arrives, to Over 5,000 EUR? and For each": what a screen reader says about a plate's cables. */
export function cableWords(id: string, edges: readonly OrderEdge[], nameOf: (id: string) => string): string {
  const list = (ids: readonly string[]): string => {
    const names = [...new Set(ids)].map(nameOf);
    return names.length < 2 ? (names[0] ?? '') : `${names.slice(0, -1).join(', ')} and ${names.at(-1)}`;
  };
  const from = list(edges.filter((edge) => edge.target === id).map((edge) => edge.source));
  const to = list(edges.filter((edge) => edge.source === id).map((edge) => edge.target));
  return [from && `from ${from}`, to && `to ${to}`].filter(Boolean).join(', ');
}
