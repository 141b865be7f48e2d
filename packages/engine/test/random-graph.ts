/** Random acyclic graphs of test node types, from one seed: branches, joins, disabled nodes, all policies. */
import type { JsonObject } from '@plugboard/sdk';
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

export function aRandomGraph(dice: Dice, size: number): Plan {
  const nodes: { [id: string]: NodeSpec } = {};
  const edges: string[] = [];
  const sources: { id: string; ports: readonly string[] }[] = [{ id: 'start', ports: ['main'] }];
  if (dice.once(4)) {
    nodes['other'] = 'trigger';
    sources.push({ id: 'other', ports: ['main'] });
  }
  for (let n = 0; n < size; n += 1) {
    const id = `n${n}`;
    const type = dice.pick(TYPES);
    const onError = dice.pick<OnError>(['fail', 'continue', 'route']);
    const retry: RetryPolicy = { maxAttempts: 1 + dice.roll(3), ...(dice.once(4) ? { retryOn: ['timeout'] } : {}) };
    const params: JsonObject = type === 'join' ? { policy: dice.pick(['all', 'any', 'count']), count: 1 + dice.roll(3) } : {};
    nodes[id] = { type, params, onError, retry, concurrency: 1 + dice.roll(3), disabled: dice.once(10) };
    for (let count = dice.once(20) ? 0 : 1 + dice.roll(3); count > 0; count -= 1) {
      const source = dice.pick(sources);
      edges.push(`${source.id}.${dice.pick(source.ports)}>${id}.${type === 'merge' ? dice.pick(['left', 'right']) : 'main'}`);
    }
    sources.push({ id, ports: [...(OUTPUTS[type] ?? ['main']), ...(onError === 'route' ? ['error'] : [])] });
  }
  return aGraph(nodes, edges.join(' '), { maxParallelSteps: 1 + dice.roll(4) });
}
