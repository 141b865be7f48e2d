import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const FILES = { scan: { id: 'f1', name: 'scan.pdf', mime: 'application/pdf', size: 3, sha256: 'ab' } };

describe('set', () => {
  test('keeps all fields and adds the new ones', async () => {
    const run = await both(
      step('set')
        .params({ fields: (json) => ({ square: Number(json['n']) ** 2, n: 0 }) })
        .items([{ n: 3, label: 'x' }]),
    );
    expect(run.items).toEqual([{ n: 0, label: 'x', square: 9 }]);
  });

  test('keeps nothing but the new fields when asked to', async () => {
    const run = await both(
      step('set')
        .params({ keep: 'none', fields: { a: null, b: [1], c: { d: true } } })
        .items([{ n: 3 }]),
    );
    expect(run.items).toEqual([{ a: null, b: [1], c: { d: true } }]);
  });

  test('leaves out a field whose expression gives no value', async () => {
    const fields = (json: { readonly [name: string]: unknown }) => ({ a: json['missing'], b: 1 }) as never;
    const run = await both(
      step('set')
        .params({ fields })
        .items([{ a: 'stays' }]),
    );
    expect(run.items).toEqual([{ a: 'stays', b: 1 }]);
  });

  test('takes fields out before it sets others', async () => {
    const run = await both(
      step('set')
        .params({ remove: ['a', 'b', 'absent'], fields: { b: 2 } })
        .items([{ a: 1, b: 1, c: 1 }]),
    );
    expect(run.items).toEqual([{ b: 2, c: 1 }]);
  });

  test('takes a dot for a part of the name unless told otherwise', async () => {
    const fields = { 'a.b': 1 };
    expect((await both(step('set').params({ fields }).items([{}]))).items).toEqual([{ 'a.b': 1 }]);
    expect((await both(step('set').params({ fields, dots: true }).items([{}]))).items).toEqual([{ a: { b: 1 } }]);
  });

  test('nests beside what is there, into lists too, and leaves the given item alone', async () => {
    const given = { a: { x: 1 }, list: [{ n: 1 }, { n: 2 }], text: 'flat' };
    const run = await both(
      step('set')
        .params({ dots: true, fields: { 'a.y': 2, 'list.1.n': 9, 'list.2': 'end', 'text.deep': 1 }, remove: ['a.x', 'list.0.n'] })
        .items([given]),
    );
    expect(run.items).toEqual([{ a: { y: 2 }, list: [{}, { n: 9 }, 'end'], text: { deep: 1 } }]);
    expect(given).toEqual({ a: { x: 1 }, list: [{ n: 1 }, { n: 2 }], text: 'flat' });
  });

  test.each(['a.__proto__.polluted', '__proto__.polluted', 'a..b', '.a', 'list.x', 'list.7', 'list.4294967295'])(
    'refuses the path %s',
    async (path) => {
      const run = await both(
        step('set')
          .params({ dots: true, fields: { [path]: 1 } })
          .items([{ a: {}, list: [1] }, {}]),
      );
      expect(codes(run)[0]).toBe('FIELD_NAME');
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test('treats constructor and other inherited names as plain data', async () => {
    const run = await both(
      step('set')
        .params({ dots: true, fields: { 'constructor.prototype.polluted': 1, toString: 'x' } })
        .items([{}]),
    );
    expect(run.items).toEqual([{ constructor: { prototype: { polluted: 1 } }, toString: 'x' }]);
    expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
  });

  test('keeps files with the fields and drops them without', async () => {
    const given = step('set').input('main', [{ json: { a: 1 }, files: FILES }]);
    expect((await both(given.params({ fields: { b: 2 } }))).ports['main']).toEqual([{ json: { a: 1, b: 2 }, files: FILES }]);
    expect((await both(given.params({ keep: 'none', fields: { b: 2 } }))).ports['main']).toEqual([{ json: { b: 2 } }]);
  });

  test('handles no items, and ten thousand', async () => {
    expect((await both(step('set').items([]))).items).toEqual([]);
    const run = await both(
      step('set')
        .params({ fields: (json) => ({ twice: Number(json['n']) * 2 }) })
        .items(Array.from({ length: 10_000 }, (_, n) => ({ n }))),
    );
    expect(run.items).toHaveLength(10_000);
    expect(run.items[9_999]).toEqual({ n: 9_999, twice: 19_998 });
  });
});
