import { describe, expect, test } from 'vitest';
import { createKeyMaker } from './idempotency-key.ts';

describe('idempotency keys', () => {
  const key = createKeyMaker(new Uint8Array(32).fill(1));

  test('equal for the same write, whichever process makes them', () => {
    expect(createKeyMaker(new Uint8Array(32).fill(1))('run', 'node', [], 3)).toBe(key('run', 'node', [], 3));
  });

  test('different for every other run, node, iteration, item and installation', () => {
    const other = createKeyMaker(new Uint8Array(32).fill(2));
    const keys = [
      key('run', 'node', [], 0),
      key('run2', 'node', [], 0),
      key('run', 'node2', [], 0),
      key('run', 'node', [0], 0),
      key('run', 'node', [0, 1], 0),
      key('run', 'node', [1], 0),
      key('run', 'node', [], 1),
      key('run', 'node', [], 10),
      other('run', 'node', [], 0),
    ];
    expect(new Set(keys).size).toBe(keys.length);
    for (const one of keys) expect(one).toMatch(/^[\w-]{32}$/);
  });
});
