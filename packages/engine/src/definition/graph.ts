/**
 * Questions about a directed graph given as successor lists. Each is answered in one pass over nodes and edges,
 * or with bit sets, so that a dense graph costs no more than it must.
 */

/** For each node, the nodes its edges lead to. */
export type Successors = readonly (readonly number[])[];

/**
 * One cycle for each knot of nodes that lead back to themselves, as the nodes on it in order.
 */
export function findCycles(successors: Successors): number[][] {
  const cycles: number[][] = [];
  for (const component of strongComponents(successors)) {
    const [first] = component;
    if (first === undefined) continue;
    if (component.length > 1 || successors[first]?.includes(first)) cycles.push(shortestCycle(successors, component));
  }
  return cycles;
}

/** All nodes an edge path leads to from the roots, the roots included. */
export function reachableFrom(successors: Successors, roots: Iterable<number>): Uint8Array {
  const reached = new Uint8Array(successors.length);
  const open: number[] = [];
  const visit = (node: number): void => {
    if (reached[node]) return;
    reached[node] = 1;
    open.push(node);
  };
  for (const root of roots) visit(root);
  for (let node = open.pop(); node !== undefined; node = open.pop()) for (const next of successors[node] ?? []) visit(next);
  return reached;
}

/** Answers whether a path of at least one edge leads from one node to another. */
export function ancestry(successors: Successors): (ancestor: number, node: number) => boolean {
  const words = (successors.length + 31) >>> 5;
  const above = new Uint32Array(successors.length * words);
  const order = topologicalOrder(successors);
  // One round settles a graph without cycles; with cycles the sets grow until nothing changes.
  for (let changed = true; changed;) {
    changed = false;
    for (const node of order) {
      for (const next of successors[node] ?? []) {
        for (let word = 0; word < words; word++) {
          const own = node >>> 5 === word ? 1 << (node & 31) : 0;
          const slot = next * words + word;
          const merged = ((above[slot] ?? 0) | (above[node * words + word] ?? 0) | own) >>> 0;
          if (merged === above[slot]) continue;
          above[slot] = merged;
          changed = true;
        }
      }
    }
  }
  return (ancestor, node) => (((above[node * words + (ancestor >>> 5)] ?? 0) >>> (ancestor & 31)) & 1) === 1;
}

/** Sources first. Nodes on cycles come in the order a depth-first walk leaves them. */
function topologicalOrder(successors: Successors): number[] {
  const left: number[] = [];
  const state = new Uint8Array(successors.length);
  for (let root = 0; root < successors.length; root++) {
    if (state[root]) continue;
    state[root] = 1;
    const path: { readonly node: number; edge: number }[] = [{ node: root, edge: 0 }];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const next = successors[top.node]?.[top.edge++];
      if (next === undefined) {
        left.push(top.node);
        path.pop();
      } else if (!state[next]) {
        state[next] = 1;
        path.push({ node: next, edge: 0 });
      }
    }
  }
  return left.reverse();
}

/** Tarjan's algorithm without recursion: hostile depth must not overflow the stack. */
function strongComponents(successors: Successors): number[][] {
  const components: number[][] = [];
  const index = new Int32Array(successors.length).fill(-1);
  const low = new Int32Array(successors.length);
  const onStack = new Uint8Array(successors.length);
  const stack: number[] = [];
  let counter = 0;
  const enter = (node: number): { readonly node: number; edge: number } => {
    index[node] = low[node] = counter++;
    stack.push(node);
    onStack[node] = 1;
    return { node, edge: 0 };
  };
  for (let root = 0; root < successors.length; root++) {
    if (index[root] !== -1) continue;
    const path = [enter(root)];
    for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
      const { node } = top;
      const next = successors[node]?.[top.edge++];
      if (next !== undefined) {
        if (index[next] === -1) path.push(enter(next));
        else if (onStack[next]) low[node] = Math.min(low[node] ?? 0, index[next] ?? 0);
        continue;
      }
      path.pop();
      const parent = path.at(-1)?.node;
      if (parent !== undefined) low[parent] = Math.min(low[parent] ?? 0, low[node] ?? 0);
      if (low[node] !== index[node]) continue;
      const component: number[] = [];
      for (let member = stack.pop(); member !== undefined; member = stack.pop()) {
        onStack[member] = 0;
        component.push(member);
        if (member === node) break;
      }
      components.push(component.sort((a, b) => a - b));
    }
  }
  return components.sort((a, b) => (a[0] ?? 0) - (b[0] ?? 0));
}

/** The shortest way from the component's first node back to it, breadth first. */
function shortestCycle(successors: Successors, component: readonly number[]): number[] {
  const start = component[0] ?? 0;
  const inside = new Set(component);
  const cameFrom = new Map<number, number>();
  const queue = [start];
  for (const node of queue) {
    for (const next of successors[node] ?? []) {
      if (next === start) {
        const cycle = [node];
        for (let step = node; step !== start; cycle.push(step)) step = cameFrom.get(step) ?? start;
        return cycle.reverse();
      }
      if (!inside.has(next) || cameFrom.has(next)) continue;
      cameFrom.set(next, node);
      queue.push(next);
    }
  }
  return [start];
}
