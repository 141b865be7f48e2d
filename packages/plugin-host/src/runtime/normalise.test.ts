import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { item } from '@plugboard/sdk';
import { Normaliser, normalise } from './normalise.ts';

class Point {
  x: number;
  constructor(x: number) {
    this.x = x;
  }
  get double(): number {
    return this.x * 2;
  }
}

const holes: number[] = [1];
holes[2] = 3;

const deep = (levels: number): unknown => (levels === 0 ? 1 : { a: deep(levels - 1) });

const clean: readonly (readonly [title: string, value: unknown, expected: unknown])[] = [
  ['a Date becomes ISO text', { at: new Date(0) }, { at: '1970-01-01T00:00:00.000Z' }],
  ['a Date that is none becomes null', { at: new Date('x') }, { at: null }],
  ['an undefined member is dropped', { a: undefined, b: 1 }, { b: 1 }],
  ['undefined in an array becomes null', { a: [undefined, 1] }, { a: [null, 1] }],
  ['a hole becomes null', { a: holes }, { a: [1, null, 3] }],
  ['-0 becomes 0', { a: -0, b: [-0] }, { a: 0, b: [0] }],
  ['NaN and Infinity become null', { a: Number.NaN, b: [Number.POSITIVE_INFINITY] }, { a: null, b: [null] }],
  ['toJSON is honoured', { a: { toJSON: () => ({ b: new Date(0) }) } }, { a: { b: '1970-01-01T00:00:00.000Z' } }],
  ['toJSON gets its key', { a: { toJSON: (key: string) => `was ${key}` } }, { a: 'was a' }],
  ['toJSON may drop the member', { a: { toJSON: () => undefined }, b: 1 }, { b: 1 }],
  ['a URL becomes text', { a: new URL('http://x/y') }, { a: 'http://x/y' }],
  ['an instance becomes its own members', { a: new Point(2) }, { a: { x: 2 } }],
  ['boxed values are unboxed', { a: new String('x'), b: new Number(2), c: new Boolean(false) }, { a: 'x', b: 2, c: false }],
  ['an object without prototype stays', { a: Object.assign(Object.create(null) as object, { b: 1 }) }, { a: { b: 1 } }],
  ['a data member named toJSON is data', { toJSON: 'x' }, { toJSON: 'x' }],
  [
    'names of the prototype are data',
    { constructor: 1, toString: 'x', hasOwnProperty: null },
    { constructor: 1, toString: 'x', hasOwnProperty: null },
  ],
  ['an output inside an output loses its mark', { a: item({ b: 1 }) }, { a: { json: { b: 1 } } }],
  ['a branch that occurs twice is no cycle', ((one) => ({ a: one, b: [one, one] }))({ x: 1 }), { a: { x: 1 }, b: [{ x: 1 }, { x: 1 }] }],
  ['emoji are whole', { a: '👍' }, { a: '👍' }],
  ['400 levels are fine', deep(400), deep(400)],
];

describe('normalise', () => {
  test.each(clean)('%s', (_, value, expected) => {
    const result = normalise(value);
    expect(result).toEqual(expected);
    // What comes out is what the journal gives back.
    expect(JSON.parse(JSON.stringify(result))).toEqual(result);
  });

  test.each([
    ['an object', { a: [1, { b: 'x' }], c: null, d: false, e: 1.5 }],
    ['an array', [1, [2, [3]]]],
    ['no prototype', Object.assign(Object.create(null) as object, { b: 1 })],
  ])('gives %s back as the same object when it is clean', (_, value) => {
    expect(normalise(value)).toBe(value);
  });

  test('copies only the branch that changes and leaves its input alone', () => {
    const value = { keep: { a: 1 }, change: { at: new Date(0) } };
    const result = normalise(value) as unknown as typeof value;
    expect(result.keep).toBe(value.keep);
    expect(value.change.at).toBeInstanceOf(Date);
  });

  const cycle: { [key: string]: unknown } = { a: {} };
  cycle['a'] = { b: [cycle] };
  const twice: unknown[] = [];
  twice.push(twice, twice);

  test.each([
    ['a BigInt', { a: { b: [0, 1n] } }, ['a', 'b', 1]],
    ['a function', { a: () => 1 }, ['a']],
    ['a symbol', { a: Symbol('x') }, ['a']],
    ['a Map', { a: new Map() }, ['a']],
    ['a Set', { a: new Set([1]) }, ['a']],
    ['a Buffer', { a: Buffer.from('x') }, ['a']],
    ['an ArrayBuffer', { a: new ArrayBuffer(1) }, ['a']],
    ['a promise', { a: Promise.resolve(1) }, ['a']],
    ['a lone surrogate', { a: 'x\ud800' }, ['a']],
    ['a NUL character', { a: 'x\0' }, ['a']],
    ['a NUL character in a key', { 'x\0': 1 }, ['x']],
    ['a key named __proto__', { a: JSON.parse('{"__proto__":1}') as unknown }, ['a', '__proto__']],
  ])('refuses %s and names its path', (_, value, path) => {
    expect(() => normalise(value)).toThrow(expect.objectContaining({ code: 'OUTPUT_NOT_JSON', kind: 'bug', data: { path } }));
  });

  test.each([
    ['a cycle', cycle],
    ['a cycle that branches', twice],
    [
      'a toJSON that gives itself',
      {
        a: {
          toJSON() {
            return this;
          },
        },
      },
    ],
    ['501 levels and more', deep(600)],
  ])('refuses %s and ends', (_, value) => {
    expect(() => normalise(value)).toThrow(expect.objectContaining({ code: 'OUTPUT_NOT_JSON' }));
  });

  test('refuses a diamond of shared branches before it eats the machine', () => {
    let value: unknown = { x: 1 };
    for (let i = 0; i < 60; i++) value = [value, value];
    expect(() => normalise(value)).toThrow(expect.objectContaining({ code: 'OUTPUT_NOT_JSON' }));
  });

  test('passes on what a toJSON or a getter throws', () => {
    expect(() =>
      normalise({
        toJSON: () => {
          throw new Error('mine');
        },
      }),
    ).toThrow('mine');
    expect(() =>
      normalise({
        get a(): never {
          throw new Error('mine');
        },
      }),
    ).toThrow('mine');
  });

  test('of any value is refused, or is what its JSON text gives back', () => {
    const anything = fc.anything({
      withDate: true,
      withNullPrototype: true,
      withSparseArray: true,
      withBigInt: true,
      withMap: true,
      withTypedArray: true,
    });
    fc.assert(
      fc.property(anything, (value) => {
        let result;
        try {
          result = normalise(value);
        } catch (error) {
          expect(error).toMatchObject({ code: 'OUTPUT_NOT_JSON' });
          return;
        }
        if (result === undefined) return;
        expect(JSON.parse(JSON.stringify(result))).toEqual(result);
        expect(normalise(result)).toBe(result);
      }),
      { numRuns: 2_000 },
    );
  });
});

test('what was refused leaves nothing behind for the next value', () => {
  const normaliser = new Normaliser();
  const refused = (value: unknown, path: readonly (string | number)[]) =>
    expect(() => normaliser.object(value)).toThrow(expect.objectContaining({ data: { path } }));
  refused({ a: { b: [1n] } }, ['a', 'b', 0]);
  refused({ c: 1n }, ['c']);
  const clean = { d: 1 };
  expect(normaliser.object(clean)).toBe(clean);
});
