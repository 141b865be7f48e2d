import { describe, expect, test } from 'vitest';
import { jsonHazard } from './json-hazard.ts';

const codeOf = (text: string): string | undefined => jsonHazard(text)?.code;

describe('a JSON text', () => {
  test.each([
    ['numbers', `[${'1,'.repeat(99_998)}1]`],
    ['empty objects', `[${'{},'.repeat(99_998)}{}]`],
    ['keys with their values', `{${'"k":1,'.repeat(49_999)}"k":}`],
    ['words', `[${'true,'.repeat(99_998)}null]`],
  ])('may have 100,000 values and keys, and no more (%s)', (_, text) => {
    expect(codeOf(text)).toBeUndefined();
    expect(codeOf(`[${text},1]`)).toBe('JSON_TOO_MANY_VALUES');
  });

  test('may be 64 levels deep, and no deeper', () => {
    expect(codeOf('['.repeat(64) + ']'.repeat(64))).toBeUndefined();
    expect(codeOf('['.repeat(65) + ']'.repeat(65))).toBe('JSON_TOO_DEEP');
    expect(codeOf('{"a":'.repeat(65) + '1' + '}'.repeat(65))).toBe('JSON_TOO_DEEP');
  });

  test('counts nothing inside texts, whatever stands there', () => {
    expect(codeOf(JSON.stringify('[{,:'.repeat(100_000)))).toBeUndefined();
    expect(codeOf(JSON.stringify(`\\"${'['.repeat(100)}\\`))).toBeUndefined();
    expect(codeOf(JSON.stringify({ a: '1e400', '1e400': 'e' }))).toBeUndefined();
  });

  test.each(['1e400', '-1e400', '1E+309', '9'.repeat(400), `[1,{"a":-${'9'.repeat(310)}.5}]`, '{"a":1e309}'])(
    'may not hold a number that becomes none (%s)',
    (text) => {
      expect(codeOf(text)).toBe('JSON_NUMBER_TOO_LARGE');
    },
  );

  test.each(['1e308', '-1.7976931348623157e308', '1e-400', `0.${'0'.repeat(400)}1`, '0.1'.padEnd(500, '0'), 'true', '[false,null]'])(
    'may hold any other number or word (%s)',
    (text) => {
      expect(codeOf(text)).toBeUndefined();
    },
  );

  test.each(['', '"', '"\\', '{"a', '[', ']]]]', 'e', '1e', '-', '1e400e400x', '\ufeff{}', '::,,'])(
    'that is none ends the look as well (%j)',
    (text) => {
      expect(() => codeOf(text)).not.toThrow();
    },
  );
});
