/** Random acyclic graphs of test node types, from one seed: branches, joins, disabled nodes, all policies. */
import type { JsonObject } from '@plugboard/sdk';
import { readFields } from '../src/definition/declared-fields.ts';
import type { OnError, RetryPolicy } from '../src/definition/types.ts';
import type { Plan } from '../src/plan/plan.ts';
import { type NodeSpec, aGraph } from './run-kit.ts';

const TYPES = [
  'pure',
  'pure',
  'read',
  'write',
  'keyed',
  'if',
  'switch',
  'batch',
  'sum',
  'batch-write',
  'batch-keyed',
  'bulk-write',
  'merge',
  'wait',
  'join',
  'join',
] as const;
const OUTPUTS: { readonly [type: string]: readonly string[] } = { if: ['true', 'false'], switch: ['a', 'b', 'c'] };

export class Dice {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, not including, `below`. */
  roll(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  }

  /** True once in `sides` rolls. */
  once(sides: number): boolean {
    return this.roll(sides) === 0;
  }

  pick<T>(values: readonly T[]): T {
    for (const value of values.slice(this.roll(values.length))) return value;
    throw new RangeError('There is nothing to pick from');
  }
}

export function aRandomGraph(dice: Dice, size: number, undoes = false): Plan {
  const nodes: { [id: string]: NodeSpec } = {};
  const edges: string[] = [];
  const sources: Source[] = [{ id: 'start', ports: ['main'] }];
  if (dice.once(4)) {
    nodes['other'] = 'trigger';
    sources.push({ id: 'other', ports: ['main'] });
  }
  grow({ dice, nodes, edges, depth: 0 }, sources, size);
  if (undoes) growUndo({ dice, nodes, edges, depth: 0 }, sources);
  const plan = aGraph(nodes, edges.join(' '), { maxParallelSteps: 1 + dice.roll(4) });
  // What items of a trigger and of whole steps have, and those of single items do not.
  return size % 4 === 3 ? { ...plan, outputs: readFields({ n: { type: 'number', required: true } }) } : plan;
}

/** Branches that undo some of the nodes outside of loops, now and then with a loop in them. */
function growUndo(garden: Garden, sources: readonly Source[]): void {
  const { dice } = garden;
  for (const { id } of sources.slice(1)) {
    if (id === 'other' || dice.once(2)) continue;
    const branch: Source[] = [{ id, ports: ['undo'] }];
    grow(garden, branch, 1 + dice.roll(2), 1);
  }
}

interface Source {
  readonly id: string;
  readonly ports: readonly string[];
}

interface Garden {
  readonly dice: Dice;
  readonly nodes: { [id: string]: NodeSpec };
  readonly edges: string[];
  /** Loops around what grows. */
  readonly depth: number;
}

/** Adds nodes behind the sources; each becomes one itself. */
function grow(garden: Garden, sources: Source[], size: number, fewestEdges = 0): void {
  const { dice, nodes, edges } = garden;
  for (let n = 0; n < size; n += 1) {
    const id = `n${Object.keys(nodes).length}`;
    if (garden.depth < 2 && dice.once(12)) {
      growLoop(garden, sources, id);
      continue;
    }
    const type = garden.depth > 0 && dice.once(10) ? 'break' : dice.pick(TYPES);
    const onError = dice.pick<OnError>(['fail', 'continue', 'route']);
    const retry: RetryPolicy = { maxAttempts: 1 + dice.roll(3), ...(dice.once(4) ? { retryOn: ['timeout'] } : {}) };
    const params: JsonObject = type === 'join' ? { policy: dice.pick(['all', 'any', 'count']), count: 1 + dice.roll(3) } : {};
    nodes[id] = { type, params, onError, retry, concurrency: 1 + dice.roll(3), disabled: dice.once(10) };
    // A node of a body hangs on another one: without an edge it would lie outside.
    for (let count = garden.depth === 0 && fewestEdges === 0 && dice.once(20) ? 0 : 1 + dice.roll(3); count > 0; count -= 1) {
      const source = dice.pick(sources);
      edges.push(`${source.id}.${dice.pick(source.ports)}>${id}.${type === 'merge' ? dice.pick(['left', 'right']) : 'main'}`);
    }
    sources.push({ id, ports: [...(OUTPUTS[type] ?? ['main']), ...(onError === 'route' ? ['error'] : [])] });
  }
}

function growLoop(garden: Garden, sources: Source[], id: string): void {
  const { dice, nodes, edges } = garden;
  const mode = dice.once(3) ? 'until' : 'items';
  nodes[id] = {
    type: 'loop',
    params: { mode, size: 1 + dice.roll(2), parallel: 1 + dice.roll(3), limit: 3 },
    onError: dice.pick<OnError>(['fail', 'continue']),
  };
  const source = dice.pick(sources);
  edges.push(`${source.id}.${dice.pick(source.ports)}>${id}.main`);
  const body: Source[] = [{ id, ports: ['body'] }];
  grow({ ...garden, depth: garden.depth + 1 }, body, 1 + dice.roll(3));
  for (const end of body) if (dice.once(2)) edges.push(`${end.id}.${dice.pick(end.ports)}>${id}.next`);
  sources.push({ id, ports: ['done'] });
}
