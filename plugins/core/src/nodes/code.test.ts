import type { JsonObject } from '@plugboard/sdk';
import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

const CODE = 'return { ok: true };';

describe('code', () => {
  test('for each item: outputs descend from their item, failures stay with theirs, none drops it', async () => {
    const answers: JsonObject[] = [
      { ok: [{ json: { a: 1 } }, { json: { a: 2 } }] },
      { error: { code: 'CODE_THREW', kind: 'bug', message: 'no' } },
      { ok: [] },
    ];
    const given = step('code')
      .params({ code: CODE })
      .items([{ n: 0 }, { n: 1 }, { n: 2 }])
      .rpc(() => ({ perItem: answers }));
    const run = await both(given);
    expect(run.items).toEqual([{ a: 1 }, { a: 2 }]);
    expect(run.from['main']).toEqual([[0], [0]]);
    expect(run.errors.map(({ i, error }) => [i, error.code, error.kind])).toEqual([[1, 'CODE_THREW', 'bug']]);
    expect(run.rpcs).toEqual([{ op: 'code.run', code: CODE, language: 'javascript', mode: 'each-item' }]);
  });

  test('for all items: what comes back is the output, with its ancestors and files', async () => {
    const files = { f: { id: 'f1', name: 'a.txt', mime: 'text/plain', size: 1, sha256: 'ab' } };
    const answers: JsonObject[] = [{ json: { sum: 1 } }, { json: { n: 1 }, from: [1], files }];
    const given = step('code')
      .params({ code: CODE, mode: 'all-items', language: 'typescript', timeoutMs: 500 })
      .items([{ n: 0 }, { n: 1 }])
      .rpc(() => ({ items: answers }));
    const run = await both(given);
    expect(run.ports['main']).toEqual([{ json: { sum: 1 } }, { json: { n: 1 }, files }]);
    expect(run.from['main']?.[1]).toEqual([1]);
    expect(run.rpcs).toEqual([{ op: 'code.run', code: CODE, language: 'typescript', mode: 'all-items', timeoutMs: 500 }]);
  });

  test.each(['each-item', 'all-items'])('fails as a whole when the sandbox does (%s)', async (mode) => {
    const given = step('code')
      .params({ code: 'for (;;);', mode })
      .items([{}])
      .rpc(() => Promise.reject(Object.assign(new Error('The code took too long.'), { code: 'CODE_TIMEOUT' })));
    const run = await both(given);
    expect(run.items).toEqual([]);
    expect(codes(run)).toEqual(['CODE_TIMEOUT']);
  });

  test('does not guess which item an answer belongs to', async () => {
    const run = await both(
      step('code')
        .params({ code: CODE })
        .items([{}, {}])
        .rpc(() => ({ perItem: [{ ok: [] }] })),
    );
    expect(codes(run)).toEqual(['CODE_ANSWER']);
  });

  test('code that begins with = is code', async () => {
    const run = await both(
      step('code')
        .params({ code: '=1', mode: 'all-items' })
        .items([{}])
        .rpc((op) => ({ items: [{ json: { code: op.op === 'code.run' ? op.code : '' } }] })),
    );
    expect(run.items).toEqual([{ code: '=1' }]);
  });

  test('hands on ten thousand items', async () => {
    const given = step('code')
      .params({ code: CODE, mode: 'all-items' })
      .items([{}])
      .rpc(() => ({ items: Array.from({ length: 10_000 }, (_, n) => ({ json: { n } })) }));
    expect((await both(given)).items).toHaveLength(10_000);
  });
});
