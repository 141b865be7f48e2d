import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

type Params = Parameters<ReturnType<typeof step>['params']>[0];

const changed = (text: string, params: Params) => both(step('text').params(params).items([{ text }]));

describe('replacing in a text', () => {
  const MEGABYTE = 1_000_000;

  test('puts one text for another, once, everywhere, or in any case', async () => {
    const replace = { field: 'text', operation: 'replace', find: 'a', with: 'b' };
    expect((await changed('aAa', replace)).items).toEqual([{ text: 'bAb' }]);
    expect((await changed('aAa', { ...replace, which: 'first' })).items).toEqual([{ text: 'bAa' }]);
    expect((await changed('aAa', { ...replace, ignoreCase: true })).items).toEqual([{ text: 'bbb' }]);
  });

  test.each([false, true])('a short text that is found very often does not grow without end, in any case: %s', async (ignoreCase) => {
    const replace = { field: 'text', operation: 'replace', find: 'a', with: 'x'.repeat(1000), ignoreCase };
    const fits = await changed('a'.repeat(1000), replace);
    expect(String(fits.items[0]?.['text'])).toHaveLength(MEGABYTE);
    const startedAt = performance.now();
    expect(codes(await changed('a'.repeat(MEGABYTE), replace))).toEqual(['TEXT_TOO_LONG']);
    expect(performance.now() - startedAt).toBeLessThan(20_000);
  });

  test('what is looked for is a text, whatever a pattern would make of it', async () => {
    const replace = { field: 'text', operation: 'replace', find: '(a+)+$', with: '$&$1', ignoreCase: true };
    expect((await changed('x(A+)+$', replace)).items).toEqual([{ text: 'x$&$1' }]);
    expect((await changed(`${'a'.repeat(50_000)}!`, replace)).items).toEqual([{ text: `${'a'.repeat(50_000)}!` }]);
  });
});
