import { describe, expect, test } from 'vitest';
import { batchOutputs, countItems, itemOutputs, tooManyItems } from './call-outputs.ts';

const item = (n: number) => ({ json: { n } });

describe('outputs of items', () => {
  test('are in input order whatever the order in which items ended', () => {
    const outcomes = [2, 0, 1].map((i) => ({ i, ok: [{ item: item(i) }] }));
    expect(itemOutputs(outcomes)).toEqual({ main: { items: [item(0), item(1), item(2)] } });
  });

  test('carry their ancestors once an item gave none, several, or sent them elsewhere', () => {
    const outcomes = [
      { i: 0, ok: [] },
      { i: 1, ok: [{ item: item(1) }, { item: item(2), from: [0] }] },
      { i: 2, ok: [{ port: 'other', item: item(3) }] },
    ];
    expect(itemOutputs(outcomes)).toEqual({
      main: { items: [item(1), item(2)], from: [1, [1, 0]] },
      other: { items: [item(3)], from: [2] },
    });
  });
});

describe('outputs of a batch', () => {
  test('descend from the whole input unless they say from which items', () => {
    const outputs = [{ json: { n: 1 } }, { json: { n: 2 }, from: [4] }, { port: 'other', json: { n: 3 } }, { json: { n: 4 } }];
    expect(batchOutputs(outputs)).toEqual({
      main: { items: [item(1), item(2), item(4)], from: [[], [4]] },
      other: { items: [item(3)], from: [] },
    });
  });
});

test('more items than a step may give are an error that says the limit', () => {
  const count = countItems({ a: { items: [item(1), item(2)] }, b: { items: [item(3)] } });
  expect(tooManyItems(count, 3)).toBeUndefined();
  expect(tooManyItems(count, 2)?.message).toContain('gave 3 items; at most 2');
});
