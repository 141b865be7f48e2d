import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { aScope } from '../test/a-scope.ts';
import { compileTemplate, compileValue } from './index.ts';

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8');
const scope = aScope({
  json: {
    name: 'ada lovelace',
    n: 7,
    lines: [
      { sku: 'a', qty: 1 },
      { sku: 'b', qty: 3 },
    ],
  },
  items: [{ json: { id: 7 } }, { json: { id: 8 } }],
});

describe('the README', () => {
  test('its example gives what its comment says', () => {
    const [, argument = '', comment = ''] = /compileValue\((\{.*\})\);[\s\S]*?\n\/\/ (\{.*\})\n```/.exec(readme) ?? [];
    // Both are object literals, which the language itself reads.
    const [value, expected] = [argument, comment].map((text) => compileTemplate(`{{ ${text} }}`).evaluate(scope));
    const compiled = compileValue(value ?? null);
    expect(compiled.problems).toEqual([]);
    expect(compiled.constant ? compiled.value : compiled.evaluate(scope)).toEqual(expected);
  });

  const rows = [...readme.matchAll(/^\| `(=.*)` \| `(.*)` \|$/gm)].map(([, source = '', value = '']) => [source, value] as const);

  test('it has rows to try', () => expect(rows.length).toBeGreaterThanOrEqual(8));

  test.each(rows)('%s gives %s', (source, value) => {
    const compiled = compileValue(source);
    expect(compiled.problems).toEqual([]);
    expect(compiled.constant ? compiled.value : compiled.evaluate(scope)).toEqual(JSON.parse(value));
  });
});
