import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const read = (data: unknown, params: Params = {}) =>
  both(
    step('json-parse')
      .params(params)
      .items([{ data }] as never),
  );

describe('json-parse', () => {
  test('replaces the text by its value, or fills another field', async () => {
    expect((await read('{"a":[1,null]}')).items).toEqual([{ data: { a: [1, null] } }]);
    expect((await read(' 1 ', { to: 'out.n' })).items).toEqual([{ data: ' 1 ', out: { n: 1 } }]);
  });

  test('gives items: entries of a list, or the one value', async () => {
    expect((await read('[{"a":1},2,null]', { output: 'items' })).items).toEqual([{ a: 1 }, { data: 2 }, { data: null }]);
    expect((await read('{"a":1}', { output: 'items' })).items).toEqual([{ a: 1 }]);
    expect((await read('[]', { output: 'items' })).items).toEqual([]);
  });

  test('reads JSON by lines', async () => {
    expect((await read('\uFEFF{"a":1}\r\n\n{"a":2}\n', { format: 'lines', output: 'items' })).items).toEqual([{ a: 1 }, { a: 2 }]);
  });

  test.each([
    ['', 'json', 1, 1],
    ['{"a":', 'json', 1, 6],
    ['{\n  "a": x\n}', 'json', 2, 8],
    ['{"a":1}\n{"a":oops}\n', 'lines', 2, 6],
    ['[1,]', 'json', 1, 4],
  ])('%j as %s is an error at line %i, column %i', async (text, format, line, column) => {
    const [failure] = (await read(text, { format })).errors;
    expect(failure?.error).toMatchObject({ code: 'JSON_INVALID', kind: 'input', data: { line, column } });
  });

  test.each(['{"__proto__":{"polluted":1}}', '[{"a":{"\\u005f_proto__":1}}]', '{"_\\u005Fproto__":1}'])(
    'refuses the key __proto__ in %s',
    async (text) => {
      expect(codes(await read(text))).toEqual(['JSON_KEY']);
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );

  test('takes __proto__ as a value, and constructor as a key', async () => {
    expect((await read('{"constructor":"__proto__"}')).items).toEqual([{ data: { constructor: '__proto__' } }]);
    expect((await read(JSON.stringify(Array.from({ length: 200_000 }, () => '__proto__')), { output: 'items' })).items).toHaveLength(
      200_000,
    );
  });

  test('survives nesting without end', async () => {
    const run = await read('['.repeat(100_000) + ']'.repeat(100_000));
    expect(run.items).toEqual([]);
    expect(codes(run)).toHaveLength(1);
  });

  test('says what it found instead of text', async () => {
    expect(codes(await read({ a: 1 }))).toEqual(['FIELD_NOT_TEXT']);
    expect(codes(await both(step('json-parse').items([{}])))).toEqual(['FIELD_MISSING']);
  });
});

describe('json-write', () => {
  const written = async (params: Params, items: readonly object[]) =>
    (
      await both(
        step('json-write')
          .params(params)
          .items(items as never),
      )
    ).items;

  test('writes each item', async () => {
    expect(await written({}, [{ a: 1 }, { b: [] }])).toEqual([{ data: '{"a":1}' }, { data: '{"b":[]}' }]);
    expect(await written({ indent: 2, to: 'out.text' }, [{ a: 1 }])).toEqual([{ out: { text: '{\n  "a": 1\n}' } }]);
  });

  test('writes a field, null included, and names one that is missing', async () => {
    expect(await written({ from: 'field', field: 'a.b', to: 'text' }, [{ a: { b: [1] } }])).toEqual([{ a: { b: [1] }, text: '[1]' }]);
    expect(await written({ from: 'field', field: 'a' }, [{ a: null }])).toEqual([{ a: null, data: 'null' }]);
    expect(await written({ from: 'field', field: 'a.b' }, [{ a: { b: null } }])).toEqual([{ a: { b: null }, data: 'null' }]);
    expect(codes(await both(step('json-write').params({ from: 'field', field: 'x' }).items([{}])))).toEqual(['FIELD_MISSING']);
  });

  test('writes all items as one list, or by lines, none included', async () => {
    expect(await written({ from: 'items' }, [{ a: 1 }, { a: 2 }])).toEqual([{ data: '[{"a":1},{"a":2}]' }]);
    expect(await written({ from: 'items', format: 'lines' }, [{ a: 1 }, { a: 2 }])).toEqual([{ data: '{"a":1}\n{"a":2}\n' }]);
    expect(await written({ from: 'items' }, [])).toEqual([{ data: '[]' }]);
  });

  test('writes only lists by lines', async () => {
    expect(codes(await both(step('json-write').params({ from: 'item', format: 'lines' }).items([{}])))).toEqual(['FIELD_NOT_A_LIST']);
  });
});
