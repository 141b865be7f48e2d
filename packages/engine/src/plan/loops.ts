/**
 * Which nodes a loop repeats. Its body is everything that its body port leads to without passing the loop itself; edges back into the loop
 * hand a round's items over. A node belongs to the innermost loop around it.
 */

/** Port a loop sends a round's items out of, the port it takes a round's items back at, and the port it ends with. */
export const BODY_PORT = 'body';
export const NEXT_PORT = 'next';
export const DONE_PORT = 'done';

export interface LoopEdge {
  readonly from: number;
  readonly port: string;
  readonly to: number;
  readonly input: string;
}

/** Loops around each node, outermost first; by node. A loop is not inside itself. */
export function loopsAround(count: number, edges: readonly LoopEdge[], isLoop: (node: number) => boolean): readonly (readonly number[])[] {
  const outgoing: LoopEdge[][] = Array.from({ length: count }, () => []);
  for (const edge of edges) outgoing[edge.from]?.push(edge);
  const bodies: { readonly loop: number; readonly nodes: ReadonlySet<number> }[] = [];
  for (let loop = 0; loop < count; loop += 1) if (isLoop(loop)) bodies.push({ loop, nodes: bodyOf(loop, outgoing) });
  // The larger body is the outer one.
  bodies.sort((a, b) => b.nodes.size - a.nodes.size || a.loop - b.loop);
  return Array.from({ length: count }, (_, node) => bodies.filter(({ nodes }) => nodes.has(node)).map(({ loop }) => loop));
}

function bodyOf(loop: number, outgoing: readonly (readonly LoopEdge[])[]): ReadonlySet<number> {
  const nodes = new Set<number>();
  const open: number[] = [];
  const visit = (node: number): void => {
    if (node === loop || nodes.has(node)) return;
    nodes.add(node);
    open.push(node);
  };
  for (const edge of outgoing[loop] ?? []) if (edge.port === BODY_PORT) visit(edge.to);
  for (let node = open.pop(); node !== undefined; node = open.pop()) for (const edge of outgoing[node] ?? []) visit(edge.to);
  return nodes;
}
