import { expect, test } from 'vitest';
import { SlotList, SlotMap } from './slots.ts';

test('a place that was left is used again, and what was removed is seen no more', () => {
  const list = new SlotList<{ readonly name: string }>();
  const first = list.add({ name: 'first' });
  const second = list.add({ name: 'second' });
  list.remove(first);
  list.remove(first);
  expect([list.size, list.at(first), [...list].map(({ name }) => name)]).toEqual([1, undefined, ['second']]);
  expect(list.add({ name: 'third' })).toBe(first);
  expect([list.size, list.at(first)?.name, list.at(second)?.name]).toEqual([2, 'third', 'second']);
});

test('a map by id holds what a Map would, over many that come and go', () => {
  const slots = new SlotMap<{ readonly n: number }>();
  const map = new Map<string, { readonly n: number }>();
  for (let n = 0; n < 5000; n += 1) {
    const id = `run-${(n * 7919) % 257}`;
    if (n % 3 === 0) expect(slots.delete(id)).toBe(map.delete(id));
    else {
      const value = { n };
      slots.set(id, value);
      map.set(id, value);
    }
    expect([slots.size, slots.get(id), slots.has(id)]).toEqual([map.size, map.get(id), map.has(id)]);
  }
  expect(new Map(slots.entries())).toEqual(map);
  const order = [...slots.values()].map(({ n }) => n);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});
