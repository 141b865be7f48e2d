import { describe, expect, test } from 'vitest';
import { JsonLimitError, JsonReader } from './index.ts';
import type { JsonReaderOptions } from './index.ts';

/** Reads in many small steps, as someone who pauses often does. */
function read(text: string, options?: JsonReaderOptions): unknown {
  const reader = new JsonReader(text, options);
  for (let steps = 0; !reader.advance(1_000); steps++) if (steps > text.length) throw new Error('It makes no progress.');
  return reader.value();
}

/** Random JSON text with spaces, escapes and long runs, so that pieces end in every kind of place. */
function randomJson(next: () => number, depth: number): string {
  const space = [' ', '\n\t', '', ''][Math.floor(next() * 4)] ?? '';
  const list = (make: () => string): string => Array.from({ length: Math.floor(next() * 12) }, make).join(`${space},`);
  const text = (): string =>
    JSON.stringify(['a"b', '\\', '{[', ']},:', 'é\u2028', 'x'.repeat(Math.floor(next() * 20_000))][Math.floor(next() * 6)]);
  const kind = depth === 0 ? 0 : Math.floor(next() * 4);
  if (kind === 1) return `[${space}${list(() => randomJson(next, depth - 1))}${space}]`;
  if (kind >= 2)
    return `{${space}${list(() => `${JSON.stringify(`k${Math.floor(next() * 30)}"\\`)}${space}:${space}${randomJson(next, depth - 1)}`)}}`;
  return next() < 0.5 ? text() : (['1', '-0', '2.5e10', 'true', 'false', 'null'][Math.floor(next() * 6)] ?? '1');
}

function seeded(seed: number): () => number {
  let state = seed;
  return () => (state = (state * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
}

const long = (one: string, count: number): string => Array(count).fill(one).join(',');

describe('reading JSON in pieces', () => {
  test('gives what JSON.parse gives, wherever pieces end', () => {
    for (let seed = 1; seed <= 200; seed++) {
      const text = randomJson(seeded(seed), 5);
      expect(read(text)).toEqual(JSON.parse(text));
    }
  });

  test.each([
    ['a long list', `[${long('{"a":[1,"]"]}', 20_000)}]`],
    ['a list inside an object, between others', `{"a":1,"rows" : [${long('{"b":"x"}', 20_000)}] ,"c":{"d":null}}`],
    ['an object with many keys, some twice', `{${Array.from({ length: 30_000 }, (_, i) => `"k${i % 20_000}":${i}`).join(',')}}`],
    ['long lists in long lists', `[${long(`[${long('123456', 12_000)}]`, 4)}, 1, [${long('"x"', 30_000)}]]`],
    ['one long text', JSON.stringify('"\\'.repeat(100_000))],
    ['much white space', `${' '.repeat(200_000)}[${'\n'.repeat(200_000)}]`],
  ])('%s', (_, text) => {
    expect(read(text)).toEqual(JSON.parse(text));
  });

  const filler = long('"0123456789"', 20_000);
  test.each([
    ['nothing', ''],
    ['two values', '1 2'],
    ['a comma at the end', `[${filler},]`],
    ['two commas', `[${filler},,1]`],
    ['a comma first', `[,${filler}]`],
    ['no comma after a long member', `[[${filler}] 1]`],
    ['no comma between long members', `[[${filler}][${filler}]]`],
    ['a comma after a long member and no other', `[[${filler}],]`],
    ['text before the value', `x[${filler}]`],
    ['text after the value', `[${filler}]x`],
    ['a second value', `[${filler}][]`],
    ['another bracket', `[${filler}}`],
    ['no end', `[${filler}`],
    ['a text without end', `[${filler},"abc\\"]`],
    ['a long member without key', `{"a":1,[${filler}]}`],
    ['a number before a long member', `{"a":0.[${filler}]}`],
    ['a number as the key of a long member', `{1:[${filler}]}`],
    ['a key without a colon', `{"a" [${filler}]}`],
    ['a word in a list', `[${filler},tru]`],
    ['colons in a list', `[${filler},1:2]`],
    ['a bare comma', ','],
    ['a space that JSON does not know', `[\u00a0${filler}]`],
  ])('%s is no JSON', (_, text) => {
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
    expect(() => read(text)).toThrow(SyntaxError);
  });

  test('nesting ends at its limit', () => {
    const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
    expect(read(nested(64))).toEqual(JSON.parse(nested(64)));
    expect(() => read(nested(65))).toThrow(expect.objectContaining({ code: 'JSON_TOO_COMPLEX', limit: 'depth', max: 64 }));
    expect(() => read('['.repeat(5_000_000))).toThrow(JsonLimitError);
  });

  test('values are counted, the inner ones too, keys not', () => {
    const text = '{"a":[1,{"b":"c"},[]],"d":null}';
    expect(read(text, { maxValues: 7 })).toEqual(JSON.parse(text));
    expect(() => read(text, { maxValues: 6 })).toThrow(expect.objectContaining({ limit: 'values', max: 6 }));
    expect(() => read(`[${long('{}', 1_000_000)}]`)).toThrow(JsonLimitError);
  });

  test('an object has at most so many members, a list any number', () => {
    const members = (count: number): string => `[{${Array.from({ length: count }, (_, i) => `"k${i}":${i}`).join(',')}}]`;
    expect(read(members(100_000))).toEqual(JSON.parse(members(100_000)));
    expect(() => read(members(100_001))).toThrow(expect.objectContaining({ limit: 'members', max: 100_000 }));
    expect(read(`[${long('1', 200_000)}]`)).toHaveLength(200_000);
  });

  test('a key named __proto__ is data, or left out when asked, and never a prototype', () => {
    const text = `{"__proto__":{"a":1},"\\u005f_proto__":2,"b":[{"__proto__":3}],"rows":[${filler}],"__proto__":[${filler}]}`;
    for (const dropProto of [false, true]) {
      const value = read(text, { dropProto }) as { readonly b: readonly object[]; readonly rows: readonly string[] };
      expect(Object.getPrototypeOf(value)).toBe(Object.prototype);
      expect(Object.hasOwn(value, '__proto__')).toBe(!dropProto);
      expect(Object.hasOwn(value.b[0] ?? {}, '__proto__')).toBe(!dropProto);
      expect(value.rows).toHaveLength(20_000);
    }
  });
});
