import { describe, expect, test } from 'vitest';
import { both, codes, step } from '../../test-support/both-transports.ts';

describe('respond', () => {
  test('answers with the first item and hands all items on', async () => {
    const run = await both(step('respond').items([{ a: 1 }, { a: 2 }]));
    expect(run.rpcs).toEqual([{ op: 'reply.send', status: 200, headers: {}, body: { a: 1 } }]);
    expect(run.items).toEqual([{ a: 1 }, { a: 2 }]);
    expect(run.from['main']).toEqual([[0], [1]]);
  });

  test('answers with the body worked out for the first item', async () => {
    const run = await both(
      step('respond')
        .params({ status: 201, headers: { 'X-A': '1' }, body: (json) => ({ got: json['a'] ?? null }) })
        .items([{ a: 1 }, { a: 2 }]),
    );
    expect(run.rpcs).toEqual([{ op: 'reply.send', status: 201, headers: { 'X-A': '1' }, body: { got: 1 } }]);
  });

  test('sends text as it is', async () => {
    const run = await both(
      step('respond')
        .params({ bodyKind: 'text', body: '<p>hi</p>', headers: { 'Content-Type': 'text/html' } })
        .items([{}]),
    );
    expect(run.rpcs).toEqual([{ op: 'reply.send', status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>hi</p>', raw: true }]);
    expect((await both(step('respond').params({ bodyKind: 'text', body: 5 }).items([{}]))).rpcs[0]).toMatchObject({ body: '5' });
    expect(
      codes(
        await both(
          step('respond')
            .params({ bodyKind: 'text', body: { a: 1 } })
            .items([{}]),
        ),
      ),
    ).toEqual(['BODY_NOT_TEXT']);
  });

  test('answers with the file that is named, or the first one of the first item; without any it fails and says so', async () => {
    const file = (id: string) => ({ id, name: `${id}.png`, mime: 'image/png', size: 3, sha256: 'a'.repeat(64) });
    const items = [{ json: {}, files: { photo: file('one'), scan: file('two') } }];
    const first = await both(step('respond').params({ bodyKind: 'file' }).input('main', items));
    expect(first.rpcs).toEqual([{ op: 'reply.send', status: 200, headers: {}, body: null, fileId: 'one' }]);
    const named = await both(
      step('respond')
        .params({ bodyKind: 'file', file: file('two') })
        .input('main', items),
    );
    expect(named.rpcs).toMatchObject([{ fileId: 'two' }]);
    expect(codes(await both(step('respond').params({ bodyKind: 'file' }).items([{}])))).toEqual(['FILE_MISSING']);
  });

  test('answers without any item too', async () => {
    expect((await both(step('respond').params({ status: 404 }).items([]))).rpcs).toEqual([
      { op: 'reply.send', status: 404, headers: {}, body: [] },
    ]);
    expect((await both(step('respond').params({ bodyKind: 'text' }).items([]))).rpcs).toEqual([
      { op: 'reply.send', status: 200, headers: {}, body: '', raw: true },
    ]);
  });
});
