import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { checkDeclarations, checkFields, readFields } from './declared-fields.ts';

describe('what a workflow takes and gives', () => {
  test('is declared alike, but for the default of an input', () => {
    const declared = { n: { type: 'number', title: 'N', help: 'How many', required: true }, anything: {} };
    for (const of of ['inputs', 'outputs'] as const) expect(checkDeclarations(of, declared)).toEqual([]);
    const withDefault = { n: { type: 'number', default: 1 } };
    expect(checkDeclarations('inputs', withDefault)).toEqual([]);
    expect(checkDeclarations('outputs', withDefault)).toMatchObject([
      { code: 'OUTPUT_DECLARATION_INVALID', path: 'outputs.n.default', message: expect.stringContaining('it has no field "default"') },
    ]);
  });

  test('tells everything that is wrong with its declarations at once, and what may be meant', () => {
    const declared: JsonObject = { a: 5, b: { type: 'texts' }, c: { required: 'yes', size: 1 }, [`d${'d'.repeat(200)}`]: {} };
    for (const [of, code] of [
      ['inputs', 'INPUT_DECLARATION_INVALID'],
      ['outputs', 'OUTPUT_DECLARATION_INVALID'],
    ] as const) {
      const problems = checkDeclarations(of, declared);
      expect(problems.map(({ path }) => path.slice(0, 20))).toEqual([
        `${of}.a`,
        `${of}.b.type`,
        `${of}.c.size`,
        `${of}.c.required`,
        `${of}.${'d'.repeat(20)}`.slice(0, 20),
      ]);
      expect(new Set(problems.map((one) => one.code))).toEqual(new Set([code]));
      expect(problems[1]?.hint).toBe('Did you mean "text"?');
    }
    expect(checkDeclarations('inputs', { n: { type: 'number', default: 'one' } })).toMatchObject([{ path: 'inputs.n.default' }]);
  });

  test('stands in for what is left out, hands on what is not declared, and says what does not fit', () => {
    const fields = readFields({
      n: { type: 'number', required: true },
      note: { type: 'text', default: 'none' },
      unreadable: { type: 'date', required: true },
    });
    expect(checkFields(fields, { n: 1, note: null, more: true })).toEqual({ ok: true, json: { n: 1, note: 'none', more: true } });
    expect(checkFields(fields, { n: [], note: {} })).toEqual({
      ok: false,
      wrong: [
        { name: 'n', said: '"n" has to be a number and is a list' },
        { name: 'note', said: '"note" has to be text and is an object' },
      ],
    });
    expect(checkFields(readFields({ toString: { required: true } }), {})).toMatchObject({ ok: false });
  });
});
