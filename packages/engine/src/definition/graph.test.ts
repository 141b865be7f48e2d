import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { ancestry, findCycles, reachableFrom } from './graph.ts';

/** Random graphs, cycles and double edges included. */
const graphs = fc
  .integer({ min: 1, max: 40 })
  .chain((size) => fc.array(fc.array(fc.nat(size - 1), { maxLength: 4 }), { minLength: size, maxLength: size }));

/** Slow and plain: all nodes at the end of a path of at least one edge. */
function below(successors: readonly (readonly number[])[], from: number): Set<number> {
  const found = new Set<number>();
  const open = [...(successors[from] ?? [])];
  for (const node of open) {
    if (found.has(node)) continue;
    found.add(node);
    open.push(...(successors[node] ?? []));
  }
  return found;
}

describe('graphs', () => {
  test('ancestry answers what a walk would', () => {
    fc.assert(
      fc.property(graphs, (successors) => {
        const leadsTo = ancestry(successors);
        for (let from = 0; from < successors.length; from++) {
          const expected = below(successors, from);
          for (let to = 0; to < successors.length; to++) expect(leadsTo(from, to)).toBe(expected.has(to));
        }
      }),
      { numRuns: 60 },
    );
  });

  test('reachableFrom is a root or below one', () => {
    fc.assert(
      fc.property(graphs, (successors) => {
        const expected = below(successors, 0).add(0);
        expect([...reachableFrom(successors, [0])].flatMap((hit, node) => (hit ? [node] : []))).toEqual(
          [...expected].sort((a, b) => a - b),
        );
      }),
    );
  });

  test('each cycle found is one, and there is one exactly when some node leads to itself', () => {
    fc.assert(
      fc.property(graphs, fc.nat(), (successors, salt) => {
        // Some nodes may loop, so their edges do not count.
        const isAllowed = (node: number): boolean => (node + salt) % 5 === 0;
        const cut = successors.map((targets, node) => (isAllowed(node) ? [] : targets.filter((target) => !isAllowed(target))));
        const cycles = findCycles(cut);
        for (const cycle of cycles) {
          expect(new Set(cycle).size).toBe(cycle.length);
          cycle.forEach((node, index) => expect(cut[node]).toContain(cycle[(index + 1) % cycle.length]));
        }
        expect(cycles.length > 0).toBe(cut.some((_, node) => below(cut, node).has(node)));
      }),
    );
  });

  test('a chain of 100,000 nodes overflows no stack', () => {
    const chain = Array.from({ length: 100_000 }, (_, node) => (node < 99_999 ? [node + 1] : [0]));
    expect(findCycles(chain)[0]).toHaveLength(100_000);
    expect(reachableFrom(chain, [5])[4]).toBe(1);
  });
});
