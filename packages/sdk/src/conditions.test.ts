import { describe, expect, test } from 'vitest';
import { holds, when } from './index.ts';
import type { Condition, Json } from './index.ts';

const rows: readonly (readonly [Condition, { readonly [name: string]: Json }, boolean])[] = [
  [when.eq('a', 1), { a: 1 }, true],
  [when.eq('a', 1), { a: '1' }, false],
  [when.eq('a', { x: [1, 2], y: null }), { a: { y: null, x: [1, 2] } }, true],
  [when.eq('a', [1]), { a: { 0: 1 } }, false],
  [when.ne('a', 1), {}, true],
  [when.in('a', ['x', 'y']), { a: 'y' }, true],
  [when.in('a', ['x', 'y']), { a: 'z' }, false],
  [when.lt('a', 5), { a: 4 }, true],
  [when.lt('a', 5), { a: '4' }, false],
  [when.gt('a', 'b'), { a: 'c' }, true],
  [when.gt('a', 5), {}, false],
  [when.matches('a', '^https:'), { a: 'https://x' }, true],
  [when.matches('a', '^https:'), { a: 1 }, false],
  [when.exists('a'), { a: false }, true],
  [when.exists('a'), { a: null }, false],
  [when.exists('toString'), {}, false],
  [when.all(), {}, true],
  [when.any(), {}, false],
  [when.not(when.all(when.eq('a', 1), when.any(when.eq('b', 1), when.eq('b', 2)))), { a: 1, b: 2 }, false],
  [when.is({ method: ['POST', 'PUT'], body: true }), { method: 'PUT', body: true }, true],
  [when.is({ method: ['POST', 'PUT'], body: true }), { method: 'GET', body: true }, false],
];

describe('a condition', () => {
  test.each(rows)('%j over %j is %s', (condition, given, expected) => {
    expect(holds(condition, given)).toBe(expected);
    // The other reader of a condition gets it as JSON.
    expect(holds(JSON.parse(JSON.stringify(condition)) as Condition, given)).toBe(expected);
  });
});
