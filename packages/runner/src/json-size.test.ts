import { expect, test } from 'vitest';
import { jsonSize } from './json-size.ts';

test('the size of a value is close to the length of its JSON text', () => {
  const value = { text: 'x'.repeat(500), list: Array.from({ length: 100 }, (_, n) => ({ id: `item-${n}`, ok: true, none: null })) };
  const length = JSON.stringify(value).length;
  expect(jsonSize(value)).toBeGreaterThan(length * 0.9);
  expect(jsonSize(value)).toBeLessThan(length * 1.2);
});

test('counting ends soon after the limit, however large the value is', () => {
  let read = 0;
  const value = new Proxy([] as string[], {
    get: (target, key, receiver) => {
      if (key === 'length') return 1_000_000;
      if (typeof key !== 'string') return Reflect.get(target, key, receiver) as unknown;
      read += 1;
      return 'x'.repeat(100);
    },
  });
  expect(jsonSize(value, 1000)).toBeGreaterThan(1000);
  expect(read).toBeLessThan(20);
});
